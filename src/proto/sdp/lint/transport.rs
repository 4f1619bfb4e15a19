//! ICE, DTLS, RTCP and addresses: what a section needs to be reached.

mod addresses;

use super::{Problem, is_answer};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::model::{Attribute, Description, Section};

/// Hashes of fingerprints (RFC 8122 5) and how many bytes each has.
const HASHES: [(&str, usize); 5] = [
    ("sha-1", 20),
    ("sha-224", 28),
    ("sha-256", 32),
    ("sha-384", 48),
    ("sha-512", 64),
];

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    addresses::check(description, problems);
    if !description.is_webrtc() {
        problems.push(Problem::new(
            Code::SdpNotWebrtc,
            None,
            "neither ICE nor DTLS: a description of SIP or RTSP, with media in the clear or with keys in it",
            "RFC 3264, RFC 8827 6.5",
            "phones and gateways use it; every browser refuses it: \"Called with SDP without DTLS fingerprint\"",
        ));
        return;
    }
    for section in carriers(description) {
        ice(description, section, problems);
        fingerprint(description, section, problems);
    }
    for section in description
        .sections
        .iter()
        .filter(|section| section.port != Some(0))
    {
        setup(description, section, problems);
        multiplexed(description, section, problems);
    }
    for attribute in all(description, "fingerprint") {
        problems.extend(fingerprint_form(attribute));
    }
}

/// Sections that have a transport of their own: the first of each bundle, and what is outside.
pub(crate) fn carriers(description: &Description) -> impl Iterator<Item = &Section> {
    let known = super::groups::assumed_mids(description);
    let bundles: Vec<Vec<String>> = description
        .bundles()
        .into_iter()
        .map(|(mids, _)| mids.into_iter().map(str::to_owned).collect())
        .collect();
    let mut used: Vec<bool> = vec![false; bundles.len()];
    let sections = description.sections.iter().enumerate();
    sections
        .filter(|(_, section)| section.port != Some(0) && is_of_browsers(section))
        .filter(move |(index, _)| {
            let bundle = bundles
                .iter()
                .position(|mids| mids.contains(&known[*index]));
            bundle.is_none_or(|bundle| !std::mem::replace(&mut used[bundle], true))
        })
        .map(|(_, section)| section)
}

/// Other kinds are refused, and need nothing.
fn is_of_browsers(section: &Section) -> bool {
    matches!(section.kind.as_str(), "audio" | "video" | "application")
}

fn all<'a>(description: &'a Description, name: &'a str) -> impl Iterator<Item = &'a Attribute> {
    let parts = std::iter::once(&description.session)
        .chain(description.sections.iter().map(|section| &section.part));
    parts.flat_map(move |part| part.all(name))
}

/// RFC 8839 5.4.
fn ice(description: &Description, section: &Section, problems: &mut Vec<Problem>) {
    for (name, least) in [("ice-ufrag", 4), ("ice-pwd", 22)] {
        let Some(attribute) = description.of_section(section, name) else {
            problems.push(Problem::refusal(
                Code::SdpIce,
                section.line,
                format!("{} has no a={name}", section.name()),
                "RFC 8839 5.4",
                "Chromium refuses the whole description: \"Called with SDP without ice-ufrag and ice-pwd\"",
            ));
            continue;
        };
        let length = attribute.value.len();
        if !(least..=256).contains(&length) {
            problems.push(Problem::refusal(
                Code::SdpIce,
                attribute.line,
                format!("a={name} has {length} characters: {least} to 256 are allowed"),
                "RFC 8839 5.4",
                "Chromium refuses the whole description: \"Invalid ICE parameters\"",
            ));
        } else if let Some(wrong) = attribute
            .value
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/'))
        {
            problems.push(
                Problem::new(
                    Code::SdpIce,
                    attribute.line,
                    format!(
                        "a={name} has '{}': letters, digits, + and / are allowed",
                        printable(&wrong.to_string())
                    ),
                    "RFC 8839 5.4",
                    "Chromium takes it; others may refuse it",
                )
                .severity(Severity::Warning),
            );
        }
    }
}

