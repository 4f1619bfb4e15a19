//! What the result means for a call, and what it rests on: sentences that a person can act on.

mod closed;

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::{Finding, Severity};
use crate::base::words::{capitalised, listed};
use crate::commands::misdirected;
use crate::commands::nat::report::paths::are_several;
use crate::commands::nat::report::{Closed, NatResult, PathReport, Reachable, ServerReport};
use crate::commands::nat::verdict::{is_open, judged, loss, reachable_over};
use crate::proto::nat::address::is_global;
use crate::proto::nat::behavior::reachability::Expected;
use crate::proto::nat::behavior::words::{AddressPooling, Filtering, Mapping, Udp};
use closed::{closed_sentence, with_closed};

/// What is closed, though UDP as a whole is not, or not only it.
const CLOSED: [Code; 4] = [
    Code::UdpPortBlocked,
    Code::PortSilent,
    Code::StunFiltered,
    Code::NoInternet,
];

pub(super) fn summary(result: &NatResult, outcome: Outcome, findings: &[Finding]) -> String {
    let several = are_several(&result.paths);
    let mut open: Vec<&PathReport> = judged(&result.paths).filter(|p| p.is_open()).collect();
    // Of several interfaces the first open one is told whole, the others in short.
    open.truncate(if several { 1 } else { result.paths.len() });
    let silent = ipv4_without_answer(result).filter(|_| !several && !open.is_empty());
    let mut sentences = opened(&open, &result.servers, several, silent.is_some());
    sentences.extend(silent);
    if sentences.is_empty() {
        sentences.push(closed_sentence(result, outcome));
    }
    let first = open
        .first()
        .copied()
        .or_else(|| judged(&result.paths).next());
    if let Some(first) =
        first.filter(|_| several && result.paths.iter().any(|p| p.is_open() && !p.is_aside))
    {
        sentences.extend(others(&result.paths, first));
    }
    let mut text = sentences.join(" ");
    let all_silent = result
        .paths
        .iter()
        .all(|p| p.closed == Some(Closed::Silent));
    let no_address = result
        .paths
        .iter()
        .find_map(|p| misdirected::self_assigned(p.local_address, None));
    if let Some(found) = no_address.filter(|_| !is_open(&result.paths)) {
        return format!("No network: {}.", found.message);
    }
    if let Some(found) = findings.iter().find(|f| CLOSED.contains(&f.code)) {
        text = with_closed(found, &text, result);
    } else if let Some(why) = findings
        .iter()
        .find(|f| matches!(f.code, Code::NoAnswer | Code::Rejected) && all_silent)
    {
        text = format!("{}.", capitalised(&why.message));
    } else if let Some(name) = findings
        .iter()
        .find(|f| matches!(f.code, Code::NameMisdirected | Code::BroadcastAddress))
    {
        text = match outcome {
            Outcome::Error => format!("Nothing could be tested: {}.", name.message),
            _ if name.severity == Severity::Error && !is_open(&result.paths) => {
                format!("No server was reached: {}.", name.message)
            }
            _ => format!("{text} Left out: {}.", name.message),
        };
    }
    let mut evidence = findings
        .iter()
        .filter(|f| f.code == Code::UdpBlockedEvidence);
    if let Some(who) = evidence.find(|f| f.message.contains("rejects it by ICMP")) {
        text = format!("{text} {}.", capitalised(&who.message));
    }
    let mut errors = result.servers.iter().filter_map(|s| s.error.as_ref());
    if !is_open(&result.paths)
        && !text.contains("rejects")
        && let Some(error) = errors.find(|error| error.code == Code::Rejected)
    {
        text = format!("{text} {}.", capitalised(&error.message));
    }
    let none_told = result
        .paths
        .iter()
        .all(|p| p.facts.reflexive_addresses.is_empty());
    let refused = findings
        .iter()
        .find(|f| f.code == Code::BindingWantsCredentials);
    if let Some(refused) = refused.filter(|_| none_told) {
        text = format!(
            "UDP gets through, but whether there is a NAT is not known: {}.",
            refused.message
        );
    }
    let proxy = findings.iter().find(|f| f.code == Code::ProxyInEnvironment);
    if let Some(variable) = proxy
        .filter(|_| !is_open(&result.paths))
        .and_then(|f| f.message.split(' ').next())
    {
        text = format!(
            "{text} {variable} names a proxy: browsers take it for TURN over TLS, and rtcdiag does not."
        );
    }
    if let Some(missed) = findings.iter().find(|f| f.code == Code::ExpectationNotMet) {
        text = format!("Not as expected: {}. {text}", missed.message);
    }
    if let Some(loss) = loss::of(result) {
        text = format!("{text} But {}.", loss.message);
    }
    match outcome {
        Outcome::Interrupted => format!("Interrupted. {text}"),
        _ => text,
    }
}

