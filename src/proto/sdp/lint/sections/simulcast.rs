//! Layers of simulcast (RFC 8853), with their descriptions (RFC 8851) and the header extension that tells them apart.

use super::super::Problem;
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::model::{Attribute, Description, Section};

/// RFC 8852 3.1.
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";

/// A layer that `a=simulcast` names, and the way in which it is sent there.
struct Layer<'a> {
    way: &'a str,
    rid: &'a str,
}

pub(super) fn check(description: &Description, section: &Section, problems: &mut Vec<Problem>) {
    let mut all = section.part.all("simulcast");
    let Some(attribute) = all.next() else { return };
    if let Some(second) = all.next() {
        problems.push(Problem::refusal(
            Code::SdpSimulcast,
            second.line,
            format!("{} has a second a=simulcast", section.name()),
            "RFC 8853 5.1",
            "Chromium refuses the whole description: \"Multiple Simulcast attributes specified\"",
        ));
    }
    let layers = layers(attribute);
    let mut bad = layers.iter().filter_map(|layer| objection(section, layer));
    if let Some(message) = bad.next() {
        problems.push(
            Problem::new(
                Code::SdpSimulcast,
                attribute.line,
                message,
                "RFC 8853 5.1, RFC 8851 4",
                "Chromium leaves out the layers without an a=rid of that direction; where none is left, one stream is sent",
            )
            .severity(Severity::Warning),
        );
    }
    let is_any_left = layers
        .iter()
        .any(|layer| objection(section, layer).is_none());
    if is_any_left && !section.is_refused() && !are_told_apart(description, section) {
        problems.push(Problem::refusal(
            Code::SdpHeaderExtension,
            section.line,
            format!(
                "{} has simulcast without the header extension for its layers ({RID})",
                section.name()
            ),
            "RFC 8852 3, RFC 8853 5.5",
            "Chromium refuses the whole description: \"negotiates simulcast but does not negotiate the RID RTP header extension\"",
        ));
    }
}

fn layers(attribute: &Attribute) -> Vec<Layer<'_>> {
    let words: Vec<&str> = attribute.value.split_ascii_whitespace().collect();
    let pairs = words.chunks_exact(2).flat_map(|pair| {
        let rids = pair[1].split([';', ',']);
        rids.map(|rid| Layer {
            way: pair[0],
            rid: rid.trim_start_matches('~'),
        })
    });
    pairs.filter(|layer| !layer.rid.is_empty()).collect()
}

/// Why a layer is none.
fn objection(section: &Section, layer: &Layer<'_>) -> Option<String> {
    let rids = section.part.all("rid").filter_map(|rid| {
        let mut fields = rid.value.split_ascii_whitespace();
        (fields.next() == Some(layer.rid)).then(|| fields.next().unwrap_or_default())
    });
    let ways: Vec<&str> = rids.collect();
    let name = printable(layer.rid);
    match ways.as_slice() {
        [] => Some(format!(
            "simulcast names \"{name}\", and no a=rid describes it"
        )),
        [way] if *way == layer.way => None,
        [way] => Some(format!(
            "simulcast has \"{name}\" for {}, and its a=rid for {}",
            printable(layer.way),
            printable(way)
        )),
        _ => Some(format!(
            "simulcast names \"{name}\", and more than one a=rid describes it"
        )),
    }
}

fn are_told_apart(description: &Description, section: &Section) -> bool {
    let parts = [&description.session, &section.part];
    let mut extensions = parts.into_iter().flat_map(|part| part.all("extmap"));
    extensions.any(|extension| extension.value.split(' ').nth(1) == Some(RID))
}
