//! Evidence that belongs to something else than the other side, or to another time: it names nobody.

use std::net::{IpAddr, SocketAddr};

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::report::ErrorReport;
use rtcdiag::commands::gather::report::GatherServerReport;
use rtcdiag::commands::pair::report::PairResult;
use rtcdiag::commands::pair::verdict::{Context, PeerEnd};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::causes::{Cause, Found, Refusal, Refused, RemedyCode, ServerFacts, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::stun::uri::Transport;

use super::blocked::without_udp;
use super::causes::{between, cause, causes_with, on_both_ends, relay_cause};
use super::ends;
use crate::support::pair_results::{
    ADF, APDF, APDM, EIM, candidate, failing, host, ip, own_relay, silent, silent_server, strict,
    their_host,
};

fn refused(to: &str, by: &str, what: Refused) -> Context {
    Context {
        found: Found {
            refusals: vec![Refusal {
                to: to.parse().expect("an address"),
                by: Some(ip(by)),
                what,
            }],
            ..Found::default()
        },
        ..Context::default()
    }
}

fn first(result: &PairResult, context: &Context) -> Cause {
    causes_with(result, context).0.remove(0)
}

/// Two NATs that would let everything through, in homes that have the same private network.
fn alike() -> PairResult {
    let mut result = between((EIM, ADF), (EIM, ADF));
    result.remote.candidates[0] = candidate(CandidateType::Host, "192.168.1.11:50000");
    result.pairs[1].remote.address = ip("192.168.1.11");
    result
}

#[test]
fn a_neighbour_that_is_not_found_rejects_nothing() {
    let itself = refused("192.168.1.11:50000", "192.168.1.10", Refused::Unreachable);
    let cause = first(&alike(), &itself);
    assert_eq!(
        (cause.code, cause.side),
        (Code::Filtered, Whose::Between),
        "{cause:?}"
    );
    assert!(!cause.message.contains("ICMP"), "{cause:?}");
    // Another router says so.
    let router = refused("192.168.1.11:50000", "192.168.1.1", Refused::Prohibited);
    assert_eq!(first(&alike(), &router).side, Whose::Local);
}

/// Public addresses of one subnet are of one network.
#[test]
fn neighbours_with_public_addresses_are_kept_apart() {
    let mut result = between((EIM, ADF), (EIM, ADF));
    let at = |side: &mut rtcdiag::commands::pair::report::SideReport, own: &str| {
        side.candidates = vec![candidate(CandidateType::Host, own)];
        let own: SocketAddr = own.parse().expect("an address");
        side.nats[0].nat = Fact::Determined(false);
        side.nats[0].local_address = own.ip();
        side.nats[0].reflexive_addresses = vec![own];
    };
    at(&mut result.local, "198.51.100.5:40000");
    at(&mut result.remote, "198.51.100.7:50000");
    result.pairs.truncate(1);
    let itself = refused("198.51.100.7:50000", "198.51.100.5", Refused::Unreachable);
    let cause = first(&result, &itself);
    assert_eq!(
        (cause.code, cause.side),
        (Code::ClientIsolation, Whose::Between),
        "{cause:?}"
    );
    let mut remedies = cause.remedies.iter();
    assert!(remedies.all(|remedy| remedy.code == RemedyCode::Isolation));
}

#[test]
fn what_is_said_of_servers_is_not_said_of_the_other_side() {
    let server = refused("192.0.2.99:3478", "203.0.113.1", Refused::Unreachable);
    let cause = first(&between((EIM, ADF), (EIM, ADF)), &server);
    assert_eq!(cause.code, Code::Filtered, "{cause:?}");
    assert!(!cause.message.contains("192.0.2.99"), "{cause:?}");
}

/// One local network, and its router refuses what is for its own public address.
#[test]
fn a_router_that_does_not_hairpin_is_no_firewall_of_both() {
    let mut result = alike();
    result.remote.nats[0].reflexive_addresses =
        vec!["203.0.113.5:50000".parse().expect("an address")];
    result.remote.candidates[1] = candidate(CandidateType::Srflx, "203.0.113.5:50000");
    result.pairs[0].remote.address = ip("203.0.113.5");
    // In the network this side's checks arrive, and nothing comes back.
    result.pairs[1].requests_arrived = Some(9);
    let router = refused("203.0.113.5:50000", "203.0.113.5", Refused::Port);
    let cause = first(&result, &router);
    assert_eq!(cause.code, Code::AnswersLost, "{cause:?}");
}

/// A server behind a load balancer, which sees everybody at the balancer's address.
#[test]
fn an_address_that_both_are_seen_at_by_one_server_alone_is_no_nat_of_both() {
    for shared in ["10.1.1.1", "192.0.2.99"] {
        let mut result = between((EIM, APDF), (APDM, APDF));
        for side in [&mut result.local, &mut result.remote] {
            let seen = SocketAddr::new(ip(shared), 41000);
            side.nats[0].reflexive_addresses.push(seen);
            side.nats[0].mapping = Fact::inconclusive(Reason::AddressPooling, "two addresses");
        }
        let cause = on_both_ends(&result, Code::Unknown, Whose::Between);
        assert!(!cause.message.contains(shared), "{cause:?}");
    }
    // A pool is of one network, and both sides may be behind it.
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.remote.nats[0].reflexive_addresses = vec!["203.0.113.9:50000".parse().expect("one")];
    for side in [&mut result.local, &mut result.remote] {
        let seen = "203.0.113.77:41000".parse().expect("an address");
        side.nats[0].reflexive_addresses.push(seen);
    }
    assert_eq!(cause(&result).code, Code::NoHairpinning);
}

#[test]
fn servers_that_see_a_socket_at_two_ports_show_its_mapping() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.local.nats.clear();
    let again = candidate(CandidateType::Srflx, "203.0.113.5:40001");
    result.local.candidates.push(again.clone());
    let cause = on_both_ends(&result, Code::EndpointDependentMapping, Whose::Local);
    assert!(
        cause.evidence[0].contains("40000 and 40001"),
        "{:?}",
        cause.evidence
    );
    // Another socket has a port of its own.
    let last = result.local.candidates.last_mut().expect("it was added");
    last.related_port = Some(40_002);
    assert_eq!(super::causes::cause(&result).code, Code::Unknown);
}

