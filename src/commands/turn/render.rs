//! `rtcdiag turn` for people: transports, certificate, who may use it, policy, findings, summary.

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::Fact;
use crate::base::family::Family;
use crate::base::report::{Caveat, Document, ErrorReport};
use crate::base::stage::Stage;
use crate::base::tls::TlsReport;
use crate::commands::turn::report::{
    DataReport, NonceReport, PeerReport, PolicyReport, ThroughputReport, TransportReport,
    TransportStatus, TurnResult,
};
use crate::commands::turn::verdict::refuses_credentials;
use crate::proto::stun::uri::Transport;
use crate::proto::turn::credentials::PasswordAlgorithm;
use crate::proto::turn::policy::Concern;
use crate::ui::layout::{Detail, findings, headline, line, milliseconds, section, shown, yes_no};
use crate::ui::style::{Ink, Style};
use crate::ui::table::{Cell, Table};

/// Width of the first column, and what comfy-table puts around a cell.
const LABEL: usize = 20;
const PADDING: usize = 2;

pub fn text(document: &Document<TurnResult>, style: Style, detail: Detail) -> String {
    let mut out = String::new();
    line(&mut out, &headline(document, &about(document), style));
    if let Some(result) = &document.result {
        for (title, reports) in by_family(&result.transports) {
            section(&mut out, style, &title);
            line(&mut out, &transports(&reports, style, detail).to_string());
        }
        let seen = result.transports.iter().filter_map(|t| t.tls.as_ref());
        if let Some(tls) = seen.into_iter().find(|tls| !tls.chain.is_empty()) {
            section(&mut out, style, "Certificate");
            certificates(&mut out, tls, style);
        }
        let reached = result
            .transports
            .iter()
            .any(|t| t.realm.is_some() || t.relayed_address.is_some());
        if reached {
            section(&mut out, style, "Safety");
            line(&mut out, &safety(result, style).to_string());
        }
    }
    findings(&mut out, document, style, detail);
    out.push('\n');
    line(&mut out, &style.wrap(&document.summary, 0));
    out
}

/// A transport that is settled, for a line on the terminal.
pub fn live(transport: &TransportReport) -> String {
    let status = match (&transport.error, transport.status) {
        (Some(error), _) => error.code.to_string(),
        (None, _) => "ok".to_owned(),
    };
    format!("  {}: {status}", name(transport))
}

fn about(document: &Document<TurnResult>) -> String {
    let uri = document
        .result
        .as_ref()
        .map_or("the server", |result| result.uri.as_str());
    match document.outcome {
        Outcome::Good if document.caveat == Some(Caveat::Unsafe) => {
            format!("{uri} works, but not safely")
        }
        Outcome::Good if document.caveat == Some(Caveat::Limited) => {
            format!("{uri} works, within limits")
        }
        Outcome::Good => format!("{uri} is healthy"),
        Outcome::Bad if document.result.as_ref().is_some_and(refuses_credentials) => {
            format!("{uri} refuses the credentials")
        }
        Outcome::Bad => format!("{uri} is not healthy"),
        Outcome::Error => format!("{uri} could not be tested"),
        Outcome::Inconclusive | Outcome::Interrupted => format!("{uri} is not tested fully"),
    }
}

/// One table for each family, so that it fits.
fn by_family(reports: &[TransportReport]) -> Vec<(String, Vec<&TransportReport>)> {
    let mut tables: Vec<(String, Vec<&TransportReport>)> = Vec::new();
    for report in reports {
        let title = report.family.map_or_else(
            || "Transports".to_owned(),
            |family| format!("Transports over {}", family.name()),
        );
        match tables.iter_mut().find(|(known, _)| *known == title) {
            Some((_, of_family)) => of_family.push(report),
            None => tables.push((title, vec![report])),
        }
    }
    tables
}

const fn name(transport: &TransportReport) -> &'static str {
    match transport.transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    }
}

