//! Why a connection is relayed, or did not come about: only what the records of both sides prove.

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::commands::pair::report::{CheckState, PairReport, PairResult, PairState};
use rtcdiag::commands::pair::verdict::Context;
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::causes::{Cause, Found, OwnRelay, RemedyCode, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};

use super::{ends, has};
use crate::support::pair_results::{
    ADF, APDF, APDM, EIM, answered, candidate, failing, host, own_relay, relayed, session, silent,
    strict, their_host, their_srflx,
};

pub(super) const EIF: Filtering = Filtering::EndpointIndependent;
const ADM: Mapping = Mapping::AddressDependent;

pub(super) fn causes_with(result: &PairResult, context: &Context) -> (Vec<Cause>, Vec<Cause>) {
    let result = with_causes(result.clone(), context);
    (result.causes, result.relay_causes)
}

/// The weightiest cause of there being no direct path.
#[track_caller]
pub(super) fn cause(result: &PairResult) -> Cause {
    let (causes, _) = causes_with(result, &Context::default());
    let cause = causes.into_iter().next().expect("there is a cause");
    assert!(!cause.message.ends_with('.'), "{}", cause.message);
    cause
}

#[track_caller]
pub(super) fn relay_cause(result: &PairResult, context: &Context) -> Cause {
    let (_, causes) = causes_with(result, context);
    causes.into_iter().next().expect("there is a cause")
}

/// The same session as the other side reports it.
pub(super) fn mirrored(result: &PairResult) -> PairResult {
    let mut other = result.clone();
    std::mem::swap(&mut other.local, &mut other.remote);
    for pair in &mut other.pairs {
        std::mem::swap(&mut pair.local, &mut pair.remote);
        let arrived = pair.requests_arrived;
        pair.requests_sent = pair.requests_sent.max(pair.requests_received);
        pair.requests_arrived = arrived.map(|_| pair.requests_received);
        pair.requests_received = arrived.unwrap_or_default();
    }
    other
}

pub(super) const fn swapped(whose: Whose) -> Whose {
    match whose {
        Whose::Local => Whose::Remote,
        Whose::Remote => Whose::Local,
        same => same,
    }
}

pub(super) fn own_trial(is_reached: bool) -> OwnRelay {
    OwnRelay {
        relayed: "192.0.2.30:61000".parse().expect("an address"),
        is_reached,
    }
}

/// Both ends say the same.
#[track_caller]
pub(super) fn on_both_ends(result: &PairResult, code: Code, side: Whose) -> Cause {
    let here = cause(result);
    assert_eq!((here.code, here.side), (code, side), "{here:?}");
    let there = cause(&mirrored(result));
    assert_eq!((there.code, there.side), (code, swapped(side)), "{there:?}");
    here
}

pub(super) fn between(own: (Mapping, Filtering), theirs: (Mapping, Filtering)) -> PairResult {
    let plain = session(own, theirs);
    PairResult {
        local: plain.local,
        remote: plain.remote,
        ..strict()
    }
}

#[test]
fn whose_mapping_it_is() {
    let symmetric = (APDM, APDF);
    let cause = on_both_ends(
        &between((EIM, APDF), symmetric),
        Code::EndpointDependentMapping,
        Whose::Remote,
    );
    assert_eq!(
        cause.message,
        "the other side's NAT (198.51.100.7) is symmetric (a new port for each peer), and this side's filter lets in only ports it has sent to"
    );
    assert_eq!(cause.remedies[0].code, RemedyCode::Mapping);
    assert_eq!(cause.remedies[0].side, Whose::Remote);
    for (own, theirs, side) in [
        (symmetric, (EIM, APDF), Whose::Local),
        (symmetric, symmetric, Whose::Both),
        // One change would do, and that is the cause: this filter lets new ports in, the other not.
        ((APDM, ADF), symmetric, Whose::Local),
        ((ADM, EIF), symmetric, Whose::Local),
        ((APDM, EIF), (APDM, EIF), Whose::Both),
        ((ADM, APDF), (ADM, APDF), Whose::Both),
    ] {
        on_both_ends(&between(own, theirs), Code::EndpointDependentMapping, side);
    }
}

