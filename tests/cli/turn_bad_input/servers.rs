//! Servers that break the protocol.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::support::certificates::{Authority, Certificate};
use crate::support::program::{
    BAD, GOOD, Run, json, program, server, side_by_side, tcp, tls, udp, with_env,
};
use crate::support::turn_server::{Malformed, StreamFault, Transport, TurnConfig, TurnServer};

/// Each stage may take 2.5 s, and a fault may show in the second or third.
const MOST_MS: f64 = 9_000.0;

fn run(command: &str, uri: &str, authority: &Authority) -> Run {
    let command = match command {
        "gather" => program(&["gather", "-4", "-s", uri]),
        _ => program(&["turn", "-4", "--no-policy", uri]),
    };
    let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
    assert!(run.elapsed_ms() < MOST_MS, "{uri}: {} ms", run.elapsed_ms());
    run
}

/// The row of the one server.
fn row(run: &Run) -> &Value {
    let rows = [run.servers(), run.transports()].concat();
    assert_eq!(rows.len(), 1);
    run.servers()
        .first()
        .unwrap_or_else(|| &run.transports()[0])
}

#[track_caller]
fn assert_failed(run: &Run, code: &str, what: &str) {
    let row = row(run);
    assert_eq!(row["error"]["code"], code, "{what}: {row:#}");
    let message = row["error"]["message"].as_str().unwrap_or_default();
    assert!(message.len() > 8, "{what}: '{message}' says nothing");
    assert_eq!(run.code, BAD, "{what}: {:#}", run.document);
    run.assert_error_with_hint();
}

fn start(config: TurnConfig, authority: &Authority) -> TurnServer {
    let certificate = authority.server(Certificate::Good).expect("a certificate");
    let ip = Ipv4Addr::LOCALHOST.into();
    TurnServer::start_all(config, ip, Some(certificate)).expect("loopback has ports")
}

fn uri(server: &TurnServer, transport: Transport) -> String {
    match transport {
        Transport::Udp => udp(server),
        Transport::Tcp => tcp(server),
        Transport::Tls => tls(server),
    }
}

const STREAMS: [Transport; 2] = [Transport::Tcp, Transport::Tls];

#[test]
fn faults_of_streams_before_the_allocation() {
    let authority = Authority::new().expect("a temporary file");
    let faults = [
        (StreamFault::HalfFrame, "turn-silent", "timeout"),
        (StreamFault::HalfFrameThenClose, "closed", "closed"),
        (StreamFault::OverlongFrame, "closed", "closed"),
        (
            StreamFault::CloseAfterAccept,
            "nothing-behind",
            "nothing-behind",
        ),
        (StreamFault::CloseInHandshake, "closed", "tls"),
        (
            StreamFault::SilentInHandshake,
            "nothing-behind",
            "nothing-behind",
        ),
        (StreamFault::Http, "not-stun", "not-stun"),
    ];
    let cases: Vec<_> = faults
        .iter()
        .flat_map(|fault| ["gather", "turn"].map(|command| (command, fault)))
        .collect();
    side_by_side(&cases, |(command, (fault, over_tcp, over_tls))| {
        let server = start(TurnConfig::faulty(*fault), &authority);
        for (transport, code) in STREAMS.into_iter().zip([over_tcp, over_tls]) {
            let run = run(command, &uri(&server, transport), &authority);
            assert_failed(&run, code, &format!("{command} {fault:?} {transport:?}"));
        }
    });
}

/// The challenge comes, and then the connection breaks; or the allocation too, and then it does.
#[test]
fn faults_of_streams_later_on() {
    let authority = Authority::new().expect("a temporary file");
    let faults = [
        (StreamFault::HalfFrame, 1, "silent-after-challenge"),
        (StreamFault::HalfFrameThenClose, 1, "closed"),
        (StreamFault::OverlongFrame, 1, "closed"),
        (StreamFault::HalfFrame, 2, "timeout"),
        (StreamFault::HalfFrameThenClose, 2, "closed"),
        (StreamFault::CloseAfterAllocate, 0, "closed"),
    ];
    let cases: Vec<_> = faults
        .iter()
        .flat_map(|fault| ["gather", "turn"].map(|command| (command, fault)))
        .collect();
    side_by_side(&cases, |(command, (fault, right_answers, code))| {
        let config = TurnConfig {
            faults_after: *right_answers,
            ..TurnConfig::faulty(*fault)
        };
        let server = start(config, &authority);
        let has_allocation = *right_answers == 2 || *fault == StreamFault::CloseAfterAllocate;
        for transport in STREAMS {
            let run = run(command, &uri(&server, transport), &authority);
            let what = format!("{command} {fault:?} {right_answers} {transport:?}");
            if *command == "gather" && has_allocation {
                // There is a candidate, and no permission to send through it.
                let relayed = &row(&run)["relayed"][0];
                assert_eq!(relayed["relays"]["status"], "inconclusive", "{what}");
                assert_eq!(run.code, BAD, "{what} {:#}", run.document);
                run.assert_finding("permission-failed", "error");
            } else {
                assert_failed(&run, code, &what);
            }
        }
    });
}

