//! What each side has: its NAT in words, and its candidates.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use crate::base::fact::Fact;
use crate::commands::gather::report::CandidateReport;
use crate::commands::pair::render::paragraph;
use crate::commands::pair::report::{PairResult, SideReport};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::facts::NatFacts;
use crate::proto::nat::behavior::words::Udp;
use crate::proto::stun::uri::Transport;
use crate::ui::layout::{Detail, line, section};
use crate::ui::style::Style;

/// Candidates of one side that are shown without `-v`.
const SHOWN: usize = 8;

pub(super) fn list(out: &mut String, result: &PairResult, style: Style, detail: Detail) {
    for (title, side) in [("This side", &result.local), ("Other side", &result.remote)] {
        if side.nats.is_empty() && side.candidates.is_empty() {
            continue;
        }
        // So that both printouts can be read side by side.
        let at = public_address(side).map_or_else(String::new, |ip| format!(" ({ip})"));
        section(out, style, &format!("{title}{at}"));
        for nat in &side.nats {
            entry(out, style, nat.family.name(), &behavior(nat));
        }
        let shown = if detail.verbose {
            side.candidates.len()
        } else {
            SHOWN
        };
        for candidate in side.candidates.iter().take(shown) {
            entry(out, style, candidate.kind.name(), &described(candidate));
        }
        hidden(out, style, side, shown);
    }
}

/// Where the world sees it, if that is known; IPv4 first.
fn public_address(side: &SideReport) -> Option<IpAddr> {
    let told = side.candidates.iter();
    let told = told
        .filter(|c| c.kind == CandidateType::Srflx)
        .map(|c| c.address);
    let measured = side.nats.iter().flat_map(|nat| &nat.reflexive_addresses);
    let mut known: Vec<IpAddr> = told.chain(measured.map(SocketAddr::ip)).collect();
    known.sort_by_key(|ip| !ip.is_ipv4());
    known.first().copied()
}

fn hidden(out: &mut String, style: Style, side: &SideReport, shown: usize) {
    let more = side.candidates.len().saturating_sub(shown);
    if more > 0 {
        paragraph(out, style, 1, &format!("({more} more; -v shows them)"));
    }
    if !side.is_complete && !side.candidates.is_empty() {
        let text = "(not complete: the end of its candidates was not announced)";
        paragraph(out, style, 1, text);
    }
}

fn entry(out: &mut String, style: Style, label: &str, text: &str) {
    let wrapped = style.narrower(8).wrap(text, 0);
    for (number, text) in wrapped.lines().enumerate() {
        let label = if number == 0 { label } else { "" };
        line(out, &format!(" {label:<6} {text}"));
    }
}

fn behavior(nat: &NatFacts) -> String {
    if nat.udp.value() == Some(&Udp::Blocked) {
        return "UDP is blocked".to_owned();
    }
    let kind = match nat.nat.value() {
        Some(true) => "NAT".to_owned(),
        Some(false) => "no NAT".to_owned(),
        None => format!("NAT {}", known(&nat.nat)),
    };
    let mut parts = vec![kind];
    if nat.nat.value() != Some(&false) {
        parts.push(format!("mapping {}", known(&nat.mapping)));
    }
    parts.push(format!("filtering {}", known(&nat.filtering)));
    parts.join(", ")
}

/// In a sentence, where a dash would be misread.
fn known<T: Display>(fact: &Fact<T>) -> String {
    match fact {
        Fact::Determined(value) => value.to_string(),
        Fact::Inconclusive { reason, .. } | Fact::NotTested { reason } => {
            format!("not known ({})", reason.text())
        }
    }
}

fn described(candidate: &CandidateReport) -> String {
    let mut parts = vec![SocketAddr::new(candidate.address, candidate.port).to_string()];
    parts.extend(candidate.interface.clone());
    parts.extend(candidate.server.as_ref().map(|s| format!("from {s}")));
    match candidate.relay_transport {
        Some(Transport::Tcp) => parts.push("over TCP".to_owned()),
        Some(Transport::Tls) => parts.push("over TLS".to_owned()),
        Some(Transport::Udp) | None => {}
    }
    parts.join(" ")
}
