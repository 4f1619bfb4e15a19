//! UDP that is blocked, or servers that are silent, as causes.

use std::net::SocketAddr;

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::Fact;
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Verdict};
use rtcdiag::commands::pair::report::PairResult;
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::commands::pair::verdict::{Context, verdict};
use rtcdiag::proto::ice::causes::{Cause, RemedyCode, ServerFacts, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping, Udp};
use rtcdiag::proto::stun::uri::Transport;

use super::causes::{between, cause, causes_with, on_both_ends};
use super::{ends, has, judged};
use crate::support::pair_results::{ADF, APDF, APDM, EIM, failing, ip, nat, silent_server, strict};

pub(super) fn without_udp(result: &mut PairResult) {
    let remote = &mut result.remote;
    remote.nats = vec![NatFacts::blocked(
        remote.nats[0].family,
        remote.nats[0].local_address,
    )];
    remote.candidates.truncate(1);
    result.pairs.remove(0);
}

#[test]
fn blocked_udp_is_said_where_nothing_contradicts_it() {
    let mut result = strict();
    without_udp(&mut result);
    on_both_ends(&result, Code::UdpBlocked, Whose::Remote);
    let words = "UDP is blocked on the other side";
    let verdict = ends(&result, &Context::default(), Outcome::Bad, &[words]);
    assert!(has(&verdict, "peer-udp-blocked"));
    result.pairs[0].requests_received = 1;
    let verdict = judged(&result);
    assert!(!verdict.summary.contains(words), "{}", verdict.summary);
}

/// The same server answers the one and not the other. One port of one server may be closed on the
/// way, which a second witness rules out.
#[test]
fn servers_that_answer_the_other_side_alone_prove_that_udp_is_blocked_here() {
    let mut result = strict();
    result.local.nats.clear();
    result.local.candidates.truncate(1);
    result.servers = vec![silent_server()];
    let server = |error| ServerFacts {
        uri: silent_server().uri,
        address: silent_server().address,
        transport: Transport::Udp,
        is_turn: true,
        error,
        detail: None,
    };
    let told = |error| Context {
        peer_servers: Some(vec![server(error)]),
        ..Context::default()
    };
    let (causes, _) = causes_with(&result, &told(None));
    assert_eq!(
        (causes[0].code, causes[0].side),
        (Code::NoCandidates, Whose::Local)
    );
    assert!(
        causes[0].message.contains("which answers the other side"),
        "{causes:?}"
    );
    // A relay that is reached over UDP may be of no use here.
    let mut stun = result.clone();
    stun.servers[0].is_turn = false;
    let (_, relay) = causes_with(&stun, &told(None));
    let over_tls = |cause: &Cause| {
        let mut remedies = cause.remedies.iter();
        remedies.any(|remedy| remedy.code == RemedyCode::TurnTls)
    };
    let plain = |cause: &Cause| {
        let mut remedies = cause.remedies.iter();
        remedies.any(|remedy| remedy.code == RemedyCode::Turn)
    };
    assert!(!relay.iter().any(plain), "{relay:?}");
    // A second port is silent, and ICMP shows that UDP gets out to it.
    let mut other_port = silent_server();
    other_port.address = Some("192.0.2.31:3488".parse().expect("an address"));
    other_port.error = Some(ErrorReport::new(Code::PortSilent, "no answer"));
    let mut two = result.clone();
    two.servers.push(other_port);
    let (causes, relay) = causes_with(&two, &told(None));
    assert_eq!(
        (causes[0].code, causes[0].side),
        (Code::UdpBlocked, Whose::Local)
    );
    assert!(causes.iter().chain(&relay).any(over_tls), "{relay:?}");
    // Reached over TCP, or silent as another one is.
    let mut over_tcp = silent_server();
    (over_tcp.transport, over_tcp.error) = (Transport::Tcp, None);
    let mut second = silent_server();
    second.address = second.address.map(|at| SocketAddr::new(at.ip(), 443));
    let both = Context {
        peer_servers: Some(vec![
            server(None),
            ServerFacts {
                address: second.address,
                ..server(None)
            },
        ]),
        ..Context::default()
    };
    for (row, context) in [(over_tcp.clone(), told(None)), (second, both)] {
        let mut result = result.clone();
        result.servers.push(row);
        let (causes, _) = causes_with(&result, &context);
        assert_eq!(
            (causes[0].code, causes[0].side),
            (Code::UdpBlocked, Whose::Local)
        );
        assert!(
            causes[0].evidence[0].contains("answers the other side"),
            "{causes:?}"
        );
    }
    // What gets through elsewhere refutes it.
    let mut passing = result.clone();
    passing.servers.push(over_tcp);
    passing.local.nats = vec![NatFacts::passing(Family::Ipv4, ip("192.168.1.10"))];
    let (causes, _) = causes_with(&passing, &told(None));
    assert_eq!(causes[0].code, Code::NoCandidates);
    let (causes, _) = causes_with(&result, &told(Some(Code::Timeout)));
    assert_ne!(causes[0].code, Code::UdpBlocked);
}

