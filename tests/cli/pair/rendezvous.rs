//! What stands where a rendezvous should be.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::program::{CODE, Refusing, assert_refused, pair};
use crate::support::program::{ERROR, interrupted, json, run as run_program};

/// A server that says this to everybody: at once, or when it has read something.
fn server(reply: &'static [u8], reads_first: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                if reads_first {
                    let _ = stream.read(&mut [0; 4096]);
                }
                // The other end may have gone.
                let _ = stream.write_all(reply);
                let _ = stream.set_read_timeout(Some(Duration::from_secs(8)));
                let mut rest = [0; 4096];
                while matches!(stream.read(&mut rest), Ok(read) if read > 0) {}
            });
        }
    });
    address
}

/// What answers is told from a rendezvous, and the URL is in the message.
#[test]
fn other_protocols_on_the_port() {
    let refusing = Refusing::new();
    let cases: [(&str, &[u8], bool, &str); 10] = [
        (
            "a web page",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            true,
            "an HTTP server answers there (HTTP status 200 OK)",
        ),
        (
            "a page that is missing",
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            true,
            "status 404",
        ),
        (
            "a redirection",
            b"HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
            true,
            "status 301",
        ),
        (
            "a proxy without its server",
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
            true,
            "502",
        ),
        (
            "another WebSocket server",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            true,
            "not an rtcdiag rendezvous",
        ),
        ("a shell", b"SSH-2.0-OpenSSH_9.2\r\n", false, "not an rtcdiag rendezvous"),
        ("mail", b"220 mail.example.org ESMTP\r\n", false, "not an rtcdiag rendezvous"),
        ("noise", &[0xff; 300], false, "not an rtcdiag rendezvous"),
        (
            "what draws on the terminal",
            b"HTTP/1.1 200 \x1b[2J\r\nX: \x1b[31m\r\n\r\n",
            true,
            "rendezvous",
        ),
        (
            "a TLS alert",
            b"\x15\x03\x01\x00\x02\x02\x46",
            true,
            "not an rtcdiag rendezvous",
        ),
    ];
    for (name, reply, reads_first, says) in cases {
        let address = server(reply, reads_first);
        let url = format!("ws://{address}");
        println!("{name}");
        assert_refused(|| pair(&refusing, &[CODE, "--rendezvous", &url]), says);
    }
}

#[test]
fn tls_where_there_is_none() {
    let refusing = Refusing::new();
    for (reply, reads_first) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], true),
        (b"SSH-2.0-OpenSSH_9.2\r\n", false),
    ] {
        let url = format!("wss://{}", server(reply, reads_first));
        assert_refused(|| pair(&refusing, &[CODE, "--rendezvous", &url]), "TLS");
    }
}

#[test]
fn a_server_that_says_nothing_and_one_that_hangs_up() {
    let refusing = Refusing::new();
    let silent = format!("ws://{}", server(b"", false));
    assert_refused(
        || pair(&refusing, &[CODE, "--rendezvous", &silent]),
        "does not answer",
    );
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || listener.incoming().for_each(drop));
    assert_refused(|| pair(&refusing, &[CODE, "--rendezvous", &url]), "clos");
}

/// Who never reached the rendezvous cannot know whether the other side came.
#[test]
fn what_was_not_reached_when_the_time_was_over() {
    let refusing = Refusing::new();
    let silent = server(b"", false);
    for (scheme, says) in [
        ("ws", "has not answered the request for a WebSocket"),
        ("wss", "has not answered the TLS handshake"),
    ] {
        let url = format!("{scheme}://{silent}");
        let args = [CODE, "--rendezvous", &url, "--timeout", "1"];
        let run = json(pair(&refusing, &args));
        run.assert_code(ERROR);
        assert_not_reached(&run.document, says);
        run.assert_finding("rendezvous-failed", "error");
        let expected = json(pair(
            &refusing,
            &[&args[..], &["--expect", "pair=connected"]].concat(),
        ));
        expected.assert_code(ERROR);
        assert_not_reached(&expected.document, says);
        let text = run_program(pair(&refusing, &args)).stdout;
        assert!(text.contains("the rendezvous could not be used"), "{text}");
        assert!(!text.contains("never came"), "{text}");
    }
    #[cfg(unix)]
    {
        let url = format!("ws://{silent}");
        let command = pair(&refusing, &[CODE, "--rendezvous", &url]);
        let document = interrupted(command, "INT", |event| event["event"] == "session");
        assert_not_reached(&document, "");
    }
}

fn assert_not_reached(document: &serde_json::Value, says: &str) {
    let summary = document["summary"].as_str().expect("text");
    assert!(summary.contains("was not reached"), "{summary}");
    assert!(summary.contains(says), "{summary}");
    assert!(!summary.contains("never came"), "{summary}");
}

/// A port that only this test holds, and where nobody listens.
#[test]
fn nobody_there() {
    let refusing = Refusing::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let port = held.local_addr().expect("it is bound").port();
    drop(held);
    let url = format!("ws://127.0.0.1:{port}");
    assert_refused(
        || pair(&refusing, &[CODE, "--rendezvous", &url]),
        "connection refused",
    );
    assert_refused(
        || {
            pair(
                &refusing,
                &[CODE, "--rendezvous", "ws://no-such-host.invalid:7880"],
            )
        },
        "no-such-host.invalid",
    );
    // No IPv6 address can be reached from an IPv4 one.
    assert_refused(
        || pair(&refusing, &[CODE, "--rendezvous", "ws://[::1]:7880"]),
        "IPv",
    );
}

#[test]
fn an_address_that_cannot_be_listened_on() {
    let refusing = Refusing::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = held.local_addr().expect("it is bound").to_string();
    assert_refused(
        || pair(&refusing, &["--rendezvous-listen", &address]),
        "in use",
    );
    assert_refused(
        || pair(&refusing, &["--rendezvous-listen", "192.0.2.77:7880"]),
        "not an address of this host",
    );
}
