//! What is said of results that the loopback does not give: several interfaces, both families, servers of no use.

use std::net::SocketAddr;

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::report::{ErrorReport, Finding, Verdict};
use rtcdiag::commands::nat::report::{NatResult, PathReport, ServerReport};
use rtcdiag::commands::nat::verdict::{Context, verdict};
use rtcdiag::proto::ice::interface::InterfaceKind;
use rtcdiag::proto::nat::behavior::Limits;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping, PathFacts, Udp};
use rtcdiag::proto::nat::loss::Loss;
use rtcdiag::proto::stun::uri::Transport;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A path over which UDP works, behind the usual NAT.
fn open(local: &str, interface: &str, seen: &str) -> PathReport {
    let facts = PathFacts {
        udp: Fact::Determined(Udp::Open),
        nat: Fact::Determined(true),
        reflexive_addresses: vec![address(seen)],
        mapping: Fact::Determined(Mapping::EndpointIndependent),
        filtering: Fact::Determined(Filtering::AddressAndPortDependent),
        ..PathFacts::not_tested(Reason::LeftOut)
    };
    PathReport::new(
        local.parse().expect("an address"),
        Some(interface.to_owned()),
        facts,
    )
}

fn silent(local: &str, interface: &str) -> PathReport {
    let mut path = open(local, interface, "203.0.113.5:1000");
    path.facts = PathFacts {
        udp: Fact::inconclusive(
            Reason::NoResponse,
            "one server was asked, and no answer came",
        ),
        ..PathFacts::not_tested(Reason::EarlierFailure)
    };
    path
}

fn blocked(local: &str, interface: &str) -> PathReport {
    let mut path = open(local, interface, "203.0.113.5:1000");
    path.set_blocked();
    path
}

fn server(uri: &str, at: &str, transport: Transport, error: Option<Code>) -> ServerReport {
    let mut server = ServerReport::new(uri.to_owned(), transport, Some(address(at)));
    server.error = error.map(|code| ErrorReport::new(code, "what was seen"));
    server
}

fn judge(paths: Vec<PathReport>, servers: Vec<ServerReport>) -> Verdict {
    let result = NatResult {
        paths,
        servers,
        ..NatResult::default()
    };
    verdict(&result, Context::default())
}

fn find(verdict: &Verdict, code: Code) -> &Finding {
    let mut found = verdict.findings.iter();
    found
        .find(|f| f.code == code)
        .unwrap_or_else(|| panic!("no {code:?} in {verdict:#?}"))
}

/// Programs that choose no interface get the default route, so that is what decides.
#[test]
fn of_several_interfaces_the_default_route_decides() {
    let judged = |first: PathReport, is_first_default| {
        let mut first = first;
        first.default_route = Some(is_first_default);
        let mut second = open("10.55.0.10", "wwan0", "203.0.115.100:2000");
        second.default_route = Some(!is_first_default);
        judge(vec![first, second], Vec::new())
    };
    let dead = judged(blocked("192.168.1.10", "eth0"), true);
    assert_eq!(dead.outcome, Outcome::Bad, "{dead:#?}");
    assert!(
        dead.summary.starts_with("UDP is blocked"),
        "{}",
        dead.summary
    );
    assert!(dead.summary.contains("wwan0"), "{}", dead.summary);
    let unknown = judged(silent("192.168.1.10", "eth0"), true);
    assert_eq!(unknown.outcome, Outcome::Inconclusive, "{unknown:#?}");
    let beside = judged(blocked("192.168.1.10", "eth0"), false);
    assert_eq!(beside.outcome, Outcome::Good, "{beside:#?}");
    assert!(
        beside.summary.starts_with("Calls connect"),
        "{}",
        beside.summary
    );
}

/// Most peers have IPv4, and of some it is all they have.
#[test]
fn ipv4_without_an_answer_is_said_beside_ipv6() {
    let over_v6 = || open("2001:db8:5::5", "eth0", "[2001:db8:5::5]:1000");
    for over_v4 in [
        silent("192.168.1.10", "eth0"),
        blocked("192.168.1.10", "eth0"),
    ] {
        let both = judge(vec![over_v4, over_v6()], Vec::new());
        assert!(
            both.summary.starts_with("Over IPv6 calls"),
            "{}",
            both.summary
        );
        assert!(both.summary.contains("IPv4 alone"), "{}", both.summary);
    }
    let alone = judge(vec![over_v6()], Vec::new());
    assert!(!alone.summary.contains("IPv4"), "{}", alone.summary);
}

/// Nothing is known of UDP where nobody was asked over it, and what became of the others is said.
#[test]
fn servers_over_tls_alone_that_fail() {
    for (error, code) in [
        (Code::Timeout, Code::ServerSilent),
        (Code::Refused, Code::ServerRefused),
        (Code::Tls, Code::ServerTls),
    ] {
        let uri = "stuns:stun.example.org:5349";
        let row = server(uri, "203.0.113.9:5349", Transport::Tls, Some(error));
        let found = judge(Vec::new(), vec![row]);
        assert_eq!(found.outcome, Outcome::Inconclusive, "{found:#?}");
        assert!(find(&found, code).hint.is_some());
        find(&found, Code::NoUdpServer);
        let summary = &found.summary;
        assert!(summary.contains("asked over UDP"), "{summary}");
        assert!(summary.contains(uri), "{summary}");
        assert!(!summary.contains("No server answered"), "{summary}");
    }
    // Tried over TCP in place of UDP: that is no server of its own.
    let rows = vec![
        server(
            "stun:a.example.org:3478",
            "203.0.113.9:3478",
            Transport::Udp,
            None,
        ),
        server(
            "stun:b.example.org:3478",
            "203.0.113.8:3478",
            Transport::Tcp,
            Some(Code::Refused),
        ),
    ];
    let path = open("192.168.1.10", "eth0", "203.0.113.5:1000");
    let found = judge(vec![path], rows);
    let refused = |f: &Finding| f.code == Code::ServerRefused;
    assert!(!found.findings.iter().any(refused), "{found:#?}");
}

