//! Application data: Send and Data indications, ChannelData (RFC 8656 11 and 12).

use rtcdiag::proto::machine::Machine as _;
use rtcdiag::proto::turn::client::{Answer, Event};
use rtcdiag::proto::turn::frame;

use super::lab::{GOOD, Lab, Link, PEER, STREAM, address, seconds};
use crate::support::turn_server::wire;
use crate::support::turn_server::{Method, TurnConfig};

const OTHER: &str = "192.0.2.41:6001";
/// Padding is of 0 to 3 bytes, and nothing at all is data too.
const SIZES: [usize; 8] = [0, 1, 2, 3, 4, 5, 13, 1200];

fn payload(size: usize) -> Vec<u8> {
    (0..size)
        .map(|i| u8::try_from(i % 251).expect("small"))
        .collect()
}

fn round(lab: &mut Lab, channel: Option<u16>) {
    lab.echo = true;
    for size in SIZES {
        let (before, data) = (lab.at_peers.len(), payload(size));
        let came = lab.data().len();
        lab.send(PEER, &data);
        lab.run_for(seconds(1));
        assert_eq!(lab.at_peers.len(), before + 1, "{size} bytes");
        assert_eq!(lab.at_peers[before].1, address(PEER));
        assert_eq!(lab.at_peers[before].2, data, "{size} bytes");
        assert_eq!(lab.data().len(), came + 1, "{size} bytes");
        assert_eq!(lab.data()[came], (channel, data), "{size} bytes");
    }
    assert_eq!(lab.core.violations(), &[] as &[String]);
}

#[test]
fn send_and_data_indications_both_ways() {
    for link in [GOOD, STREAM] {
        let (mut lab, allocation) = Lab::allocated(TurnConfig::default(), link);
        assert_eq!(lab.permit(PEER), Ok(Answer::Permitted));
        round(&mut lab, None);
        assert_eq!(lab.core.requests(Method::Send), SIZES.len());
        let from = lab.at_peers[0].0;
        assert_eq!(from, allocation.relayed);
    }
}

#[test]
fn channel_data_both_ways_with_padding_on_streams() {
    for link in [GOOD, STREAM] {
        let (mut lab, _) = Lab::allocated(TurnConfig::default(), link);
        let Ok(Answer::Bound(number)) = lab.bind(PEER) else {
            panic!("no channel");
        };
        assert!(frame::CHANNELS.contains(&number));
        round(&mut lab, Some(number));
        assert_eq!(lab.core.requests(Method::Send), 0);
        let sent = lab.sent.iter().filter(|(_, b)| wire::is_channel_data(b));
        for (_, bytes) in sent {
            let (_, payload) = wire::parse_channel_data(bytes).expect("whole");
            let exact = 4 + payload.len();
            let expected = if link.stream {
                exact.next_multiple_of(4)
            } else {
                exact
            };
            assert_eq!(bytes.len(), expected);
        }
    }
}

#[test]
fn peers_have_channels_of_their_own_and_keep_them() {
    let (mut lab, _) = Lab::allocated(TurnConfig::default(), GOOD);
    let first = lab.bind(PEER).expect("bound");
    let second = lab.bind(OTHER).expect("bound");
    assert_ne!(first, second);
    assert_eq!(lab.bind(PEER), Ok(first), "a renewal");
    lab.send(OTHER, b"to the other");
    lab.run_for(seconds(1));
    assert_eq!(lab.at_peers[0].1, address(OTHER));
}

#[test]
fn data_says_which_peer_it_is_from() {
    let (mut lab, allocation) = Lab::allocated(TurnConfig::default(), GOOD);
    assert!(lab.bind(PEER).is_ok() && lab.permit(OTHER).is_ok());
    lab.peer_sends(allocation.relayed, PEER, b"one");
    lab.peer_sends(allocation.relayed, OTHER, b"two");
    lab.peer_sends(allocation.relayed, "192.0.2.99:1", b"no permission");
    lab.run_for(seconds(1));
    let from: Vec<_> = lab
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Data { peer, payload, .. } => Some((*peer, payload.clone())),
            _ => None,
        })
        .collect();
    let expected = [
        (address(PEER), b"one".to_vec()),
        (address(OTHER), b"two".to_vec()),
    ];
    assert_eq!(from, expected);
}

