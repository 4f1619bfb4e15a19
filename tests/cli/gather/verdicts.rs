//! What the candidates mean, and what they do not.

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Severity};
use rtcdiag::commands::gather::report::{GatherResult, GatherServerReport, RelayedReport, Status};
use rtcdiag::commands::gather::verdict::{Context, verdict};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::stun::uri::Transport;

use super::findings::{candidate, relay_server};

/// Where the application takes relayed candidates alone, the others carry no call.
#[test]
fn relayed_candidates_alone_and_none_of_them() {
    let alone = Context {
        relays_alone: true,
        ..Context::default()
    };
    let mut refused = relay_server("203.0.113.9:3478", "203.0.113.9:50000");
    refused.relayed.clear();
    refused.status = Status::Failed;
    refused.error = Some(ErrorReport::new(Code::Unauthorized, "error 401").with_hint("check it"));
    let mut stun = relay_server("203.0.113.8:3478", "203.0.113.8:50000");
    stun.relayed.clear();
    stun.is_turn = false;
    let mut silent = stun.clone();
    silent.status = Status::Failed;
    silent.error = Some(ErrorReport::new(Code::Timeout, "no answer").with_hint("wait"));
    let good = relay_server("203.0.113.9:3478", "203.0.113.9:50000");
    for (servers, expected) in [
        (vec![stun.clone()], Outcome::Bad),
        (vec![stun, refused], Outcome::Bad),
        // The application takes no reflexive candidate anyhow.
        (vec![silent, good], Outcome::Good),
    ] {
        let relayed = servers.iter().any(|s| !s.relayed.is_empty());
        let mut candidates = vec![
            candidate(CandidateType::Host, "192.168.1.5:1000", "eth0"),
            candidate(CandidateType::Srflx, "203.0.113.5:1000", "eth0"),
        ];
        if relayed {
            candidates[1] = candidate(CandidateType::Relay, "203.0.113.9:50000", "eth0");
        }
        let result = GatherResult {
            candidates,
            servers,
            ..GatherResult::default()
        };
        let verdict = verdict(&result, &alone);
        assert_eq!(verdict.outcome, expected, "{verdict:?}");
        let says_so = verdict.summary.contains("no call connects");
        assert_eq!(says_so, expected == Outcome::Bad, "{}", verdict.summary);
        let promises = verdict.summary.contains("direct path is found");
        assert!(!promises, "{}", verdict.summary);
    }
}

/// One relay that is of use is a relay, whatever another server's is like.
#[test]
fn a_flawed_relay_beside_a_faultless_one_is_a_warning() {
    let good = relay_server("203.0.113.9:3478", "203.0.113.9:50000");
    let mut flawed = relay_server("203.0.113.10:3478", "203.0.113.10:50000");
    flawed.uri = "turn:other.example.org:3478".to_owned();
    let relayed = |change: &dyn Fn(&mut RelayedReport)| {
        let mut server = flawed.clone();
        change(&mut server.relayed[0]);
        server
    };
    let closed = |r: &mut RelayedReport| {
        r.relays = Fact::inconclusive(Reason::NoResponse, "nothing came back");
        r.reachable = Fact::Determined(false);
        r.reachable_after_sending = Fact::Determined(false);
    };
    let others = [
        relayed(&closed),
        relayed(&|r| r.lacks = Some("LIFETIME")),
        relayed(&|r| r.is_changed = true),
        relayed(&|r| r.relays = Fact::inconclusive(Reason::EarlierFailure, "error 500")),
        relayed(&|r| r.address = Some("10.1.2.3:50000".parse().expect("an address"))),
    ];
    for other in others {
        let address = other.relayed[0].address.expect("there is one").to_string();
        let result = |servers: Vec<GatherServerReport>| GatherResult {
            candidates: vec![
                candidate(CandidateType::Host, "192.168.1.5:1000", "eth0"),
                candidate(CandidateType::Srflx, "203.0.113.5:1000", "eth0"),
                candidate(CandidateType::Relay, "203.0.113.9:50000", "eth0"),
                candidate(CandidateType::Relay, &address, "eth0"),
            ],
            servers,
            ..GatherResult::default()
        };
        let both = verdict(
            &result(vec![good.clone(), other.clone()]),
            &Context::default(),
        );
        assert_eq!(both.outcome, Outcome::Good, "{both:?}");
        assert_eq!(both.caveat, None, "{both:?}");
        assert!(both.summary.contains("have a relay"), "{}", both.summary);
        let warned = |f: &rtcdiag::base::report::Finding| f.severity == Severity::Warning;
        assert!(both.findings.iter().any(warned), "{both:?}");
    }
}

/// Over TCP alone it is not known whether UDP works here, so nothing is promised of the relay's ports.
#[test]
fn a_relay_over_tcp_that_udp_does_not_reach_is_undecided() {
    let mut server = relay_server("203.0.113.9:3478", "203.0.113.9:50000");
    server.transport = Transport::Tcp;
    server.relayed[0].reachable = Fact::Determined(false);
    server.relayed[0].reachable_after_sending = Fact::Determined(false);
    let result = GatherResult {
        candidates: vec![
            candidate(CandidateType::Host, "203.0.113.5:1000", "eth0"),
            candidate(CandidateType::Relay, "203.0.113.9:50000", "eth0"),
        ],
        servers: vec![server],
        ..GatherResult::default()
    };
    let verdict = verdict(&result, &Context::default());
    assert_eq!(verdict.outcome, Outcome::Good);
    assert_eq!(verdict.caveat, None);
    assert!(
        verdict.summary.contains("cannot be told from here"),
        "{}",
        verdict.summary
    );
}

