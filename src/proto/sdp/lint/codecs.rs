//! Payload types and codecs of a section (RFC 3264 5.1, 8866 6.6).

use std::collections::BTreeSet;

use super::{Problem, is_answer};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::codec::{Codec, VIDEO_CLOCK};
use crate::proto::sdp::model::{Description, Section};

/// With RTCP on the same port, these look like RTCP (RFC 5761 4).
const OF_RTCP: std::ops::RangeInclusive<u8> = 64..=95;
/// Those of audio (RFC 3551 6, table 4).
const OF_AUDIO: std::ops::RangeInclusive<u8> = 0..=18;
/// Assigned by RFC 3551.
const STATIC: std::ops::RangeInclusive<u8> = 0..=34;

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    let sections = description.sections.iter();
    for section in sections.filter(|section| section.is_rtp() && section.port != Some(0)) {
        listed(section, problems);
        maps(section, problems);
        conflicts(section, problems);
        parameters(section, problems);
        repair(section, problems);
        redundancy(section, problems);
        fixed(section, problems);
        tones_alone(section, problems);
        if description.is_webrtc() {
            without_media(section, problems);
            if !is_answer(description) {
                unusable(section, problems);
            }
        }
    }
}

fn payloads(section: &Section) -> impl Iterator<Item = u8> + '_ {
    section
        .formats
        .iter()
        .filter_map(|format| format.parse().ok())
}

fn listed(section: &Section, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for payload in payloads(section) {
        if !seen.insert(payload) {
            problems.push(
                Problem::new(
                    Code::SdpPayloadType,
                    section.line,
                    format!("payload type {payload} is listed twice"),
                    "RFC 8866 5.14",
                    "Chromium takes it once; strict programs may refuse the description",
                )
                .severity(Severity::Warning),
            );
        }
        if OF_RTCP.contains(&payload) && section.part.has("rtcp-mux") {
            problems.push(Problem::refusal(
                Code::SdpPayloadType,
                section.line,
                format!("payload type {payload} cannot be told from RTCP: 64 to 95 are not to be used with rtcp-mux"),
                "RFC 5761 4",
                "Chromium refuses the whole description: \"invalid payload type\"",
            ));
        }
        let is_known = section.codecs.iter().any(|codec| codec.payload == payload);
        if !is_known && !STATIC.contains(&payload) {
            problems.push(
                Problem::new(
                    Code::SdpPayloadType,
                    section.line,
                    format!("payload type {payload} has no a=rtpmap, so it means nothing"),
                    "RFC 8866 6.6",
                    "browsers pass over it",
                )
                .severity(Severity::Warning),
            );
        }
    }
}

fn maps(section: &Section, problems: &mut Vec<Problem>) {
    for map in section.part.all("rtpmap") {
        match Codec::of_rtpmap(&map.value, map.line) {
            None => problems.push(Problem::refusal(
                Code::SdpAttribute,
                map.line,
                format!(
                    "a=rtpmap cannot be read: \"{}\" (payload type, name/clock rate[/channels])",
                    printable(&map.value)
                ),
                "RFC 8866 6.6",
                "Chromium refuses the whole description",
            )),
            Some(codec) if !payloads(section).any(|payload| payload == codec.payload) => problems
                .push(
                    Problem::new(
                        Code::SdpPayloadType,
                        map.line,
                        format!(
                            "{codec} has payload type {}, which m= does not list",
                            codec.payload
                        ),
                        "RFC 8866 6.6",
                        "it is passed over: the codec is not offered",
                    )
                    .severity(Severity::Warning),
                ),
            Some(codec) => form(&codec, problems),
        }
    }
}

/// RFC 7587 7, RFC 3551 4.5.2: forms that are prescribed.
fn form(codec: &Codec, problems: &mut Vec<Problem>) {
    let Some(message) = misformed(codec) else {
        return;
    };
    problems.push(Problem::new(
        Code::SdpCodecParameters,
        codec.line,
        format!("{codec}: {message}"),
        "RFC 7587 7, RFC 3551 4.5.2, RFC 7741 6",
        "Chromium does not take it for that codec if it is audio; where no other codec is left it refuses the section",
    ));
}

fn misformed(codec: &Codec) -> Option<&'static str> {
    if codec.is("opus") && (codec.clock, codec.channels) != (48000, Some(2)) {
        Some("opus is always opus/48000/2, whatever is sent in it")
    } else if codec.is("G722") && codec.clock != 8000 {
        Some("G722 is always G722/8000, although it samples at 16 kHz")
    } else if codec.is_video() && codec.clock != VIDEO_CLOCK {
        Some("the clock of video is 90000")
    } else {
        None
    }
}

