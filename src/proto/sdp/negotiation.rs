//! What an offer and its answer come to (RFC 3264, 8829 5.10).

mod beside;
mod checks;
mod codecs;
mod extensions;
mod families;
mod keys;
mod restart;
mod simulcast;
mod transport;

use serde::Serialize;

use super::codec::Codec;
use super::direction::Direction;
use super::model::{Description, Section};
use super::problem::Problem;
use crate::base::codes::Code;

pub use codecs::{apart, left};
pub use restart::restarts;

/// Whose description something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display, strum::VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Party {
    Offer,
    Answer,
}

/// What becomes of one section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MediaAgreement {
    pub mid: Option<String>,
    /// audio, video, data, or what else stands in `m=`.
    pub kind: String,
    pub accepted: bool,
    /// What is sent, as in `a=rtpmap`.
    pub codec: Option<String>,
    /// All that both have, in the order of preference.
    pub codecs: Vec<String>,
    /// As the answer has it; as the offer has it where there is none.
    pub direction: Direction,
    /// Whether it shares the transport of another section.
    pub bundled: bool,
    /// Who begins the DTLS handshake (RFC 5763 5).
    pub dtls_client: Option<Party>,
    /// Layers that are sent and received (RFC 8853).
    pub simulcast: Vec<String>,
    /// Why it is not accepted, or why less than was offered.
    pub reason: Option<String>,
}

/// The result of two descriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiation {
    pub media: Vec<MediaAgreement>,
    pub problems: Vec<(Party, Problem)>,
}

impl MediaAgreement {
    /// What a description alone offers.
    pub fn offered(description: &Description, section: &Section) -> Self {
        let refused = section.is_refused();
        Self {
            mid: section.mid().map(str::to_owned),
            kind: kind(section),
            accepted: !refused,
            codec: section.codec().map(ToString::to_string),
            codecs: section.codecs.iter().map(ToString::to_string).collect(),
            direction: if section.is_data() {
                // A data channel carries both ways whatever is said.
                Direction::Sendrecv
            } else {
                description.direction_of(section)
            },
            bundled: is_bundled(description, section),
            dtls_client: None,
            simulcast: Vec::new(),
            reason: refused.then(|| "it has port 0".to_owned()),
        }
    }

    /// The same section, in which nothing is agreed.
    #[must_use]
    pub fn refused(self, reason: String) -> Self {
        Self {
            accepted: false,
            codec: None,
            codecs: Vec::new(),
            direction: Direction::Inactive,
            bundled: false,
            reason: Some(reason),
            ..self
        }
    }
}

/// The kind as people call it.
pub fn kind(section: &Section) -> String {
    if section.is_data() {
        "data".to_owned()
    } else {
        section.kind.clone()
    }
}

fn is_bundled(description: &Description, section: &Section) -> bool {
    section.mid().is_some_and(|mid| {
        let bundles = description.bundles();
        bundles
            .iter()
            .any(|(mids, _)| mids.len() > 1 && mids.contains(&mid))
    })
}

/// Holds an answer against its offer.
pub fn negotiate(offer: &Description, answer: &Description) -> Negotiation {
    let mut problems = Vec::new();
    checks::whole(offer, answer, &mut problems);
    let media = offer
        .sections
        .iter()
        .enumerate()
        .map(|(index, section)| match answer.sections.get(index) {
            Some(other) => section_of(offer, answer, (section, other), &mut problems),
            None => MediaAgreement::offered(offer, section)
                .refused("the answer has no such section".to_owned()),
        })
        .collect();
    Negotiation { media, problems }
}

fn section_of(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) -> MediaAgreement {
    let base = MediaAgreement {
        direction: answer.direction_of(answered),
        bundled: is_bundled(answer, answered),
        codec: None,
        codecs: Vec::new(),
        ..MediaAgreement::offered(offer, offered)
    };
    let refused = |reason: String| base.clone().refused(reason);
    if offered.is_refused() {
        return refused("it was offered with port 0".to_owned());
    }
    if offered.kind != answered.kind {
        return refused(format!("the answer has {} in its place", answered.kind));
    }
    if answered.port == Some(0) {
        return refused(codecs::refusal(answer, (offered, answered), problems));
    }
    let common = codecs::common(offered, answered);
    if offered.is_rtp() && !common.iter().any(Codec::is_media) {
        return refused(codecs::none_in_common(
            (offered, answered),
            &common,
            problems,
        ));
    }
    checks::section(offer, answer, (offered, answered), problems);
    let direction = if offered.is_data() {
        Direction::Sendrecv
    } else {
        offer
            .direction_of(offered)
            .answered_with(answer.direction_of(answered))
    };
    let media = common
        .iter()
        .find(|codec| codec.is_media())
        .or_else(|| common.first());
    MediaAgreement {
        codec: media.map(ToString::to_string),
        codecs: common.iter().map(ToString::to_string).collect(),
        direction,
        dtls_client: transport::dtls_client(offer, answer, (offered, answered)),
        simulcast: simulcast::agreed(offered, answered),
        reason: checks::less(direction, (offered, answered)),
        ..base
    }
}

fn problem(
    problems: &mut Vec<(Party, Problem)>,
    (code, party, line): (Code, Party, usize),
    message: impl Into<String>,
    (rfc, practice): (&'static str, &'static str),
) {
    problems.push((party, Problem::new(code, line, message, rfc, practice)));
}
