//! Names of sections and groups of them (RFC 8843, 9143), and what bundled sections must not have in common.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::{escaped, printable};
use crate::proto::sdp::model::{Attribute, Description, Section};

/// Characters that Chromium lets a name have.
const LONGEST_MID: usize = 16;
/// RFC 8285 4.2 and 4.3: 0 is padding, and more does not fit into a byte.
const EXTENSIONS: std::ops::RangeInclusive<u32> = 1..=255;

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    mids(description, problems);
    bundles(description, problems);
    extensions(description, problems);
    payloads(description, problems);
}

fn mids(description: &Description, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    let is_webrtc = description.is_webrtc();
    for (section, name) in description.sections.iter().zip(description.assumed_mids()) {
        let own = section.part.first("mid");
        let line = own.map_or(section.line, |mid| mid.line);
        if name.len() > LONGEST_MID {
            problems.push(Problem::refusal(
                Code::SdpMid,
                line,
                format!("the mid has {} characters", name.len()),
                "RFC 8843 8.1",
                "Chromium refuses the whole description: it takes 16 at most",
            ));
        }
        if let Some(wrong) = name.chars().find(|c| !is_of_token(*c)) {
            problems.push(Problem::refusal(
                Code::SdpMid,
                line,
                format!(
                    "the mid \"{}\" has '{}', which no name may have",
                    printable(&name),
                    escaped(&wrong.to_string())
                ),
                "RFC 5888 4, RFC 8866 9",
                "Chromium refuses the whole description: \"Illegal character found in the value of mid\"",
            ));
        }
        if !seen.insert(name.clone()) {
            problems.push(Problem::refusal(
                Code::SdpMid,
                line,
                format!("two sections have the mid \"{}\"", printable(&name)),
                "RFC 5888 4",
                "Chromium refuses the whole description: \"Duplicate a=mid value\"",
            ));
        }
        if own.is_none() && is_webrtc {
            problems.push(
                Problem::new(
                    Code::SdpMid,
                    line,
                    "the section has no a=mid",
                    "RFC 8829 5.2.1",
                    "Chromium numbers it; without it sections cannot be bundled or told apart",
                )
                .severity(Severity::Warning),
            );
        }
    }
}

/// Characters of a token (RFC 8866 9).
fn is_of_token(c: char) -> bool {
    c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]".contains(c)
}

/// A section is in one bundle alone.
fn overlapping(groups: &[(Vec<&str>, usize)], problems: &mut Vec<Problem>) {
    for (at, (mids, line)) in groups.iter().enumerate() {
        let is_taken = |mid: &&&str| groups[..at].iter().any(|(other, _)| other.contains(mid));
        if let Some(mid) = mids.iter().find(is_taken) {
            problems.push(Problem::refusal(
                Code::SdpBundle,
                *line,
                format!("the mid \"{}\" is in a BUNDLE group before, too", printable(mid)),
                "RFC 8843 7",
                "Chromium refuses the whole description: \"A BUNDLE group contains a MID that is already in a BUNDLE group\"",
            ));
        }
    }
}

fn bundles(description: &Description, problems: &mut Vec<Problem>) {
    let known = description.assumed_mids();
    let groups = description.bundles();
    for (mids, line) in &groups {
        for mid in mids
            .iter()
            .filter(|mid| !known.iter().any(|known| known == **mid))
        {
            problems.push(Problem::refusal(
                Code::SdpBundle,
                *line,
                format!(
                    "the group has the mid \"{}\", and no section has it",
                    printable(mid)
                ),
                "RFC 8843 7",
                "Chromium refuses the whole description",
            ));
        }
    }
    let several = description
        .sections
        .iter()
        .filter(|section| !section.is_refused())
        .count()
        > 1;
    if groups.is_empty() && several && description.is_webrtc() {
        problems.push(
            Problem::new(
                Code::SdpBundle,
                None,
                "the sections are not bundled: each needs a connection of its own",
                "RFC 8843 7",
                "browsers accept it; with the policy max-bundle all sections but the first are refused",
            )
            .severity(Severity::Info),
        );
    }
    overlapping(&groups, problems);
    if let [_, (_, line), ..] = groups.as_slice() {
        problems.push(
            Problem::new(
                Code::SdpBundle,
                *line,
                "there is more than one BUNDLE group",
                "RFC 8843 7",
                "Chromium answers each; programs that know one group bundle the first alone",
            )
            .severity(Severity::Info),
        );
    }
}