fn transports(reports: &[&TransportReport], style: Style, detail: Detail) -> Table {
    let works = reports.iter().any(|t| t.status == TransportStatus::Ok);
    let mut table = style.table();
    let mut header = vec![Cell::new("")];
    header.extend(reports.iter().map(|t| style.cell(Ink::Bold, name(t))));
    table.set_header(header);
    let columns = reports.len().max(1);
    let width = usize::from(style.width).saturating_sub(LABEL) / columns;
    let mut row = |label: &str, cell: &dyn Fn(&TransportReport) -> String| {
        let cells: Vec<String> = reports
            .iter()
            .map(|t| style.fold(&cell(t), width.saturating_sub(PADDING)))
            .collect();
        if cells.iter().all(|cell| cell == "-") {
            return;
        }
        let mut row = vec![Cell::new(label)];
        row.extend(cells.into_iter().map(Cell::new));
        table.add_row(row);
    };
    row("result", &|t| match (t.status, &t.error) {
        (TransportStatus::Absent, Some(error)) if works && !error.code.is_of_certificate() => {
            format!("absent: {}", failure(error, t.stage))
        }
        (_, Some(error)) => failure(error, t.stage),
        _ => "ok".to_owned(),
    });
    row("server", &|t| optional(t.address.as_ref()));
    row("relayed address", &|t| optional(t.relayed_address.as_ref()));
    row("seen as", &|t| optional(t.mapped_address.as_ref()));
    row("round trip", &|t| milliseconds(t.rtt_ms));
    row("permission", &|t| {
        unless_failed(t, || yes_no(&t.permission))
    });
    row("relay to relay", &|t| {
        unless_failed(t, || data(&t.relay_to_relay))
    });
    row("this host to relay", &|t| {
        unless_failed(t, || data(&t.to_reflexive))
    });
    row("channel", &|t| unless_failed(t, || yes_no(&t.channel)));
    let is_news = |data: &DataReport| !matches!(data.works, Fact::Determined(true));
    // Where nothing comes through as it should, what does come in tells which way is closed.
    let is_inward_news = |t: &&TransportReport| {
        let nothing = t.relay_to_relay.works == Fact::Determined(false);
        is_news(&t.inward) || (nothing && is_news(&t.to_reflexive))
    };
    if detail.verbose || reports.iter().any(is_inward_news) {
        row("inward first", &|t| unless_failed(t, || data(&t.inward)));
    }
    let large =
        |t: &&TransportReport| is_news(&t.relay_to_relay_large) || is_news(&t.to_reflexive_large);
    if detail.verbose || reports.iter().any(large) {
        row("1,200 bytes, relays", &|t| {
            unless_failed(t, || data(&t.relay_to_relay_large))
        });
        row("1,200 bytes, here", &|t| {
            unless_failed(t, || data(&t.to_reflexive_large))
        });
    }
    row("throughput", &|t| {
        t.throughput
            .as_ref()
            .map_or_else(|| "-".to_owned(), throughput)
    });
    row("refresh", &|t| unless_failed(t, || yes_no(&t.refresh)));
    row("lifetime", &|t| {
        t.lifetime_s
            .map_or_else(|| "-".to_owned(), |s| format!("{s} s"))
    });
    row("realm", &|t| optional(t.realm.as_ref()));
    row("software", &|t| optional(t.software.as_ref()));
    row("nonce, password", &|t| {
        let nonce = t.nonce.map(|n| match n {
            NonceReport::Rfc8489 => "RFC 8489",
            NonceReport::Rfc5389 => "RFC 5389",
        });
        let parts: Vec<&str> = nonce
            .into_iter()
            .chain(t.password_algorithm.map(PasswordAlgorithm::name))
            .collect();
        if parts.is_empty() {
            "-".to_owned()
        } else {
            parts.join(", ")
        }
    });
    if detail.verbose {
        row("stages", &|t| {
            let times: Vec<String> = t
                .stages
                .iter()
                .map(|s| format!("{} {}", s.stage, milliseconds(Some(s.elapsed_ms))))
                .collect();
            if times.is_empty() {
                "-".to_owned()
            } else {
                times.join("\n")
            }
        });
    }
    table
}

fn throughput(stream: &ThroughputReport) -> String {
    let (rate, loss) = (stream.kbit_per_s / 1000.0, stream.loss_percent());
    if loss < 1.0 {
        format!("{rate:.0} Mbit/s or more")
    } else {
        format!("{rate:.1} Mbit/s, {loss:.0} % lost")
    }
}

fn optional<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// The code of an error and how far the test came, if that is not the same word.
fn failure(error: &ErrorReport, stage: Stage) -> String {
    if (error.code, stage) == (Code::Tls, Stage::Tls) {
        stage.to_string()
    } else {
        format!("{} ({stage})", error.code)
    }
}