/// What it means that no server answers over IPv4, where one does over IPv6: of most peers nothing is known then.
fn ipv4_without_answer(result: &NatResult) -> Option<String> {
    let is_so = |p: &&PathReport| {
        p.family == Family::Ipv4
            && !p.is_aside
            && !p.local_address.is_loopback()
            && matches!(p.closed, None | Some(Closed::Silent | Closed::OneOperator))
            && p.facts.udp.value() != Some(&Udp::Open)
    };
    let path = result.paths.iter().find(is_so)?;
    let needs = "a TURN server that is reached over IPv6, TCP or TLS";
    match &path.facts.udp {
        Fact::Determined(_) => Some(format!(
            "UDP over IPv4 is blocked: calls with peers that have IPv4 alone need {needs}."
        )),
        Fact::Inconclusive { .. } if path.tcp.open == Fact::Determined(true) => Some(format!(
            "No server answered UDP over IPv4, though TCP gets through: calls with peers that have IPv4 alone may need {needs}."
        )),
        Fact::Inconclusive { .. } => Some(format!(
            "No server answered over IPv4: calls with peers that have IPv4 alone may need {needs}."
        )),
        Fact::NotTested { .. } => None,
    }
}

/// What the open paths mean for a call, and what they are. Where another family is silent (`is_part`), it is not meant.
fn opened(
    paths: &[&PathReport],
    servers: &[ServerReport],
    several: bool,
    is_part: bool,
) -> Vec<String> {
    let said = |path: &PathReport| path_sentence(path, servers, several);
    let meanings: BTreeSet<&str> = paths.iter().map(|path| meaning(path)).collect();
    if let ([one], Some(first), false) = (
        &*meanings.into_iter().collect::<Vec<_>>(),
        paths.first(),
        is_part,
    ) {
        // The path of the first sentence begins the second.
        let mut sentences = vec![format!("{}.", capitalised(one))];
        sentences.push(said(first));
        sentences.extend(paths[1..].iter().map(|path| said(path)));
        return sentences;
    }
    let one = |path: &&PathReport| {
        let over = capitalised(&path.over(several));
        [format!("{over} {}.", meaning(path)), said(path)]
    };
    paths.iter().flat_map(one).collect()
}

/// The paths beside the one that is told, with several interfaces: each in a few words.
fn others(paths: &[PathReport], told: &PathReport) -> Option<String> {
    let words: Vec<String> = paths
        .iter()
        .filter(|path| !std::ptr::eq(*path, told))
        .map(|path| format!("{}: {}", path.name(true), in_short(path, told)))
        .collect();
    (!words.is_empty()).then(|| format!("Other paths: {}.", words.join("; ")))
}

