//! What to expect between two hosts whose NATs are known, by rules, before and beside ICE.
//!
//! A wrong expectation is worse than none: it is `Unknown` unless every behaviour that the facts
//! leave open leads to the same end. Each family is looked at on its own (RFC 8445 6.1.2.2).

pub(super) mod view;

use serde::Serialize;

use crate::base::family::Family;
use crate::proto::ice::candidate::Candidate;
use crate::proto::ice::facts::NatFacts;
use crate::proto::nat::behavior::reachability::{Peer, agreed, is_direct};
use crate::proto::nat::behavior::words::{Filtering, Mapping};
use view::{Udp, View};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    Direct,
    Relay,
    Fail,
    Unknown,
}

#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its NATs, one for each family that was measured.
    pub nats: &'a [NatFacts],
    pub candidates: &'a [Candidate],
    pub relay_only: bool,
}

/// An expectation and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    pub expected: Expected,
    /// One or two sentences for a person.
    pub because: String,
}

/// An answer to one question, and a sentence that says why.
#[derive(Debug)]
enum Answer {
    Yes(String),
    No(String),
    Unknown(String),
}

pub fn predict(local: Side<'_>, remote: Side<'_>) -> Prediction {
    let mut unknown = Vec::new();
    let mut impossible = Vec::new();
    for answer in direct(local, remote) {
        match answer {
            Answer::Yes(because) => return Prediction::new(Expected::Direct, [because]),
            Answer::Unknown(why) => unknown.push(why),
            Answer::No(why) => impossible.push(why),
        }
    }
    if !unknown.is_empty() {
        return Prediction::new(Expected::Unknown, unknown);
    }
    let (expected, relay) = match relayed(local, remote) {
        Answer::Yes(why) => (Expected::Relay, why),
        Answer::No(why) => (Expected::Fail, why),
        Answer::Unknown(why) => (Expected::Unknown, why),
    };
    Prediction::new(expected, impossible.into_iter().chain([relay]))
}

impl Prediction {
    fn new(expected: Expected, sentences: impl IntoIterator<Item = String>) -> Self {
        let sentences: Vec<String> = sentences.into_iter().collect();
        Self {
            expected,
            because: sentences.join(" "),
        }
    }
}

/// Whether a connection without a relay is possible, by family.
fn direct(local: Side<'_>, remote: Side<'_>) -> Vec<Answer> {
    if local.relay_only || remote.relay_only {
        let who = match (local.relay_only, remote.relay_only) {
            (true, true) => "Both sides use",
            (true, false) => "This side uses",
            _ => "The other side uses",
        };
        let text = format!("{who} relayed candidates only, by policy.");
        return vec![Answer::No(text)];
    }
    let views = [Family::Ipv6, Family::Ipv4].map(|family| View::of_both(local, remote, family));
    let common: Vec<Answer> = views
        .iter()
        .filter(|(a, b)| a.has_addresses() && b.has_addresses())
        .map(|(a, b)| direct_over(a, b))
        .collect();
    if common.is_empty() {
        let of_local = views.iter().all(|(a, _)| !a.has_addresses());
        let of_remote = views.iter().all(|(_, b)| !b.has_addresses());
        let text = if of_local || of_remote {
            let who = whose(of_local, of_remote);
            format!("Nothing but relayed addresses is known of {who}.")
        } else {
            "The two sides have no address family in common.".to_owned()
        };
        return vec![Answer::No(text)];
    }
    common
}

