//! Header extensions of an answer (RFC 8285 6): those that were offered, with their numbers.

use super::super::model::{Attribute, Description, Section};
use super::super::problem::Problem;
use super::{Party, problem};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;

pub(super) fn check(
    offer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let own = offered.part.all("extmap");
    let known: Vec<(String, String)> = own
        .chain(offer.session.all("extmap"))
        .filter_map(read)
        .collect();
    for attribute in answered.part.all("extmap") {
        let Some((id, uri)) = read(attribute) else {
            continue;
        };
        match known.iter().find(|(_, known)| *known == uri) {
            Some((before, _)) if *before != id => problem(
                problems,
                (Code::SdpHeaderExtension, Party::Answer, attribute.line),
                format!(
                    "header extension {} has number {} here, and was offered with {}",
                    printable(&uri),
                    printable(&id),
                    printable(before)
                ),
                ("RFC 8285 6", "it is not understood, or taken for another"),
            ),
            Some(_) => {}
            None => {
                let found = Problem::new(
                    Code::SdpHeaderExtension,
                    attribute.line,
                    format!("header extension {} was not offered", printable(&uri)),
                    "RFC 8285 6",
                    "the offerer passes over it, or refuses the answer",
                );
                problems.push((Party::Answer, found.severity(Severity::Warning)));
            }
        }
    }
}

/// Number and URI.
fn read(attribute: &Attribute) -> Option<(String, String)> {
    let mut fields = attribute.value.split_ascii_whitespace();
    let id = fields.next()?.split('/').next()?.to_owned();
    Some((id, fields.next()?.to_owned()))
}
