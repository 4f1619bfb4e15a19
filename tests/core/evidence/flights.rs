//! Handshakes of DTLS of which a part is lost, or that an end refuses.

use rtcdiag::proto::evidence::Record;
use rtcdiag::proto::evidence::facts::JudgedCall;

use super::reach::{Seen, judge};

/// A datagram with one record of version 1.2 in the clear.
fn record(kind: u8, message: u8, length: usize) -> Vec<u8> {
    let body = u16::try_from(length - 13).expect("short");
    let mut bytes = [
        &[kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &body.to_be_bytes(),
        &[message],
    ]
    .concat();
    bytes.resize(length, 0);
    bytes
}

pub(super) fn client_hello(length: usize) -> Vec<u8> {
    record(22, 1, length)
}

pub(super) fn server_hello(length: usize) -> Vec<u8> {
    record(22, 2, length)
}

/// A call that is connected, in which an end sends these again and again, of which so many come to the other one.
fn handshake(sent: &[Vec<u8>], comes: impl Fn(&[u8]) -> bool, back: bool) -> [Record; 2] {
    let (mut a, mut b) = (Seen::at_a(), Seen::at_b());
    for (round, ms) in (100..12_000).step_by(500).enumerate() {
        for seen in [&mut a, &mut b] {
            seen.checks(ms, 0, true);
            seen.checks(ms + 50, 1, true);
        }
        if round % 2 == 1 || round > 11 {
            continue;
        }
        let ms = ms + 100;
        let (to_b, at_b) = ((a.ends[0], a.ends[1]), (b.ends[1], b.ends[0]));
        for one in sent {
            a.tape.udp(ms, to_b, one);
            if comes(one) {
                b.tape.udp(ms + 10, at_b, one);
            }
        }
        if back {
            let hello = server_hello(700);
            b.tape.udp(ms + 20, (at_b.1, at_b.0), &hello);
            a.tape.udp(ms + 30, (to_b.1, to_b.0), &hello);
        }
    }
    [a.tape.record(), b.tape.record()]
}

fn said(call: &JudgedCall) -> &str {
    let codes: Vec<&str> = call.causes.iter().map(|cause| cause.code.name()).collect();
    assert_eq!(
        codes,
        ["dtls-failed"],
        "{:?} {:?}",
        call.standing,
        call.causes
    );
    &call.causes[0].message
}

#[test]
fn a_handshake_that_is_lost_one_way_says_which() {
    let [a, b] = handshake(&[client_hello(300)], |_| false, false);
    let both = judge(&[a.clone(), b.clone()]);
    assert!(
        said(&both).contains("what this side sends of it does not arrive at the other side"),
        "{:?}",
        both.causes
    );
    let turned = judge(&[b, a.clone()]);
    assert!(
        said(&turned).contains("what the other side sends of it does not arrive at this side"),
        "{:?}",
        turned.causes
    );
    let alone = judge(&[a]);
    assert!(
        said(&alone).contains("again and again, of which nothing comes back"),
        "{:?}",
        alone.causes
    );
}

#[test]
fn large_packets_of_a_handshake_that_do_not_arrive_are_told_from_all_of_them() {
    let sent = [client_hello(1350), record(22, 11, 200)];
    let [a, b] = handshake(&sent, |one| one.len() < 1300, true);
    let both = judge(&[a, b]);
    let said = said(&both);
    assert!(said.contains("the large packets"), "{said}");
    assert!(said.contains("not with 1350"), "{said}");
}

#[test]
fn an_alert_is_told_with_its_sender() {
    for (code, word) in [
        (42, "bad_certificate"),
        (40, "handshake_failure"),
        (70, "protocol_version"),
    ] {
        let mut a = Seen::at_a();
        a.checks(100, 0, true);
        a.checks(150, 1, true);
        let way = (a.ends[0], a.ends[1]);
        a.tape.udp(200, way, &client_hello(300));
        a.tape.udp(230, (way.1, way.0), &server_hello(300));
        let mut alert = record(21, 2, 15);
        alert[14] = code;
        a.tape.udp(260, (way.1, way.0), &alert);
        for ms in (500..6000).step_by(500) {
            a.checks(ms, 0, true);
            a.checks(ms + 50, 1, true);
        }
        let call = judge(&[a.tape.record()]);
        let said = said(&call);
        let wanted =
            format!("the other side ended the DTLS handshake over it with the alert {word}");
        assert!(said.contains(&wanted), "{said}");
    }
}
