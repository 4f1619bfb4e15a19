//! What passes one way alone, or on another way than the one that servers see.

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::report::ErrorReport;
use rtcdiag::commands::pair::report::PairResult;
use rtcdiag::commands::pair::verdict::Context;
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::causes::{Cause, Detour, Found, RemedyCode, ServerFacts, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::nat::behavior::words::Mapping;
use rtcdiag::proto::stun::uri::Transport;

use super::causes::{EIF, between, causes_with, mirrored, relay_cause};
use super::{ends, has};
use crate::support::pair_results::{
    ADF, APDF, APDM, EIM, answered, candidate, end, failing, host, ip, quality, relayed,
    silent_server, strict, their_srflx,
};

fn first(result: &PairResult, context: &Context) -> Cause {
    causes_with(result, context).0.remove(0)
}

fn told_servers() -> Context {
    Context {
        peer_servers: Some(Vec::new()),
        ..Context::default()
    }
}

/// The other side's checks come in, and the firewall of this host lets nothing out.
#[test]
fn who_hears_the_other_side_may_not_get_out() {
    let mut result = between((EIM, EIF), (EIM, APDF));
    result.local.nats = vec![NatFacts::blocked(
        result.local.nats[0].family,
        ip("192.168.1.10"),
    )];
    result.local.candidates.truncate(1);
    for pair in &mut result.pairs {
        *pair = failing(
            pair.clone(),
            "not-permitted",
            "the system does not let it out",
        );
        pair.requests_sent = 0;
        pair.requests_arrived = None;
        pair.requests_received = 4;
    }
    let cause = first(&result, &told_servers());
    assert_eq!(
        (cause.code, cause.side),
        (Code::UdpBlocked, Whose::Local),
        "{cause:?}"
    );
    assert!(cause.message.contains("its own machine"), "{cause:?}");
    let relay = relay_cause(&result, &told_servers());
    let remedy = &relay.remedies[0];
    assert_eq!(
        (remedy.code, remedy.side),
        (RemedyCode::TurnTls, Whose::Local),
        "{relay:?}"
    );
    // Where the system says nothing, the servers do; at the other end as well.
    for pair in &mut result.pairs {
        pair.failure = None;
        pair.requests_sent = 9;
        pair.requests_arrived = Some(0);
    }
    for (result, side) in [
        (result.clone(), Whose::Local),
        (mirrored(&result), Whose::Remote),
    ] {
        let cause = first(&result, &told_servers());
        assert_eq!(
            (cause.code, cause.side),
            (Code::UdpBlocked, side),
            "{cause:?}"
        );
        assert!(cause.message.contains("gets out"), "{cause:?}");
    }
}

/// By its NAT test nothing comes in, and there was no time to ask the servers of the session.
#[test]
fn who_gets_out_may_hear_nobody() {
    let mut result = between((EIM, EIF), (EIM, APDF));
    result.local.nats = vec![NatFacts::blocked(
        result.local.nats[0].family,
        ip("192.168.1.10"),
    )];
    result.local.candidates.truncate(1);
    result.pairs[0].requests_arrived = Some(9);
    let cause = first(&result, &told_servers());
    assert_eq!(
        (cause.code, cause.side),
        (Code::UdpBlocked, Whose::Local),
        "{cause:?}"
    );
    assert!(cause.message.contains("does not get in"), "{cause:?}");
}

/// Checks of both sides arrive, and the answers one way alone.
#[test]
fn answers_may_be_lost_one_way() {
    let mut result = between((EIM, ADF), (EIM, ADF));
    result.pairs[0].requests_arrived = Some(9);
    result.pairs[0].requests_received = 7;
    let answered_there = |count| Context {
        peer_found: Found {
            answered: count,
            ..Found::default()
        },
        ..Context::default()
    };
    let said = |count| first(&result, &answered_there(count)).message;
    assert!(said(Some(0)).ends_with("no answer comes back to either"));
    assert!(said(None).ends_with("none of this side's is answered"));
    assert!(
        said(Some(5)).contains("something on the way to this side drops answers"),
        "{}",
        said(Some(5))
    );
    // The other end of that.
    result.pairs[0] = answered(host(), their_srflx());
    for is_relayed in [false, true] {
        let mut result = result.clone();
        if is_relayed {
            result = PairResult {
                pairs: result.pairs,
                ..relayed()
            };
        }
        let cause = first(&result, &answered_there(Some(0)));
        assert_eq!(
            (cause.code, cause.side),
            (Code::AnswersLost, Whose::Between)
        );
        assert!(
            cause.message.contains("on the way to the other side"),
            "{cause:?}"
        );
    }
}

#[test]
fn loss_is_no_firewall() {
    let mut result = between((EIM, ADF), (EIM, ADF));
    result.pairs[0].requests_sent = 94;
    result.pairs[0].requests_arrived = Some(3);
    result.pairs[0].requests_received = 2;
    let cause = first(&result, &Context::default());
    assert!(
        cause.message.contains("3 of this side's 94 checks arrived"),
        "{cause:?}"
    );
}

/// Servers are reached through a VPN whose NAT is symmetric, and the other side is not.
#[test]
fn the_nat_of_another_way_is_no_cause() {
    let result = between((APDM, APDF), (EIM, APDF));
    let context = Context {
        found: Found {
            detour: Some(Detour {
                to: ip("198.51.100.7"),
                by: "eth0".to_owned(),
                usual: "tun0".to_owned(),
            }),
            ..Found::default()
        },
        ..Context::default()
    };
    let cause = first(&result, &context);
    assert_eq!((cause.code, cause.side), (Code::Filtered, Whose::Local));
    assert!(cause.message.contains("leaves by eth0"), "{cause:?}");
    // What the other side's NAT does holds on any way.
    let theirs = between((EIM, APDF), (APDM, APDF));
    assert_eq!(
        first(&theirs, &context).code,
        Code::EndpointDependentMapping
    );
}

/// A filter that lets everybody in minds no new port.
#[test]
fn a_mapping_that_nobody_minds_is_no_cause() {
    let mut result = between((APDM, APDF), (EIM, EIF));
    let again = candidate(CandidateType::Srflx, "203.0.113.5:40001");
    result.local.candidates.push(again);
    let cause = first(&result, &Context::default());
    assert_ne!(cause.code, Code::EndpointDependentMapping, "{cause:?}");
    let mapping = |cause: &Cause| {
        let mut remedies = cause.remedies.iter();
        remedies.any(|remedy| remedy.code == RemedyCode::Mapping)
    };
    assert!(!mapping(&cause), "{cause:?}");
    assert_eq!(
        result.local.nats[0].mapping.value(),
        Some(&Mapping::AddressAndPortDependent)
    );
}

/// In one local network what does not get in is stopped by the machine itself.
#[test]
fn a_neighbour_that_hears_nothing_has_a_firewall() {
    let mut result = between((EIM, ADF), (EIM, ADF));
    result.remote.candidates[0] = candidate(CandidateType::Host, "192.168.1.11:50000");
    result.pairs[1].remote = end(CandidateType::Host, "192.168.1.11:50000");
    result.pairs[1].requests_received = 6;
    let cause = first(&result, &Context::default());
    assert_eq!(
        (cause.code, cause.side),
        (Code::AnswersLost, Whose::Remote),
        "{cause:?}"
    );
    assert!(
        cause.message.contains("most likely the firewall"),
        "{cause:?}"
    );
    assert_eq!(cause.remedies[0].code, RemedyCode::OpenUdp);
}

/// Servers answer both over UDP: a TURN server will, too.
#[test]
fn who_is_answered_over_udp_needs_no_tls() {
    let result = between((EIM, ADF), (EIM, ADF));
    let cause = relay_cause(&result, &told_servers());
    let remedy = &cause.remedies[0];
    assert_eq!(
        (remedy.code, remedy.is_sure),
        (RemedyCode::Turn, false),
        "{cause:?}"
    );
}

/// The server of one side gives nothing: the other side's relay has the right family all the same.
#[test]
fn who_has_no_candidate_has_no_wrong_family() {
    let mut result = strict();
    result.local.candidates.clear();
    result.pairs.clear();
    let mut row = silent_server();
    row.error = Some(ErrorReport::new(Code::Unauthorized, "error 401"));
    result.servers = vec![row];
    let relay = candidate(CandidateType::Relay, "192.0.2.30:61000");
    result.remote.candidates.push(relay);
    let context = Context {
        relay_only: true,
        ..told_servers()
    };
    let (_, relays) = causes_with(&result, &context);
    let codes: Vec<(Code, Whose)> = relays.iter().map(|one| (one.code, one.side)).collect();
    assert_eq!(codes, [(Code::TurnRefused, Whose::Local)], "{relays:?}");
}

#[test]
fn servers_that_were_silent_to_the_end_were_not_late() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.remote.nats.clear();
    result.remote.candidates.truncate(1);
    result.pairs.remove(0);
    let server = |uri: &str, transport, error| ServerFacts {
        uri: uri.to_owned(),
        address: Some("192.0.2.30:3478".parse().expect("an address")),
        transport,
        is_turn: false,
        error,
        detail: None,
    };
    let mut servers = vec![server(
        "stun:192.0.2.30",
        Transport::Udp,
        Some(Code::Timeout),
    )];
    let said = |servers: &[ServerFacts]| {
        first(
            &result,
            &Context {
                peer_servers: Some(servers.to_vec()),
                ..Context::default()
            },
        )
    };
    let cause = said(&servers);
    assert!(
        cause
            .message
            .contains("got no answer over UDP from the servers that it asked"),
        "{cause:?}"
    );
    servers.push(server(
        "turn:192.0.2.30?transport=tcp",
        Transport::Tcp,
        None,
    ));
    assert_eq!(said(&servers).remedies[0].code, RemedyCode::OpenUdp);
}

/// The cause stands, and what is not known for want of the rendezvous is said.
#[test]
fn a_rendezvous_that_is_lost_takes_no_cause_away() {
    let context = Context {
        lost_rendezvous: Some(ErrorReport::new(Code::Refused, "connection refused")),
        ..Context::default()
    };
    let verdict = ends(
        &strict(),
        &context,
        Outcome::Bad,
        &["both sides' NATs are symmetric"],
    );
    assert!(has(&verdict, "rendezvous-failed"));
}

#[test]
fn loss_is_said_before_other_things() {
    let mut result = relayed();
    result.quality = Some(quality(140, 40, 23_000, 1_200));
    ends(
        &result,
        &Context::default(),
        Outcome::Good,
        &["71.4 % loss"],
    );
}
