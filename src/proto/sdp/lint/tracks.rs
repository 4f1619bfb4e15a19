//! Streams and tracks of sections (RFC 8830): one track in a section, and none in two.

use std::collections::BTreeMap;

use super::Problem;
use crate::base::codes::Code;
use crate::base::words::printable;
use crate::proto::sdp::model::{Description, Section};

/// A track, and the stream that is named first with it.
struct Track<'a> {
    stream: &'a str,
    id: &'a str,
    line: usize,
}

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    let mut known: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let media = |section: &&Section| matches!(section.kind.as_str(), "audio" | "video");
    for section in description.sections.iter().filter(media) {
        second(section, problems);
        let Some(track) = track(section) else {
            continue;
        };
        let before = known.get(&(track.stream, track.id));
        if let Some(before) = before {
            problems.push(Problem::refusal(
                Code::SdpAttribute,
                track.line,
                format!(
                    "{} has the track of line {before} again: \"{} {}\"",
                    section.name(),
                    printable(track.stream),
                    printable(track.id)
                ),
                "RFC 8830 2",
                "Chromium refuses the whole description: \"Duplicate a=msid lines detected\"",
            ));
        } else {
            known.insert((track.stream, track.id), track.line);
        }
    }
}

/// What `a=msid` names, or where there is none, the first source.
fn track(section: &Section) -> Option<Track<'_>> {
    let own = section.part.all("msid");
    let own = own.map(|msid| (msid.value.as_str(), msid.line));
    let sources = section.part.all("ssrc").filter_map(|ssrc| {
        let (_, track) = ssrc.value.split_once(" msid:")?;
        Some((track, ssrc.line))
    });
    own.chain(sources).find_map(|(value, line)| {
        let (stream, id) = value.split_once(' ')?;
        Some(Track { stream, id, line })
    })
}

/// A second track in `a=msid`; that which stands with the sources is looked at there.
fn second(section: &Section, problems: &mut Vec<Problem>) {
    let mut first: Option<&str> = None;
    for msid in section.part.all("msid") {
        let Some((_, id)) = msid.value.split_once(' ') else {
            continue;
        };
        let before = *first.get_or_insert(id);
        if before != id {
            problems.push(Problem::refusal(
                Code::SdpAttribute,
                msid.line,
                format!(
                    "{} has the track \"{}\" here and \"{}\" before: a section has one",
                    section.name(),
                    printable(id),
                    printable(before)
                ),
                "RFC 8829 5.2.1",
                "Chromium refuses the whole description: \"Two different track IDs in msid attribute in one m= section\"",
            ));
            return;
        }
    }
}