/// A server whose answers are of no use has answered all the same.
#[test]
fn who_answers_in_vain_is_not_silent() {
    let hint = |error| {
        let mut path = open("192.168.1.10", "eth0", "203.0.113.5:1000");
        path.facts.mapping = Fact::inconclusive(Reason::SingleServer, "one server answered");
        let rows = vec![
            server(
                "stun:a.example.org:3478",
                "203.0.113.9:3478",
                Transport::Udp,
                None,
            ),
            server(
                "stun:b.example.org:3478",
                "203.0.113.8:3478",
                Transport::Udp,
                error,
            ),
        ];
        let found = judge(vec![path], rows);
        let hint = find(&found, Code::SingleServer).hint.clone();
        hint.expect("there is one")
    };
    let silent = hint(Some(Code::Timeout));
    assert!(silent.contains("did not answer"), "{silent}");
    for code in [
        Code::WrongSource,
        Code::Malformed,
        Code::StunError,
        Code::Untruthful,
        Code::SourceRewritten,
        Code::Translated,
    ] {
        let heard = hint(Some(code));
        assert!(!heard.contains("did not answer"), "{code:?}: {heard}");
    }
}

/// Many lost requests are a finding, which blames no more than what is proved.
#[test]
fn whose_loss_it_is_is_said_as_far_as_it_is_proved() {
    let of = |limits: Option<Limits>| {
        let mut path = open("192.168.1.10", "eth0", "203.0.113.5:1000");
        path.loss = Loss { sent: 30, lost: 12 };
        path.limits = limits;
        let verdict = judge(vec![path], Vec::new());
        let finding = find(&verdict, Code::PacketLoss).clone();
        assert!(
            verdict.summary.contains(&finding.message),
            "{}",
            verdict.summary
        );
        finding.message
    };
    let line = of(Some(Limits::Line { operators: 2 }));
    assert!(line.contains("it is this line"), "{line}");
    for operators in [1, 2] {
        let untold = of(Some(Limits::Untold { operators }));
        assert!(untold.contains("tell whether this line loses"), "{untold}");
        assert!(!untold.contains("calls will be poor"), "{untold}");
    }
    let at = "198.51.100.10".parse().expect("an address");
    let one = of(Some(Limits::Some(vec![at], Loss { sent: 20, lost: 12 })));
    assert!(one.contains("no loss of this line"), "{one}");
}

/// Two servers that see different things predict no calls.
#[test]
fn two_servers_that_differ_are_asked_for_a_third() {
    let mut path = open("192.168.1.10", "eth0", "203.0.113.5:1000");
    path.facts.mapping = Fact::inconclusive(Reason::TooFewServers, "a sees this, and b sees that");
    let verdict = judge(vec![path], Vec::new());
    let finding = find(&verdict, Code::Contradiction);
    assert!(finding.message.contains("b sees that"), "{finding:?}");
    let hint = finding.hint.as_deref().unwrap_or_default();
    assert!(hint.contains("third server"), "{hint}");
    let summary = &verdict.summary;
    assert!(summary.contains("it is not known with whom"), "{summary}");
    assert!(summary.contains("third one would tell"), "{summary}");
    assert_eq!(verdict.caveat, None);
}

/// What a reader may take for the only way out, and is not.
#[test]
fn other_ways_out_and_routes_into_a_vpn_are_named() {
    let mut path = open("192.168.1.10", "eth0", "203.0.113.5:1000");
    path.default_route = Some(true);
    let alone = judge(vec![path.clone()], Vec::new());
    let is_route = |f: &Finding| f.code == Code::NotDefaultRoute;
    assert!(!alone.findings.iter().any(is_route), "{alone:#?}");
    path.other_default_routes = vec!["wwan0".to_owned()];
    let two = judge(vec![path], Vec::new());
    let message = &find(&two, Code::NotDefaultRoute).message;
    assert!(message.contains("wwan0 has a default route"), "{message}");
    let mut path = open("10.9.0.2", "wg0", "203.0.113.5:1000");
    path.default_route = Some(false);
    path.interface_kind = Some(InterfaceKind::Vpn);
    let vpn = judge(vec![path], Vec::new());
    let message = &find(&vpn, Code::NotDefaultRoute).message;
    assert!(message.contains("a VPN judging by its name"), "{message}");
}

/// A time limit that ends first is no silence of the servers.
#[test]
fn a_time_limit_that_ended_first_says_nothing_of_the_servers() {
    let judged = |code| {
        let mut path = silent("192.168.1.10", "eth0");
        path.facts.udp = Fact::inconclusive(Reason::Timeout, "out of time");
        let uri = "stun:a.example.org:3478";
        let row = server(uri, "203.0.113.9:3478", Transport::Udp, Some(code));
        judge(vec![path], vec![row]).summary
    };
    let waited = judged(Code::NotWaitedFor);
    assert!(waited.starts_with("The time limit"), "{waited}");
    let refused = judged(Code::Refused);
    assert!(refused.contains("refuse"), "{refused}");
}