#[test]
fn odd_streams_that_are_right_work() {
    let authority = Authority::new().expect("a temporary file");
    let faults = [StreamFault::UnknownChannelData, StreamFault::ByteByByte];
    let cases: Vec<_> = faults
        .iter()
        .flat_map(|fault| STREAMS.map(|transport| (*fault, transport)))
        .collect();
    side_by_side(&cases, |(fault, transport)| {
        let server = start(TurnConfig::faulty(*fault), &authority);
        let run = run("gather", &uri(&server, *transport), &authority);
        assert_eq!(run.code, GOOD, "{fault:?} {transport:?} {:#}", run.document);
        assert_eq!(row(&run)["relayed"][0]["relays"]["value"], true);
    });
    let server = start(
        TurnConfig::faulty(StreamFault::UnknownChannelData),
        &authority,
    );
    for transport in STREAMS {
        let run = run("turn", &uri(&server, transport), &authority);
        assert_eq!(run.code, GOOD, "{:#}", run.document);
    }
}

/// Without padding everything behind the first datagram is out of step.
#[test]
fn channel_data_without_padding_is_noticed() {
    let authority = Authority::new().expect("a temporary file");
    side_by_side(&STREAMS, |transport| {
        let config = TurnConfig::faulty(StreamFault::UnpaddedChannelData);
        let server = start(config, &authority);
        let run = run("turn", &uri(&server, *transport), &authority);
        let row = row(&run);
        assert_eq!(run.code, BAD, "{row:#}");
        assert!(row["error"]["code"].is_string(), "{row:#}");
        assert_ne!(row["channel"]["value"], true, "{row:#}");
        run.assert_error_with_hint();
    });
}

#[test]
fn malformed_answers() {
    let authority = Authority::new().expect("a temporary file");
    let kinds = [
        (Malformed::AttributeLength, "malformed", "malformed"),
        (Malformed::MessageLength, "malformed", "silent"),
        (Malformed::Truncated, "malformed", "silent"),
        (Malformed::Noise, "not-stun", "not-stun"),
    ];
    let cases: Vec<_> = kinds
        .iter()
        .flat_map(|kind| ["gather", "turn"].map(|command| (command, kind)))
        .flat_map(|(command, kind)| [0, 1].map(|right| (command, kind, right)))
        .collect();
    side_by_side(
        &cases,
        |(command, (malformed, over_udp, over_streams), right)| {
            let config = TurnConfig {
                malformed: Some(*malformed),
                faults_after: *right,
                ..TurnConfig::default()
            };
            let server = start(config, &authority);
            for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
                let run = run(command, &uri(&server, transport), &authority);
                let is_udp = transport == Transport::Udp;
                // What cannot be read at all is silence; over TCP it is asked whether STUN is
                // answered, and it is, and over UDP the other ports of this machine refuse.
                let code = match (if is_udp { *over_udp } else { *over_streams }, right) {
                    ("silent", 0) if transport == Transport::Tcp => "turn-silent",
                    ("silent", 0) if is_udp => "port-silent",
                    ("silent", 0) => "timeout",
                    ("silent", _) => "silent-after-challenge",
                    ("not-stun", 1) if is_udp => "silent-after-challenge",
                    (code, _) => code,
                };
                let what = format!("{command} {malformed:?} after {right} {transport:?}");
                assert_failed(&run, code, &what);
            }
        },
    );
}

/// The allocation is right, and what comes after it is not.
#[test]
fn malformed_answers_after_the_allocation() {
    let authority = Authority::new().expect("a temporary file");
    let kinds = [
        Malformed::AttributeLength,
        Malformed::MessageLength,
        Malformed::Truncated,
        Malformed::Noise,
    ];
    side_by_side(&kinds, |malformed| {
        let config = TurnConfig {
            malformed: Some(*malformed),
            faults_after: 2,
            ..TurnConfig::default()
        };
        let server = start(config, &authority);
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
            let run = run("turn", &uri(&server, transport), &authority);
            assert_eq!(
                run.code, BAD,
                "{malformed:?} {transport:?} {:#}",
                run.document
            );
            assert_eq!(
                row(&run)["stage"],
                "permission",
                "{malformed:?} {transport:?}"
            );
            run.assert_error_with_hint();
        }
    });
}