/// Its checks arrive, the other side's answers do not, nor do those of a server that answers the other side.
#[test]
fn a_firewall_that_lets_udp_out_alone_is_that_sides() {
    let mut result = strict();
    result.local.nats = vec![NatFacts::passing(
        rtcdiag::base::family::Family::Ipv4,
        ip("192.168.1.10"),
    )];
    result.local.candidates.truncate(1);
    result.pairs[0].requests_arrived = Some(9);
    let mut row = silent_server();
    row.is_turn = false;
    result.servers = vec![row];
    let server = ServerFacts {
        uri: "stun:192.0.2.30:3478".to_owned(),
        address: silent_server().address,
        transport: Transport::Udp,
        is_turn: false,
        error: None,
        detail: None,
    };
    let context = Context {
        peer_servers: Some(vec![server]),
        ..Context::default()
    };
    let (causes, relay) = causes_with(&result, &context);
    assert_eq!(
        (causes[0].code, causes[0].side),
        (Code::UdpBlocked, Whose::Local),
        "{causes:?}"
    );
    let tls = relay.iter().flat_map(|cause| &cause.remedies).next();
    let tls = tls.map(|remedy| (remedy.code, remedy.side));
    assert_eq!(tls, Some((RemedyCode::TurnTls, Whose::Local)), "{relay:?}");
}

fn tcp_row(code: Code) -> GatherServerReport {
    GatherServerReport {
        uri: "turn:turn.example.org:3478?transport=tcp".into(),
        transport: Transport::Tcp,
        error: Some(ErrorReport::new(code, "no answer")),
        ..silent_server()
    }
}

#[test]
fn a_server_that_was_found_at_another_port_is_what_helps() {
    let mut result = strict();
    result.servers = vec![tcp_row(Code::TlsElsewhere)];
    let cause = relay_cause(&result, &Context::default());
    assert!(!cause.message.contains("speaks TLS on that port"));
    assert!(
        cause.remedies[0]
            .message
            .starts_with("-s turns:turn.example.org:443"),
        "{cause:?}"
    );
}

