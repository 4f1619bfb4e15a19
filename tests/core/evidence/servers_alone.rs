//! Captures with nothing but servers in them, or in which nothing comes.

use rtcdiag::proto::evidence::calls;

use super::reach::{A, B, STUN, judge, summary};
use super::tape::{ACK, SYN, Tape, USERNAME, check, error, stun};

/// A relay is asked for twice, and refused with a number each time.
fn refused(number: u16) -> Tape {
    let mut tape = Tape::new();
    for round in 0..2_u32 {
        let (ms, first) = (round * 300, 900 + 2 * round);
        tape.udp(ms, (A, STUN), &stun(0x0003, first, &[]));
        tape.udp(ms + 20, (STUN, A), &error(0x0113, first, 401));
        let signed = stun(0x0003, first + 1, &[(USERNAME, b"user")]);
        tape.udp(ms + 30, (A, STUN), &signed);
        tape.udp(ms + 50, (STUN, A), &error(0x0113, first + 1, number));
    }
    tape
}

fn checks(tape: &mut Tape) {
    for (number, ms) in (1..).zip((100..15_000).step_by(500)) {
        tape.udp(ms, (A, B), &check(number, "bbbb:aaaa", true));
    }
}

#[test]
fn a_relay_that_is_refused_is_the_cause_where_nothing_else_is_seen() {
    for (number, words) in [
        (401, "refuses the user name or password (401)"),
        (403, "forbids it (403)"),
        (437, "(437)"),
        (486, "has no allocation left for this user (486)"),
        (508, "(508)"),
    ] {
        let mut tape = refused(number);
        let alone = judge(&[tape.record()]);
        let codes: Vec<&str> = alone.relay_causes.iter().map(|c| c.code.name()).collect();
        assert_eq!(
            codes,
            ["turn-refused"],
            "{number}: {:?}",
            alone.relay_causes
        );
        let said = summary(&[tape.record()]);
        assert!(said.contains(words) && said.contains(STUN), "{said}");
        assert!(said.starts_with("No connection: "), "{said}");
        // Somebody who answers over UDP was reached over UDP.
        checks(&mut tape);
        let said = summary(&[tape.record()]);
        assert!(said.contains(words), "{said}");
        let call = judge(&[tape.record()]);
        for cause in call.causes.iter().chain(&call.relay_causes) {
            assert!(
                !cause.message.contains("got no answer from its servers"),
                "{cause:?}"
            );
            assert!(
                !cause.message.contains("firewall of its own machine"),
                "{cause:?}"
            );
        }
    }
}

#[test]
fn what_servers_said_is_no_call_beside_another_file() {
    let records = vec![refused(486).record(), {
        let mut tape = Tape::new();
        checks(&mut tape);
        tape.record()
    }];
    assert_eq!(calls::join(records).len(), 1);
}

#[test]
fn nothing_that_came_in_is_said_so() {
    let mut tape = Tape::new();
    for (number, ms) in (900..).zip([0, 250, 500, 1000, 2000, 4000]) {
        tape.udp(ms, (A, STUN), &stun(0x0001, number, &[]));
    }
    checks(&mut tape);
    let said = summary(&[tape.record()]);
    assert!(
        said.contains(
            "nothing comes in over UDP in the capture: 30 checks and 6 requests to servers got no answer"
        ),
        "{said}"
    );
}

/// Something else came in, so that both directions were captured; and other servers are silent, too.
#[test]
fn udp_is_blocked_where_tcp_alone_comes_in() {
    let tape = |servers: &[&str]| {
        let mut tape = Tape::new();
        let (here, web) = ("192.168.1.10:7000", "192.0.2.80:443");
        tape.tcp(0, (here, web), (1, SYN), &[]);
        tape.tcp(20, (web, here), (1, SYN | ACK), &[]);
        tape.tcp(30, (here, web), (2, ACK), b"hello");
        tape.tcp(50, (web, here), (2, ACK), b"hello");
        for (place, server) in (0..).zip(servers) {
            for (number, ms) in (900..).zip([0, 250, 500, 1000, 2000, 4000, 8000]) {
                let number = number + 100 * place;
                tape.udp(ms, (A, server), &stun(0x0001, number, &[]));
            }
        }
        checks(&mut tape);
        judge(&[tape.record()])
    };
    let call = tape(&[STUN, "198.51.100.20:3478"]);
    assert_eq!(
        super::named(&call.causes),
        [("udp-blocked".to_owned(), "local".to_owned())]
    );
    // One server may be down.
    let call = tape(&[STUN]);
    assert_eq!(call.causes[0].code.name(), "unknown");
}
