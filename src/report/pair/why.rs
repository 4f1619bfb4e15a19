//! Why no connection without a relay, or none at all, came about: from what both sides recorded of
//! every pair, and from the facts on both NATs. Nothing is said that these do not prove.

mod traffic;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::{Context, PairReport, PairResult, PathKind, SideReport};
use crate::family::Family;
use crate::ice::candidate::{Candidate, CandidateType};
use crate::ice::prediction::{Side, obstacle};
use crate::nat::behavior::Udp;
use crate::report::words::listed;
use traffic::Traffic;

/// What to do where a relay is the way out.
const USE_TURN: &str = "name a TURN server with -s turn:HOST and --turn-username, on either side";
const CHECK_FIREWALLS: &str = "let UDP out, and answers to it in, on the firewalls of both sides; rtcdiag nat on each host tells how its NAT filters";
const CHANGE_NATS: &str = "endpoint-independent mapping on both NATs (RFC 4787 REQ-1, which some routers call cone NAT), a forwarded UDP port on one, or IPv6 on both sides makes direct connections possible; else they need TURN";

const JOIN: &str = "turn off client isolation on the local network (often set for Wi-Fi guests), or turn on hairpinning (NAT loopback) on the router; else TURN connects them";

const ELSEWHERE: &str = "answer-from-elsewhere";

/// A cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Why {
    /// As part of a sentence, for the summary.
    pub short: String,
    /// More of it, in sentences.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Why {
    fn new(short: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            short: short.into(),
            detail: None,
            hint: hint.map(str::to_owned),
        }
    }
}

/// Why there is no direct connection.
pub(super) fn not_direct(result: &PairResult, context: &Context) -> Why {
    if let Some(policy) = by_policy(context) {
        return policy;
    }
    let pairs: Vec<&PairReport> = of_path(result, PathKind::Direct);
    if pairs.is_empty() {
        return no_pairs(result);
    }
    let traffic = Traffic::of(&pairs);
    if let (Some(why), true) = (by_blocked_udp(result, &pairs), traffic.is_silent()) {
        return why;
    }
    let (own, theirs) = (candidates(&result.local), candidates(&result.remote));
    let side = |nats, candidates| Side {
        nats,
        candidates,
        relay_only: false,
    };
    let known = obstacle(
        side(&result.local.nats, &own),
        side(&result.remote.nats, &theirs),
    );
    if let Some(mut why) = by_failure(&pairs, &traffic) {
        // Where mappings depend on the endpoint, such answers are no fault of the other side.
        let elsewhere = pairs.iter().any(|p| has_failure(p, &[ELSEWHERE]));
        if let (Some(known), true) = (known, elsewhere) {
            why.detail = Some(known);
            why.hint = Some(CHANGE_NATS.to_owned());
        }
        return why;
    }
    let (short, filtered) = traffic.sentence();
    let mut why = Why::new(short, Some(CHECK_FIREWALLS));
    // Where the NATs should have let it through, they are not to blame.
    if let (Some(known), true) = (known, filtered) {
        why.short += "; between these NATs that is to be expected";
        why.detail = Some(known);
        why.hint = Some(CHANGE_NATS.to_owned());
    } else if let (Some(ip), true) = (one_nat(result, &pairs), filtered) {
        why.detail = Some(format!(
            "Both sides have the public address {ip}, so they are behind one NAT or one carrier: checks to that address come back in only if it hairpins (RFC 4787 6), and those to private addresses arrive only if both are in one network that lets its hosts talk to each other"
        ));
        why.hint = Some(JOIN.to_owned());
    }
    why
}

/// A public address that both sides have, of a family that was checked.
fn one_nat(result: &PairResult, pairs: &[&PairReport]) -> Option<IpAddr> {
    let public = |side: &SideReport| -> BTreeSet<IpAddr> {
        let measured = side.nats.iter().flat_map(|n| n.reflexive_addresses.iter());
        let candidates = side.candidates.iter();
        let told = candidates.filter(|c| c.kind == CandidateType::Srflx);
        measured
            .map(SocketAddr::ip)
            .chain(told.map(|c| c.address))
            .filter(|ip| {
                pairs
                    .iter()
                    .any(|p| p.local.address.is_ipv4() == ip.is_ipv4())
            })
            .collect()
    };
    let theirs = public(&result.remote);
    public(&result.local)
        .into_iter()
        .find(|ip| theirs.contains(ip))
}

