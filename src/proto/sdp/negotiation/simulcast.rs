//! Layers of simulcast in an answer (RFC 8853 5.3).

use super::super::model::Section;
use super::super::problem::Problem;
use super::Party;
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;

/// What one side says, and what the other has to say to it.
const WAYS: [(&str, &str); 2] = [("send", "recv"), ("recv", "send")];

/// Layers that the offerer sends and the answerer receives, or the other way round.
pub(super) fn agreed(offered: &Section, answered: &Section) -> Vec<String> {
    let both = WAYS.iter().flat_map(|(mine, others)| {
        let others = layers(answered, others);
        layers(offered, mine)
            .into_iter()
            .filter(move |rid| others.contains(rid))
    });
    both.collect()
}

/// Layers of an answer that were not offered.
pub(super) fn check(
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let Some(attribute) = answered.part.first("simulcast") else {
        return;
    };
    let known: Vec<String> = WAYS
        .iter()
        .flat_map(|(mine, _)| layers(offered, mine))
        .collect();
    for (mine, others) in WAYS {
        let offers = layers(offered, mine);
        let unknown = layers(answered, others)
            .into_iter()
            .find(|rid| !offers.contains(rid));
        let Some(rid) = unknown else { continue };
        let name = printable(&rid);
        let message = if known.contains(&rid) {
            format!("the answer has the layer \"{name}\" for {others}, as the offer has it")
        } else {
            format!("the answer has the layer \"{name}\", which was not offered")
        };
        let found = Problem::new(
            Code::SdpSimulcast,
            attribute.line,
            message,
            "RFC 8853 5.3.2",
            "nothing is sent as that layer; where none is left, one stream is sent",
        );
        problems.push((Party::Answer, found.severity(Severity::Warning)));
    }
}

fn layers(section: &Section, word: &str) -> Vec<String> {
    let Some(attribute) = section.part.first("simulcast") else {
        return Vec::new();
    };
    let mut words = attribute.value.split_ascii_whitespace();
    let list = words
        .find(|other| *other == word)
        .and_then(|_| words.next());
    let rids = list.unwrap_or_default().split([';', ',']);
    let rids = rids.map(|rid| rid.trim_start_matches('~').to_owned());
    rids.filter(|rid| !rid.is_empty()).collect()
}
