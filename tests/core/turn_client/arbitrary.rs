//! Anything may come from the network.

use std::net::SocketAddr;

use proptest::prelude::*;
use rtcdiag::proto::turn::client::Event;
use rtcdiag::proto::turn::frame::{self, Frame, FrameReader};

use super::lab::{GOOD, Lab, PEER, STREAM, address};
use crate::support::stun_wire::{Message, XOR_MAPPED_ADDRESS};
use crate::support::turn_server::wire;
use crate::support::turn_server::{Method, TurnConfig};

/// A client in each state: before anything, while a request without and one with credentials is
/// under way, and with everything there.
fn clients() -> Vec<Lab> {
    let idle = Lab::new(TurnConfig::default());
    let mut asking = Lab::new(TurnConfig::default());
    asking.begin(|c, now| c.allocate(now, None));
    let (mut allocated, _) = Lab::allocated(TurnConfig::default(), GOOD);
    assert!(allocated.bind(PEER).is_ok());
    allocated.begin(|c, now| c.refresh(now, 600));
    let (mut stream, _) = Lab::allocated(TurnConfig::default(), STREAM);
    stream.begin(|c, now| c.permit(now, vec![address(PEER).ip()]));
    let mut all = vec![idle, asking, allocated, stream];
    for lab in &mut all {
        lab.events.clear();
    }
    all
}

fn assert_nothing_ended(lab: &Lab) {
    let done = |event: &Event| matches!(event, Event::Done { .. } | Event::Fading(_));
    assert!(!lab.events.iter().any(|(_, e)| done(e)), "{:?}", lab.events);
}

/// Answers that would be right if they were to another transaction.
fn wrong_answers() -> impl Strategy<Value = Vec<u8>> {
    let methods = prop::sample::select(vec![
        Method::Allocate,
        Method::Refresh,
        Method::CreatePermission,
        Method::ChannelBind,
        Method::Binding,
    ]);
    let code = prop::option::of(300_u16..700);
    let extra = prop::collection::vec(
        (any::<u16>(), prop::collection::vec(any::<u8>(), 0..40)),
        0..6,
    );
    (methods, any::<[u8; 12]>(), code, extra, any::<bool>()).prop_map(
        |(method, id, code, extra, signs)| {
            let liar: SocketAddr = address("192.0.2.66:6666");
            let mut message = match code {
                Some(code) => Message::new(method.error(), id)
                    .error(code, "made up")
                    .attribute(wire::REALM, b"example.org")
                    .attribute(wire::NONCE, b"made up"),
                None => Message::new(method.success(), id)
                    .xor_address(wire::XOR_RELAYED_ADDRESS, liar)
                    .xor_address(XOR_MAPPED_ADDRESS, liar)
                    .attribute(wire::LIFETIME, &600_u32.to_be_bytes()),
            };
            for (kind, value) in extra {
                message = message.attribute(kind, &value);
            }
            let mut bytes = message.finish();
            if signs {
                let key = wire::key(wire::MD5, "user", "example.org", "secret");
                wire::sign(&mut bytes, wire::Digest::Sha1, &key);
            }
            bytes
        },
    )
}

/// Something that begins well and is then changed.
fn mutilated() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    (wrong_answers(), changes, any::<prop::sample::Index>()).prop_map(
        |(mut bytes, changes, end)| {
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            bytes.truncate(end.index(bytes.len() + 1));
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_that_mean_nothing_end_nothing(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20)
    ) {
        for mut lab in clients() {
            for bytes in &inputs {
                lab.inject(bytes);
            }
            assert_nothing_ended(&lab);
        }
    }

    #[test]
    fn answers_to_other_transactions_end_nothing(
        inputs in prop::collection::vec(wrong_answers(), 1..20)
    ) {
        for mut lab in clients() {
            let before = lab.client.discarded().stray;
            for bytes in &inputs {
                lab.inject(bytes);
            }
            assert_nothing_ended(&lab);
            let strays = usize::try_from(lab.client.discarded().stray - before).expect("few");
            prop_assert_eq!(strays, inputs.len());
        }
    }

    #[test]
    fn mutilated_answers_end_nothing(inputs in prop::collection::vec(mutilated(), 1..20)) {
        for mut lab in clients() {
            for bytes in &inputs {
                lab.inject(bytes);
            }
            assert_nothing_ended(&lab);
        }
    }

    /// Whatever comes in whatever pieces: frames are what they say, and nothing is kept for ever.
    #[test]
    fn a_stream_of_anything_gives_frames_or_an_error(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..40)
    ) {
        let mut reader = FrameReader::default();
        let (mut came, mut given) = (0, 0);
        'all: for piece in &pieces {
            reader.push(piece);
            came += piece.len();
            loop {
                match reader.next_frame() {
                    Ok(Some(bytes)) => {
                        given += bytes.len();
                        prop_assert!(frame::parse(&bytes).is_some(), "{:?}", bytes);
                    }
                    Ok(None) => break,
                    Err(_) => break 'all,
                }
            }
        }
        prop_assert!(given <= came);
    }

    /// Frames that are right come out as they went in, wherever the stream is cut.
    #[test]
    fn frames_survive_any_cut(
        messages in prop::collection::vec(
            prop_oneof![
                wrong_answers(),
                (0x4000_u16..0x4fff, prop::collection::vec(any::<u8>(), 0..50))
                    // "HTTP" would be a channel too.
                    .prop_filter("a web server", |(number, _)| *number != 0x4854)
                    .prop_map(|(number, payload)| wire::channel_data(number, &payload, true)),
            ],
            1..10
        ),
        size in 1_usize..40
    ) {
        let mut reader = FrameReader::default();
        let mut frames = Vec::new();
        for piece in messages.concat().chunks(size) {
            reader.push(piece);
            while let Some(bytes) = reader.next_frame().expect("all of it is TURN") {
                frames.push(bytes);
            }
        }
        prop_assert_eq!(frames.len(), messages.len());
        prop_assert!(!reader.has_partial());
        for (frame, message) in frames.iter().zip(&messages) {
            match frame::parse(frame) {
                Some(Frame::Stun(bytes)) => prop_assert_eq!(bytes, &message[..]),
                Some(Frame::ChannelData(number, payload)) => {
                    prop_assert_eq!(Some((number, payload)), wire::parse_channel_data(message));
                }
                None => prop_assert!(false, "no frame"),
            }
        }
    }
}