/// Why no relay helped.
pub(super) fn not_relayed(result: &PairResult) -> Why {
    let has_relay = |side: &SideReport| {
        let mut all = side.candidates.iter();
        all.any(|c| c.kind == CandidateType::Relay)
    };
    let named = result.servers.iter().any(|s| s.is_turn);
    if !has_relay(&result.local) && !has_relay(&result.remote) {
        return if named {
            Why::new(
                "no side has a relayed candidate, since the TURN servers named here gave none",
                None,
            )
        } else {
            Why::new(
                "there is no TURN relay to go through: no side has a relayed candidate",
                Some(USE_TURN),
            )
        };
    }
    let pairs = of_path(result, PathKind::Relayed);
    if result.remote.candidates.is_empty() {
        return Why::new("the other side has no candidate", None);
    }
    if result.local.candidates.is_empty() {
        return Why::new("this side has no candidate", None);
    }
    if pairs.is_empty() {
        return Why::new(
            "the relayed candidates make no pair with the other side's: their address families differ",
            Some("have the TURN server give relayed addresses of both families (RFC 8656 7.1)"),
        );
    }
    if pairs.iter().all(|pair| has_failure(pair, UNSETTLED)) {
        return Why::new("the relayed pairs were not checked to the end", None);
    }
    // A relay rightly forbids private addresses: only what is left may explain why it did not help.
    let (refused, checked): (Vec<&PairReport>, Vec<&PairReport>) = pairs
        .iter()
        .filter(|pair| !has_failure(pair, UNSETTLED))
        .partition(|pair| REFUSALS.iter().any(|(code, ..)| has_failure(pair, &[code])));
    if checked.is_empty() {
        let cause = REFUSALS
            .iter()
            .find(|(code, ..)| refused.iter().any(|pair| has_failure(pair, &[code])));
        if let Some((_, short, hint)) = cause {
            return Why::new(*short, Some(hint));
        }
    }
    let (short, _) = Traffic::of(&checked).sentence();
    Why::new(
        format!("through the relay {short}"),
        Some(
            "rtcdiag turn on the side of the relay tells whether it relays, and to which addresses",
        ),
    )
}

/// Codes of relays that do not send, from the one that tells most: what they mean, and what to do.
const REFUSALS: [(&str, &str, &str); 3] = [
    (
        "relay-gone",
        "the connection to the TURN server was lost",
        "rtcdiag turn looks closer at the server",
    ),
    (
        "permission-failed",
        "the TURN server gave no permission for the other side",
        "rtcdiag turn looks closer at the server",
    ),
    (
        "forbidden-ip",
        "the TURN server forbids the addresses of the other side (403)",
        "if they are public, have them allowed; private ones are forbidden with good reason, and need a relay on the other side",
    ),
];

/// Codes of pairs that had not had their fair chance.
pub(super) const UNSETTLED: &[&str] = &["cut-short", "peer-gone", "not-checked"];

/// Pairs of a path, the unsettled ones too.
pub(super) fn of_path(result: &PairResult, path: PathKind) -> Vec<&PairReport> {
    result.pairs.iter().filter(|p| p.path == path).collect()
}

pub(super) fn has_failure(pair: &PairReport, codes: &[&str]) -> bool {
    pair.failure
        .as_ref()
        .is_some_and(|e| codes.contains(&e.code))
}

fn by_policy(context: &Context) -> Option<Why> {
    let who = match (context.relay_only, context.peer_relay_only) {
        (false, false) => return None,
        (true, true) => "both sides",
        (true, false) => "this side",
        (false, true) => "the other side",
    };
    Some(Why::new(
        format!("the policy of {who} leaves relayed candidates only"),
        None,
    ))
}

