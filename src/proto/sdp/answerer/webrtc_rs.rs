//! The crate `webrtc` 0.17 (webrtc-rs) with the codecs that it registers by default, as `tests/browser/webrtc_rs` has
//! seen it. It matches codecs by their names where parameters do not fit, and takes some things that others refuse.

use super::super::codec::Codec;
use super::super::direction::Direction;
use super::super::lint::transport::carriers;
use super::super::model::{Description, Section};
use super::super::problem::Problem;
use super::{Application, Decision, abilities, no_codec};
use crate::base::codes::Code;

const AUDIO: [(u8, &str, &str); 4] = [
    (111, "opus/48000/2", "minptime=10;useinbandfec=1"),
    (9, "G722/8000", ""),
    (0, "PCMU/8000", ""),
    (8, "PCMA/8000", ""),
];
const VIDEO: [(u8, &str, &str); 15] = [
    (96, "VP8/90000", ""),
    (98, "VP9/90000", "profile-id=0"),
    (100, "VP9/90000", "profile-id=1"),
    (
        102,
        "H264/90000",
        "packetization-mode=1;profile-level-id=42001f",
    ),
    (
        127,
        "H264/90000",
        "packetization-mode=0;profile-level-id=42001f",
    ),
    (
        125,
        "H264/90000",
        "packetization-mode=1;profile-level-id=42e01f",
    ),
    (
        108,
        "H264/90000",
        "packetization-mode=0;profile-level-id=42e01f",
    ),
    (
        123,
        "H264/90000",
        "packetization-mode=1;profile-level-id=640032",
    ),
    (
        118,
        "H264/90000",
        "packetization-mode=1;profile-level-id=640028",
    ),
    (
        119,
        "H264/90000",
        "packetization-mode=1;profile-level-id=640029",
    ),
    (
        120,
        "H264/90000",
        "packetization-mode=1;profile-level-id=64002a",
    ),
    (
        121,
        "H264/90000",
        "packetization-mode=1;profile-level-id=640033",
    ),
    (41, "AV1/90000", "profile-id=0"),
    (126, "H265/90000", ""),
    (116, "ulpfec/90000", ""),
];
/// The parts of protocols that its parser knows.
const PROTOCOLS: [&str; 8] = ["UDP", "RTP", "AVP", "SAVP", "SAVPF", "TLS", "DTLS", "SCTP"];

/// The greatest number of a header extension that it takes.
const EXTENSIONS: u16 = 256;

/// Why it refuses an offer as a whole.
pub(super) fn refusal(offer: &Description) -> Option<Problem> {
    let refuse = |line: Option<usize>, message: String| {
        Some(Problem::refusal(
            Code::SdpRefused,
            line,
            message,
            "RFC 8829 5.8",
            "webrtc-rs gives an error for the whole description",
        ))
    };
    if let Some((line, message)) = grammar(offer) {
        return refuse(Some(line), message.to_owned());
    }
    for section in &offer.sections {
        let parts = || section.protocol.split('/');
        let unknown =
            parts().find(|part| !PROTOCOLS.contains(part) && *part != "AVPF" && *part != "udptl");
        if let Some(part) = unknown {
            return refuse(
                Some(section.line),
                format!("it does not know the protocol {part}"),
            );
        }
        let is_media = matches!(section.kind.as_str(), "audio" | "video");
        let has_map = |format: &&String| {
            let maps = section.part.all("rtpmap");
            maps.filter_map(|map| map.value.split(' ').next())
                .any(|payload| payload == format.as_str())
        };
        if let Some(format) = section
            .formats
            .iter()
            .find(|format| is_media && !has_map(format))
        {
            return refuse(
                Some(section.line),
                format!("payload type {format} has no a=rtpmap, and it does not know static ones"),
            );
        }
    }
    let of = |name: &str| {
        let mut found = offer
            .sections
            .iter()
            .filter_map(|section| section.part.first(name));
        offer.session.first(name).or_else(|| found.next())
    };
    for name in ["ice-ufrag", "ice-pwd", "fingerprint"] {
        if of(name).is_none() {
            return refuse(None, format!("there is no a={name}"));
        }
    }
    let conflicting = carriers(offer).chain(&offer.sections).find_map(|section| {
        let own = section.part.first("ice-ufrag")?;
        (own.value != of("ice-ufrag")?.value).then_some(own.line)
    });
    if let Some(line) = conflicting {
        return refuse(
            Some(line),
            "sections have different ICE parameters".to_owned(),
        );
    }
    None
}

