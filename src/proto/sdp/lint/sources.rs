//! Sources of the streams and groups of them (RFC 5576), as Chromium takes them: one track in a section, one source of
//! audio, and of video layers (`SIM`) and repair that fit together.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use crate::base::codes::Code;
use crate::base::words::printable;
use crate::proto::sdp::model::{Description, Section};

/// Layers of simulcast in one group.
const LAYERS: usize = 3;
const NOT_ADDED: &str = "Chromium refuses the whole description: \"Failed to add remote stream\"";

/// A group of which the first source has a line of its own: others are passed over.
struct Group<'a> {
    semantics: &'a str,
    ids: Vec<u32>,
    line: usize,
}

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    if !description.is_webrtc() {
        return;
    }
    let media = |section: &&Section| matches!(section.kind.as_str(), "audio" | "video");
    for section in description.sections.iter().filter(media) {
        repeated(section, problems);
        let sources = sources(section);
        let ids: Vec<u32> = sources.iter().map(|(id, _)| *id).collect();
        let groups: Vec<Group<'_>> = groups(section)
            .filter(|group| group.ids.first().is_some_and(|first| ids.contains(first)))
            .collect();
        sizes(&groups, problems);
        tracks(section, problems);
        if section.is_refused() {
            continue;
        }
        if section.kind == "video" {
            layers(&ids, &groups, problems);
        } else if let [_, (second, line), ..] = sources.as_slice() {
            problems.push(Problem::refusal(
                Code::SdpAttribute,
                *line,
                format!("a second source, {second}: a section of audio has one"),
                "RFC 5576 4.1",
                NOT_ADDED,
            ));
        }
    }
    shared(description, problems);
}

fn id(word: &str) -> Option<u32> {
    word.parse().ok()
}

/// Each source once, with its first line.
fn sources(section: &Section) -> Vec<(u32, usize)> {
    let mut seen = BTreeSet::new();
    let all = section.part.all("ssrc").filter_map(|ssrc| {
        let source = id(ssrc.value.split(' ').next()?)?;
        Some((source, ssrc.line))
    });
    all.filter(|(source, _)| seen.insert(*source)).collect()
}

fn groups(section: &Section) -> impl Iterator<Item = Group<'_>> {
    section.part.all("ssrc-group").filter_map(|group| {
        let (semantics, ids) = group.value.split_once(' ')?;
        Some(Group {
            semantics,
            ids: ids.split(' ').map(id).collect::<Option<_>>()?,
            line: group.line,
        })
    })
}

fn repeated(section: &Section, problems: &mut Vec<Problem>) {
    for group in groups(section) {
        let mut seen = BTreeSet::new();
        if let Some(twice) = group.ids.iter().find(|id| !seen.insert(**id)) {
            problems.push(Problem::refusal(
                Code::SdpAttribute,
                group.line,
                format!("the group has the source {twice} twice"),
                "RFC 5576 4.2",
                "Chromium refuses the whole description: \"Duplicate SSRC in ssrc-group\"",
            ));
        }
    }
}

fn sizes(groups: &[Group<'_>], problems: &mut Vec<Problem>) {
    for group in groups {
        let count = group.ids.len();
        let is_wrong = match group.semantics {
            "FID" | "FEC-FR" => count != 2,
            "SIM" => count > LAYERS,
            _ => false,
        };
        if is_wrong {
            let wanted = if group.semantics == "SIM" {
                "it may have three"
            } else {
                "it has two"
            };
            problems.push(Problem::refusal(
                Code::SdpAttribute,
                group.line,
                format!(
                    "the group {} has {count} sources: {wanted}",
                    group.semantics
                ),
                "RFC 5576 4.2",
                "Chromium refuses the whole description: \"an unexpected number of SSRCs\"",
            ));
        }
    }
}

/// Without a=msid the lines of the sources name the track.
fn tracks(section: &Section, problems: &mut Vec<Problem>) {
    if section.part.has("msid") {
        return;
    }
    let mut first: Option<&str> = None;
    for ssrc in section.part.all("ssrc") {
        let Some((_, track)) = ssrc.value.split_once(" msid:") else {
            continue;
        };
        if *first.get_or_insert(track) != track {
            problems.push(Problem::refusal(
                Code::SdpAttribute,
                ssrc.line,
                format!("a second track, \"{}\": a section has one (Plan B had several)", printable(track)),
                "RFC 8829 5.2.1",
                "Chromium refuses the whole description: \"Media section has more than one track specified with a=ssrc lines\"",
            ));
            return;
        }
    }
}

/// Layers, and what repairs them.
fn layers(ids: &[u32], groups: &[Group<'_>], problems: &mut Vec<Problem>) {
    let mut refuse = |line: usize, message: String| {
        problems.push(Problem::refusal(
            Code::SdpAttribute,
            line,
            message,
            "RFC 5576 4.2",
            NOT_ADDED,
        ));
    };
    let mut seen = BTreeSet::new();
    for group in groups {
        if !seen.insert((group.semantics, group.ids[0])) {
            let what = format!(
                "a second group {} of the source {}",
                printable(group.semantics),
                group.ids[0]
            );
            return refuse(group.line, what);
        }
        let is_known = matches!(group.semantics, "FID" | "FEC-FR" | "SIM");
        if let Some(missing) = group.ids.iter().find(|id| is_known && !ids.contains(id)) {
            let what = format!(
                "the group {} names the source {missing}, and no a=ssrc describes it",
                group.semantics
            );
            return refuse(group.line, what);
        }
    }
    let layers = groups.iter().find(|group| group.semantics == "SIM");
    let primary = layers.map_or(&ids[..ids.len().min(1)], |group| group.ids.as_slice());
    for semantics in ["FID", "FEC-FR"] {
        let repairs: Vec<&Group<'_>> = groups
            .iter()
            .filter(|group| group.semantics == semantics && primary.contains(&group.ids[0]))
            .collect();
        if let Some(first) = repairs.first()
            && repairs.len() != primary.len()
        {
            let what = format!(
                "{} of {} layers have a group {semantics}: all have one or none has",
                repairs.len(),
                primary.len()
            );
            return refuse(first.line, what);
        }
    }
}

/// One source in two sections of a bundle, where it tells them apart.
fn shared(description: &Description, problems: &mut Vec<Problem>) {
    let mids = description.assumed_mids();
    for (bundle, _) in description.bundles() {
        let mut owners: BTreeMap<u32, usize> = BTreeMap::new();
        let all = description.sections.iter().zip(&mids).enumerate();
        let bundled = all.filter(|(_, (section, mid))| {
            section.is_rtp() && !section.is_refused() && bundle.contains(&mid.as_str())
        });
        for (place, (section, _)) in bundled {
            for (source, line) in sources(section) {
                if *owners.entry(source).or_insert(place) != place {
                    problems.push(Problem::refusal(
                        Code::SdpBundle,
                        line,
                        format!("the source {source} is that of another section of the bundle, too"),
                        "RFC 8843 9.2",
                        "Chromium cannot set its answer: \"Failed to process the bundled m= section\"",
                    ));
                    return;
                }
            }
        }
    }
}