/// The same over one family, of which both sides have addresses.
fn direct_over(a: &View, b: &View) -> Answer {
    let over = a.family.name();
    if a.is_loopback_only() && b.is_loopback_only() {
        return Answer::Yes(
            "Both sides have only loopback addresses: they are the same host.".into(),
        );
    }
    let neighbours = a.shares_subnet_with(b);
    if let Some(blocked) = blocked(a, b) {
        // Two private networks may be parts of one that only its way out is blocked of.
        let may_be_one =
            !a.leaves_elsewhere_than(b) && (neighbours || (a.is_hidden() && b.is_hidden()));
        return if may_be_one {
            Answer::Unknown(format!(
                "{blocked} over {over}, but both may be in one private network."
            ))
        } else {
            Answer::No(format!(
                "{blocked} over {over}, so no direct connection is possible."
            ))
        };
    }
    if a.public.is_empty() || b.public.is_empty() {
        return Answer::Unknown(format!(
            "The public address of {} over {over} is not known.",
            whose(a.public.is_empty(), b.public.is_empty())
        ));
    }
    if !a.public.is_disjoint(&b.public) {
        return behind_one_nat(a, b, neighbours);
    }
    if a.has_shared_address() && b.has_shared_address() && !both_hairpin(a, b) {
        return Answer::Unknown(format!(
            "Both sides have carrier addresses (RFC 6598) over {over}, perhaps of one carrier's NAT, and whether that leads back inside is not known."
        ));
    }
    let behaviors = format!("Over {over} {}", described(a, b));
    match outcome(a, b) {
        Some(true) => Answer::Yes(format!("{behaviors}: {}.", why_direct(a, b))),
        Some(false) if neighbours => Answer::Unknown(format!(
            "{behaviors}, which needs a relay; but both have addresses in the same private subnet, which may be one network or two that look alike."
        )),
        Some(false) if a.has_other_ways() || b.has_other_ways() => Answer::Unknown(format!(
            "{behaviors}, which needs a relay; but {} more public addresses whose behaviour was not measured.",
            has(a.has_other_ways(), b.has_other_ways())
        )),
        Some(false) => Answer::No(format!("{behaviors}: {}.", why_not(a, b))),
        None if a.is_pooled || b.is_pooled => Answer::Unknown(format!(
            "{behaviors}: the NAT of {} has several external addresses, and from which one packets leave is not known.",
            whose(a.is_pooled, b.is_pooled)
        )),
        None if a.moves_port || b.moves_port => Answer::Unknown(format!(
            "{behaviors}: the NAT of {} gives a peer another port if the peer's packet comes first, so it depends on who is first.",
            whose(a.moves_port, b.moves_port)
        )),
        None => Answer::Unknown(format!(
            "{behaviors}: it depends on what is unknown here, or on what RFC 4787 does not specify."
        )),
    }
}

/// Both have the same public address (RFC 4787 6, RFC 8445 2.1).
fn behind_one_nat(a: &View, b: &View, neighbours: bool) -> Answer {
    let over = a.family.name();
    if a.is_same_host_as(b) {
        return Answer::Yes(format!(
            "Both sides have the same addresses over {over}: they are the same host."
        ));
    }
    if neighbours {
        return Answer::Yes(format!(
            "Both sides have the same public address and addresses of one subnet over {over}: they can reach each other inside, if the local network lets its hosts talk to each other."
        ));
    }
    let text = "Both sides have the same public address over";
    if both_hairpin(a, b) {
        return if outcome(a, b) == Some(true) {
            Answer::Yes(format!(
                "{text} {over}, and the NAT hairpins (sends what is for its own public address back inside)."
            ))
        } else {
            Answer::Unknown(format!(
                "{text} {over}, and the NAT hairpins, but its mapping or filtering may be in the way."
            ))
        };
    }
    let hairpins = if [a, b].iter().any(|side| side.hairpinning == Some(false)) {
        "the NAT does not hairpin (send what is for its own public address back inside)"
    } else {
        "whether the NAT hairpins (sends what is for its own public address back inside) is not known"
    };
    Answer::Unknown(format!(
        "{text} {over}; {hairpins}, so it depends on whether their local networks are connected."
    ))
}

/// Whether a relayed candidate of one side can be used by the other one.
fn relayed(local: Side<'_>, remote: Side<'_>) -> Answer {
    let mut unknown = false;
    let mut exists = false;
    for (owner, user) in [(local, remote), (remote, local)] {
        for family in [Family::Ipv4, Family::Ipv6] {
            let view = View::new(user, family);
            if !View::new(owner, family).has_relay {
                continue;
            }
            exists = true;
            let by_own_address = view.has_addresses() && !user.relay_only;
            match view.udp {
                _ if view.has_relay => return usable(),
                Some(Udp::Open) if by_own_address => return usable(),
                None if by_own_address => unknown = true,
                _ => {}
            }
        }
    }
    match (unknown, exists) {
        (true, _) => Answer::Unknown(
            "It is not known whether the side without a relay can send UDP to the relay of the other side."
                .to_owned(),
        ),
        (false, true) => Answer::No(
            "The relayed candidate of one side cannot be reached by the other side.".to_owned(),
        ),
        (false, false) => Answer::No("Neither side has a relayed candidate.".to_owned()),
    }
}

