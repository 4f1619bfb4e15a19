//! Clients that do what none should. Others never notice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rtcdiag::proto::signal::seal::MAX_ENVELOPE;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::lab::{Server, join};

/// How long the server kept a connection that it gave no answer to.
fn kept_for(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut rest);
    began.elapsed()
}

fn still_works(server: &Server) {
    let (mut a, mut b) = server.pair();
    a.send_bytes(b"hello");
    b.expect_bytes(b"hello");
}

#[test]
fn what_is_no_join_is_refused() {
    let server = Server::start(&[]);
    let newer = join(1, 1).replace(r#""version":1"#, r#""version":3"#);
    let kindless = join(1, 1).replace(r#""version":1"#, r#""version":2"#);
    let lower = join(1, 1).to_lowercase();
    for (text, code) in [
        (newer.as_str(), "version"),
        (kindless.as_str(), "bad-join"),
        ("", "bad-join"),
        ("hello", "bad-join"),
        ("{\"type\":\"join\"", "bad-join"),
        ("{\"type\":\"join\",\"version\":1}", "bad-join"),
        ("[[[[[[[[[[[[", "bad-join"),
        (lower.as_str(), "bad-join"),
    ] {
        let mut client = server.websocket();
        client.send(text);
        client.expect_end(code);
    }
    let mut client = server.websocket();
    client.send_bytes(b"an envelope before the join");
    client.expect_end("bad-join");
    // Text of which a part is no UTF-8, masked with zeroes.
    let mut client = server.websocket();
    let frame = [0x81, 0x83, 0, 0, 0, 0, b'{', 0xff, b'}'];
    client.0.get_mut().write_all(&frame).expect("it is sent");
    client.expect_end("bad-join");
    // Text where envelopes belong.
    let (mut a, mut b) = server.pair();
    a.send("hello");
    a.expect_end("bad-join");
    b.expect(r#"{"type":"peer-left"}"#);
    drop(b);
    still_works(&server);
    let stopped = server.stop();
    assert_eq!(stopped.refused("bad-join"), 10);
    assert_eq!(stopped.refused("version"), 1);
}

#[test]
fn a_message_of_100_mb_is_refused_at_its_first_bytes() {
    let server = Server::start(&[]);
    let (mut a, mut b) = server.pair();
    a.send_bytes(&vec![5; MAX_ENVELOPE]);
    b.expect_bytes(&vec![5; MAX_ENVELOPE]);
    let before = server.metric("rtcdiag_message_bytes_total");
    let mut header = vec![0x82, 0xff];
    header.extend_from_slice(&100_000_000_u64.to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    let stream = a.0.get_mut();
    stream.write_all(&header).expect("it is sent");
    let chunk = vec![0; 1 << 20];
    for _ in 0..100 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    b.expect(r#"{"type":"peer-left"}"#);
    let after = server.metric("rtcdiag_message_bytes_total");
    assert!((before - after).abs() < 0.1);
    // One that only announces it, and listens, hears why.
    let mut c = server.join(2, 1);
    c.expect(r#"{"type":"joined","peer":false}"#);
    c.0.get_mut().write_all(&header).expect("it is sent");
    c.expect_end("too-large");
    // In pieces that are small enough each.
    let mut d = server.join(2, 1);
    d.expect(r#"{"type":"joined","peer":false}"#);
    let mut piece = vec![0x02, 0xfe, 0xff, 0xff, 0, 0, 0, 0];
    piece.resize(piece.len() + 65_535, 0);
    d.0.get_mut().write_all(&piece).expect("it is sent");
    piece[0] = 0;
    for _ in 0..4 {
        d.0.get_mut().write_all(&piece).expect("it is sent");
    }
    d.expect_end("too-large");
    drop(b);
    still_works(&server);
}

#[test]
fn who_connects_and_says_nothing_does_not_stay() {
    let args = ["--request-timeout", "0.5", "--join-timeout", "0.3"];
    let server = Server::start(&args);
    let kept = kept_for(&mut server.connect());
    assert!(kept < Duration::from_secs(2), "{kept:?}");
    let mut client = server.websocket();
    client.expect_end("silent");
    // Pings are no join.
    let mut client = server.websocket();
    for _ in 0..20 {
        if client.0.send(Message::Ping(vec![1].into())).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(30));
    }
    client.expect_end("silent");
    let stopped = server.stop();
    assert_eq!(stopped.refused("silent"), 2);
    assert_eq!(stopped.result()["foreign_connections"], 1);
}

#[test]
fn slow_writers_and_foreign_protocols_do_not_stay() {
    let server = Server::start(&["--request-timeout", "0.5"]);
    // A header that never ends, a byte at a time.
    let mut slow = server.connect();
    let began = Instant::now();
    for byte in b"GET /pair HTTP/1.1\r\nHost: "
        .iter()
        .chain([b'x'].iter().cycle())
    {
        if slow.write_all(&[*byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(20));
        assert!(began.elapsed() < Duration::from_secs(5), "it is kept");
    }
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    for bytes in [
        // TLS, SSH, HTTP/2, a STUN Binding request, and nothing that anybody knows.
        &b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl",
        &[0xff; 4000],
        b"\r\n\r\n\r\n\r\n",
        long.as_bytes(),
    ] {
        let mut stream = server.connect();
        // The server may have had enough before the end.
        let _ = stream.write_all(bytes);
        let kept = kept_for(&mut stream);
        assert!(kept < Duration::from_secs(2), "{kept:?} for {bytes:?}");
    }
    // Half-open: the client has shut its side down, or is just gone.
    let mut half = server.connect();
    half.shutdown(std::net::Shutdown::Write).expect("open");
    assert!(kept_for(&mut half) < Duration::from_secs(2));
    still_works(&server);
    assert!(server.metric("rtcdiag_foreign_connections_total") >= 6.0);
}

#[test]
fn a_slow_reader_is_dropped_and_its_peer_is_not_held_up() {
    let args = ["--max-queue", "600000", "--write-timeout", "1"];
    let server = Server::start(&args);
    let (mut a, mut b) = server.pair();
    let began = Instant::now();
    // More than the system's buffers and the queue hold, at less than the room's rate.
    let mut sent = 0;
    loop {
        a.0.get_mut()
            .set_read_timeout(Some(Duration::from_millis(20)))
            .expect("it is one");
        a.send_bytes(&vec![1; 200_000]);
        sent += 1;
        if let Ok(Message::Text(text)) = a.0.read() {
            assert_eq!(text.as_str(), r#"{"type":"peer-left"}"#, "after {sent}");
            break;
        }
        thread::sleep(Duration::from_millis(150));
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "nobody is dropped"
        );
    }
    // What the system held comes, and then the end, if there was still room to say why.
    while b.next().is_ok() {}
    assert_eq!(server.stop().refused("slow"), 1);
}

/// Pings amid a message, and a byte now and then, do not give it more time; what is left of a message that ended does not
/// count.
#[test]
fn a_message_that_does_not_end_is_not_kept() {
    let server = Server::start(&["--message-timeout", "1"]);
    let (mut a, mut b) = server.pair();
    for _ in 0..3 {
        a.send_bytes(&[7; 5000]);
        b.expect_bytes(&[7; 5000]);
        a.0.send(Message::Ping(Bytes::new())).expect("open");
        thread::sleep(Duration::from_millis(500));
    }
    // A frame of 200,000 bytes of which some come, masked with zeroes; between two fragments, a ping.
    let head = [0x02, 0xfe, 0x10, 0x00, 0, 0, 0, 0];
    let began = Instant::now();
    a.0.get_mut().write_all(&head).expect("open");
    a.0.get_mut().write_all(&[1; 0x1000]).expect("open");
    while began.elapsed() < Duration::from_secs(10) {
        let more = [0x89, 0x80, 0, 0, 0, 0, 0x00, 0x81, 0, 0, 0, 0, 1];
        if a.0.get_mut().write_all(&more).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let kept = began.elapsed();
    assert!(kept >= Duration::from_millis(900), "{kept:?}");
    assert!(kept < Duration::from_secs(5), "{kept:?}");
    b.expect(r#"{"type":"peer-left"}"#);
    assert_eq!(server.stop().refused("unfinished"), 1);
}

/// Empty frames are no way to have what a message may not.
#[test]
fn a_message_of_empty_frames_is_refused() {
    let server = Server::start(&[]);
    let (mut a, mut b) = server.pair();
    let stream = a.0.get_mut();
    stream.write_all(&[0x02, 0x80, 0, 0, 0, 0]).expect("open");
    let empty = [0x00, 0x80, 0, 0, 0, 0].repeat(10_000);
    for _ in 0..1000 {
        if stream.write_all(&empty).is_err() {
            break;
        }
    }
    b.expect(r#"{"type":"peer-left"}"#);
    assert_eq!(server.stop().refused("too-large"), 1);
}

/// What is kept for it would be the server's memory.
#[test]
fn who_pings_and_takes_no_answer_is_dropped() {
    let server = Server::start(&[]);
    let (mut a, mut b) = server.pair();
    let mut ping = vec![0x89, 0xfd, 0, 0, 0, 0];
    ping.resize(ping.len() + 125, b'p');
    let pings = ping.repeat(500);
    let stream = a.0.get_mut();
    let is_dropped = (0..1_000_000).any(|_| stream.write_all(&pings).is_err());
    assert!(is_dropped);
    b.expect(r#"{"type":"peer-left"}"#);
    assert_eq!(server.stop().refused("slow"), 1);
}

#[test]
fn who_sends_too_much_is_dropped() {
    let server = Server::start(&["--max-messages-per-room", "10"]);
    let (mut a, mut b) = server.pair();
    for _ in 0..60 {
        // The server may have had enough before the end.
        let _ = a.0.send(Message::binary(vec![1]));
    }
    a.expect_end("too-fast");
    for _ in 0..50 {
        b.expect_bytes(&[1]);
    }
    b.expect(r#"{"type":"peer-left"}"#);
    let server = Server::start(&["--max-bytes-per-room", "10000"]);
    let (mut a, _b) = server.pair();
    a.send_bytes(&vec![1; 60_000]);
    a.send_bytes(&vec![1; 60_000]);
    a.expect_end("too-fast");
}

#[test]
fn one_address_gets_so_many_connections_and_joins() {
    let server = Server::start(&["--max-connections-per-address", "3"]);
    let mut clients: Vec<_> = (0..3).map(|_| server.websocket()).collect();
    server.websocket().expect_end("too-many-connections");
    // Another address is another client; all of 127.0.0.0/8 is this host.
    clients.pop();
    thread::sleep(Duration::from_millis(100));
    let (status, _) = server.get("/health");
    assert_eq!(status, "HTTP/1.1 200 OK");
    drop(clients);
    let server = Server::start(&["--max-joins-per-address", "1"]);
    let mut refused = 0;
    for member in 0..10 {
        let mut client = server.join(member, member);
        match client.next().expect("an answer") {
            Message::Text(text) if text.contains("joined") => {}
            Message::Text(text) => {
                assert!(text.contains("too-fast"), "{text}");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((4..=6).contains(&refused), "{refused}");
}

#[test]
fn all_addresses_together_get_so_many_rooms() {
    let server = Server::start(&["--max-rooms", "1"]);
    let mut a = server.join(1, 1);
    a.expect(r#"{"type":"joined","peer":false}"#);
    server.join(2, 1).expect_end("too-many-rooms");
    assert_eq!(server.stop().refused("too-many-rooms"), 1);
}

#[test]
fn all_addresses_together_get_so_many_connections() {
    let server = Server::start(&["--max-connections", "2"]);
    // None of them ends before the last one comes: the server needs a moment to see an end.
    let (_a, _b) = server.pair();
    server.websocket().expect_end("too-many-connections");
    let stopped = server.stop();
    assert_eq!(stopped.refused("too-many-connections"), 1);
    let findings = stopped.document["findings"].as_array().expect("a list");
    assert_eq!(findings[0]["code"], "too-many-connections");
}

#[test]
fn rooms_end_after_their_lifetime() {
    let server = Server::start(&["--room-lifetime", "0.3"]);
    let (mut a, mut b) = server.pair();
    a.expect_end("room-expired");
    b.expect_end("room-expired");
}

/// With no descriptor left the server waits instead of spinning, and goes on when there are some.
#[cfg(target_os = "linux")]
#[test]
fn a_server_without_descriptors_waits_and_recovers() {
    let mut command = std::process::Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -n 24; exec \"$0\" serve --jsonl --listen 127.0.0.1:0",
        ])
        .arg(env!("CARGO_BIN_EXE_rtcdiag"));
    let server = Server::run(&mut command);
    let crowd: Vec<TcpStream> = (0..60).map(|_| server.connect()).collect();
    thread::sleep(Duration::from_secs(1));
    drop(crowd);
    thread::sleep(Duration::from_millis(500));
    still_works(&server);
    assert!(server.metric("rtcdiag_accept_errors_total") < 30.0);
    let stopped = server.stop();
    let findings = stopped.document["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|f| f["code"] == "local-limit"));
}
