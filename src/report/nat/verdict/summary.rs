//! The sentence that a person can act on.

use super::all_failed_with;
use crate::exit::Outcome;
use crate::fact::{Fact, Reason};
use crate::nat::address::is_global;
use crate::nat::behavior::{Filtering, Mapping, Udp};
use crate::report::Finding;
use crate::report::nat::paths::are_several;
use crate::report::nat::{NatResult, PathReport};

/// The sentence.
pub(super) fn summary(result: &NatResult, outcome: Outcome, findings: &[Finding]) -> String {
    let several = are_several(&result.paths);
    let open = result.paths.iter().filter(|p| p.is_open());
    // Of several interfaces the first open one is told whole, the others in short.
    let told = if several { 1 } else { result.paths.len() };
    let mut sentences: Vec<String> = open.map(|p| path_sentence(p, several)).take(told).collect();
    if several && !sentences.is_empty() {
        sentences.extend(others(&result.paths));
    }
    let mut text = if sentences.is_empty() {
        closed_sentence(result, outcome)
    } else {
        sentences.join(" ")
    };
    if let Some(missed) = findings.iter().find(|f| f.code == "expectation-not-met") {
        text = format!("Not as expected: {}. {text}", missed.message);
    }
    match outcome {
        Outcome::Interrupted => format!("Interrupted. {text}"),
        _ => text,
    }
}

fn closed_sentence(result: &NatResult, outcome: Outcome) -> String {
    let blocked = result
        .paths
        .iter()
        .find(|p| p.udp == Fact::Determined(Udp::Blocked));
    if let (Some(path), true) = (blocked, are_several(&result.paths)) {
        let tcp = path.tcp.open == Fact::Determined(true);
        return format!(
            "UDP is blocked {}{}, and no server answered over any other interface.",
            path.way(true),
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
        .find(|p| p.tcp.open == Fact::Determined(true))
    {
        return if matches!(path.udp, Fact::NotTested { .. }) {
            "STUN over TCP or TLS gets through, but no server was named to be asked over UDP, which NAT behaviour is about.".to_owned()
        } else {
            "No server answered over UDP, though TCP gets through: UDP is blocked, or these servers have none; ask others with -s.".to_owned()
        };
    }
    match outcome {
        Outcome::Interrupted => "Nothing had been found out yet.".to_owned(),
        Outcome::Error if all_failed_with(result, &["wrong-family"]) => {
            "Nothing could be tested: no server named has an address of the family asked for.".to_owned()
        }
        Outcome::Error if all_failed_with(result, &["dns"]) => {
            "Nothing could be tested: none of the server names could be resolved.".to_owned()
        }
        Outcome::Error if all_failed_with(result, &["dns", "wrong-family", "unreachable"]) => {
            "Nothing could be tested: there is no route to any server.".to_owned()
        }
        Outcome::Error => "Nothing could be tested: the system let nothing be sent.".to_owned(),
        _ if all_failed_with(result, &["refused"]) => {
            "Nothing listens at the servers named: they refuse; ask others with -s.".to_owned()
        }
        _ => "No server answered, so blocked UDP cannot be told from servers that are down; ask others with -s.".to_owned(),
    }
}

/// The paths behind the first open one, with several interfaces: each in a few words.
fn others(paths: &[PathReport]) -> Option<String> {
    let first = paths.iter().position(PathReport::is_open)?;
    let words: Vec<String> = paths
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != first)
        .map(|(_, path)| format!("{}: {}", path.name(true), in_short(path, &paths[first])))
        .collect();
    (!words.is_empty()).then(|| format!("Beside it, {}.", words.join("; ")))
}

fn in_short(path: &PathReport, first: &PathReport) -> String {
    if !path.is_open() {
        return match &path.udp {
            Fact::Determined(_) => "UDP blocked",
            Fact::Inconclusive { .. } => "no answer over UDP",
            Fact::NotTested { .. } => "not tested over UDP",
        }
        .to_owned();
    }
    let kind = match (path.legacy_name.text(), path.nat.value()) {
        (Some(name), Some(true)) => format!("NAT ({name})"),
        (Some(name), _) => format!("no NAT ({name})"),
        (None, Some(true)) => "NAT".to_owned(),
        (None, Some(false)) => "no NAT".to_owned(),
        (None, None) => "UDP open".to_owned(),
    };
    let addresses = external(path);
    if addresses == external(first) && !addresses.is_empty() {
        format!("{kind}, the same address")
    } else if addresses.is_empty() {
        kind
    } else {
        format!("{kind}, {}", addresses.join(" and "))
    }
}

fn external(path: &PathReport) -> Vec<String> {
    let addresses = path.reflexive_addresses.iter();
    let mut addresses: Vec<String> = addresses.map(|a| a.ip().to_string()).collect();
    addresses.dedup();
    addresses
}

fn path_sentence(path: &PathReport, several: bool) -> String {
    let way = match path.default_route {
        Some(true) if several => format!("{} (the default route)", path.way(several)),
        _ => path.way(several),
    };
    let gloss = path
        .legacy_name
        .text()
        .map_or_else(String::new, |name| format!(" ({name})"));
    let kind = match path.nat.value() {
        Some(true) => format!("behind a NAT{gloss}"),
        Some(false) => format!("without a NAT{gloss}"),
        None => "by a path that could not be told apart from a NAT".to_owned(),
    };
    let meaning = match (path.mapping.value(), path.filtering.value()) {
        (Some(Mapping::EndpointIndependent), Some(Filtering::AddressAndPortDependent)) => {
            "direct calls work with peers whose mapping is endpoint-independent; the others need a relay"
        }
        (Some(Mapping::EndpointIndependent), Some(_)) => "direct calls work with every kind of NAT",
        (Some(_), Some(_)) => "many peers can be reached through a relay only",
        (Some(Mapping::EndpointIndependent), None) => {
            "direct calls work at least with peers whose mapping is endpoint-independent; filtering is not known"
        }
        (Some(_), None) => "many peers can be reached through a relay only; filtering is not known",
        (None, _) if endpoint_dependent(path) => {
            "the mapping depends on the destination: many peers can be reached through a relay only"
        }
        (None, _) => {
            "how it maps is not known, so for most peers it cannot be said whether they are reached directly"
        }
    };
    let addresses = external(path);
    let scope = if path.reflexive_addresses.iter().all(|a| is_global(a.ip())) {
        "public address"
    } else {
        "seen as"
    };
    let public = match addresses.as_slice() {
        [] => String::new(),
        [one] => format!(", {scope} {one}"),
        several => format!(", {scope} {}", several.join(" and ")),
    };
    format!("UDP works {way} {kind}{public}: {meaning}.")
}

fn endpoint_dependent(path: &PathReport) -> bool {
    matches!(
        path.mapping,
        Fact::Inconclusive {
            reason: Reason::EndpointDependent,
            ..
        }
    )
}
