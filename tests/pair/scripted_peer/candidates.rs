//! Candidates that nobody could mean.

use rtcdiag::net::servers::rendezvous::Limits;
use rtcdiag::proto::signal::rooms;

use super::ice::{Honest, Ice, connected};
use super::lab::{self, Lab};
use super::peer::Peer;

/// Each with the reason that it is left out for.
const HOSTILE: [(&str, &str); 15] = [
    ("udp 1000 0.0.0.0 9 typ host", "not the address of a host"),
    ("udp 1000 :: 9 typ host", "not the address of a host"),
    ("udp 1000 224.0.0.1 9 typ host", "not the address of a host"),
    ("udp 1000 ff02::1 9 typ host", "not the address of a host"),
    (
        "udp 1000 255.255.255.255 9 typ host",
        "not the address of a host",
    ),
    (
        "udp 1000 ::ffff:127.0.0.1 9 typ host",
        "not the address of a host",
    ),
    ("udp 1000 127.0.0.1 0 typ host", "not the address of a host"),
    ("udp 1000 fe80::1 9 typ host", "link-local"),
    (
        "tcp 1000 127.0.0.1 9 typ host tcptype active",
        "transport tcp",
    ),
    ("udp 1000 example.org 9 typ host", "a name"),
    ("udp 1000 f0f0.local 9 typ host", "a name"),
    ("udp 4294967296 127.0.0.1 9 typ host", "priority"),
    ("udp 1000 127.0.0.1 65536 typ host", "port"),
    ("udp 1000 127.0.0.1 9 typ magic", "type"),
    ("udp 1000 127.0.0.1 9", "not a candidate line"),
];

#[test]
fn hostile_candidates_are_named_and_the_session_goes_on() {
    for in_description in [false, true] {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&["--timeout", "20"]);
            let mut peer = Peer::join(&lab).await;
            let mut ice = Ice::new(&peer).await;
            peer.described().await;
            let lines: Vec<String> = HOSTILE
                .iter()
                .map(|(rest, _)| format!("candidate:1 1 {rest}"))
                .collect();
            let described = if in_description { &lines[..] } else { &[] };
            let sdp = peer.sdp_with(described);
            peer.say(&rtcdiag::proto::signal::message::Message::Answer { sdp });
            if !in_description {
                for line in &lines {
                    peer.candidate(line);
                }
            }
            ice.connect(&lab, &mut peer).await;
            let ended = program.end().await;
            ended.assert_connected();
            for (_, why) in HOSTILE {
                ended.assert_refused(why);
            }
            assert_eq!(ended.remote_candidates(), [ice.line()]);
        });
    }
}

#[test]
fn other_components_and_the_programs_own_address_are_named() {
    let ended = connected(async |_, peer| {
        let own = |peer: &Peer| {
            let description = peer.description.clone().unwrap_or_default();
            let mut lines: Vec<String> = description
                .candidates
                .iter()
                .map(ToString::to_string)
                .collect();
            lines.extend(peer.heard.iter().filter_map(|message| match message {
                rtcdiag::proto::signal::message::Message::Candidate { line, .. } => {
                    Some(line.clone())
                }
                _ => None,
            }));
            lines
        };
        peer.until("a candidate", |peer| !own(peer).is_empty())
            .await;
        for line in own(peer) {
            peer.candidate(&line);
        }
        peer.candidate("candidate:1 2 udp 1000 127.0.0.1 9 typ host");
    });
    ended.assert_refused("an address of this side");
    ended.assert_refused("only component 1");
}

/// Nothing is sent from loopback to other hosts, whatever the other side says.
#[test]
fn candidates_in_another_world_make_no_pair() {
    let ended = connected(async |_, peer| {
        for address in ["192.0.2.1", "198.51.100.7", "2001:db8::1", "10.0.0.1"] {
            peer.candidate(&format!("candidate:1 1 udp 1000 {address} 9 typ host"));
        }
    });
    assert_eq!(ended.remote_candidates().len(), 5);
    let pairs = ended.result()["pairs"].as_array().expect("a list");
    assert!(!pairs.is_empty());
    for pair in pairs {
        let remote = &pair["remote"]["address"];
        assert_eq!(remote, "127.0.0.1", "{pair:#}");
    }
}

/// The last address of a network: the system refuses to send there as it does where a firewall forbids it.
#[cfg(target_os = "linux")]
#[test]
fn a_broadcast_address_is_no_firewall() {
    let ended = connected(async |_, peer| {
        peer.candidate("candidate:1 1 udp 1000 127.255.255.255 9 typ host");
    });
    let pairs = ended.result()["pairs"].as_array().expect("a list");
    let to_all = pairs
        .iter()
        .find(|pair| pair["remote"]["address"] == "127.255.255.255");
    let failure = &to_all.expect("the pair was tried")["failure"];
    assert_eq!(failure["code"], "broadcast-address", "{failure:#}");
    assert!(!failure["message"].to_string().contains("firewall"));
}

/// A rendezvous that does not slow anybody down.
pub fn unlimited() -> Limits {
    Limits {
        rooms: rooms::RoomLimits {
            messages_per_second: 1_000_000,
            bytes_per_second: 1 << 30,
            ..Limits::default().rooms
        },
        queue: 1 << 30,
        ..Limits::default()
    }
}

#[test]
fn thousands_of_candidates_are_cut_and_the_session_goes_on() {
    lab::with_limits(unlimited(), async |lab: Lab| {
        let program = lab.pair(&["--timeout", "30"]);
        let mut peer = Peer::join(&lab).await;
        let mut ice = Ice::new(&peer).await;
        peer.described().await;
        peer.describe();
        peer.candidate(&ice.line());
        for batch in 0..10 {
            for port in 1..=300 {
                let port = batch * 300 + port;
                peer.candidate(&format!("candidate:1 1 udp 1000 127.0.0.3 {port} typ host"));
            }
            peer.confirmed().await;
        }
        peer.complete();
        ice.begin(&lab, &peer);
        ice.serve(&lab, &mut peer, Honest::Yes).await;
        let ended = program.end().await;
        ended.assert_connected();
        ended.assert_refused("too many candidates");
        assert!(ended.refused().len() <= 20, "{:?}", ended.refused());
        assert_eq!(ended.remote_candidates().len(), 100);
    });
}