fn row(uri: &str, at: &str, seen: Option<&str>) -> GatherServerReport {
    let mut server = relay_server(at, "203.0.113.9:50000");
    uri.clone_into(&mut server.uri);
    server.relayed.clear();
    server.is_turn = false;
    server.reflexive_address = seen.map(|seen| seen.parse().expect("an address"));
    server
}

/// A server that is asked over TLS promises no candidate for UDP. Where it is all there is and fails, nothing is good.
#[test]
fn the_only_server_fails_over_tls() {
    let uri = "stuns:stun.example.org:5349";
    let mut server = row(uri, "203.0.113.9:5349", None);
    server.transport = Transport::Tls;
    server.status = Status::Failed;
    server.error =
        Some(ErrorReport::new(Code::Refused, "connection refused").with_hint("look at it"));
    let mut result = GatherResult {
        candidates: vec![candidate(CandidateType::Host, "192.168.1.5:1000", "eth0")],
        servers: vec![server],
        ..GatherResult::default()
    };
    let found = verdict(&result, &Context::default());
    assert_eq!(found.outcome, Outcome::Bad, "{found:?}");
    assert!(found.summary.contains(uri), "{}", found.summary);
    assert!(found.findings.iter().any(|f| f.severity == Severity::Error));
    result
        .servers
        .push(row("stun:a.example.org", "203.0.113.8:3478", None));
    result
        .candidates
        .push(candidate(CandidateType::Srflx, "203.0.113.5:1000", "eth0"));
    let found = verdict(&result, &Context::default());
    assert_eq!(found.outcome, Outcome::Good, "{found:?}");
}

/// Only one external address with another port for each server looks like a mapping that depends on the destination.
#[test]
fn what_servers_see_differently_is_not_always_the_mapping() {
    let summary = |seen: &[(&str, &str)]| {
        let base = "192.168.1.5:1000".parse().expect("an address");
        let mut known: Vec<&str> = Vec::new();
        let mut candidates = vec![candidate(CandidateType::Host, "192.168.1.5:1000", "eth0")];
        for (_, address) in seen {
            if !known.contains(address) {
                known.push(address);
                let mut srflx = candidate(CandidateType::Srflx, address, "eth0");
                srflx.base = Some(base);
                candidates.push(srflx);
            }
        }
        let servers = seen.iter().map(|(at, address)| {
            let uri = format!("stun:{at}");
            row(&uri, at, Some(*address))
        });
        let result = GatherResult {
            candidates,
            servers: servers.collect(),
            ..GatherResult::default()
        };
        let found = verdict(&result, &Context::default());
        let code = Code::SeveralReflexiveAddresses;
        assert!(found.findings.iter().any(|f| f.code == code), "{found:?}");
        assert_eq!(found.outcome, Outcome::Good);
        found.summary
    };
    let (a, b, c) = ("203.0.113.7:3478", "203.0.113.8:3478", "203.0.113.9:3478");
    let needs = "with most people need";
    let by_port = summary(&[(a, "198.51.100.5:1000"), (b, "198.51.100.5:1001")]);
    assert!(by_port.contains(needs), "{by_port}");
    let by_address = summary(&[(a, "198.51.100.5:1000"), (b, "198.51.100.6:1000")]);
    assert!(!by_address.contains(needs), "{by_address}");
    let by_one = summary(&[
        (a, "198.51.100.5:1000"),
        (b, "198.51.100.5:1000"),
        (c, "198.51.100.5:7777"),
    ]);
    assert!(!by_one.contains(needs), "{by_one}");
}

/// The only server, or one that is silent for this network's sake, is not to be taken out.
#[test]
fn a_silent_server_is_taken_out_where_another_does_its_work() {
    let silent = |is_turn: bool| {
        let mut server = row("turn:a.example.org", "203.0.113.7:3478", None);
        server.is_turn = is_turn;
        server.status = Status::Failed;
        server.error = Some(ErrorReport::new(Code::Timeout, "no answer").with_hint("look"));
        server
    };
    let hint = |servers: Vec<GatherServerReport>| {
        let result = GatherResult {
            candidates: vec![
                candidate(CandidateType::Host, "192.168.1.5:1000", "eth0"),
                candidate(CandidateType::Srflx, "198.51.100.5:1000", "eth0"),
            ],
            servers,
            ..GatherResult::default()
        };
        let found = verdict(&result, &Context::default()).findings;
        let found = found.into_iter().find(|f| f.code == Code::Stragglers);
        found.and_then(|f| f.hint).expect("it is said, with a hint")
    };
    let stun = || row("stun:b.example.org", "203.0.113.8:3478", None);
    let removes = |hint: String| hint.contains("out of the configuration");
    assert!(removes(hint(vec![silent(false), stun()])));
    assert!(!removes(hint(vec![silent(true), stun()])));
    assert!(!removes(hint(vec![silent(true)])));
}

/// What a flag leaves out is not missing.
#[test]
fn no_address_of_the_family_asked_for() {
    let context = Context {
        families: vec![Family::Ipv6],
        ..Context::default()
    };
    let found = verdict(&GatherResult::default(), &context).findings;
    let found = found.iter().find(|f| f.code == Code::NoNetwork);
    let message = &found.expect("there is no address").message;
    assert!(
        message.contains("IPv6") && message.contains("-6"),
        "{message}"
    );
}
