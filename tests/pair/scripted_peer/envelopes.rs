//! What somebody on the way may do: the rendezvous, or whoever sits in it.

use futures_util::{SinkExt, StreamExt};
use rtcdiag::net::rendezvous::client::Rendezvous;
use rtcdiag::net::servers::rendezvous::Limits;
use rtcdiag::proto::signal::message::Message;
use rtcdiag::proto::signal::rooms::{RoomKind, RoomName};
use rtcdiag::proto::signal::seal::MAX_ENVELOPE;
use rtcdiag::proto::signal::wire::{Join, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, http::HeaderValue};

use super::ice::{Ice, connect, connected, connected_within};
use super::lab::{self, Lab};
use super::peer::{Peer, target};

#[test]
fn garbage_is_named_and_the_session_goes_on() {
    let ended = connected_within(Limits::default(), "20", async |_, peer| {
        let garbage = [
            Vec::new(),
            vec![1],
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            vec![0xff; 60_000],
            // Of the next version.
            [vec![2, 0], vec![0; 60]].concat(),
            // Of this version, and of no known kind.
            [vec![1, 7], vec![0; 60]].concat(),
            // A greeting with a number.
            [vec![1, 0], vec![9; 60]].concat(),
            // Nothing but a header.
            [vec![1, 1], vec![0; 24]].concat(),
        ];
        for envelope in &garbage {
            peer.send_raw(envelope.clone());
        }
        peer.described().await;
        for envelope in garbage {
            peer.send_raw(envelope);
        }
    });
    ended.assert_refused("not a message of rtcdiag");
    ended.assert_refused("in another way (version 2)");
    ended.assert_refused("somebody without the code");
}

#[test]
fn what_is_changed_on_the_way_is_named_and_the_session_goes_on() {
    let ended = connected(async |_, peer| {
        peer.is_held = true;
        peer.candidate("candidate:1 1 udp 1000 127.0.0.1 9 typ host");
        let sent = peer.waiting();
        for envelope in &sent {
            for place in (0..envelope.len()).step_by(7) {
                let mut changed = envelope.clone();
                changed[place] ^= 0x10;
                peer.send_raw(changed);
            }
            for length in [0, 10, 26, envelope.len() - 1] {
                peer.send_raw(envelope[..length].to_vec());
            }
            peer.send_raw([envelope.as_slice(), b"more"].concat());
        }
        for envelope in sent {
            peer.send_raw(envelope);
        }
        peer.is_held = false;
    });
    ended.assert_refused("changed on the way");
    let candidates = ended.remote_candidates();
    assert!(
        candidates.iter().any(|c| c.contains("127.0.0.1 9 ")),
        "{candidates:?}"
    );
}

#[test]
fn what_is_said_again_counts_once() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        peer.is_held = true;
        peer.describe();
        peer.candidate("candidate:1 1 udp 1000 127.0.0.1 9 typ host");
        let sent = peer.waiting();
        for _ in 0..20 {
            for envelope in &sent {
                peer.send_raw(envelope.clone());
            }
        }
        peer.is_held = false;
        peer.confirmed().await;
        let mut ice = Ice::new(&peer).await;
        ice.connect(&lab, &mut peer).await;
        let ended = program.end().await;
        ended.assert_connected();
        ended.assert_refused("came again");
        let refused = ended.refused();
        assert!(
            !refused
                .iter()
                .any(|text| text.contains("second description")),
            "{refused:?}"
        );
    });
}

#[test]
fn what_comes_before_its_turn_is_named_and_the_session_goes_on() {
    let ended = connected(async |_, peer| {
        peer.is_held = true;
        for port in [7, 8, 9] {
            peer.candidate(&format!("candidate:1 1 udp 1000 127.0.0.1 {port} typ host"));
        }
        let sent = peer.waiting();
        for envelope in sent.iter().rev().chain(&sent) {
            peer.send_raw(envelope.clone());
        }
        peer.is_held = false;
    });
    ended.assert_refused("before its turn");
    assert!(
        ended.remote_candidates().len() >= 4,
        "{:?}",
        ended.remote_candidates()
    );
}

#[test]
fn the_programs_own_messages_sent_back_are_named() {
    let ended = connected(async |_, peer| {
        for envelope in peer.seen.clone() {
            peer.send_raw(envelope);
        }
    });
    ended.assert_refused("came back to its sender");
}

/// The rendezvous does not take it: the sender is told, the program sees that it has gone, and the
/// session goes on when it is back.
#[test]
fn an_oversized_message_costs_the_sender_its_connection_only() {
    for size in [MAX_ENVELOPE + 1, 1 << 20, 100 << 20] {
        let ended = connected(async |lab, peer| {
            let code = send_oversized(lab, peer, size).await;
            // Who is cut off while sending may not be able to read why.
            assert!(code.is_none_or(|code| code == "too-large"));
            let again = target(lab, &lab.code, peer.name);
            let again = Rendezvous::connect(again, lab.clock).await;
            peer.rendezvous = again.expect("there");
        });
        assert_eq!(ended.result()["session"]["reconnects"], 0, "it did nothing");
    }
}

/// As the same member over a connection of its own, since no client of the program would send it.
/// Waits until the connection is ended, and gives the code of the refusal, if it came.
async fn send_oversized(lab: &Lab, peer: &Peer, size: usize) -> Option<String> {
    let mut request = format!("ws://127.0.0.1:{}/pair", lab.port)
        .into_client_request()
        .expect("a URL");
    let protocol = HeaderValue::from_static(SUBPROTOCOL);
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", protocol);
    let stream = TcpStream::connect(("127.0.0.1", lab.port)).await;
    let stream = stream.expect("the rendezvous is there");
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .expect("a WebSocket");
    let join = Join {
        room: RoomName::from(&lab.code),
        kind: RoomKind::Pair,
        member: peer.name,
    };
    let join = tungstenite::Message::text(join.to_text());
    socket.send(join).await.expect("it takes a join");
    let large = vec![1; size];
    // It may be refused while it is being sent.
    let _ = socket.send(tungstenite::Message::binary(large)).await;
    let mut code = None;
    while let Some(Ok(message)) = socket.next().await {
        if let tungstenite::Message::Text(text) = message {
            let notice: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            code = notice["code"].as_str().map(str::to_owned).or(code);
        }
    }
    code
}

/// A confirmation of what was never sent, and of nothing sensible.
#[test]
fn impossible_receipts_are_named() {
    use rtcdiag::proto::signal::seal::{Kind, header, seal_message};
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        let theirs = header(&peer.seen[0]).expect("an envelope").from;
        for (number, text) in [(1000, &[0xff; 8][..]), (1001, b"x"), (1002, b"")] {
            let kind = Kind::Receipt(number);
            let envelope = seal_message(&lab.code, peer.name, theirs, kind, text);
            peer.send_raw(envelope.expect("small"));
        }
        connect(&lab, &mut peer).await;
        let ended = program.end().await;
        ended.assert_connected();
        ended.assert_refused("contradicts those before it");
        assert!(peer.heard.iter().any(|m| matches!(m, Message::Finished)));
    });
}