/// What a payload type of audio means for everybody, where its map has that codec with another clock rate or number of
/// channels (RFC 3551 6).
fn other_than_fixed(section: &Section, codec: &Codec) -> Option<Codec> {
    let is_fixed = section.kind == "audio" && OF_AUDIO.contains(&codec.payload);
    let fixed = Codec::of_static(codec.payload, codec.line).filter(|_| is_fixed)?;
    let channels = |codec: &Codec| codec.channels.unwrap_or(1);
    let is_other = fixed.clock != codec.clock || channels(&fixed) != channels(codec);
    (codec.is(&fixed.name) && is_other).then_some(fixed)
}

fn fixed(section: &Section, problems: &mut Vec<Problem>) {
    for codec in &section.codecs {
        // Another name is another mistake, and some forms are told by name.
        let meant = other_than_fixed(section, codec).filter(|_| misformed(codec).is_none());
        if let Some(meant) = meant {
            problems.push(
                Problem::new(
                    Code::SdpPayloadType,
                    codec.line,
                    format!(
                        "payload type {} is {} here: it means {meant} for everybody",
                        codec.payload,
                        printable(&codec.to_string())
                    ),
                    "RFC 3551 6",
                    "Chromium does not take the codec; phones send it at the rate that is meant, or refuse it",
                )
                .severity(Severity::Warning),
            );
        }
    }
}

/// Whether each codec of a section is one that nobody can take as it is written: each has a warning of its own.
fn unusable(section: &Section, problems: &mut Vec<Problem>) {
    let mut media = section.codecs.iter().filter(|codec| codec.is_media());
    let is_wrong = |codec: &Codec| {
        // The clock of video is not looked at.
        misformed(codec).is_some() && !codec.is_video()
            || other_than_fixed(section, codec).is_some()
            || h264(codec, codec.line).is_some()
    };
    let has_media = section.codecs.iter().any(Codec::is_media);
    if has_media && media.all(is_wrong) {
        problems.push(
            Problem::new(
                Code::SdpSectionRefused,
                section.line,
                format!(
                    "{} has no codec that can be used as it is written",
                    section.name()
                ),
                "RFC 3264 6",
                "Chromium refuses the section (port 0), or takes what carries no media in it",
            )
            .remedy(
                "write the codecs as their specifications have them; each has a finding of its own",
            ),
        );
    }
}

/// Redundancy names what it repeats (RFC 2198 5).
fn redundancy(section: &Section, problems: &mut Vec<Problem>) {
    for codec in section.codecs.iter().filter(|codec| codec.is("red")) {
        let repeated = codec.parameter("").into_iter();
        let repeated = repeated.flat_map(|text| text.split('/'));
        let mut repeated = repeated.filter_map(|payload| payload.trim().parse::<u8>().ok());
        let missing = repeated.find(|named| !payloads(section).any(|payload| payload == *named));
        if let Some(missing) = missing {
            problems.push(
                Problem::new(
                    Code::SdpPayloadType,
                    codec.line,
                    format!(
                        "red (payload type {}) repeats payload type {missing}, which m= does not list",
                        codec.payload
                    ),
                    "RFC 2198 5",
                    "Chromium leaves red out of its answer",
                )
                .severity(Severity::Warning),
            );
        }
    }
}

/// What `a=fmtp` and `a=rtcp-fb` say of a payload type that means nothing.
fn parameters(section: &Section, problems: &mut Vec<Problem>) {
    let mut last = None;
    for line in &section.part.attributes {
        let rfc = match line.name.as_str() {
            "fmtp" => "RFC 8866 6.15",
            "rtcp-fb" => "RFC 4585 4.2",
            _ => continue,
        };
        let payload = line.value.split(' ').next().unwrap_or_default();
        let Ok(payload) = payload.parse::<u8>() else {
            continue;
        };
        let codec = section.codecs.iter().find(|codec| codec.payload == payload);
        let is_listed = payloads(section).any(|listed| listed == payload);
        // Of those that have no map, audio alone has names (RFC 3551 6).
        let is_mapped = codec.is_some_and(|codec| codec.line != section.line);
        let is_named = is_mapped || section.kind == "audio" && codec.is_some();
        // One line stands for those of its kind.
        let is_new = last.replace((payload, rfc)) != Some((payload, rfc));
        if !(is_listed && is_named) && is_new {
            let what = if is_listed {
                "for which there is no a=rtpmap"
            } else {
                "which m= does not list"
            };
            problems.push(Problem::refusal(
                Code::SdpPayloadType,
                line.line,
                format!("a={} is for payload type {payload}, {what}", line.name),
                rfc,
                "Chromium refuses the whole description: \"Failed to parse codecs correctly\"",
            ));
        }
        if line.name == "fmtp" {
            problems.extend(codec.and_then(|codec| h264(codec, line.line)));
        }
    }
}