/// Sections that share a transport, each group for itself; without a group, each section.
fn transports(description: &Description) -> Vec<Vec<&Section>> {
    let known = description.assumed_mids();
    let mut left: Vec<(usize, &Section)> = description.sections.iter().enumerate().collect();
    let mut transports = Vec::new();
    for (mids, _) in description.bundles() {
        let (inside, outside): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|(index, _)| mids.contains(&known[*index].as_str()));
        transports.push(inside.into_iter().map(|(_, section)| section).collect());
        left = outside;
    }
    transports.extend(left.into_iter().map(|(_, section)| vec![section]));
    transports
}

/// RFC 8285 4.2: more has no room in a header of one byte.
const OF_ONE_BYTE: u32 = 14;

/// RFC 8285 6: numbers that need headers of two bytes, which not everybody reads.
fn wide(description: &Description, attribute: &Attribute, id: u32) -> Option<Problem> {
    let is_told = description.session.has("extmap-allow-mixed")
        || description
            .sections
            .iter()
            .any(|section| section.part.has("extmap-allow-mixed"));
    (id > OF_ONE_BYTE && !is_told).then(|| {
        Problem::new(
            Code::SdpHeaderExtension,
            attribute.line,
            format!("header extension {id} needs headers of two bytes, and extmap-allow-mixed is not said"),
            "RFC 8285 4.2, 6",
            "Chromium accepts it; receivers that know headers of one byte alone read no extension",
        )
        .severity(Severity::Warning)
    })
}

/// RFC 8285 5: for the whole session or for each section.
fn levels(description: &Description, problems: &mut Vec<Problem>) {
    let mut sections = description
        .sections
        .iter()
        .filter(|section| section.is_rtp());
    let own = sections.find_map(|section| section.part.first("extmap"));
    if let (true, Some(own)) = (description.session.has("extmap"), own) {
        problems.push(Problem::refusal(
            Code::SdpHeaderExtension,
            own.line,
            "header extensions stand in the session and in a section: all are to stand in the one or the other",
            "RFC 8285 5",
            "Chromium refuses the whole description: \"The a=extmap MUST be either all session level or all media level\"",
        ));
    }
}

/// RFC 8285 5 and 8843 9.2: one number, one extension.
fn extensions(description: &Description, problems: &mut Vec<Problem>) {
    levels(description, problems);
    for sections in transports(description) {
        let mut known: BTreeMap<u32, &str> = BTreeMap::new();
        for attribute in sections
            .iter()
            .flat_map(|section| section.part.all("extmap"))
        {
            let mut fields = attribute.value.split_ascii_whitespace();
            let id = fields.next().unwrap_or_default();
            let id = id.split('/').next().unwrap_or_default().parse::<u32>();
            let uri = fields.next();
            let (Some(uri), Ok(id)) = (uri, id) else {
                problems.push(Problem::refusal(
                    Code::SdpHeaderExtension,
                    attribute.line,
                    "a=extmap is a number and a URI",
                    "RFC 8285 5",
                    "Chromium refuses the whole description",
                ));
                continue;
            };
            if !EXTENSIONS.contains(&id) {
                problems.push(Problem::refusal(
                    Code::SdpHeaderExtension,
                    attribute.line,
                    format!("{id} is no number of a header extension: they go from 1 to 255"),
                    "RFC 8285 5",
                    "Chromium refuses the whole description",
                ));
            } else if let Some(other) = known.insert(id, uri).filter(|other| *other != uri) {
                problems.push(Problem::refusal(
                    Code::SdpHeaderExtension,
                    attribute.line,
                    format!(
                        "header extension {id} is {} here and {} before, in one transport",
                        printable(uri),
                        printable(other)
                    ),
                    "RFC 8843 9.2",
                    "Chromium refuses the whole description: \"codec collision for header extension\"",
                ));
            } else {
                problems.extend(wide(description, attribute, id));
            }
        }
    }
}

/// RFC 8843 9.1: one payload type, one codec.
fn payloads(description: &Description, problems: &mut Vec<Problem>) {
    for sections in transports(description) {
        let mut known = BTreeMap::new();
        for codec in sections.iter().flat_map(|section| &section.codecs) {
            let before = known.insert(codec.payload, codec);
            if let Some(other) = before.filter(|other| other.difference(codec).is_some()) {
                problems.push(
                    Problem::new(
                        Code::SdpPayloadType,
                        codec.line,
                        format!(
                            "payload type {} is {codec} here and {other} before (line {}), in one transport",
                            codec.payload, other.line
                        ),
                        "RFC 8843 9.1",
                        "Chromium accepts it between audio and video; a receiver that goes by payload types alone mixes them up",
                    )
                    .severity(Severity::Warning),
                );
            }
        }
    }
}