#[test]
fn remedies_are_those_that_change_the_outcome() {
    let codes = |result: &PairResult| -> Vec<(RemedyCode, Whose)> {
        let remedies = cause(result).remedies;
        remedies.iter().map(|r| (r.code, r.side)).collect()
    };
    let symmetric = (APDM, APDF);
    assert_eq!(
        codes(&between(symmetric, symmetric)),
        [
            (RemedyCode::Mapping, Whose::Both),
            (RemedyCode::Ipv6, Whose::Both)
        ]
    );
    // Either would do.
    assert_eq!(
        codes(&between((APDM, EIF), (APDM, EIF)))[0],
        (RemedyCode::Mapping, Whose::Local)
    );
    let mut with_ipv6 = between(symmetric, (EIM, APDF));
    let ipv6 = |text| candidate(CandidateType::Host, text);
    with_ipv6.remote.candidates.push(ipv6("[2001:db8::2]:5000"));
    assert_eq!(codes(&with_ipv6)[1], (RemedyCode::Ipv6, Whose::Local));
}

#[test]
fn a_pool_of_addresses() {
    let mut result = between((EIM, ADF), (EIM, ADF));
    let nat = &mut result.remote.nats[0];
    nat.mapping = Fact::inconclusive(Reason::AddressPooling, "two addresses");
    nat.reflexive_addresses
        .push("198.51.100.8:50000".parse().expect("an address"));
    on_both_ends(&result, Code::AddressPooling, Whose::Remote);
    // Who lets everybody in is reached from any address; then it is something else.
    let mut open = between((EIM, EIF), (EIM, ADF));
    open.remote = result.remote;
    assert_eq!(cause(&open).code, Code::Filtered);
}

#[test]
fn a_router_that_moves_ports() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.local.nats[0].port_moves = Fact::Determined(true);
    on_both_ends(&result, Code::PortMoved, Whose::Local);
    result.remote.nats[0].port_moves = Fact::Determined(true);
    let both = on_both_ends(&result, Code::PortMoved, Whose::Both);
    let codes: Vec<RemedyCode> = both.remedies.iter().map(|r| r.code).collect();
    assert_eq!(codes, [RemedyCode::Mapping, RemedyCode::Ipv6]);
    // A symmetric peer never comes from the port that is sent to.
    let mut result = between((EIM, APDF), (APDM, APDF));
    result.local.nats[0].port_moves = Fact::Determined(true);
    let (causes, _) = causes_with(&result, &Context::default());
    let codes: Vec<Code> = causes.iter().map(|cause| cause.code).collect();
    assert_eq!(codes, [Code::EndpointDependentMapping]);
    let remedy = &causes[0].remedies[0];
    assert_eq!(
        (remedy.code, remedy.is_sure),
        (RemedyCode::Mapping, false),
        "{causes:?}"
    );
}

#[test]
fn a_port_that_no_server_saw() {
    let unknown = |nat: &mut NatFacts| {
        nat.mapping = Fact::not_tested(Reason::NoBehaviorDiscovery);
        nat.filtering = Fact::not_tested(Reason::NoBehaviorDiscovery);
    };
    let mut result = between((EIM, APDF), (EIM, APDF));
    unknown(&mut result.local.nats[0]);
    unknown(&mut result.remote.nats[0]);
    assert_eq!(cause(&result).code, Code::Unknown);
    let new_port = crate::support::pair_results::end(CandidateType::Prflx, "198.51.100.7:50999");
    let heard = PairReport {
        requests_received: 3,
        ..silent(host(), new_port, 9, Some(0))
    };
    result.pairs.push(heard);
    let seen = cause(&result);
    assert_eq!(seen.code, Code::EndpointDependentMapping);
    assert_eq!(seen.side, Whose::Remote);
    assert!(seen.evidence[0].contains("50999"), "{seen:?}");
    // Where the NAT keeps its mapping, the router has moved the port for this peer.
    result.remote.nats[0].mapping = Fact::Determined(EIM);
    assert_eq!(cause(&result).code, Code::PortMoved);
}

#[test]
fn behind_one_nat() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.remote.nats[0].reflexive_addresses =
        vec!["203.0.113.5:50000".parse().expect("an address")];
    result.remote.candidates[1] = candidate(CandidateType::Srflx, "203.0.113.5:50000");
    let cause = on_both_ends(&result, Code::NoHairpinning, Whose::Between);
    assert!(cause.message.contains("203.0.113.5"), "{cause:?}");
    assert_eq!(cause.remedies[0].code, RemedyCode::Hairpinning);
    result.remote.candidates[0] = candidate(CandidateType::Host, "192.168.1.11:50000");
    // One network, or two homes of one carrier: what is said holds for both.
    let cause = on_both_ends(&result, Code::ClientIsolation, Whose::Between);
    assert!(
        cause.message.contains("either in one local network") && cause.message.contains("carrier"),
        "{cause:?}"
    );
    let codes: Vec<RemedyCode> = cause.remedies.iter().map(|r| r.code).collect();
    assert_eq!(codes[..2], [RemedyCode::Isolation, RemedyCode::Hairpinning]);
}

