//! Checks that are refused by ICMP: who refuses is whose cause it is.

use std::net::{IpAddr, SocketAddr};

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::report::Severity;
use rtcdiag::commands::pair::report::PairResult;
use rtcdiag::commands::pair::verdict::Context;
use rtcdiag::proto::ice::candidate::{CandidateError, CandidateType};
use rtcdiag::proto::ice::causes::{
    Cause, Detour, Effect, Found, Refusal, Refused, RemedyCode, Whose,
};

use super::causes::{between, causes_with, mirrored, swapped};
use super::{ends, has};
use crate::support::pair_results::{
    ADF, APDF, APDM, EIM, candidate, direct, end, failing, host, ip, silent,
};

const THEIRS: &str = "198.51.100.7:50000";
const OURS: &str = "203.0.113.5:40000";

fn refusal(to: &str, by: Option<&str>, what: Refused) -> Found {
    let to: SocketAddr = to.parse().expect("an address");
    let by: Option<IpAddr> = by.map(ip);
    Found {
        refusals: vec![Refusal { to, by, what }],
        ..Found::default()
    }
}

/// Two NATs that would let everything through.
fn open() -> PairResult {
    between((EIM, ADF), (EIM, ADF))
}

/// The first cause, which is the same on both ends.
#[track_caller]
fn on_both_ends(result: &PairResult, found: &Found) -> Cause {
    let here = Context {
        found: found.clone(),
        peer_servers: Some(Vec::new()),
        ..Context::default()
    };
    let there = Context {
        peer_found: found.clone(),
        peer_servers: Some(Vec::new()),
        ..Context::default()
    };
    let own = causes_with(result, &here).0.remove(0);
    let other = causes_with(&mirrored(result), &there).0.remove(0);
    assert_eq!((own.code, own.side), (other.code, swapped(other.side)));
    own
}

#[test]
fn who_says_so_shows_whose_it_is() {
    for (by, what, side) in [
        (Some("198.51.100.7"), Refused::Port, Whose::Remote),
        (Some("198.51.100.7"), Refused::Prohibited, Whose::Remote),
        (Some("192.168.1.1"), Refused::Prohibited, Whose::Local),
        (Some("203.0.113.5"), Refused::Port, Whose::Local),
        (Some("192.0.2.77"), Refused::Prohibited, Whose::Between),
        (None, Refused::Port, Whose::Between),
    ] {
        let cause = on_both_ends(&open(), &refusal(THEIRS, by, what));
        assert_eq!(
            (cause.code, cause.side),
            (Code::Filtered, side),
            "{cause:?}"
        );
        assert!(cause.message.contains(what.name()), "{cause:?}");
        assert!(
            cause.message.contains(by.unwrap_or("somebody on the way")),
            "{cause:?}"
        );
        assert_eq!(cause.remedies[0].code, RemedyCode::OpenUdp);
        assert_eq!(cause.remedies[0].side, side);
        assert!(cause.evidence[0].starts_with("ICMP "), "{cause:?}");
    }
    // No host has the address, or no route leads to it: no firewall to be opened.
    let gone = refusal(THEIRS, Some("192.0.2.77"), Refused::Unreachable);
    let cause = on_both_ends(&open(), &gone);
    assert_eq!(
        (cause.code, cause.side),
        (Code::IcmpUnreachable, Whose::Between)
    );
    assert!(
        cause.message.contains("192.0.2.77 says that 198.51.100.7"),
        "{cause:?}"
    );
    // Both of them.
    let mut context = Context {
        found: refusal(THEIRS, Some("198.51.100.7"), Refused::Port),
        peer_found: refusal(OURS, Some("203.0.113.5"), Refused::Port),
        ..Context::default()
    };
    let both = causes_with(&open(), &context).0.remove(0);
    assert_eq!((both.code, both.side), (Code::Filtered, Whose::Both));
    // What went to a private address of another network may be anybody's answer.
    context.found = refusal(
        "192.168.2.10:50000",
        Some("192.168.1.1"),
        Refused::Unreachable,
    );
    context.peer_found = Found::default();
    let other = causes_with(&open(), &context).0.remove(0);
    assert!(!other.message.contains("ICMP"), "{other:?}");
}

/// A NAT that refuses what it has no mapping for is not the reason: that there is none is.
#[test]
fn a_mapping_is_the_weightier_cause() {
    let strict = between((APDM, APDF), (APDM, APDF));
    let found = refusal(THEIRS, Some("198.51.100.7"), Refused::Port);
    let cause = on_both_ends(&strict, &found);
    assert_eq!(cause.code, Code::EndpointDependentMapping);
}