/// One of the other side's that answers it.
fn peers_server() -> ServerFacts {
    ServerFacts {
        uri: "stun:stun.example.net:3478".to_owned(),
        address: Some("198.51.100.1:3478".parse().expect("an address")),
        transport: Transport::Udp,
        is_turn: false,
        error: None,
        detail: None,
    }
}

/// This side's own server is down, and one of the other side's answers it.
#[test]
fn the_other_sides_server_is_advised_where_it_helps() {
    let of = |theirs: (Mapping, Filtering), seen: NatFacts| {
        let mut result = between((EIM, APDF), theirs);
        result.local.nats = vec![seen];
        result.local.candidates.truncate(1);
        result.servers = vec![silent_server()];
        let context = Context {
            peer_servers: Some(vec![peers_server()]),
            ..Context::default()
        };
        let result = with_causes(result, &context);
        (result.causes.clone(), verdict(&result, &context).summary)
    };
    let measured = nat("192.168.1.10", "203.0.113.5", EIM, APDF);
    let (causes, summary) = of((EIM, APDF), measured);
    assert_eq!(
        (causes[0].code, causes[0].side),
        (Code::NoCandidates, Whose::Local)
    );
    assert!(
        causes[0]
            .message
            .contains("is answered by stun:stun.example.net:3478"),
        "{causes:?}"
    );
    assert!(causes[0].remedies[0].is_sure, "{causes:?}");
    // It costs nothing, unlike a TURN server.
    assert!(
        summary.contains("-s stun:stun.example.net:3478"),
        "{summary}"
    );
    let strict = nat("192.168.1.10", "203.0.113.5", APDM, APDF);
    let (causes, summary) = of((APDM, APDF), strict);
    assert_eq!(causes[0].code, Code::NoCandidates);
    assert!(causes[0].remedies.is_empty(), "{causes:?}");
    assert!(summary.contains("TURN server"), "{summary}");
}

/// Where no name resolved, no server was asked, and none was silent.
#[test]
fn names_that_do_not_resolve_are_not_silent_servers() {
    let mut result = between((EIM, APDF), (EIM, APDF));
    result.local.nats = vec![nat("192.168.1.10", "203.0.113.5", EIM, APDF)];
    result.local.candidates.truncate(1);
    let mut own = silent_server();
    own.address = None;
    own.error = Some(ErrorReport::new(Code::Dns, "no such name"));
    result.servers = vec![own];
    let context = Context {
        peer_servers: Some(vec![peers_server()]),
        ..Context::default()
    };
    let causes = with_causes(result, &context).causes;
    let message = &causes[0].message;
    assert!(
        message.contains("could not resolve turn.example.org"),
        "{message}"
    );
    assert!(!message.contains("no answer"), "{message}");
}

/// The first tries were lost, and the NAT tests were answered by the same server.
#[test]
fn a_server_is_not_compared_with_itself() {
    for error in [Code::Timeout, Code::StunSwitchedOff] {
        let mut result = between((EIM, APDF), (EIM, APDF));
        result.local.nats = vec![nat("192.168.1.10", "203.0.113.5", EIM, APDF)];
        result.local.candidates.truncate(1);
        let mut own = silent_server();
        own.error = Some(ErrorReport::new(error, "no answer"));
        result.servers = vec![own];
        let context = Context {
            peer_servers: Some(vec![ServerFacts {
                uri: silent_server().uri,
                address: silent_server().address,
                is_turn: true,
                ..peers_server()
            }]),
            ..Context::default()
        };
        let result = with_causes(result, &context);
        let message = &result.causes[0].message;
        assert!(!message.contains("is answered by"), "{message}");
        assert!(message.contains("NAT tests were answered"), "{message}");
        let remedies = &result.causes[0].remedies;
        let uri = silent_server().uri;
        assert!(
            remedies.iter().all(|r| !r.message.contains(&uri)),
            "{remedies:?}"
        );
    }
}

#[test]
fn servers_that_are_silent_since_udp_is_blocked_are_not_blamed() {
    let mut result = strict();
    result.servers = vec![silent_server()];
    let blames = |verdict: &Verdict| {
        let uri = &silent_server().uri;
        let mut findings = verdict.findings.iter();
        findings.any(|f| f.code == Code::ServerSilent && f.message.contains(uri))
    };
    assert!(blames(&judged(&result)));
    result.local.nats[0].udp = Fact::Determined(Udp::Blocked);
    let verdict = judged(&result);
    assert!(has(&verdict, "udp-blocked"));
    assert!(!blames(&verdict), "{:?}", verdict.findings);
}

#[test]
fn a_firewall_of_its_own_that_lets_no_udp_out_blocks_udp() {
    let mut result = between((EIM, ADF), (EIM, ADF));
    for pair in &mut result.pairs {
        *pair = failing(pair.clone(), "not-permitted", "what the pair says");
    }
    result.local.nats = vec![NatFacts::blocked(Family::Ipv4, ip("192.168.1.10"))];
    result.local.candidates.truncate(1);
    let blocked = cause(&result);
    assert_eq!(
        (blocked.code, blocked.side),
        (Code::UdpBlocked, Whose::Local)
    );
    assert!(blocked.message.contains("own machine"), "{blocked:?}");
}