/// Where hairpinning was not measured, and the mapping would be in its way.
#[test]
fn hairpinning_that_is_not_known_is_not_named() {
    let mut result = between((APDM, APDF), (APDM, APDF));
    result.remote.nats[0].reflexive_addresses =
        vec!["203.0.113.5:50000".parse().expect("an address")];
    result.remote.candidates[1] = candidate(CandidateType::Srflx, "203.0.113.5:50000");
    on_both_ends(&result, Code::Unknown, Whose::Between);
    result.remote.nats[0].hairpinning = Fact::Determined(false);
    on_both_ends(&result, Code::NoHairpinning, Whose::Between);
}

#[test]
fn what_arrives_and_what_does_not() {
    let with = |change: &dyn Fn(&mut PairResult)| {
        let mut result = between((EIM, ADF), (EIM, ADF));
        change(&mut result);
        result
    };
    // Both NATs would let it through, and nothing arrives on either side.
    on_both_ends(&with(&|_| ()), Code::Filtered, Whose::Between);
    // Nothing is said of what the other side did not tell.
    let untold = with(&|r| r.pairs.iter_mut().for_each(|p| p.requests_arrived = None));
    let untold = cause(&untold);
    assert_eq!(untold.code, Code::Unknown);
    assert!(untold.message.contains("not known"), "{untold:?}");
    // What comes back may be dropped before either side.
    let one_way = with(&|r| r.pairs[0].requests_arrived = Some(9));
    let lost = on_both_ends(&one_way, Code::AnswersLost, Whose::Between);
    assert!(lost.message.contains("on its way to this side"), "{lost:?}");
    // The other side's packets miss this side's relay too: that is where they are dropped.
    let mut misses_relay = one_way.clone();
    let relay = candidate(CandidateType::Relay, "192.0.2.30:61000");
    misses_relay.local.candidates.push(relay);
    let silence = silent(own_relay(), their_srflx(), 7, Some(0));
    misses_relay
        .pairs
        .push(failing(silence, "no-response", "no answer"));
    on_both_ends(&misses_relay, Code::AnswersLost, Whose::Remote);
    // Unless that relay lets nobody in.
    let shut = Context {
        own_relays: vec![own_trial(false)],
        ..Context::default()
    };
    let (causes, _) = causes_with(&misses_relay, &shut);
    assert_eq!(
        (causes[0].code, causes[0].side),
        (Code::AnswersLost, Whose::Between)
    );
    let both = with(&|r| {
        r.pairs[0].requests_received = 4;
        r.pairs[1].requests_arrived = Some(2);
    });
    on_both_ends(&both, Code::AnswersLost, Whose::Between);
    let mut answered_once = with(&|_| ());
    answered_once.pairs = vec![answered(host(), their_host())];
    assert_eq!(answered_once.pairs[0].state, CheckState::Succeeded);
    let verdict = ends(
        &answered_once,
        &Context::default(),
        Outcome::Bad,
        &["a check was answered, but the pair did not become valid"],
    );
    assert!(has(&verdict, "direct-failed"));
}

#[test]
fn what_the_pairs_say() {
    for (code, cause_code, side) in [
        ("not-permitted", Code::Filtered, Whose::Local),
        ("unreachable", Code::Unreachable, Whose::Local),
        ("icmp-unreachable", Code::Filtered, Whose::Between),
        ("role-conflict", Code::RoleConflict, Whose::Between),
        (
            "answer-from-elsewhere",
            Code::AnswerFromElsewhere,
            Whose::Remote,
        ),
        ("cut-short", Code::Unknown, Whose::Between),
    ] {
        let mut result = between((EIM, ADF), (EIM, ADF));
        for pair in &mut result.pairs {
            *pair = failing(pair.clone(), code, "what the pair says");
        }
        let all = cause(&result);
        assert_eq!((all.code, all.side), (cause_code, side), "{code}");
        // One of two explains nothing where the other one was silent.
        if ["not-permitted", "unreachable", "icmp-unreachable"].contains(&code) {
            let mut half = between((EIM, ADF), (EIM, ADF));
            half.pairs[0] = failing(half.pairs[0].clone(), code, "what the pair says");
            let half = cause(&half);
            assert_eq!(
                (half.code, half.side),
                (Code::Filtered, Whose::Between),
                "{code}"
            );
        }
    }
    // Where mappings depend on the endpoint, such answers are no fault of the other side.
    let mut result = strict();
    result.pairs[0] = failing(
        result.pairs[0].clone(),
        "answer-from-elsewhere",
        "from elsewhere",
    );
    on_both_ends(&result, Code::EndpointDependentMapping, Whose::Both);
}

