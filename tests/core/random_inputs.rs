//! The bodies of the fuzz targets with random inputs, and with good ones that were bent: so that they run where
//! there is no fuzzer. `RTCDIAG_RANDOM_SECONDS=60` tries for so long.

#![allow(clippy::print_stdout)] // it prints how many were tried

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

#[path = "../../fuzz/bodies/redaction.rs"]
mod redaction;
#[path = "../../fuzz/bodies/rendezvous_wire.rs"]
mod rendezvous_wire;
#[path = "../../fuzz/bodies/sdp.rs"]
mod sdp;
#[path = "../../fuzz/bodies/session.rs"]
mod session;
#[path = "../../fuzz/bodies/turn_server.rs"]
mod turn_server;

/// Inputs of one test, without a time.
const FEW: usize = 300;

#[allow(clippy::disallowed_methods)] // how long is asked for by whoever runs it
fn try_all(good: &[&[u8]], body: fn(&[u8])) {
    let seconds = std::env::var("RTCDIAG_RANDOM_SECONDS");
    let seconds: Option<u64> = seconds.ok().and_then(|text| text.parse().ok());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = if end.is_some() { rand::random() } else { 1 };
    let mut rng = StdRng::seed_from_u64(seed);
    let mut tried = 0;
    while end.map_or(tried < FEW, |end| Instant::now() < end) {
        tried += 1;
        let mut input: Vec<u8> = match rng.random_range(0..=good.len()) {
            0 => (0..rng.random_range(0..200))
                .map(|_| rng.random())
                .collect(),
            n => good[n - 1].to_vec(),
        };
        for _ in 0..rng.random_range(0..6) {
            let at = rng.random_range(0..=input.len());
            match rng.random_range(0..4) {
                0 => input.insert(at, rng.random()),
                1 if at < input.len() => drop(input.remove(at)),
                2 if at < input.len() => input[at] = rng.random(),
                _ => {
                    let from = rng.random_range(0..=at);
                    let part = input[from..at].to_vec();
                    input.splice(at..at, part);
                }
            }
        }
        body(&input);
    }
    assert!(tried > 0);
    if end.is_some() {
        println!("{tried} inputs");
    }
}

#[test]
fn the_wire_of_the_rendezvous() {
    try_all(
        &[
            br#"{"type":"join","version":1,"room":"ABCDEFGHIJKLMNOPQRSTUVWXYZ","member":"00112233445566778899aabbccddeeff"}"#,
            br#"{"type":"error","code":"room-full","message":"x"}"#,
            br#"{"type":"peer-joined"}"#,
            br#"{"version":1,"software":"rtcdiag/0.1.0","role":"controlled"}"#,
            br#"{"type":"record","arrived":[1,2,3]}"#,
            br#"{"type":"candidate","line":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}"#,
            b"PROXY TCP4 203.0.113.5 192.0.2.1 4711 443\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x05\xc0\0\x02\x01\x12\x67\x01\xbb",
            b"203.0.113.5, 10.0.0.1\nfor=\"[2001:db8::1]:99\";by=x, for=10.0.0.1",
        ],
        rendezvous_wire::body,
    );
}

#[test]
fn envelopes_of_a_session() {
    try_all(
        &[&[0, 3, 1], &[1, 30, 255, 40, 1], &[2, 200, 7], &[3, 1, 1]],
        session::body,
    );
}

#[test]
fn descriptions() {
    try_all(
        &[
            b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
              a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n",
            br#"{"type":"offer","sdp":"v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n"}"#,
            b"> v=0\n> a=ice-ufrag:abcd\n> a=ice-pwd:0123456789abcdefghijkl\n",
        ],
        sdp::body,
    );
}

#[test]
fn requests_to_the_turn_server() {
    let mut allocate = vec![0, 0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42];
    allocate.extend([1; 12]);
    allocate.extend([0, 0x19, 0, 4, 17, 0, 0, 0]);
    let mut send = vec![1, 0, 0x16, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    send.extend([1; 12]);
    send.extend([0, 0x12, 0, 8, 0, 1, 1, 2, 3, 4, 5, 6]);
    try_all(
        &[&allocate, &send, &[1, 0x40, 0, 0, 4, 1, 2, 3, 4]],
        turn_server::body,
    );
}

#[test]
fn texts_that_are_redacted() {
    try_all(
        &[
            b"from 192.168.1.5:40000 to [2001:db8::1]:9 by 198.51.100.7",
            b"ip-192-0-2-1.example.org 64:ff9b::192.0.2.33 ::ffff:10.0.0.1 fe80::1%eth0",
            "a\u{202e}b\u{3164} rtcdiag1:dj0w. v4.5.2.1 RFC 8489".as_bytes(),
        ],
        redaction::body,
    );
}
