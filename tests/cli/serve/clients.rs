//! What well-behaved clients see.

use std::sync::Barrier;
use std::thread;

use tokio_tungstenite::tungstenite::Message;

use super::lab::{Client, Server, join};

#[test]
fn pages_say_how_it_is() {
    let server = Server::start(&[]);
    let (status, body) = server.get("/health");
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 200 OK", "ok\n")
    );
    let (status, body) = server.get("/");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(body.contains("rtcdiag pair"), "{body}");
    assert_eq!(body.lines().count(), 1, "{body}");
    assert_eq!(server.get("/nothing").0, "HTTP/1.1 404 Not Found");
    assert_eq!(server.get("/pair").0, "HTTP/1.1 426 Upgrade Required");

    // A browser gets another page, which may load and send nothing but what it has to.
    let page = server.ask("/", "Accept: text/html,application/xhtml+xml\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    let (head, body) = page.split_once("\r\n\r\n").expect("a head and a body");
    let head = head.to_lowercase();
    for line in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; script-src 'sha256-",
        "referrer-policy: no-referrer",
        "vary: accept",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert!(body.starts_with("<!DOCTYPE html>") && body.len() < 100_000);

    let (mut a, mut b) = server.pair();
    a.send_bytes(b"four");
    b.expect_bytes(b"four");
    assert!((server.metric("rtcdiag_joins_total") - 2.0).abs() < 0.1);
    assert!((server.metric("rtcdiag_rooms_open") - 1.0).abs() < 0.1);
    assert!((server.metric("rtcdiag_message_bytes_total") - 4.0).abs() < 0.1);
    assert!(server.metric("rtcdiag_connections_open") >= 2.0);
    assert!(
        server
            .metric("rtcdiag_refused_total{code=\"room-full\"}")
            .abs()
            < 0.1
    );
    assert!(server.metric("rtcdiag_uptime_seconds") > 0.0);
    // Each line is a comment or a name with a value.
    for line in server.get("/metrics").1.lines() {
        let value = line.rsplit(' ').next().expect("a word");
        assert!(
            line.starts_with("# ") || value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
}

#[test]
fn both_families_have_one_set_of_rooms() {
    let server = Server::at(&["--listen", "[::1]:0", "--listen", "127.0.0.1:0"], &[]);
    let addresses = server.addresses();
    assert_eq!(addresses.len(), 2);
    let mut a = Client::open(addresses[0]);
    a.send(&join(1, 1));
    a.expect(r#"{"type":"joined","peer":false}"#);
    let mut b = Client::open(addresses[1]);
    b.send(&join(1, 2));
    b.expect(r#"{"type":"joined","peer":true}"#);
    a.expect(r#"{"type":"peer-joined"}"#);
    b.send_bytes(&vec![0; 70_000]);
    a.expect_bytes(&vec![0; 70_000]);
    drop(b);
    a.expect(r#"{"type":"peer-left"}"#);
}

#[test]
fn a_third_is_refused_and_both_are_told() {
    let server = Server::start(&[]);
    let (mut a, mut b) = server.pair();
    let mut c = server.join(1, 3);
    c.expect_end("room-full");
    a.expect(r#"{"type":"third-refused"}"#);
    b.expect(r#"{"type":"third-refused"}"#);
    a.send_bytes(b"still here");
    b.expect_bytes(b"still here");
    assert_eq!(server.stop().refused("room-full"), 1);
}

#[test]
fn of_many_that_join_at_once_two_get_in() {
    const CLIENTS: u8 = 8;
    let server = Server::start(&[]);
    let together = Barrier::new(usize::from(CLIENTS));
    let outcomes: Vec<String> = thread::scope(|scope| {
        let joining: Vec<_> = (1..=CLIENTS)
            .map(|member| {
                let (server, together) = (&server, &together);
                scope.spawn(move || {
                    let mut client = server.websocket();
                    together.wait();
                    client.send(&join(1, member));
                    let first = client.next().expect("an answer");
                    // Stays until all have their answers.
                    together.wait();
                    first.to_text().expect("text").to_owned()
                })
            })
            .collect();
        joining
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    let count = |part: &str| outcomes.iter().filter(|o| o.contains(part)).count();
    assert_eq!(count(r#""peer":false"#), 1, "{outcomes:?}");
    assert_eq!(count(r#""peer":true"#), 1, "{outcomes:?}");
    assert_eq!(count("room-full"), usize::from(CLIENTS) - 2, "{outcomes:?}");
}

#[test]
fn a_member_that_joins_again_replaces_its_older_connection() {
    let server = Server::start(&[]);
    let (mut a, mut b) = server.pair();
    let mut again = server.join(1, 1);
    again.expect(r#"{"type":"joined","peer":true}"#);
    a.expect_end("replaced");
    b.expect(r#"{"type":"peer-joined"}"#);
    b.send_bytes(b"for the new one");
    again.expect_bytes(b"for the new one");
}

#[test]
fn silence_with_pings_answered_is_no_silence() {
    let args = ["--ping-interval", "0.1", "--silence-timeout", "0.4"];
    let server = Server::start(&args);
    let (mut a, mut b) = server.pair();
    // Reading answers pings. The other one does not read, and goes.
    a.expect(r#"{"type":"peer-left"}"#);
    b.expect_end("silent");
    let stopped = server.stop();
    assert_eq!(stopped.refused("silent"), 1);
    assert!(matches!(a.next(), Ok(Message::Text(text)) if text.contains("shutting-down")));
}