#[test]
fn without_anything_in_common() {
    let mut result = strict();
    result.pairs.clear();
    result.remote.candidates = vec![candidate(CandidateType::Host, "[2001:db8::2]:5000")];
    let families = on_both_ends(&result, Code::NoCommonFamily, Whose::Between);
    assert_eq!(families.remedies[0].code, RemedyCode::Ipv6);
    ends(
        &result,
        &Context::default(),
        Outcome::Bad,
        &["this side has only IPv4 and the other side only IPv6"],
    );
    let only = |family| Found {
        only_family: Some(family),
        ..Found::default()
    };
    let by_flag = Context {
        found: only(Family::Ipv4),
        peer_found: only(Family::Ipv6),
        ..Context::default()
    };
    let (causes, _) = causes_with(&result, &by_flag);
    assert!(
        causes[0]
            .message
            .starts_with("this side has only IPv4 (-4) and the other side only IPv6 (-6)"),
        "{causes:?}"
    );
    let remedy = &causes[0].remedies[0];
    assert_eq!(
        (remedy.code, remedy.side, remedy.message.as_str()),
        (
            RemedyCode::Policy,
            Whose::Both,
            "leaving out -4 on this side and -6 on the other side"
        )
    );
    result.remote.candidates.clear();
    on_both_ends(&result, Code::NoCandidates, Whose::Remote);
}

#[test]
fn by_policy() {
    let relay_only = Context {
        relay_only: true,
        ..Context::default()
    };
    let (causes, _) = causes_with(&relayed(), &relay_only);
    assert_eq!(
        (causes[0].code, causes[0].side),
        (Code::RelayOnly, Whose::Local)
    );
    // These NATs would not let it through either, so that leaving it out changes nothing.
    assert!(causes[0].remedies.is_empty(), "{causes:?}");
    let mut open = between((EIM, ADF), (EIM, ADF));
    open.state = PairState::Failed;
    let (causes, _) = causes_with(&open, &relay_only);
    assert_eq!(causes[0].remedies[0].code, RemedyCode::Policy);
}

#[test]
fn filters_are_named_as_far_as_they_are_known() {
    let known = between((APDM, APDF), (EIM, APDF));
    let cause_of = |result: &PairResult| {
        let cause = cause(result);
        assert_eq!(cause.code, Code::EndpointDependentMapping, "{cause:?}");
        (cause.message.clone(), cause.in_brief().to_owned())
    };
    let (message, brief) = cause_of(&known);
    assert!(
        message.ends_with("the other side's filter lets in only ports it has sent to"),
        "{message}"
    );
    assert!(
        brief.ends_with("the other side lets in only known ports"),
        "{brief}"
    );
    let mut unknown = known;
    unknown.remote.nats[0].filtering = Fact::not_tested(Reason::LeftOut);
    let (message, brief) = cause_of(&unknown);
    assert!(
        message.ends_with("the other side's filter may not let it in"),
        "{message}"
    );
    assert!(
        brief.ends_with("the other side may not let it in"),
        "{brief}"
    );
}

#[test]
fn a_late_direct_pair_is_no_failure() {
    let mut result = relayed();
    result.pairs[1] = answered(host(), their_srflx());
    let verdict = ends(
        &result,
        &Context::default(),
        Outcome::Good,
        &["A direct pair was answered too, 192.168.1.10:40000 <-> 198.51.100.7:50000"],
    );
    assert!(has(&verdict, "relayed-although-direct-works"));
    assert!(!has(&verdict, "direct-failed"));
    assert!(causes_with(&result, &Context::default()).0.is_empty());
}
