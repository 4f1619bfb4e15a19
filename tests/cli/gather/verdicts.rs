//! What the candidates mean, and what they do not.

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
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
