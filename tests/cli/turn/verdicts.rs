//! What is said of what was found, and what is advised.

use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Finding, Millis, Verdict};
use rtcdiag::base::stage::Stage;
use rtcdiag::commands::turn::report::{
    AuthenticationReport, DataReport, ThroughputReport, TransportReport, TransportStatus,
    TurnResult,
};
use rtcdiag::commands::turn::verdict::{Context, verdict};
use rtcdiag::proto::stun::uri::Transport;

/// A server that asks for credentials, by these transports.
fn judged(transports: Vec<TransportReport>) -> Verdict {
    let result = TurnResult {
        uri: "turn:203.0.113.9:3478".to_owned(),
        transports,
        authentication: AuthenticationReport {
            unauthenticated_refused: Fact::Determined(true),
            wrong_password_refused: Fact::Determined(true),
            credentials_expire: None,
        },
        relays_ipv4: Fact::Determined(true),
        relays_ipv6: Fact::not_tested(Reason::LeftOut),
        policy: Vec::new(),
    };
    verdict(&result, &Context::default())
}

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
    judged(vec![udp, tcp]).findings
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

/// A server that relays over UDP alone, as it is made to do so.
fn over_udp(change: impl FnOnce(&mut TransportReport)) -> Verdict {
    let mut udp = TransportReport::new(Transport::Udp, true);
    udp.address = Some("203.0.113.9:3478".parse().expect("an address"));
    udp.relayed_address = Some("203.0.113.9:50000".parse().expect("an address"));
    udp.status = TransportStatus::Ok;
    udp.channel = Fact::Determined(true);
    udp.relay_to_relay = data(10, true);
    udp.to_reflexive = data(10, true);
    change(&mut udp);
    judged(vec![udp])
}

fn data(received: usize, works: bool) -> DataReport {
    let round_trips = vec![Duration::from_millis(1); received];
    DataReport::measured(10, round_trips, Fact::Determined(works))
}

/// What ends after a while is a relay, and no server that does not work.
#[test]
fn a_relay_that_is_cut_off_is_a_relay_at_first() {
    let cut = over_udp(|udp| {
        udp.fail(
            Stage::Relay,
            ErrorReport::new(Code::NoData, "and then nothing"),
        );
    });
    assert!(cut.summary.contains("and lose it after"), "{}", cut.summary);
    assert!(!cut.summary.contains("get no relay"), "{}", cut.summary);
}

/// Two clients meet where a stream goes from one relay to another, however much of the rest a limit takes.
#[test]
fn lost_datagrams_between_relays_are_no_closed_way() {
    let found = |bytes_received| {
        let found = over_udp(|udp| {
            udp.relay_to_relay = data(0, false);
            udp.throughput = Some(ThroughputReport {
                bytes_sent: 1_000_000,
                bytes_received,
                duration_ms: Millis(Duration::from_secs(1)),
                kbit_per_s: 0.0,
                stops: false,
            });
        });
        let codes = found.findings.iter().map(|f| f.code);
        codes.collect::<Vec<Code>>()
    };
    let passes = found(20_000);
    assert!(!passes.contains(&Code::RelayToRelayFails), "{passes:?}");
    assert!(passes.contains(&Code::RelayLoss), "{passes:?}");
    let closed = found(0);
    assert!(closed.contains(&Code::RelayToRelayFails), "{closed:?}");
}

/// One server alone does not tell who loses.
#[test]
fn loss_at_one_server_blames_nobody() {
    let found = over_udp(|udp| udp.relay_to_relay = data(7, true));
    let hint = hint_of(&found.findings, Code::RelayLoss);
    assert!(hint.contains("servers of other operators"), "{hint}");
}
