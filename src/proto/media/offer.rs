//! Sections of audio and video in an offer, and what an answer makes of them (RFC 8829, 8834).

use std::fmt::Write as _;

use super::Kind;
use super::echo::NAME;
use crate::base::codes::Code;
use crate::proto::sdp::codec::Codec;
use crate::proto::sdp::model::Description;
use crate::proto::sdp::negotiation::{MediaAgreement, negotiate};

/// What this side sends back is what it gets, so it takes whatever a browser has, and the first is what RFC 7874 3 and
/// 7742 5 want everybody to have. Payload type, map, parameters.
const AUDIO: [(u8, &str, &str); 4] = [
    (111, "opus/48000/2", "minptime=10;useinbandfec=1"),
    (9, "G722/8000", ""),
    (0, "PCMU/8000", ""),
    (8, "PCMA/8000", ""),
];
const VIDEO: [(u8, &str, &str); 4] = [
    (96, "VP8/90000", ""),
    (
        97,
        "H264/90000",
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    ),
    (98, "VP9/90000", "profile-id=0"),
    (99, "AV1/90000", ""),
];
/// Lines of the transport, which each section has, though all share one (RFC 8829 5.2.1).
const SHARED: [&str; 5] = [
    "a=ice-ufrag:",
    "a=ice-pwd:",
    "a=ice-options:",
    "a=fingerprint:",
    "a=setup:",
];
/// Sources of one answer that are read.
const MAX_SOURCES: usize = 64;

/// An offer with media, as it was sent.
#[derive(Debug, Clone)]
pub struct Offer {
    kinds: Vec<Kind>,
    /// This side's first source; the others count on from it.
    ssrc: u32,
    text: String,
}

/// A section in which media go.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreed {
    pub mid: String,
    pub kind: Kind,
    /// This side's source.
    pub ssrc: u32,
    /// By the payload types that come.
    pub codecs: Vec<Codec>,
}

/// What became of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub kind: Kind,
    pub agreement: MediaAgreement,
    /// Why this codec and no other.
    pub choice: Option<String>,
    /// That both sides lack a codec for it.
    pub lacks_codec: bool,
}

/// What comes of the answer.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub sections: Vec<Section>,
    pub agreed: Vec<Agreed>,
    /// The other side's sources, as it announces them (RFC 5576).
    pub sources: Vec<u32>,
}

impl Offer {
    /// Adds sections to the description of a data channel alone, whose section has the mid 0.
    pub fn new(data: &str, kinds: &[Kind], ssrc: u32) -> Self {
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        let mids: Vec<String> = (0..=kinds.len()).map(|mid| mid.to_string()).collect();
        let group = format!("a=group:BUNDLE {}", mids.join(" "));
        let mut text = data.replacen("a=group:BUNDLE 0", &group, 1);
        let is_shared = |line: &&str| SHARED.iter().any(|start| line.starts_with(start));
        let shared: Vec<&str> = data.lines().filter(is_shared).collect();
        for (index, kind) in kinds.iter().enumerate() {
            section(&mut text, (*kind, index + 1), &shared, source(ssrc, index));
        }
        Self { kinds, ssrc, text }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// What the answer makes of it.
    pub fn answered(&self, answer: &str) -> Outcome {
        let offer = Description::read(&self.text, 1);
        let answer = Description::read(answer, 1);
        let negotiation = negotiate(&offer, &answer);
        let agreements = negotiation.media;
        let mut outcome = Outcome::default();
        for (index, kind) in self.kinds.iter().enumerate() {
            // The data channel stands before them.
            let (Some(agreement), Some(offered)) =
                (agreements.get(index + 1), offer.sections.get(index + 1))
            else {
                continue;
            };
            let answered = answer.sections.get(index + 1);
            let lacks_codec = negotiation.problems.iter().any(|(_, problem)| {
                let line = answered.map(|section| section.line);
                problem.code == Code::NoCommonCodec && problem.line == line
            });
            if agreement.accepted {
                let mut codecs: Vec<Codec> = offered.codecs.clone();
                codecs.retain(|codec| agreement.codecs.contains(&codec.to_string()));
                outcome.agreed.push(Agreed {
                    mid: agreement.mid.clone().unwrap_or_default(),
                    kind: *kind,
                    ssrc: source(self.ssrc, index),
                    codecs,
                });
            }
            outcome.sections.push(Section {
                kind: *kind,
                choice: choice(agreement, &offered.codecs),
                lacks_codec,
                agreement: agreement.clone(),
            });
            let announced = answered.into_iter().flat_map(|it| it.part.all("ssrc"));
            let announced =
                announced.filter_map(|it| it.value.split(' ').next()?.parse::<u32>().ok());
            outcome.sources.extend(announced.take(MAX_SOURCES));
        }
        outcome.sources.sort_unstable();
        outcome.sources.dedup();
        outcome
    }
}

fn source(first: u32, index: usize) -> u32 {
    first.wrapping_add(u32::try_from(index).unwrap_or_default())
}

fn section(text: &mut String, (kind, mid): (Kind, usize), shared: &[&str], ssrc: u32) {
    let codecs: &[(u8, &str, &str)] = match kind {
        Kind::Audio => &AUDIO,
        Kind::Video => &VIDEO,
    };
    let payloads: Vec<String> = codecs.iter().map(|it| it.0.to_string()).collect();
    let payloads = payloads.join(" ");
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing into a String does not fail.
        let _ = write!(text, "{line}\r\n");
    };
    line(format_args!("m={kind} 9 UDP/TLS/RTP/SAVPF {payloads}"));
    line(format_args!("c=IN IP4 0.0.0.0"));
    for shared in shared {
        line(format_args!("{shared}"));
    }
    line(format_args!("a=mid:{mid}"));
    line(format_args!("a=sendrecv"));
    line(format_args!("a=rtcp-mux"));
    line(format_args!("a=msid:{NAME} {NAME}-{kind}"));
    for (payload, map, parameters) in codecs {
        line(format_args!("a=rtpmap:{payload} {map}"));
        if !parameters.is_empty() {
            line(format_args!("a=fmtp:{payload} {parameters}"));
        }
        if kind == Kind::Video {
            line(format_args!("a=rtcp-fb:{payload} ccm fir"));
            line(format_args!("a=rtcp-fb:{payload} nack pli"));
        }
    }
    line(format_args!("a=ssrc:{ssrc} cname:{NAME}"));
    line(format_args!("a=ssrc:{ssrc} msid:{NAME} {NAME}-{kind}"));
}

/// Why the codec is what it is.
fn choice(agreement: &MediaAgreement, offered: &[Codec]) -> Option<String> {
    let codec = agreement.codec.as_ref()?;
    let names: Vec<String> = offered.iter().map(ToString::to_string).collect();
    let place = names.iter().position(|name| name == codec)?;
    let passed: Vec<&str> = names[..place].iter().map(String::as_str).collect();
    let others = agreement.codecs.iter().filter(|name| *name != codec);
    let others: Vec<&str> = others.map(String::as_str).collect();
    let common = if others.is_empty() {
        "the only one that both sides have".to_owned()
    } else {
        format!(
            "the first that both sides have, before {}",
            others.join(", ")
        )
    };
    Some(if passed.is_empty() {
        common
    } else {
        format!("{common}; the other side lacks {}", passed.join(", "))
    })
}

#[cfg(test)]
mod tests;
