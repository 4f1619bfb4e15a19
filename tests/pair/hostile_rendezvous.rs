//! A rendezvous that wants to fill the memory of `pair`, or somebody on the way to one.

use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rtcdiag::base::bounds;
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::session::Session;
use rtcdiag::proto::signal::wire::{Notice, SUBPROTOCOL};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::scripted_peer::lab::{self, Lab, Program};
use crate::scripted_peer::peer::greeting;

/// By how much the program may grow, whatever it is told.
const MOST_GROWTH_KB: u64 = 32 * 1024;

/// How much memory the program has had at most, in KiB.
fn peak(id: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().split(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A lab whose rendezvous is a socket of the test.
fn with(test: impl AsyncFnOnce(Lab, TcpListener)) {
    lab::with(async |mut lab: Lab| {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        lab.port = listener.local_addr().expect("it is bound").port();
        test(lab, listener).await;
    });
}

type Socket = WebSocketStream<TcpStream>;

/// The program has joined, and been told so.
#[expect(clippy::result_large_err, reason = "the error of the library")]
async fn joined(listener: &TcpListener, peer: bool) -> Socket {
    let (stream, _) = listener.accept().await.expect("it comes");
    let accepted = |_: &Request, mut response: Response| {
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        response
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        Ok(response)
    };
    let shaken = tokio_tungstenite::accept_hdr_async(stream, accepted).await;
    let mut socket = shaken.expect("a WebSocket");
    socket.next().await.expect("a join").expect("a join");
    say(&mut socket, &Notice::Joined { peer }).await;
    socket
}

async fn say(socket: &mut Socket, notice: &Notice) {
    let text = notice.to_text();
    socket.send(Message::text(text)).await.expect("it reads");
}

/// A frame of a server (RFC 6455 5.2), of less than 126 bytes.
fn frame(opcode: u8, text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    assert!(length < 126);
    [&[0x80 | opcode, length], text].concat()
}

/// Writes the same again and again, and reads nothing, until so much is written or the other side
/// takes no more. Gives how much was written.
async fn flood(stream: &mut TcpStream, what: &[u8], bytes: usize) -> usize {
    let block = what.repeat((64 * 1024 / what.len()).max(1));
    let mut written = 0;
    while written < bytes {
        let writing = tokio::time::timeout(Duration::from_secs(5), stream.write_all(&block));
        match writing.await {
            Ok(Ok(())) => written += block.len(),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    written
}

fn assert_small(program: &Program, before: u64, what: &str) {
    let now = peak(&program.id());
    // It may have ended, which is one way of not growing.
    assert!(
        now.saturating_sub(before) < MOST_GROWTH_KB,
        "{what}: from {before} kB to {now} kB"
    );
}

#[test]
fn unread_pings_do_not_fill_the_memory() {
    with(async |lab, listener| {
        let program = lab.pair(&["--timeout", "30"]);
        let mut stream = joined(&listener, false).await.into_inner();
        let before = peak(&program.id());
        assert!(before > 0);
        let written = flood(&mut stream, &frame(0x9, &[b'x'; 120]), 200 << 20).await;
        assert!(written > 1 << 20, "{written}");
        assert_small(&program, before, "pings");
    });
}

#[test]
fn a_message_of_empty_frames_ends_the_connection() {
    with(async |lab, listener| {
        let program = lab.pair(&["--timeout", "30"]);
        let mut stream = joined(&listener, false).await.into_inner();
        let before = peak(&program.id());
        stream.write_all(&[0x02, 0]).await.expect("it reads");
        let most = 100 << 20;
        let written = flood(&mut stream, &[0, 0], most).await;
        assert!(written < most, "all is taken");
        assert_small(&program, before, "empty frames");
    });
}

#[test]
fn comings_without_end_end_the_session() {
    with(async |lab, listener| {
        let program = lab.pair(&["--timeout", "30"]);
        let mut stream = joined(&listener, false).await.into_inner();
        let before = peak(&program.id());
        let notice = Notice::PeerJoined.to_text();
        flood(&mut stream, &frame(0x1, notice.as_bytes()), 20 << 20).await;
        assert_small(&program, before, "peer-joined");
        drop(stream);
        let ended = program.end().await;
        ended.assert_within(25.0);
        let finding = ended.assert_finding("rendezvous-failed");
        let message = finding["message"].as_str().expect("text");
        assert!(
            message.contains("somebody came, went or was turned away"),
            "{message}"
        );
    });
}

/// Greetings that are sent again, each after somebody is said to have left: events of the timeline,
/// and everything that is not confirmed is sent once more.
#[test]
fn greetings_that_are_replayed_end_the_session() {
    with(async |lab, listener| {
        let program = lab.pair(&["--timeout", "30"]);
        let mut socket = joined(&listener, true).await;
        let mut peer = Session::new(lab.code.clone(), Name(rand::random()), greeting().encode());
        peer.joined().expect("small");
        let hello = peer.poll_transmit().expect("a greeting");
        socket
            .send(Message::binary(hello.clone()))
            .await
            .expect("it reads");
        // Its greeting and its description.
        for _ in 0..2 {
            socket
                .next()
                .await
                .expect("it is there")
                .expect("it is there");
        }
        let before = peak(&program.id());
        let length = u8::try_from(hello.len());
        let hello = match length {
            Ok(length) if length < 126 => [&[0x82, length], &hello[..]].concat(),
            _ => {
                let length = u16::try_from(hello.len()).expect("short").to_be_bytes();
                [&[0x82, 126], &length[..], &hello[..]].concat()
            }
        };
        let left = frame(0x1, Notice::PeerLeft.to_text().as_bytes());
        let (mut reading, mut writing) = socket.into_inner().into_split();
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; 65_536];
            while reading
                .read(&mut buffer)
                .await
                .is_ok_and(|length| length > 0)
            {}
        });
        let block = [left, hello].concat().repeat(100);
        for _ in 0..200 {
            if writing.write_all(&block).await.is_err() {
                break;
            }
        }
        assert_small(&program, before, "greetings");
        drop(writing);
        let ended = program.end().await;
        reading.abort();
        ended.assert_finding("rendezvous-failed");
        let timeline = ended.result()["timeline"].as_array().expect("a list");
        assert!(timeline.len() <= bounds::TIMELINE, "{}", timeline.len());
        assert!(ended.stdout.len() < 1 << 20, "{}", ended.stdout.len());
    });
}

/// The largest envelopes, none of which opens.
#[test]
fn large_envelopes_do_not_fill_the_memory() {
    with(async |lab, listener| {
        let program = lab.pair(&["--timeout", "10"]);
        let mut socket = joined(&listener, true).await;
        let before = peak(&program.id());
        for _ in 0..400 {
            let junk = Message::binary(vec![1; 256 * 1024]);
            if socket.send(junk).await.is_err() {
                break;
            }
        }
        assert_small(&program, before, "envelopes");
    });
}

/// `yes | rtcdiag pair --manual`.
#[test]
fn pastes_without_end_do_not_fill_the_memory() {
    for form in ["--manual", "--manual=sdp"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rtcdiag"))
            .env_clear()
            .args(["pair", form, "--json", "--timeout", "20", "--no-nat"])
            .args(["--local", "127.0.0.1", "-s", "stun:127.0.0.1:1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let id = child.id().to_string();
        let mut input = child.stdin.take().expect("piped");
        let block = "y\n".repeat(32 * 1024);
        let mut most = 0;
        for _ in 0..2000 {
            most = most.max(peak(&id));
            if std::io::Write::write_all(&mut input, block.as_bytes()).is_err() {
                break;
            }
        }
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        let document: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("one document");
        assert_eq!(output.status.code(), Some(2), "{document:#}");
        assert!(most > 0 && most < 64 * 1024, "{form}: {most} kB in all");
    }
}