/// What its parser does not read, and where.
fn grammar(offer: &Description) -> Option<(usize, &'static str)> {
    let strays = offer
        .strays
        .iter()
        .filter(|stray| !stray.text.trim().is_empty());
    let strays = strays.map(|stray| (stray.number, "a line is none"));
    let order = ['v', 'o', 's', 't'];
    let letters = offer
        .session
        .others
        .iter()
        .filter(|line| order.contains(&line.letter));
    let is_in_order = letters.map(|line| line.letter).eq(order);
    let frame =
        (!is_in_order).then_some((1, "v=, o=, s= and t= are to stand first, in this order"));
    let others = offer
        .session
        .others
        .iter()
        .filter_map(|line| match line.letter {
            'v' if line.value != "0" => Some((line.number, "the version is not 0")),
            'o' if line.value.split_ascii_whitespace().count() < 6 => {
                Some((line.number, "o= has six fields"))
            }
            letter if !"vosiuepcbtrzka".contains(letter) => {
                Some((line.number, "a line has an unknown type"))
            }
            _ => None,
        });
    let sections = offer.sections.iter().filter_map(|section| {
        let is_short = section.text.split_ascii_whitespace().count() < 4;
        let wrong = is_short || section.port.is_none();
        wrong.then_some((section.line, "m= cannot be read"))
    });
    let parts = || {
        std::iter::once(&offer.session).chain(offer.sections.iter().map(|section| &section.part))
    };
    let rates = parts()
        .flat_map(|part| &part.others)
        .filter(|line| line.letter == 'b');
    let rates = rates.filter(|line| {
        let number = line
            .value
            .split_once(':')
            .map(|(_, number)| number.parse::<u64>());
        !matches!(number, Some(Ok(_)))
    });
    let rates = rates.map(|line| (line.number, "b= has no number"));
    let attributes = parts()
        .flat_map(|part| &part.attributes)
        .filter_map(|attribute| {
            let first = attribute.value.split([' ', '/']).next().unwrap_or_default();
            match attribute.name.as_str() {
                "extmap"
                    if !first
                        .parse::<u16>()
                        .is_ok_and(|id| (1..=EXTENSIONS).contains(&id)) =>
                {
                    Some((
                        attribute.line,
                        "the number of a header extension is out of range",
                    ))
                }
                "candidate" if attribute.value.split_ascii_whitespace().count() < 8 => {
                    Some((attribute.line, "a candidate is too short"))
                }
                _ => None,
            }
        });
    let first = strays.chain(frame).chain(others).chain(sections);
    first.chain(rates).chain(attributes).next()
}

pub(super) fn decisions(
    offer: &Description,
    application: Application,
) -> impl FnMut(&Section) -> Decision + '_ {
    let [audio, video] = [abilities::codecs(&AUDIO), abilities::codecs(&VIDEO)];
    let mut free_tracks = if application.has_tracks {
        vec!["audio", "video"]
    } else {
        Vec::new()
    };
    move |section| {
        let able = if section.kind == "audio" {
            &audio
        } else {
            &video
        };
        // It takes the first where there are several.
        let offered = section
            .part
            .directions()
            .next()
            .map(|(direction, _)| direction);
        let codecs = match offered {
            _ if section.mid().is_none() => {
                Err("webrtc-rs leaves out a section without a=mid".to_owned())
            }
            None if section.kind != "application" => {
                Err("webrtc-rs leaves out a section that names no direction itself".to_owned())
            }
            _ => accepted(offer, section, able),
        };
        let offered = offered.unwrap_or(Direction::Sendrecv);
        let track = free_tracks
            .iter()
            .position(|kind| *kind == section.kind)
            .filter(|_| offered.receives());
        let direction = match (offered, track.map(|at| free_tracks.remove(at))) {
            (Direction::Sendrecv, None) => Direction::Recvonly,
            (offered, _) => offered.answered_with(Direction::Sendrecv),
        };
        Decision { codecs, direction }
    }
}

fn accepted(offer: &Description, section: &Section, able: &[Codec]) -> Result<Vec<Codec>, String> {
    let bundles = offer.bundles();
    let is_bundled = bundles
        .first()
        .is_some_and(|(mids, _)| section.mid().is_some_and(|mid| mids.contains(&mid)));
    if !is_bundled {
        return Err("webrtc-rs refuses a section outside of the first BUNDLE group".to_owned());
    }
    match section.kind.as_str() {
        "application" => Ok(Vec::new()),
        "audio" | "video" => {
            let common = common(section, able);
            if common.is_empty() {
                Err(no_codec(section, able))
            } else {
                Ok(common)
            }
        }
        other => Err(format!("webrtc-rs has no {other}")),
    }
}

/// Those whose parameters fit; where there is none, those with the name.
fn common(section: &Section, able: &[Codec]) -> Vec<Codec> {
    let named = || {
        section
            .codecs
            .iter()
            .filter(|codec| able.iter().any(|own| own.is(&codec.name)))
    };
    let fitting: Vec<Codec> = named()
        .filter(|codec| able.iter().any(|own| fits(own, codec)))
        .cloned()
        .collect();
    if fitting.is_empty() {
        named().cloned().collect()
    } else {
        fitting
    }
}

fn fits(own: &Codec, offered: &Codec) -> bool {
    if !own.is(&offered.name) {
        return false;
    }
    if own.is("H264") {
        let profile = |codec: &Codec| {
            codec
                .parameter("profile-level-id")
                .and_then(|text| text.get(..4).map(str::to_lowercase))
        };
        let mode = |codec: &Codec| codec.parameter("packetization-mode").map(str::to_owned);
        return mode(offered).is_some()
            && mode(own) == mode(offered)
            && profile(offered).is_some()
            && profile(own) == profile(offered);
    }
    own.parameters.iter().all(|(name, value)| {
        let others = offered.parameter(name);
        others.is_none_or(|others| others.eq_ignore_ascii_case(value))
    })
}