/// Another program, of which nothing is known but its description.
#[test]
fn a_program_that_does_not_listen_needs_no_turn_server() {
    let mut result = open();
    result.remote.nats.clear();
    result.remote.nat = None;
    let context = Context {
        found: refusal(THEIRS, Some("198.51.100.7"), Refused::Port),
        manual: true,
        ..Context::default()
    };
    let cause = causes_with(&result, &context).0.remove(0);
    assert_eq!(
        (cause.code, cause.side),
        (Code::IcmpUnreachable, Whose::Remote)
    );
    assert!(
        cause.message.contains(
            "listens at 198.51.100.7:50000, as 198.51.100.7 says (ICMP port unreachable)"
        ),
        "{cause:?}"
    );
    let remedy = &cause.remedies[0];
    assert_eq!((remedy.effect, remedy.is_sure), (Effect::Direct, false));
    let verdict = ends(
        &result,
        &context,
        Outcome::Bad,
        &["nothing of the other side listens at", "running"],
    );
    assert!(!verdict.summary.contains("TURN"), "{}", verdict.summary);
    assert!(
        !verdict.summary.contains("not known"),
        "{}",
        verdict.summary
    );
}

/// The last address of a network of this host: the system sends nothing there.
#[test]
fn an_address_that_no_host_has_is_named() {
    let mut result = open();
    result.remote.nats.clear();
    result.remote.nat = None;
    result.remote.candidates = vec![candidate(CandidateType::Host, "192.168.1.255:50000")];
    let pair = silent(
        host(),
        end(CandidateType::Host, "192.168.1.255:50000"),
        1,
        None,
    );
    result.pairs = vec![failing(pair, "broadcast-address", "what the pair says")];
    let context = Context {
        manual: true,
        ..Context::default()
    };
    let cause = causes_with(&result, &context).0.remove(0);
    assert_eq!(
        (cause.code, cause.side),
        (Code::NoCandidates, Whose::Remote)
    );
    assert!(
        cause
            .message
            .contains("192.168.1.255 is a broadcast address"),
        "{cause:?}"
    );
    let verdict = ends(&result, &context, Outcome::Bad, &["192.168.1.255"]);
    assert!(has(&verdict, "peer-address-useless"));
    // Another pair works: it is by the way.
    let mut works = direct();
    works.pairs.extend(result.pairs.clone());
    let verdict = ends(&works, &context, Outcome::Good, &["Connected directly"]);
    let finding = verdict
        .findings
        .iter()
        .find(|f| f.code == Code::PeerAddressUseless);
    assert_eq!(finding.expect("it is there").severity, Severity::Info);
}

/// What cannot be sent to at all is left out, with the reason; the summary stays within three lines.
#[test]
fn addresses_that_are_left_out_are_the_cause_where_there_is_no_other() {
    for address in [
        "255.255.255.255:5",
        "224.0.0.5:5",
        "0.0.0.0:5",
        "[fe80::1]:5",
    ] {
        let mut result = open();
        result.remote.candidates.clear();
        result.remote.nats.clear();
        result.pairs.clear();
        let why = "that is not the address of a host".to_owned();
        let context = Context {
            left_out: vec![CandidateError::Useless(
                address.parse().expect("valid"),
                why,
            )],
            ..Context::default()
        };
        let cause = causes_with(&result, &context).0.remove(0);
        assert_eq!(
            (cause.code, cause.side),
            (Code::NoCandidates, Whose::Remote)
        );
        let verdict = ends(
            &result,
            &context,
            Outcome::Bad,
            &["no address that can be sent to"],
        );
        assert!(verdict.summary.len() < 240, "{}", verdict.summary);
    }
}

/// Routes that lead to the other side by another interface than to the servers, as with a VPN.
#[test]
fn a_way_of_its_own_is_that_sides_cause() {
    let found = Found {
        detour: Some(Detour {
            to: ip("198.51.100.7"),
            by: "wg0".to_owned(),
            usual: "eth0".to_owned(),
        }),
        ..Found::default()
    };
    let cause = on_both_ends(&open(), &found);
    assert_eq!((cause.code, cause.side), (Code::Filtered, Whose::Local));
    assert!(
        cause
            .message
            .contains("leaves by wg0, and to its servers by eth0"),
        "{cause:?}"
    );
    // What arrives does so whatever way it goes.
    let mut arrives = open();
    arrives.pairs[0].requests_arrived = Some(5);
    let lost = on_both_ends(&arrives, &found);
    assert_eq!(lost.code, Code::AnswersLost);
    // A mapping that depends on the endpoint is enough of a cause.
    let strict = between((APDM, APDF), (APDM, APDF));
    assert_eq!(
        on_both_ends(&strict, &found).code,
        Code::EndpointDependentMapping
    );
}