/// Until the server has said so there is no channel to send by; what the server sends by it is
/// taken all the same, since its answer may have been overtaken.
#[test]
fn a_channel_is_used_when_it_is_bound_and_not_before() {
    let (mut lab, _) = Lab::allocated(TurnConfig::default(), GOOD);
    assert!(lab.permit(PEER).is_ok());
    let id = lab.begin(|c, now| c.bind_channel(now, address(PEER)));
    lab.send(PEER, b"early");
    let Ok(Answer::Bound(number)) = lab.wait(id).0 else {
        panic!("no channel");
    };
    lab.send(PEER, b"late");
    lab.run_for(seconds(1));
    assert_eq!(lab.core.requests(Method::Send), 1);
    assert_eq!(lab.at_peers.len(), 2);
    assert_eq!(lab.core.violations(), &[] as &[String]);
    lab.inject(&wire::channel_data(number, b"by channel", false));
    assert_eq!(lab.data(), [(Some(number), b"by channel".to_vec())]);
}

#[test]
fn a_refused_channel_leaves_indications() {
    let config = TurnConfig {
        error_on: vec![(Method::ChannelBind, 403)],
        ..TurnConfig::default()
    };
    let (mut lab, _) = Lab::allocated(config, GOOD);
    assert!(lab.permit(PEER).is_ok());
    assert!(lab.bind(PEER).is_err());
    round(&mut lab, None);
    lab.core.configure(|config| config.error_on.clear());
    let Ok(Answer::Bound(number)) = lab.bind(PEER) else {
        panic!("no channel at the second try");
    };
    round(&mut lab, Some(number));
}

#[test]
fn unknown_channels_and_broken_channel_data_are_left_alone() {
    let (mut lab, _) = Lab::allocated(TurnConfig::default(), GOOD);
    let Ok(Answer::Bound(number)) = lab.bind(PEER) else {
        panic!("no channel");
    };
    let [high, low] = number.to_be_bytes();
    let before = lab.client.discarded().stray;
    let strays: [&[u8]; 8] = [
        &wire::channel_data(0x4fff, b"nobody's", false),
        &wire::channel_data(0x4ffe, b"", true),
        &[high, low, 0, 9, 1, 2, 3],
        &[high, low, 0xff, 0xff],
        &[high, low, 0],
        &[high, low],
        &[0x50, 0, 0, 1, 7],
        &[],
    ];
    for stray in strays {
        lab.inject(stray);
    }
    assert_eq!(lab.data(), []);
    assert_eq!(lab.client.discarded().stray, before + 8);
    // RFC 8656 12.5: over UDP padding is not needed, but may be there.
    lab.inject(&wire::channel_data(number, b"x", true));
    assert_eq!(lab.data(), [(Some(number), b"x".to_vec())]);
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let (mut lab, _) = Lab::allocated(TurnConfig::default(), GOOD);
    assert!(lab.permit(PEER).is_ok());
    assert!(!lab.client.send(address(PEER), &vec![0; 70_000]));
    assert!(lab.bind(PEER).is_ok());
    assert!(!lab.client.send(address(PEER), &vec![0; 70_000]));
    assert_eq!(lab.client.poll_transmit(), None);
}

/// Half of a message, and then something else in its place, is how a broken stream looks.
#[test]
fn data_in_pieces_on_a_stream_is_put_together() {
    let link = Link { ..STREAM };
    let (mut lab, allocation) = Lab::allocated(TurnConfig::default(), link);
    assert!(lab.bind(PEER).is_ok());
    for number in 0..50_u8 {
        lab.peer_sends(allocation.relayed, PEER, &vec![number; usize::from(number)]);
    }
    lab.run_for(seconds(1));
    let data = lab.data();
    assert_eq!(data.len(), 50);
    for (number, (_, payload)) in (0..50_u8).zip(data) {
        assert_eq!(payload, vec![number; usize::from(number)]);
    }
}
