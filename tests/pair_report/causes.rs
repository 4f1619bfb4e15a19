//! Why a connection is relayed, or did not come about: only what the records of both sides prove.

use rtcdiag::exit::Outcome;
use rtcdiag::fact::Fact;
use rtcdiag::ice::candidate::CandidateType;
use rtcdiag::nat::behavior::Udp;
use rtcdiag::report::Verdict;
use rtcdiag::report::pair::{CheckState, Context, PairResult, PairState};

use super::pair_results::{
    ADF, APDF, APDM, EIM, answered, candidate, failing, host, own_relay, relayed, session, silent,
    silent_server, strict, their_host, their_srflx,
};
use super::{ends, has, judged};

#[test]
fn why_direct_failed_is_what_the_records_prove() {
    let context = Context::default();
    let with = |change: &dyn Fn(&mut PairResult)| {
        let mut result = strict();
        change(&mut result);
        result
    };
    let bad = |result: &PairResult, words: &[&str]| ends(result, &context, Outcome::Bad, words);
    bad(
        &strict(),
        &[
            "none of this side's 18 checks arrived, and none of the other side's came",
            "between these NATs",
            "no side has a relayed candidate",
        ],
    );
    // With NATs that should have let it through, they are not blamed.
    let firewalled = with(&|r| {
        let plain = session((EIM, ADF), (EIM, ADF));
        (r.local, r.remote) = (plain.local, plain.remote);
    });
    let verdict = bad(&firewalled, &["none of this side's 18 checks arrived"]);
    assert!(!verdict.summary.contains("NAT"), "{}", verdict.summary);
    // Nor where both are behind one, which is known to be in the way only inside.
    let together = with(&|r| {
        let plain = session((EIM, ADF), (EIM, ADF));
        (r.local, r.remote) = (plain.local.clone(), plain.remote);
        r.remote.nats[0].reflexive_addresses = plain.local.nats[0].reflexive_addresses.clone();
    });
    let verdict = bad(&together, &["none of this side's 18 checks arrived"]);
    let finding = verdict.findings.iter().find(|f| f.code == "direct-failed");
    let message = &finding.expect("it is there").message;
    assert!(
        message.contains("Both sides have the public address 203.0.113.5"),
        "{message}"
    );
    // Nothing is said of what the other side did not tell.
    let untold = with(&|r| r.pairs.iter_mut().for_each(|p| p.requests_arrived = None));
    bad(&untold, &["whether they arrived is not known"]);
    let half = with(&|r| r.pairs[0].requests_arrived = None);
    bad(
        &half,
        &["none of this side's 18 checks is known to have arrived"],
    );
    let one_way = with(&|r| r.pairs[0].requests_arrived = Some(9));
    let verdict = bad(
        &one_way,
        &["9 of this side's 18 checks arrived, but neither answers"],
    );
    assert!(!verdict.summary.contains("none of"), "{}", verdict.summary);
    let other_way = with(&|r| r.pairs[0].requests_received = 4);
    bad(
        &other_way,
        &["the other side's checks arrive here, but none of this side's 18"],
    );
    let both = with(&|r| {
        r.pairs[0].requests_received = 4;
        r.pairs[1].requests_arrived = Some(2);
    });
    bad(
        &both,
        &["2 of this side's 18 checks arrived and the other side's arrive"],
    );
    for (code, words) in [
        ("not-permitted", "a firewall of this host lets no check out"),
        ("unreachable", "this host has no route"),
        ("icmp-unreachable", "ICMP"),
        ("role-conflict", "what the pair says"),
        ("answer-from-elsewhere", "what the pair says"),
        ("cut-short", "not checked to the end"),
        ("peer-gone", "the other side went away"),
    ] {
        let result = with(&|r| {
            for pair in &mut r.pairs {
                *pair = failing(pair.clone(), code, "what the pair says");
            }
        });
        bad(&result, &[words]);
        // One of two explains nothing where the other one was silent.
        if [
            "not-permitted",
            "unreachable",
            "icmp-unreachable",
            "cut-short",
        ]
        .contains(&code)
        {
            let mut half = strict();
            half.pairs[0] = failing(half.pairs[0].clone(), code, "what the pair says");
            bad(&half, &["none of this side's 18 checks arrived"]);
        }
    }
}