/// One payload type, one codec; those of RFC 3551 mean in audio what they mean there.
fn conflicts(section: &Section, problems: &mut Vec<Problem>) {
    let mut known: Vec<Codec> = Vec::new();
    let maps = section.part.all("rtpmap");
    let maps = maps.filter_map(|map| Codec::of_rtpmap(&map.value, map.line));
    for codec in maps.filter(|codec| payloads(section).any(|payload| payload == codec.payload)) {
        let name = printable(&codec.to_string());
        let fixed = Codec::of_static(codec.payload, codec.line);
        let is_fixed = section.kind == "audio" && OF_AUDIO.contains(&codec.payload);
        let is_another = fixed.as_ref().is_none_or(|fixed| !codec.is(&fixed.name));
        let before = known.iter().find(|other| other.payload == codec.payload);
        let message = if is_fixed && is_another {
            let meant = fixed.map_or_else(
                || "it is reserved".to_owned(),
                |fixed| format!("it means {fixed} for everybody"),
            );
            format!("payload type {} is {name} here: {meant}", codec.payload)
        } else if let Some(before) =
            before.filter(|other| !other.is(&codec.name) || other.clock != codec.clock)
        {
            format!(
                "payload type {} is {name} here and {} before (line {})",
                codec.payload,
                printable(&before.to_string()),
                before.line
            )
        } else {
            known.push(codec);
            continue;
        };
        problems.push(Problem::refusal(
            Code::SdpPayloadType,
            codec.line,
            message,
            "RFC 3551 6, RFC 8866 6.6",
            "Chromium refuses the whole description: \"Duplicate payload type with conflicting codec name or clock rate\"",
        ));
    }
}

/// RFC 6184 8.1.
fn h264(codec: &Codec, line: usize) -> Option<Problem> {
    if !codec.is("H264") {
        return None;
    }
    let text = codec.parameter("profile-level-id");
    if text.is_some_and(|text| !codec.has_known_profile(text)) {
        let message = format!(
            "profile-level-id \"{}\" is not six digits in hexadecimal with a level",
            printable(text.unwrap_or_default())
        );
        return Some(Problem::new(
            Code::SdpCodecParameters,
            line,
            message,
            "RFC 6184 8.1",
            "Chromium does not take the codec",
        ));
    }
    let mode = codec.parameter("packetization-mode");
    (mode == Some("2")).then(|| {
        Problem::new(
            Code::SdpCodecParameters,
            line,
            "packetization-mode 2 (interleaved)",
            "RFC 6184 5.4",
            "no browser has it",
        )
        .severity(Severity::Warning)
    })
}

/// Repair without what is to be repaired (RFC 4588 8.1).
fn repair(section: &Section, problems: &mut Vec<Problem>) {
    for codec in section.codecs.iter().filter(|codec| codec.is("rtx")) {
        let apt = codec.repaired();
        if apt.is_none_or(|apt| !payloads(section).any(|payload| payload == apt)) {
            let what = apt.map_or_else(
                || "it has no apt".to_owned(),
                |apt| format!("m= does not list payload type {apt}"),
            );
            let problem = Problem::refusal(
                Code::SdpPayloadType,
                codec.line,
                format!(
                    "rtx (payload type {}) repairs nothing: {what}",
                    codec.payload
                ),
                "RFC 4588 8.1",
                "Chromium refuses the whole description: \"Failed to set remote video description send parameters\"",
            );
            problems.push(problem.remedy(
                "name in apt= the payload type of the codec that it repairs, or take rtx out of m= with its lines",
            ));
        }
    }
}

/// Audio in which nothing can be heard.
fn tones_alone(section: &Section, problems: &mut Vec<Problem>) {
    let is_audio = section.kind == "audio" && !section.codecs.is_empty();
    if is_audio && !section.codecs.iter().any(Codec::is_media) {
        problems.push(
            Problem::new(
                Code::SdpPayloadType,
                section.line,
                "the section has no codec that carries audio, only tones, silence or redundancy",
                "RFC 3264 5.1",
                "no audio comes of it; Chromium accepts tones alone, and refuses the section for silence alone",
            )
            .severity(Severity::Warning),
        );
    }
}

/// In what browsers are to read.
fn without_media(section: &Section, problems: &mut Vec<Problem>) {
    let is_video = section.kind == "video";
    let has_media = section.codecs.iter().any(Codec::is_media);
    let is_static = !section.part.has("rtpmap");
    if is_video && (!has_media || is_static) && !section.formats.is_empty() {
        problems.push(Problem::refusal(
            Code::SdpPayloadType,
            section.line,
            "the section has no codec of its own that browsers know, only repair or payload types without a=rtpmap",
            "RFC 3264 5.1",
            "Chromium refuses the whole description: \"Failed to set remote video description send parameters\"",
        ));
    }
}