fn in_short(path: &PathReport, first: &PathReport) -> String {
    if !path.is_open() {
        return match &path.facts.udp {
            Fact::Determined(_) => "UDP blocked",
            Fact::Inconclusive { .. } => "no answer over UDP",
            Fact::NotTested { .. } => "not tested over UDP",
        }
        .to_owned();
    }
    let kind = match (path.legacy_name.text(), path.facts.nat.value()) {
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

/// Each once, however often the servers' answers alternate.
fn external(path: &PathReport) -> Vec<String> {
    path.external().iter().map(ToString::to_string).collect()
}

const THIS_SIDE: &str =
    "how calls get to the internet was not tested, for the servers asked are on this side of it";

const NOT_SEEN: &str = "how the internet sees this host is not known, for public servers see its own private address: something on the way writes it into their answers, or they are within this network";

const NOT_KNOWN: &str =
    "calls get out, but it is not known with whom they connect directly; have a TURN server ready";

/// What the path means for a call, as a support person says it. It promises no more than the table of
/// peers does.
fn meaning(path: &PathReport) -> &'static str {
    if path.is_seen_as_itself() && path.is_this_side() {
        return NOT_SEEN;
    }
    if path.is_this_side() {
        return THIS_SIDE;
    }
    let cells = reachable_over(path);
    let with = |wanted: &Reachable| {
        wanted.peer.mapping == Mapping::EndpointIndependent
            && wanted.peer.filtering == Filtering::AddressAndPortDependent
    };
    // What most routers at home are.
    let usual = cells.iter().find(|cell| with(cell));
    let all_direct = cells.iter().all(|c| c.expected == Expected::Direct);
    // Peers have other ports than servers, and to such ports nothing is known to get out.
    if let Fact::Inconclusive {
        reason: Reason::AlternateUnreachable,
        ..
    } = path.facts.filtering
    {
        return NOT_KNOWN;
    }
    match usual.map(|cell| cell.expected) {
        Some(Expected::Direct) if all_direct => "calls connect directly with nearly everybody",
        Some(Expected::Direct) => {
            "calls connect directly with most people; with the others they need a TURN server"
        }
        Some(Expected::Relay) => "calls with most people need a TURN server",
        Some(Expected::Unknown) if path.facts.port_moves == Fact::Determined(true) => {
            "calls connect directly or not, depending on who is first; have a TURN server ready"
        }
        _ if path.is_strict() => "calls with many people need a TURN server",
        _ => NOT_KNOWN,
    }
}

fn path_sentence(path: &PathReport, servers: &[ServerReport], several: bool) -> String {
    let way = match path.default_route {
        Some(true) if several => format!("{} (the default route)", path.over(several)),
        _ => path.over(several),
    };
    let gloss = path
        .legacy_name
        .text()
        .map_or_else(String::new, |name| format!(" ({name})"));
    let kind = match path.facts.nat.value() {
        Some(true) => format!("behind a NAT{gloss}"),
        Some(false) => format!("without a NAT{gloss}"),
        None => "on a path where it is not known whether there is a NAT".to_owned(),
    };
    let addresses = external(path);
    let scope = if path
        .facts
        .reflexive_addresses
        .iter()
        .all(|a| is_global(a.ip()))
    {
        "public address"
    } else {
        "seen as"
    };
    let public = match addresses.as_slice() {
        [] => String::new(),
        [one] => format!(", {scope} {one}"),
        several => format!(", {scope} {}", listed(several)),
    };
    format!("UDP works {way} {kind}{public}{}.", caveat(path, servers))
}

/// What keeps it from being known what the NAT does, or makes the meaning uncertain.
fn caveat(path: &PathReport, servers: &[ServerReport]) -> String {
    if let Fact::Inconclusive {
        reason: Reason::SourceRewritten,
        detail,
    } = &path.facts.mapping
    {
        return format!("; {detail}");
    }
    let pooled = path.facts.address_pooling.value() == Some(&AddressPooling::Arbitrary);
    let moves = path.facts.port_moves == Fact::Determined(true);
    let words = match (&path.facts.mapping, &path.facts.filtering) {
        _ if pooled => "; the NAT gives one host several external addresses",
        _ if moves => "; the NAT gives a peer another port if the peer's packet comes first",
        (Fact::Determined(_), Fact::Determined(_)) => "",
        (Fact::Determined(_), _) => "; how it filters is not known",
        (
            Fact::Inconclusive {
                reason: Reason::EndpointDependent,
                ..
            },
            _,
        ) => "; the mapping depends on the destination",
        (
            Fact::Inconclusive {
                reason: Reason::TooFewServers,
                ..
            },
            _,
        ) => "; two servers see different addresses, and a third one would tell (-s)",
        _ => match servers.iter().find_map(|server| oddity(server, path)) {
            Some(odd) => return format!("; {odd}"),
            None => "; how it maps is not known",
        },
    };
    words.to_owned()
}

/// What is wrong with a server that was heard of over this path.
fn oddity(server: &ServerReport, path: &PathReport) -> Option<String> {
    let error = server.error.as_ref()?;
    let is_heard = matches!(
        error.code,
        Code::WrongSource | Code::Malformed | Code::NotStun | Code::StunError | Code::Untruthful
    );
    (is_heard && server.family == Some(path.family))
        .then(|| format!("{}: {}", server.uri, error.message))
}
