//! What is said of what was found, and what is advised.

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Finding};
use rtcdiag::base::stage::Stage;
use rtcdiag::commands::turn::report::{
    AuthenticationReport, TransportReport, TransportStatus, TurnResult,
};
use rtcdiag::commands::turn::verdict::{Context, verdict};
use rtcdiag::proto::stun::uri::Transport;

/// A server that relays over TCP, and whose UDP, which the URI leaves open, fails so.
fn findings(over_udp: ErrorReport) -> Vec<Finding> {
    let address = "203.0.113.9:3478".parse().expect("an address");
    let mut udp = TransportReport::new(Transport::Udp, false);
    udp.address = Some(address);
    udp.family = Some(Family::Ipv4);
    udp.fail(Stage::Allocate, over_udp);
    let mut tcp = TransportReport::new(Transport::Tcp, false);
    tcp.address = Some(address);
    tcp.family = Some(Family::Ipv4);
    tcp.status = TransportStatus::Ok;
    tcp.relayed_address = Some("203.0.113.9:50000".parse().expect("an address"));
    tcp.relay_to_relay.works = Fact::Determined(true);
    tcp.to_reflexive.works = Fact::Determined(false);
    let result = TurnResult {
        uri: "turn:203.0.113.9:3478".to_owned(),
        transports: vec![udp, tcp],
        authentication: AuthenticationReport {
            unauthenticated_refused: Fact::Determined(true),
            wrong_password_refused: Fact::Determined(true),
            credentials_expire: None,
        },
        relays_ipv4: Fact::Determined(true),
        relays_ipv6: Fact::not_tested(Reason::LeftOut),
        policy: Vec::new(),
    };
    verdict(&result, &Context::default()).findings
}

fn hint_of(findings: &[Finding], code: Code) -> &str {
    let found = findings.iter().find(|f| f.code == code);
    let found = found.unwrap_or_else(|| panic!("no {code:?} in {findings:#?}"));
    found.hint.as_deref().expect("there is a hint")
}

/// Who has found why UDP does not work is not to guess at it below.
#[test]
fn what_was_found_has_its_own_remedy() {
    for code in [
        Code::Forbidden,
        Code::Rejected,
        Code::TurnSilent,
        Code::PortSilent,
        Code::Refused,
    ] {
        let found = findings(ErrorReport::new(code, "what was found").with_hint("the remedy"));
        assert_eq!(hint_of(&found, Code::TransportAbsent), "the remedy");
    }
    let silent = findings(ErrorReport::new(Code::Timeout, "no answer").with_hint("the remedy"));
    assert_ne!(hint_of(&silent, Code::TransportAbsent), "the remedy");
}

/// Nor is UDP to the relays a riddle where a firewall says that it rejects UDP.
#[test]
fn a_firewall_that_says_so_comes_before_the_ports_of_the_relay() {
    let hint = |code| {
        let found = findings(ErrorReport::new(code, "what was found").with_hint("the remedy"));
        hint_of(&found, Code::RelayUnreachableFromHere).to_owned()
    };
    assert_eq!(hint(Code::Forbidden), hint(Code::Rejected));
    assert_ne!(hint(Code::Forbidden), hint(Code::Timeout));
}