/// Where the transport got nowhere, the reason stands in the first row once.
fn unless_failed(transport: &TransportReport, text: impl FnOnce() -> String) -> String {
    if transport.relayed_address.is_none() {
        "-".to_owned()
    } else {
        text()
    }
}

fn data(report: &DataReport) -> String {
    match (&report.works, report.rtt_ms) {
        (Fact::Determined(true), None) => format!("{}/{}", report.received, report.sent),
        (Fact::Determined(true), Some(rtt)) => format!(
            "{}, {}/{}",
            milliseconds(Some(rtt.median)),
            report.received,
            report.sent
        ),
        (Fact::Determined(false), _) => format!("no, 0/{}", report.sent),
        (fact, _) => yes_no(fact),
    }
}

fn certificates(out: &mut String, tls: &TlsReport, style: Style) {
    for (number, certificate) in tls.chain.iter().enumerate() {
        let names = if certificate.names.is_empty() {
            String::new()
        } else {
            format!(" for {}", certificate.names.join(", "))
        };
        let subject = if number == 0 {
            format!("{}{names}", certificate.subject)
        } else {
            certificate.subject.clone()
        };
        let text = format!(
            " {subject}; from {} to {}; signed by {}",
            day(&certificate.not_before),
            day(&certificate.not_after),
            certificate.issuer
        );
        line(out, &style.wrap(&text, 3));
    }
}

fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

fn of_peer(peer: &PeerReport) -> String {
    match (peer.allowed.value(), peer.rtt_ms) {
        (Some(true), Some(rtt)) => format!("allowed, answers in {}", milliseconds(Some(rtt))),
        (Some(true), None) => "allowed, no answer".to_owned(),
        (Some(false), _) => "refused".to_owned(),
        (None, _) => yes_no(&peer.allowed),
    }
}

/// The peers whose permission is known, and one for each family and reason of the others.
fn told_apart(policy: &[PolicyReport]) -> Vec<&PolicyReport> {
    let mut told: Vec<&PolicyReport> = Vec::new();
    for report in policy {
        let same = |known: &&PolicyReport| {
            known.allowed == report.allowed && known.peer.is_ipv4() == report.peer.is_ipv4()
        };
        if report.allowed.is_determined() || !told.iter().any(same) {
            told.push(report);
        }
    }
    told
}

fn safety(result: &TurnResult, style: Style) -> Table {
    let mut table = style.table();
    let authentication = &result.authentication;
    let mut row = |label: String, text: String, bad: Option<Ink>| {
        let cell = match bad {
            Some(ink) => style.cell(ink, text),
            None => Cell::new(text),
        };
        table.add_row(vec![Cell::new(label), cell]);
    };
    let bad_if_no = |fact: &Fact<bool>| (fact.value() == Some(&false)).then_some(Ink::Bad);
    let refused = &authentication.unauthenticated_refused;
    row(
        "refuses without credentials".to_owned(),
        yes_no(refused),
        bad_if_no(refused),
    );
    let wrong = &authentication.wrong_password_refused;
    row(
        "refuses a wrong password".to_owned(),
        yes_no(wrong),
        bad_if_no(wrong),
    );
    if let Some(expire) = &authentication.credentials_expire {
        row("credentials end".to_owned(), expire.clone(), None);
    }
    row(
        "gives IPv4 relayed addresses".to_owned(),
        yes_no(&result.relays_ipv4),
        None,
    );
    row(
        "gives IPv6 relayed addresses".to_owned(),
        yes_no(&result.relays_ipv6),
        None,
    );
    let mut named = result.transports.iter().filter_map(|t| t.peer.as_ref());
    if let Some(peer) = named.next() {
        row(
            format!("peer {}", peer.address),
            of_peer(peer),
            bad_if_no(&peer.allowed),
        );
    }
    for peer in &told_apart(&result.policy) {
        let allowed = peer.allowed.value();
        let text = shown(&peer.allowed.clone().map(
            |allowed| {
                if allowed { "allowed" } else { "refused" }
            },
        ));
        let bad = match (allowed, peer.class.concern()) {
            (Some(true), Concern::Unsafe) => Some(Ink::Bad),
            (Some(true), Concern::Depends | Concern::Useless) => Some(Ink::Caution),
            _ => None,
        };
        let label = if peer.allowed.is_determined() {
            format!("peer {} ({})", peer.peer, peer.class)
        } else {
            format!("{} peers", Family::of(peer.peer).name())
        };
        row(label, text, bad);
    }
    table
}
