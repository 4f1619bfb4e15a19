//! Chromium, as `tests/browser/record_answers.py` has seen it.

use super::super::codec::{Codec, VIDEO_CLOCK};
use super::super::direction::Direction;
use super::super::model::Section;
use super::{Application, Decision, abilities, no_codec};

const AUDIO: [(u8, &str, &str); 8] = [
    (111, "opus/48000/2", "minptime=10;useinbandfec=1"),
    (63, "red/48000/2", ""),
    (9, "G722/8000", ""),
    (0, "PCMU/8000", ""),
    (8, "PCMA/8000", ""),
    (13, "CN/8000", ""),
    (110, "telephone-event/48000", ""),
    (126, "telephone-event/8000", ""),
];

/// Without those that only some builds have: H.265 and the High profiles of H.264 need hardware.
const VIDEO: [(u8, &str, &str); 14] = [
    (96, "VP8/90000", ""),
    (97, "rtx/90000", ""),
    (98, "VP9/90000", "profile-id=0"),
    (100, "VP9/90000", "profile-id=2"),
    (
        102,
        "H264/90000",
        "packetization-mode=1;profile-level-id=42001f",
    ),
    (
        104,
        "H264/90000",
        "packetization-mode=0;profile-level-id=42001f",
    ),
    (
        106,
        "H264/90000",
        "packetization-mode=1;profile-level-id=42e01f",
    ),
    (
        108,
        "H264/90000",
        "packetization-mode=0;profile-level-id=42e01f",
    ),
    (
        127,
        "H264/90000",
        "packetization-mode=1;profile-level-id=4d001f",
    ),
    (
        39,
        "H264/90000",
        "packetization-mode=0;profile-level-id=4d001f",
    ),
    (45, "AV1/90000", "level-idx=5;profile=0;tier=0"),
    (112, "red/90000", ""),
    (114, "ulpfec/90000", ""),
    (116, "flexfec-03/90000", "repair-window=10000000"),
];

/// What it receives and does not send: a section in which it sends, or nobody does, has none of them.
const RECEIVED: [(u8, &str, &str); 5] = [
    (35, "VP9/90000", "profile-id=1"),
    (37, "VP9/90000", "profile-id=3"),
    (
        41,
        "H264/90000",
        "packetization-mode=1;profile-level-id=f4001f",
    ),
    (
        43,
        "H264/90000",
        "packetization-mode=0;profile-level-id=f4001f",
    ),
    (47, "AV1/90000", "level-idx=5;profile=1;tier=0"),
];

/// Payload types that mean the same everywhere; one of them is matched by its number alone.
const STATIC: std::ops::RangeInclusive<u8> = 0..=34;
const RTP: [&str; 8] = [
    "UDP/TLS/RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "TCP/TLS/RTP/SAVPF",
    "TCP/TLS/RTP/SAVP",
    "RTP/SAVPF",
    "RTP/SAVP",
    "RTP/AVPF",
    "RTP/AVP",
];
const DATA: [&str; 3] = ["UDP/DTLS/SCTP", "DTLS/SCTP", "TCP/DTLS/SCTP"];

pub(super) fn decisions(application: Application) -> impl FnMut(&Section) -> Decision {
    let [audio, video] = [abilities::codecs(&AUDIO), abilities::codecs(&VIDEO)];
    let received = abilities::codecs(&RECEIVED);
    let all = [video.clone(), received.clone()].concat();
    let mut free_tracks = if application.has_tracks {
        vec!["audio", "video"]
    } else {
        Vec::new()
    };
    let mut has_data = false;
    move |section| {
        let direction = direction(section, &mut free_tracks);
        let able = match section.kind.as_str() {
            "audio" => &audio,
            "video" if direction == Direction::Recvonly => &all,
            "video" => &video,
            _ => &Vec::new(),
        };
        let codecs = accepted(section, able, &mut has_data);
        let codecs = codecs.map_err(|reason| {
            let mut codecs = section.codecs.iter();
            let one_way = codecs.find(|codec| received.iter().any(|own| is_same(own, codec)));
            match one_way {
                Some(codec) if section.kind == "video" && !section.is_refused() => format!(
                    "no common codec: Chromium takes {codec} with these parameters only where it receives and does not send"
                ),
                _ => reason,
            }
        });
        Decision { codecs, direction }
    }
}