fn usable() -> Answer {
    Answer::Yes("A TURN relay connects them.".to_owned())
}

fn blocked(a: &View, b: &View) -> Option<String> {
    let is_blocked = |view: &View| view.udp == Some(Udp::Blocked);
    match (is_blocked(a), is_blocked(b)) {
        (false, false) => None,
        (of_a, of_b) => Some(format!("UDP is blocked on {}", whose(of_a, of_b))),
    }
}

pub(super) fn both_hairpin(a: &View, b: &View) -> bool {
    a.hairpinning == Some(true) && b.hairpinning == Some(true)
}

/// What all behaviours that the facts leave open say.
pub(super) fn outcome(a: &View, b: &View) -> Option<bool> {
    let pairs = a.possible.iter().flat_map(|of_a| {
        b.possible.iter().map(|of_b| {
            let direct = is_direct(*of_a, *of_b);
            // From an address that was not seen, only who lets everybody in is reached.
            // From another port, who looks at addresses alone.
            let lets_in = |view: &View, peer: &Peer| match peer.filtering {
                Filtering::EndpointIndependent => true,
                Filtering::AddressDependent => !view.is_pooled,
                Filtering::AddressAndPortDependent => !view.is_pooled && !view.moves_port,
            };
            let is_met = lets_in(a, of_b) && lets_in(b, of_a);
            direct.filter(|direct| !*direct || is_met)
        })
    });
    agreed(pairs)
}

fn whose(of_a: bool, of_b: bool) -> &'static str {
    match (of_a, of_b) {
        (true, true) => "both sides",
        (true, false) => "this side",
        _ => "the other side",
    }
}

fn has(a: bool, b: bool) -> &'static str {
    match (a, b) {
        (true, true) => "both sides have",
        (true, false) => "this side has",
        _ => "the other side has",
    }
}

fn described(a: &View, b: &View) -> String {
    let (this, other) = (a.behavior(), b.behavior());
    if this == other {
        format!("both sides have {this}")
    } else {
        format!("this side has {this}, the other side {other}")
    }
}

/// "this side's" of one that is so.
const fn possessive(of_a: bool) -> &'static str {
    if of_a {
        "this side's"
    } else {
        "the other side's"
    }
}

const fn named(of_a: bool) -> &'static str {
    if of_a { "this side" } else { "the other side" }
}

/// In plain words. Mappings that are not known depend on the endpoint at worst.
fn why_direct(a: &View, b: &View) -> String {
    let of_a = !a.is_independent();
    match (a.is_independent(), b.is_independent()) {
        (true, true) => {
            "each side sends to the address and port that the other one sends from".to_owned()
        }
        (true, false) | (false, true) => format!(
            "{} external port depends on the destination, but {} lets new ports in",
            possessive(of_a),
            named(!of_a)
        ),
        (false, false) => {
            let of_a = a.lets_everybody_in();
            format!(
                "{} lets everybody in, and {} lets in the new port that answers",
                named(of_a),
                named(!of_a)
            )
        }
    }
}

fn why_not(a: &View, b: &View) -> String {
    let by_port = |view: &View| {
        let mut all = view.possible.iter();
        all.all(|p| p.mapping == Mapping::AddressAndPortDependent)
    };
    if by_port(a) && by_port(b) {
        return "each answer leaves from a port that the other side has not heard of".to_owned();
    }
    match (a.depends(), b.depends()) {
        (true, false) | (false, true) => {
            let of_a = a.depends();
            format!(
                "{} external port depends on the destination, and {} filter lets no new port in",
                possessive(of_a),
                possessive(!of_a)
            )
        }
        _ => "the external ports of both sides depend on the destination, and the filter of one of them lets no new port in".to_owned(),
    }
}
