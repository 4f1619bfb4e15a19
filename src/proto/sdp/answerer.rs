//! What the answer to an offer would be.

mod abilities;
mod chromium;
mod likeness;
mod webrtc_rs;

use super::codec::Codec;
use super::direction::Direction;
use super::model::{Description, Section};
use super::negotiation::{MediaAgreement, Party, apart, kind, left};
use super::problem::Problem;
use crate::base::codes::Code;

/// Who answers.
#[derive(Debug, Clone)]
pub enum Answerer {
    /// Chromium 156 and its kin, as `tests/browser` has recorded it.
    Chromium,
    /// The crate `webrtc` 0.17 with its default codecs.
    WebrtcRs,
    /// A program that has said what it can do in a description of its own.
    Like(Box<Description>),
}

/// What the page or program of the answerer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application {
    /// It has added an audio track and a video track of its own.
    pub has_tracks: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// Why there is no answer at all.
    pub refusal: Option<Problem>,
    pub media: Vec<MediaAgreement>,
    /// What comes of the answer, where it is no good one.
    pub problems: Vec<Problem>,
}

/// What becomes of one section of an offer.
struct Decision {
    /// Codecs of the answer in its order, or why the section is refused.
    codecs: Result<Vec<Codec>, String>,
    direction: Direction,
}

/// The answer that somebody gives. `problems` are those of the offer ([`super::lint`]).
pub fn predict(
    offer: &Description,
    problems: &[Problem],
    answerer: &Answerer,
    application: Application,
) -> Prediction {
    let refusal = match answerer {
        Answerer::Chromium => {
            let problems = problems.iter();
            // Keys are of no interest to it in sections of kinds that it refuses.
            let has_known = offer
                .sections
                .iter()
                .any(|section| matches!(section.kind.as_str(), "audio" | "video" | "application"));
            let is_meant = |problem: &&Problem| {
                problem.is_refusal || problem.code == Code::SdpNotWebrtc && has_known
            };
            problems
                .filter(|_| !offer.sections.is_empty())
                .find(is_meant)
                .cloned()
        }
        Answerer::WebrtcRs => webrtc_rs::refusal(offer),
        Answerer::Like(_) => None,
    };
    let mut decide: Box<dyn FnMut(&Section) -> Decision> = match answerer {
        Answerer::Chromium => Box::new(chromium::decisions(application)),
        Answerer::WebrtcRs => Box::new(webrtc_rs::decisions(offer, application)),
        Answerer::Like(own) => Box::new(likeness::decisions(offer, own)),
    };
    let mut problems = Vec::new();
    let media = offer.sections.iter().map(|section| {
        let decision = decide(section);
        if let (Ok(codecs), None) = (&decision.codecs, &refusal)
            && is_mute(section, codecs)
        {
            problems.push(Problem::new(
                Code::NoCommonCodec,
                section.line,
                format!("{} has {}", section.name(), mute(section, codecs)),
                "RFC 3264 6.1",
                "the section is accepted all the same",
            ));
        }
        row(offer, section, decision, refusal.as_ref())
    });
    Prediction {
        media: media.collect(),
        refusal,
        problems,
    }
}

/// Whether a section is accepted in which there is nothing to see or hear.
fn is_mute(section: &Section, codecs: &[Codec]) -> bool {
    matches!(section.kind.as_str(), "audio" | "video") && !codecs.iter().any(Codec::is_media)
}

fn mute(section: &Section, codecs: &[Codec]) -> String {
    let left = left(&section.kind, codecs);
    format!("no codec in common{left}")
}

fn row(
    offer: &Description,
    section: &Section,
    decision: Decision,
    refusal: Option<&Problem>,
) -> MediaAgreement {
    let base = MediaAgreement {
        kind: kind(section),
        ..MediaAgreement::offered(offer, section)
    };
    let refused = |reason: String| base.clone().refused(reason);
    if let Some(problem) = refusal {
        return refused(format!("the whole offer is refused: {}", problem.message));
    }
    match decision.codecs {
        Err(reason) => refused(reason),
        Ok(codecs) => {
            let media = codecs
                .iter()
                .find(|codec| codec.is_media())
                .or_else(|| codecs.first());
            let setup = offer
                .of_section(section, "setup")
                .map(|setup| setup.value.as_str());
            MediaAgreement {
                accepted: true,
                codec: media.map(ToString::to_string),
                codecs: codecs.iter().map(ToString::to_string).collect(),
                direction: if section.is_data() {
                    Direction::Sendrecv
                } else {
                    decision.direction
                },
                dtls_client: offer.is_webrtc().then_some(match setup {
                    Some("active") => Party::Offer,
                    _ => Party::Answer,
                }),
                reason: is_mute(section, &codecs).then(|| mute(section, &codecs)),
                ..base
            }
        }
    }
}

/// Why nothing is left of the offered codecs.
fn no_codec(section: &Section, able: &[Codec]) -> String {
    format!("no common codec: {}", apart(&section.codecs, able))
}
