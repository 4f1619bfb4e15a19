//! ICE, DTLS, RTCP and addresses: what a section needs to be reached.

mod addresses;
mod candidates;

use super::{Problem, is_answer};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::{escaped, printable};
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
    candidates::check(description, problems);
    if !description.is_webrtc() {
        let has_ice = description.has_ice();
        let message = if has_ice {
            "ICE without DTLS: a description of SIP, with media in the clear or with keys in it"
        } else {
            "neither ICE nor DTLS: a description of SIP or RTSP, with media in the clear or with keys in it"
        };
        problems.push(Problem::new(
            Code::SdpNotWebrtc,
            None,
            message,
            "RFC 3264, RFC 8827 6.5",
            "phones and gateways use it; every browser refuses it: \"Called with SDP without DTLS fingerprint\"",
        ));
        if has_ice {
            for section in carriers(description) {
                ice(description, section, problems);
            }
        }
        return;
    }
    for section in carriers(description) {
        ice(description, section, problems);
        fingerprint(description, section, problems);
    }
    bundled_ice(description, problems);
    bundled_fingerprints(description, problems);
    for section in description
        .sections
        .iter()
        .filter(|section| section.port != Some(0) && section.is_of_browsers())
    {
        setup(description, section, problems);
        multiplexed(description, section, problems);
    }
    if let Some(second) = description.session.all("fingerprint").nth(1) {
        problems.push(Problem::refusal(
            Code::SdpFingerprint,
            second.line,
            "the session has a second a=fingerprint",
            "RFC 8122 5",
            "Chromium refuses the whole description: \"Can't have multiple fingerprint attributes at the same level\"",
        ));
    }
    for attribute in all(description, "fingerprint") {
        problems.extend(fingerprint_form(attribute));
    }
}

/// Sections that have a transport of their own: those that lead a bundle, and those outside.
pub(crate) fn carriers(description: &Description) -> impl Iterator<Item = &Section> {
    let carriers = description.carriers();
    let sections = description.sections.iter().enumerate();
    sections
        .filter(|(_, section)| section.port != Some(0) && section.is_of_browsers())
        .filter(move |(index, _)| carriers[*index] == *index)
        .map(|(_, section)| section)
}

fn all<'a>(description: &'a Description, name: &'a str) -> impl Iterator<Item = &'a Attribute> {
    let parts = std::iter::once(&description.session)
        .chain(description.sections.iter().map(|section| &section.part));
    parts.flat_map(move |part| part.all(name))
}

/// The parameters of ICE, and the fewest characters of each (RFC 8839 5.4).
const ICE: [(&str, usize); 2] = [("ice-ufrag", 4), ("ice-pwd", 22)];

/// What a section with a transport of its own needs.
fn ice(description: &Description, section: &Section, problems: &mut Vec<Problem>) {
    for (name, least) in ICE {
        match description.of_section(section, name) {
            Some(attribute) => problems.extend(ice_form(attribute, least)),
            None => problems.push(Problem::refusal(
                Code::SdpIce,
                section.line,
                format!("{} has no a={name}", section.name()),
                "RFC 8839 5.4",
                "Chromium refuses the whole description: \"Called with SDP without ice-ufrag and ice-pwd\"",
            )),
        }
    }
}

