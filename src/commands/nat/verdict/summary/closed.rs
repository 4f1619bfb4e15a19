//! What it means for a call that UDP is closed, or that nobody answers.

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::{Fact, Reason};
use crate::base::report::Finding;
use crate::base::words::capitalised;
use crate::commands::nat::report::paths::are_several;
use crate::commands::nat::report::{NatResult, PathReport};
use crate::commands::nat::verdict::{all_failed_with, findings, is_built_in, judged};
use crate::proto::ice::interface::InterfaceKind;
use crate::proto::nat::behavior::words::Udp;

/// What is closed comes first, then what works in spite of it or instead.
pub(super) fn with_closed(found: &Finding, text: &str, result: &NatResult) -> String {
    if result.paths.iter().any(PathReport::is_open) {
        return format!("{}. {text}", capitalised(&found.message));
    }
    let tcp = result
        .paths
        .iter()
        .any(|p| p.tcp.open == Fact::Determined(true));
    let instead = match (found.code, tcp) {
        (Code::NoInternet, _) => "no call works from here",
        (Code::StunFiltered, true) => "calls will work only through a TURN server over TCP or TLS",
        (Code::StunFiltered, false) => "calls need a TURN server over TLS",
        (_, true) => {
            "calls will work through a TURN server over TCP or TLS, and perhaps over UDP on another port"
        }
        (_, false) => "calls need a TURN server over TLS, or perhaps over UDP on another port",
    };
    format!("{}: {instead}.", capitalised(&found.message))
}

pub(super) fn closed_sentence(result: &NatResult, outcome: Outcome) -> String {
    let blocked = judged(&result.paths).find(|p| p.facts.udp == Fact::Determined(Udp::Blocked));
    if let (Some(path), true) = (blocked, are_several(&result.paths)) {
        let tcp = path.tcp.open == Fact::Determined(true);
        let mut works = result.paths.iter().filter(|p| p.is_open());
        let elsewhere = match works.next().map(|p| p.is_aside) {
            Some(true) => "what works over another interface leads to its servers alone",
            Some(false) => "UDP works only for programs that choose another interface",
            None => "no server answered over any other interface",
        };
        return format!(
            "UDP is blocked {}{}, and {elsewhere}.",
            path.over(true),
            if tcp { ", where TCP gets through" } else { "" }
        );
    }
    if let Some(path) = blocked {
        return if path.tcp.open == Fact::Determined(true) {
            "UDP is blocked, TCP gets through: calls will work only through a TURN server over TCP or TLS.".to_owned()
        } else {
            "UDP is blocked, and no server answered over TCP or TLS either: calls will work only if some TURN server can be reached over TCP or TLS.".to_owned()
        };
    }
    if let Some(path) = result
        .paths
        .iter()
        .find(|p| p.tcp.open == Fact::Determined(true) && !p.is_aside)
    {
        return if matches!(path.facts.udp, Fact::NotTested { .. }) {
            "STUN over TCP or TLS gets through, but no server was named that can be asked over UDP, and NAT behaviour is about UDP.".to_owned()
        } else {
            "No server answered over UDP, though TCP gets through: UDP is blocked, or these servers have none; ask others with -s.".to_owned()
        };
    }
    if let Some(text) = of_streams_alone(result).filter(|_| outcome == Outcome::Inconclusive) {
        return text;
    }
    match outcome {
        Outcome::Interrupted => "Nothing had been found out yet.".to_owned(),
        Outcome::Error if all_failed_with(result, &[Code::WrongFamily]) => {
            "Nothing could be tested: no server named has an address of the family asked for."
                .to_owned()
        }
        Outcome::Error if all_failed_with(result, &[Code::Dns]) && is_built_in(result) => {
            "Nothing could be tested: none of the built-in servers could be resolved: no DNS here."
                .to_owned()
        }
        Outcome::Error if all_failed_with(result, &[Code::Dns]) => {
            format!(
                "Nothing could be tested: {}.",
                findings::none_resolved(result)
            )
        }
        Outcome::Error
            if all_failed_with(result, &[Code::Dns, Code::WrongFamily, Code::Unreachable]) =>
        {
            format!("Nothing could be tested: {}.", findings::no_route(result))
        }
        Outcome::Error => {
            let mut errors = result.servers.iter().filter_map(|s| s.error.as_ref());
            let local = errors.find(|e| e.code == Code::Forbidden);
            let why = local.map_or("the system let nothing out", |e| e.message.as_str());
            format!("Nothing could be tested: {why}.")
        }
        _ if is_out_of_time(result) => {
            "The time limit (--timeout) ended before a server answered, which says nothing of them, nor of UDP.".to_owned()
        }
        _ if all_failed_with(result, &[Code::Refused]) => {
            let who = capitalised(findings::who_refuses(result));
            format!("{who}; ask others with -s.")
        }
        _ => {
            let is_vpn =
                |p: &&PathReport| p.interface_kind == Some(InterfaceKind::Vpn) && !p.is_aside;
            let vpn = result.paths.iter().find(is_vpn);
            match vpn.and_then(|path| path.interface.as_ref()) {
                Some(name) => format!("No server answered over {name}, a VPN judging by its name and the way that everything takes: the VPN may be down, or let no UDP through; try without it, or test another way with --interface."),
                None if aside_answers(result).is_some() => aside_answers(result).unwrap_or_default(),
                None => "No server answered, so blocked UDP cannot be told from servers that are down; ask others with -s.".to_owned(),
            }
        }
    }
}

/// Whether the run ended before silence could be told from slowness, and nothing else is known of the servers.
fn is_out_of_time(result: &NatResult) -> bool {
    let ended = |p: &PathReport| {
        matches!(
            p.facts.udp,
            Fact::Inconclusive {
                reason: Reason::Timeout,
                ..
            }
        )
    };
    let mut paths = judged(&result.paths).peekable();
    paths.peek().is_some()
        && paths.all(ended)
        && all_failed_with(result, &[Code::NotWaitedFor, Code::Timeout])
}

/// What became of the servers, where none is asked over UDP.
fn of_streams_alone(result: &NatResult) -> Option<String> {
    let found = findings::of_streams_alone(result)?;
    let errors = result.servers.iter().filter_map(|s| {
        let error = s.error.as_ref()?;
        Some(format!("{}: {}", s.uri, error.message))
    });
    let mut errors: Vec<String> = errors.collect();
    errors.dedup();
    Some(format!(
        "{}. {}.",
        capitalised(&found.message),
        errors.join("; ")
    ))
}

/// Where servers answer that this machine reaches another way than the internet.
fn aside_answers(result: &NatResult) -> Option<String> {
    let usual = judged(&result.paths).next()?;
    let answers = |p: &&PathReport| p.facts.udp == Fact::Determined(Udp::Open);
    let aside = result.paths.iter().find(answers)?;
    Some(format!(
        "No server answered {}, this machine's way to the internet, though one does {}: blocked UDP there cannot be told from servers that are down; ask others with -s.",
        usual.over(true),
        aside.over(true)
    ))
}
