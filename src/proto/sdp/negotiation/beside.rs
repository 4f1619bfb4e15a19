//! What two sides understand differently, where media flows all the same.

use super::super::codec::Codec;
use super::super::model::Section;
use super::{Party, Problem};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::{listed, printable};

pub(super) fn check(
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let found = tones(offered, answered)
        .into_iter()
        .chain(silence(offered, answered))
        .chain(profile(offered, answered));
    problems.extend(found.map(|problem| (Party::Answer, problem.severity(Severity::Warning))));
}

/// Tones go with the clock of the audio that they are among (RFC 4733 2.1): with two that differ nobody sends any.
fn tones(offered: &Section, answered: &Section) -> Option<Problem> {
    let of = |section: &Section| -> Vec<u32> {
        let all = section
            .codecs
            .iter()
            .filter(|codec| codec.is("telephone-event"));
        all.map(|codec| codec.clock).collect()
    };
    let (mine, others) = (of(offered), of(answered));
    let is_apart =
        !mine.is_empty() && !others.is_empty() && !mine.iter().any(|one| others.contains(one));
    let names = |clocks: &[u32]| {
        let all: Vec<String> = clocks.iter().map(u32::to_string).collect();
        listed(&all)
    };
    is_apart.then(|| {
        Problem::new(
            Code::SdpCodecParameters,
            answered.line,
            format!(
                "telephone-event has the clock rate {} in the offer and {} in the answer, so tones (DTMF) have no codec in common",
                names(&mine),
                names(&others)
            ),
            "RFC 4733 2.1, RFC 3264 6.1",
            "keys that are pressed are not sent, or not understood; audio is not concerned",
        )
    })
}

/// Whether G.729 goes on with comfort noise of its own (annex B): where nothing is said, it does (RFC 4856 2.1.9).
fn silence(offered: &Section, answered: &Section) -> Option<Problem> {
    let of = |section: &Section| {
        let codec = section.codecs.iter().find(|codec| codec.is("G729"))?;
        let is_without = codec
            .parameter("annexb")
            .is_some_and(|value| value.eq_ignore_ascii_case("no"));
        Some((!is_without, codec.line))
    };
    let ((mine, _), (others, line)) = of(offered).zip(of(answered))?;
    (mine != others).then(|| {
        let (with, without) = if mine {
            ("the offer", "the answer")
        } else {
            ("the answer", "the offer")
        };
        Problem::new(
            Code::SdpCodecParameters,
            line,
            format!("{without} has G729 with annexb=no, and {with} has it with annex B"),
            "RFC 4856 2.1.9, RFC 7261 3",
            "no is meant for both then; a program that does not know that sends silence (SID) that the other one cannot read",
        )
    })
}

/// Without a profile H.264 is Baseline by its specification, and Constrained Baseline by browsers.
fn profile(offered: &Section, answered: &Section) -> Option<Problem> {
    const NAME: &str = "profile-level-id";
    let is_of = |codec: &&Codec| codec.is("H264");
    let pairs = offered.codecs.iter().filter(is_of).flat_map(|mine| {
        let others = answered.codecs.iter().filter(is_of);
        others.map(move |others| (mine, others))
    });
    let mut apart = pairs.filter(|(mine, others)| mine.rests_on_default(others));
    let (mine, others) = apart.next()?;
    let written = mine
        .parameter(NAME)
        .or(others.parameter(NAME))
        .unwrap_or_default();
    Some(Problem::new(
        Code::SdpCodecParameters,
        others.line,
        format!(
            "H264 is without {NAME} on one side and has {} on the other",
            printable(written)
        ),
        "RFC 6184 8.1",
        "what is missing is Baseline at level 1 (42000a) by the RFC, and Constrained Baseline at level 3.1 (42e01f) in libwebrtc, so browsers find no codec in common",
    ))
}