/// A section that uses the transport of another needs none; what it has is to be whole.
fn bundled_ice(description: &Description, problems: &mut Vec<Problem>) {
    let carriers = description.carriers();
    let sections = description.sections.iter().enumerate();
    let bundled = sections.filter(|(index, section)| {
        carriers[*index] != *index && section.port != Some(0) && section.is_of_browsers()
    });
    for (index, section) in bundled {
        let own = ICE.map(|(name, least)| (name, least, section.part.first(name)));
        for (name, least, attribute) in own {
            let is_half = own.iter().any(|(_, _, other)| other.is_some());
            match attribute {
                Some(attribute) => problems.extend(ice_form(attribute, least)),
                None if is_half && !description.session.has(name) => {
                    problems.push(Problem::refusal(
                        Code::SdpIce,
                        section.line,
                        format!(
                            "{} has one of a=ice-ufrag and a=ice-pwd, and no a={name}",
                            section.name()
                        ),
                        "RFC 8839 5.4",
                        "Chromium refuses the whole description: \"Invalid ICE parameters\"",
                    ));
                }
                None => {}
            }
        }
        let carrier = &description.sections[carriers[index]];
        let leading = description.of_section(carrier, ICE[0].0);
        if let (Some(own), Some(leading)) = (own[0].2, leading)
            && own.value != leading.value
        {
            problems.push(
                Problem::new(
                    Code::SdpIce,
                    own.line,
                    format!(
                        "{} has another a=ice-ufrag than {}, whose transport it uses: that one counts",
                        section.name(),
                        carrier.name()
                    ),
                    "RFC 8843 7.1.2, 9.4",
                    "Chromium accepts it; webrtc-rs refuses the whole description",
                )
                .severity(Severity::Warning),
            );
        }
    }
}

/// Of two certificates in one bundle the one of the section that leads it is shown.
fn bundled_fingerprints(description: &Description, problems: &mut Vec<Problem>) {
    let prints = |section: &Section| -> Vec<String> {
        let own = section.part.all("fingerprint");
        own.map(|print| print.value.to_ascii_lowercase()).collect()
    };
    let carriers = description.carriers();
    for (section, carrier) in description.sections.iter().zip(carriers) {
        let carrier = &description.sections[carrier];
        let (own, leading) = (prints(section), prints(carrier));
        let is_alike = own.iter().any(|print| leading.contains(print));
        if let Some(first) = section.part.first("fingerprint")
            && section.port != Some(0)
            && !leading.is_empty()
            && !is_alike
        {
            problems.push(
                Problem::new(
                    Code::SdpFingerprint,
                    first.line,
                    format!(
                        "{} has another a=fingerprint than {}, whose transport it uses: that one counts",
                        section.name(),
                        carrier.name()
                    ),
                    "RFC 8843 7.1.2, 9.4",
                    "Chromium accepts it; where the bundle is not agreed, the certificate of one of both does not fit",
                )
                .severity(Severity::Warning),
            );
        }
    }
}

fn ice_form(attribute: &Attribute, least: usize) -> Option<Problem> {
    let name = &attribute.name;
    let length = attribute.value.len();
    if !(least..=256).contains(&length) {
        return Some(Problem::refusal(
            Code::SdpIce,
            attribute.line,
            format!("a={name} has {length} characters: {least} to 256 are allowed"),
            "RFC 8839 5.4",
            "Chromium refuses the whole description: \"Invalid ICE parameters\"",
        ));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let message = |wrong: char| {
        format!(
            "a={name} has '{}': letters, digits, + and / are allowed",
            escaped(&wrong.to_string())
        )
    };
    let mut wrong = attribute.value.chars().filter(|c| !is_allowed(*c));
    let first = wrong.clone().next()?;
    // Four more are taken by Chromium, as old programs have them; everything else it refuses.
    Some(match wrong.find(|c| !matches!(c, '-' | '_' | '#' | '=')) {
        Some(refused) => Problem::refusal(
            Code::SdpIce,
            attribute.line,
            message(refused),
            "RFC 8839 5.4",
            "Chromium refuses the whole description: \"Invalid ICE parameters\"",
        ),
        None => Problem::new(
            Code::SdpIce,
            attribute.line,
            message(first),
            "RFC 8839 5.4",
            "Chromium takes it; others may refuse it",
        )
        .severity(Severity::Warning),
    })
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
    // Values are the same in any case (RFC 4145 4, RFC 5234 2.3).
    let role = attribute.value.to_ascii_lowercase();
    let problem = match (role.as_str(), is_answer(description)) {
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
        _ => Problem {
            is_refusal: true,
            ..say(
                &format!(
                    "\"{}\" is no role: actpass, active or passive",
                    printable(&attribute.value)
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
    let is_media = section.is_rtp() && matches!(section.kind.as_str(), "audio" | "video");
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