#[test]
fn answers_with_bad_integrity() {
    let authority = Authority::new().expect("a temporary file");
    let cases = [
        (true, false, false),
        (false, true, false),
        (true, false, true),
    ];
    side_by_side(&cases, |(bad_integrity, no_integrity, sha256)| {
        let config = TurnConfig {
            bad_integrity: *bad_integrity,
            no_integrity: *no_integrity,
            sha256: *sha256,
            ..TurnConfig::default()
        };
        let server = start(config, &authority);
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
            for command in ["gather", "turn"] {
                let run = run(command, &uri(&server, transport), &authority);
                let what = format!("{command} {transport:?}");
                let code = if *no_integrity {
                    "no-integrity"
                } else {
                    "bad-integrity"
                };
                assert_failed(&run, code, &what);
            }
        }
    });
}

/// Answers that lack what they have to have.
#[test]
fn answers_without_the_attribute_that_matters() {
    use crate::support::turn_server::wire;
    let authority = Authority::new().expect("a temporary file");
    let cases = [
        (wire::XOR_RELAYED_ADDRESS, "answer-incomplete"),
        (wire::REALM, "malformed"),
        (wire::NONCE, "malformed"),
    ];
    side_by_side(&cases, |(attribute, code)| {
        let config = TurnConfig {
            omits: vec![*attribute],
            ..TurnConfig::default()
        };
        let server = start(config, &authority);
        for command in ["gather", "turn"] {
            let run = run(command, &tcp(&server), &authority);
            assert_failed(&run, code, &format!("{command} 0x{attribute:04x}"));
        }
    });
    // This program can do without, and browsers cannot.
    let config = TurnConfig {
        omits: vec![wire::LIFETIME],
        ..TurnConfig::default()
    };
    let server = start(config, &authority);
    let run = run("turn", &udp(&server), &authority);
    assert_eq!(run.code, BAD, "{:#}", run.document);
    let summary = run.document["summary"].as_str().expect("a text");
    assert!(summary.contains("lacks LIFETIME"), "{summary}");
    assert!(row(&run)["lifetime_s"].is_null(), "{:#}", run.document);
}

#[test]
fn ten_thousand_strays_change_nothing() {
    let authority = Authority::new().expect("a temporary file");
    let gathered = server(TurnConfig {
        strays: 10_000,
        ..TurnConfig::default()
    });
    let hundreds = server(TurnConfig {
        // A socket's buffer holds about 270 at once, and a busy machine empties it late.
        strays: 200,
        ..TurnConfig::default()
    });
    for uri in [tcp(&gathered), udp(&hundreds)] {
        let run = run("gather", &uri, &authority);
        assert_eq!(run.code, GOOD, "{uri} {:#}", run.document);
        assert_eq!(row(&run)["relayed"][0]["relays"]["value"], true, "{uri}");
    }
    // Each of some twenty answers brings its own; over UDP no more than a socket's buffer holds at
    // once, as those beyond push out what is awaited.
    for (strays, uri_of) in [(500, tcp as fn(&TurnServer) -> String), (100, udp)] {
        let tested = server(TurnConfig {
            strays,
            ..TurnConfig::default()
        });
        let uri = uri_of(&tested);
        let run = run("turn", &uri, &authority);
        assert_eq!(run.code, GOOD, "{uri} {:#}", run.document);
    }
}

/// Text of a server goes to terminals.
#[test]
fn what_a_server_says_cannot_draw_on_the_terminal() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}evil\r\nX";
    let server = server(TurnConfig {
        software: hostile.as_bytes().to_vec(),
        error_on_allocate: Some((500, "\u{1b}[31mred\u{9b}5m")),
        ..TurnConfig::default()
    });
    for args in [
        &["gather", "-v", "-s"][..],
        &["turn", "-v"],
        &["gather", "--jsonl", "-s"],
        &["turn", "--json"],
    ] {
        let uri = udp(&server);
        let mut args = args.to_vec();
        args.push(&uri);
        let output = program(&args).output().expect("it runs");
        for bytes in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(bytes.clone()).expect("UTF-8");
            let drawn = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(drawn), "{args:?}: {text:?}");
            assert!(!text.contains('\u{202e}'), "{args:?}: {text:?}");
            // JSON would have them escaped.
            assert!(
                !text.contains("\\u001b") && !text.contains("\\u009b"),
                "{text}"
            );
        }
    }
}