#[test]
fn without_anything_in_common() {
    let mut result = strict();
    result.pairs.clear();
    result.remote.candidates = vec![candidate(CandidateType::Host, "[2001:db8::2]:5000")];
    ends(
        &result,
        &Context::default(),
        Outcome::Bad,
        &["no address family in common: this side has IPv4 and the other side IPv6"],
    );
    result.remote.candidates.clear();
    ends(
        &result,
        &Context::default(),
        Outcome::Bad,
        &["the other side told no addresses"],
    );
}

#[test]
fn blocked_udp_is_said_where_nothing_contradicts_it() {
    let mut result = strict();
    result.remote.nats[0].udp = Fact::Determined(Udp::Blocked);
    let words = "UDP is blocked on the other side";
    let verdict = ends(&result, &Context::default(), Outcome::Bad, &[words]);
    assert!(has(&verdict, "peer-udp-blocked"));
    result.pairs[0].requests_received = 1;
    let verdict = judged(&result);
    assert!(!verdict.summary.contains(words), "{}", verdict.summary);
}

#[test]
fn servers_that_are_silent_since_udp_is_blocked_are_not_blamed() {
    let mut result = strict();
    result.servers = vec![silent_server()];
    let blames = |verdict: &Verdict| {
        let uri = &silent_server().uri;
        verdict.findings.iter().any(|f| f.message.contains(uri))
    };
    assert!(blames(&judged(&result)));
    result.local.nats[0].udp = Fact::Determined(Udp::Blocked);
    let verdict = judged(&result);
    assert!(has(&verdict, "udp-blocked"));
    assert!(!blames(&verdict), "{:?}", verdict.findings);
}

#[test]
fn relays_that_do_not_help() {
    let mut result = relayed();
    result.state = PairState::Failed;
    (result.path, result.selected, result.quality) = (None, None, None);
    let context = Context::default();
    let silence = silent(own_relay(), their_srflx(), 7, Some(0));
    result.pairs[0] = failing(silence, "no-response", "no answer to 7 checks");
    // A private address that is forbidden explains nothing where a public one was checked.
    let verdict = ends(
        &result,
        &context,
        Outcome::Bad,
        &["through the relay none of this side's 7 checks arrived"],
    );
    assert!(has(&verdict, "relay-failed"));
    result.pairs.remove(0);
    ends(&result, &context, Outcome::Bad, &["forbids the addresses"]);
    result.pairs.pop();
    ends(
        &result,
        &context,
        Outcome::Bad,
        &["address families differ"],
    );
}

#[test]
fn answers_from_elsewhere_are_those_of_nats_where_they_are_to_be_expected() {
    let mut result = strict();
    let hint_of = |result: &PairResult| {
        let verdict = judged(result);
        let finding = verdict
            .findings
            .into_iter()
            .find(|f| f.code == "direct-failed");
        finding.and_then(|f| f.hint).expect("it has a hint")
    };
    let pair = result.pairs[0].clone();
    result.pairs[0] = failing(pair, "answer-from-elsewhere", "from elsewhere");
    assert!(hint_of(&result).contains("endpoint-independent mapping"));
    let plain = session((EIM, ADF), (EIM, ADF));
    (result.local, result.remote) = (plain.local, plain.remote);
    assert!(hint_of(&result).contains("the other side, or a NAT before it"));
}

#[test]
fn a_late_direct_pair_is_no_failure() {
    let mut result = relayed();
    result.pairs[1] = answered(host(), their_srflx());
    let verdict = ends(
        &result,
        &Context::default(),
        Outcome::Good,
        &["a direct pair was answered too, 192.168.1.10:40000 <-> 198.51.100.7:50000"],
    );
    assert!(has(&verdict, "relayed-although-direct-works"));
    assert!(!has(&verdict, "direct-failed"));
}

#[test]
fn a_pair_that_was_answered_and_did_not_become_the_way() {
    let mut result = session((EIM, APDF), (APDM, ADF));
    result.pairs = vec![answered(host(), their_host())];
    assert_eq!(result.pairs[0].state, CheckState::Succeeded);
    ends(
        &result,
        &Context::default(),
        Outcome::Bad,
        &["a check was answered, but the pair did not become valid"],
    );
}