fn fingerprint(description: &Description, section: &Section, problems: &mut Vec<Problem>) {
    if description.of_section(section, "fingerprint").is_some() {
        return;
    }
    let crypto = description.of_section(section, "crypto");
    let (line, message) = match crypto {
        Some(crypto) => (
            crypto.line,
            format!(
                "{} has keys in the description (a=crypto) and no a=fingerprint",
                section.name()
            ),
        ),
        None => (
            section.line,
            format!("{} has no a=fingerprint", section.name()),
        ),
    };
    problems.push(Problem::refusal(
        Code::SdpFingerprint,
        line,
        message,
        "RFC 8827 6.5",
        "every browser refuses it: media without DTLS is not allowed in WebRTC",
    ));
}

/// RFC 8122 5.
fn fingerprint_form(attribute: &Attribute) -> Option<Problem> {
    let refuse = |message: String| {
        Some(Problem::refusal(
            Code::SdpFingerprint,
            attribute.line,
            message,
            "RFC 8122 5",
            "Chromium refuses the description, and Mozilla's parser the line",
        ))
    };
    let Some((hash, value)) = attribute.value.split_once(' ') else {
        return refuse("a=fingerprint is a hash function and its value".to_owned());
    };
    let known = HASHES
        .iter()
        .find(|(name, _)| hash.eq_ignore_ascii_case(name));
    let Some((name, length)) = known else {
        return refuse(format!(
            "\"{}\" is no hash function of browsers: sha-256 is used",
            printable(hash)
        ));
    };
    let bytes: Vec<&str> = value.trim().split(':').collect();
    let is_byte = |byte: &&str| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit());
    if bytes.len() != *length || !bytes.iter().all(is_byte) {
        return refuse(format!(
            "the fingerprint is not {length} bytes in hexadecimal with colons, as {name} has"
        ));
    }
    (*name == "sha-1").then(|| {
        Problem::new(
            Code::SdpFingerprint,
            attribute.line,
            "sha-1 is not safe any more",
            "RFC 8122 5",
            "browsers accept it",
        )
        .severity(Severity::Warning)
    })
}

/// RFC 4145 4, 5763 5, 8842 5.
fn setup(description: &Description, section: &Section, problems: &mut Vec<Problem>) {
    let Some(attribute) = description.of_section(section, "setup") else {
        let has_own = section.part.has("fingerprint") || description.session.has("fingerprint");
        if has_own {
            problems.push(
                Problem::new(
                    Code::SdpSetup,
                    section.line,
                    format!("{} has no a=setup", section.name()),
                    "RFC 8842 5.1",
                    "Chromium takes an offer without it for actpass; an answer without it leaves the DTLS roles open",
                )
                .severity(Severity::Warning),
            );
        }
        return;
    };
    let say = |message: &str, rfc, practice| {
        Problem::new(Code::SdpSetup, attribute.line, message, rfc, practice)
    };
    let problem = match (attribute.value.as_str(), is_answer(description)) {
        // Of one whose role is not known both may be meant.
        ("actpass", false) | ("active" | "passive", true) => return,
        ("active" | "passive", _) if description.role.is_none() => return,
        ("actpass", true) => say(
            "an answer has to choose: actpass is for offers",
            "RFC 8842 5.3",
            "browsers refuse the answer: nobody would begin the DTLS handshake",
        ),
        ("active" | "passive", false) => say(
            "an offer has to leave the DTLS role open (actpass)",
            "RFC 8829 5.2.1",
            "Chromium accepts it, and takes the other role; some stacks refuse it",
        )
        .severity(Severity::Warning),
        ("holdconn", _) => Problem {
            is_refusal: true,
            ..say(
                "holdconn puts the connection off",
                "RFC 4145 4",
                "Chromium cannot answer it: createAnswer() fails",
            )
        },
        (other, _) => Problem {
            is_refusal: true,
            ..say(
                &format!(
                    "\"{}\" is no role: actpass, active or passive",
                    printable(other)
                ),
                "RFC 4145 4",
                "Chromium refuses the whole description",
            )
        },
    };
    problems.push(problem);
}

/// RFC 8858, 8843 9.3.
fn multiplexed(description: &Description, section: &Section, problems: &mut Vec<Problem>) {
    let is_media = section.is_rtp() && section.kind != "application";
    if !is_media || description.of_section(section, "rtcp-mux").is_some() {
        return;
    }
    problems.push(Problem::refusal(
        Code::SdpRtcpMux,
        section.line,
        format!("{} has no a=rtcp-mux", section.name()),
        "RFC 8834 4.5, RFC 8843 9.3",
        "Chromium refuses the whole description unless rtcpMuxPolicy is \"negotiate\", which it no longer has",
    ));
}