fn accepted(section: &Section, able: &[Codec], has_data: &mut bool) -> Result<Vec<Codec>, String> {
    if section.is_refused() {
        return Err("it was offered with port 0".to_owned());
    }
    let protocol = section.protocol.as_str();
    match section.kind.as_str() {
        "application" if !DATA.contains(&protocol) => {
            Err(format!("Chromium has no data channel over {protocol}"))
        }
        "application" if std::mem::replace(has_data, true) => {
            Err("Chromium has one section for all data channels".to_owned())
        }
        "application" => Ok(Vec::new()),
        "audio" | "video" if !RTP.contains(&protocol) => {
            Err(format!("Chromium does not speak {protocol}"))
        }
        "audio" | "video" => {
            let codecs = common(section, able);
            // Silence or redundancy alone is no audio; tones are.
            let is_audio = |codec: &Codec| !codec.is("CN") && !codec.is("red");
            if section.kind == "audio" && !codecs.iter().any(is_audio) || codecs.is_empty() {
                return Err(no_codec(section, able));
            }
            Ok(codecs)
        }
        other => Err(format!("Chromium has no {other}")),
    }
}

/// What it answers with, in the order of the offer.
fn common(section: &Section, able: &[Codec]) -> Vec<Codec> {
    let first: Vec<&Codec> = section
        .codecs
        .iter()
        .filter(|codec| able.iter().any(|own| is_same(own, codec)))
        .collect();
    let is_there = |payload: u8| first.iter().any(|codec| codec.payload == payload);
    let kept = first.iter().filter(|codec| {
        if codec.is("rtx") {
            return codec.repaired().is_some_and(is_there);
        }
        // Redundancy of audio names what it repeats (RFC 2198 5).
        let of_audio = section.kind == "audio" && codec.is("red");
        !of_audio || repeated(codec).is_none_or(is_there)
    });
    let answered = kept.map(|codec| Codec {
        // It writes the clock that it has.
        clock: if codec.is_video() {
            VIDEO_CLOCK
        } else {
            codec.clock
        },
        ..(*codec).clone()
    });
    answered.collect()
}

fn repeated(codec: &Codec) -> Option<u8> {
    codec.parameter("")?.split('/').next()?.parse().ok()
}

fn is_same(own: &Codec, offered: &Codec) -> bool {
    if STATIC.contains(&own.payload) || STATIC.contains(&offered.payload) {
        return own.payload == offered.payload && own.difference(offered).is_none();
    }
    if own.is("rtx") || own.is("red") {
        return own.is(&offered.name);
    }
    own.difference(offered).is_none()
}

/// A track is given to the first section of its kind that wants to receive (RFC 8829 5.10), and has no simulcast.
/// What stands in the session does not count.
fn direction(section: &Section, free_tracks: &mut Vec<&str>) -> Direction {
    let offered = section
        .part
        .direction()
        .map_or(Direction::Sendrecv, |(direction, _)| direction);
    let rids: Vec<&str> = section
        .part
        .all("rid")
        .filter_map(|rid| {
            let mut fields = rid.value.split(' ');
            let name = fields.next()?;
            matches!(fields.next(), Some("send" | "recv")).then_some(name)
        })
        .collect();
    // One that is described twice is passed over.
    let is_once = |rid: &str| rids.iter().filter(|other| **other == rid).count() == 1;
    let has_layers = section.part.first("simulcast").is_some_and(|simulcast| {
        let words = simulcast.value.split([' ', ';', ',']);
        words.map(|rid| rid.trim_start_matches('~')).any(is_once)
    });
    let track = free_tracks.iter().position(|kind| *kind == section.kind);
    let is_taken = offered.receives() && !section.is_refused() && !has_layers;
    let sends = match track.filter(|_| is_taken) {
        Some(at) => {
            free_tracks.remove(at);
            true
        }
        None => false,
    };
    offered.answered_with(Direction::new(sends, true))
}