fn no_pairs(result: &PairResult) -> Why {
    let families = |side: &SideReport| -> BTreeSet<Family> {
        let all = side.candidates.iter();
        all.filter(|c| c.kind != CandidateType::Relay)
            .map(|c| Family::of(c.address))
            .collect()
    };
    let (own, theirs) = (families(&result.local), families(&result.remote));
    let names = |set: &BTreeSet<Family>| -> String {
        let all: Vec<String> = set.iter().map(|f| f.name().to_owned()).collect();
        listed(&all)
    };
    match (own.is_empty(), theirs.is_empty()) {
        (false, false) if own.is_disjoint(&theirs) => Why::new(
            format!(
                "no address family in common: this side has {} and the other side {}",
                names(&own),
                names(&theirs)
            ),
            Some(
                "give both sides IPv6, or IPv4 to the one that has none; else a TURN server with addresses of both families connects them",
            ),
        ),
        (false, false) => Why::new("no pair was formed without a relay", None),
        (true, false) => Why::new("this side has no addresses but relayed ones", None),
        (false, true) => Why::new("the other side told no addresses but relayed ones", None),
        (true, true) => Why::new("no side has addresses but relayed ones", None),
    }
}

/// Nothing comes through on a side that no STUN server answers either.
fn by_blocked_udp(result: &PairResult, pairs: &[&PairReport]) -> Option<Why> {
    let families: BTreeSet<Family> = pairs.iter().map(|p| Family::of(p.local.address)).collect();
    let blocked = |side: &SideReport| {
        families.iter().all(|family| {
            let mut nats = side.nats.iter();
            nats.any(|n| n.family == *family && n.udp.value() == Some(&Udp::Blocked))
        })
    };
    let who = match (blocked(&result.local), blocked(&result.remote)) {
        (false, false) => return None,
        (true, true) => "both sides",
        (true, false) => "this side",
        (false, true) => "the other side",
    };
    Some(Why::new(
        format!("UDP is blocked on {who}"),
        Some(
            "have UDP to the internet opened in the firewall there; else a TURN server over TCP or TLS (turns:HOST) connects it",
        ),
    ))
}

/// What the pairs have in common, or the one that tells most.
fn by_failure(pairs: &[&PairReport], traffic: &Traffic) -> Option<Why> {
    let any = |code: &str| pairs.iter().find(|p| has_failure(p, &[code]));
    for (code, hint) in [
        (
            "role-conflict",
            "start both sides again without forced roles",
        ),
        (
            "unauthorized",
            "start both sides again; if it stays so, the two programs do not understand each other",
        ),
        (
            "bad-request",
            "the two programs do not understand each other: use the same version on both sides",
        ),
        (
            "error-response",
            "the two programs do not understand each other: use the same version on both sides",
        ),
        (
            ELSEWHERE,
            "the other side, or a NAT before it, answers from another address than it is asked at; RFC 8445 forbids to use such a path",
        ),
    ] {
        if let Some(error) = any(code).and_then(|p| p.failure.as_ref()) {
            return Some(Why::new(error.message.clone(), Some(hint)));
        }
    }
    if pairs.iter().all(|p| has_failure(p, UNSETTLED)) {
        let gone = pairs.iter().any(|p| has_failure(p, &["peer-gone"]));
        let who = if gone {
            "the other side went away before the direct pairs were checked to the end"
        } else {
            "the direct pairs were not checked to the end"
        };
        return Some(Why::new(who, None));
    }
    // These never left, or were turned back: only where it is so of all does it explain anything.
    for (code, text, hint) in [
        (
            "not-permitted",
            "a firewall of this host lets no check out",
            "allow outgoing UDP for rtcdiag",
        ),
        (
            "unreachable",
            "this host has no route to the other side's addresses",
            "check the default route, or leave out the family that has none with -4 or -6",
        ),
        (
            "icmp-unreachable",
            "ICMP messages say that the other side's addresses cannot be reached",
            "check routes and firewalls on both sides",
        ),
    ] {
        let left = |p: &&&PairReport| !has_failure(p, &[code]) && !has_failure(p, UNSETTLED);
        if traffic.is_silent() && !pairs.iter().any(|p| left(&p)) && any(code).is_some() {
            return Some(Why::new(text, Some(hint)));
        }
    }
    None
}

fn candidates(side: &SideReport) -> Vec<Candidate> {
    let all = side.candidates.iter();
    all.map(|c| Candidate {
        foundation: c.foundation.clone(),
        component: c.component,
        priority: c.priority,
        address: SocketAddr::new(c.address, c.port),
        kind: c.kind,
        related: None,
    })
    .collect()
}