/// Neither side's UDP gets out: a relay of one of them is no use to the other.
#[test]
fn where_both_are_blocked_both_need_a_relay() {
    let mut result = strict();
    without_udp(&mut result);
    result.local.nats = vec![NatFacts::blocked(
        result.local.nats[0].family,
        result.local.nats[0].local_address,
    )];
    result.local.candidates.truncate(1);
    result.servers = vec![silent_server()];
    let silent = rtcdiag::commands::pair::verdict::causes::server_facts(&silent_server());
    let context = Context {
        peer_servers: Some(vec![silent]),
        ..Context::default()
    };
    let cause = relay_cause(&result, &context);
    let wanted: Vec<(RemedyCode, Whose)> =
        cause.remedies.iter().map(|r| (r.code, r.side)).collect();
    assert_eq!(wanted, [(RemedyCode::TurnTls, Whose::Both)], "{cause:?}");
    // One has such a relay already.
    let relay = candidate(CandidateType::Relay, "192.0.2.30:61000");
    result.local.candidates.push(relay);
    result.pairs.push(silent_pair());
    let cause = relay_cause(
        &result,
        &Context {
            peer_servers: Some(Vec::new()),
            ..context
        },
    );
    assert_eq!(cause.remedies[0].side, Whose::Remote, "{cause:?}");
}

fn silent_pair() -> rtcdiag::commands::pair::report::PairReport {
    silent(own_relay(), their_host(), 7, Some(0))
}

/// Relays alone on one side, and a server that answers it and not the other side.
#[test]
fn a_policy_does_not_hide_that_udp_is_blocked() {
    let mut result = strict();
    without_udp(&mut result);
    result.local.candidates = vec![candidate(CandidateType::Relay, "192.0.2.30:61000")];
    result.pairs = vec![failing(silent_pair(), "no-response", "none")];
    let context = Context {
        relay_only: true,
        peer_servers: Some(Vec::new()),
        ..Context::default()
    };
    let cause = relay_cause(&result, &context);
    let remedy = &cause.remedies[0];
    assert_eq!(
        (remedy.code, remedy.side),
        (RemedyCode::TurnTls, Whose::Remote)
    );
}

/// A pool's relay has to be that of the side with the pool: others let in the one address that they were told.
#[test]
fn who_has_a_pool_needs_the_relay() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.local.nats[0].mapping = Fact::inconclusive(Reason::AddressPooling, "two addresses");
    let cause = relay_cause(
        &result,
        &Context {
            peer_servers: Some(Vec::new()),
            ..Context::default()
        },
    );
    let remedy = &cause.remedies[0];
    assert_eq!(
        (remedy.code, remedy.side),
        (RemedyCode::Turn, Whose::Local),
        "{cause:?}"
    );
}

#[test]
fn servers_that_were_not_waited_for_are_there() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.remote.nats.clear();
    result.remote.candidates.truncate(1);
    result.pairs.remove(0);
    let server = |error| ServerFacts {
        uri: "stun:192.0.2.30:3478".to_owned(),
        address: None,
        transport: Transport::Udp,
        is_turn: false,
        error,
        detail: None,
    };
    for (servers, said) in [
        (Vec::new(), "has no STUN server over UDP"),
        (
            vec![server(Some(Code::CutShort))],
            "got no answer from a STUN server in time",
        ),
        (
            vec![server(Some(Code::Dns))],
            "could not resolve the names of its servers",
        ),
    ] {
        let context = Context {
            peer_servers: Some(servers),
            ..Context::default()
        };
        let cause = first(&result, &context);
        assert!(cause.message.contains(said), "{cause:?}");
    }
}

/// Nothing shows that the other side has ever tried: no firewall is blamed for it.
#[test]
fn a_side_that_says_nothing_is_no_firewall() {
    let mut result = between((EIM, ADF), (EIM, ADF));
    result
        .local
        .candidates
        .push(candidate(CandidateType::Relay, "192.0.2.30:61000"));
    result.pairs = vec![
        failing(silent(host(), their_host(), 9, None), "no-response", "none"),
        failing(
            silent(own_relay(), their_host(), 9, None),
            "no-response",
            "none",
        ),
    ];
    let context = Context {
        peer_end: Some(PeerEnd::Mute),
        is_undecided: true,
        ..Context::default()
    };
    let said = "the other side was there and has said nothing of any check";
    ends(&result, &context, Outcome::Inconclusive, &[said]);
    let (direct, relay) = causes_with(&result, &context);
    let mut all = direct.iter().chain(&relay);
    assert!(
        all.all(|cause| cause.code == Code::Unknown),
        "{direct:?} {relay:?}"
    );
}

#[test]
fn the_broadcast_address_of_an_interface_is_not_its_own_one() {
    let own = if_addrs::get_if_addrs().expect("a system has interfaces");
    for interface in own {
        let ip: IpAddr = interface.ip();
        assert!(!rtcdiag::net::host::is_broadcast(ip), "{ip}");
    }
}
