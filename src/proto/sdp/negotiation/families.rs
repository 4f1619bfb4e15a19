//! Whether both sides have addresses of one family.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::model::{Description, Section};
use super::super::problem::Problem;
use super::Party;
use crate::base::codes::Code;
use crate::base::report::Severity;

/// Two that have none in common reach each other only through something that has both, and whether there is such a
/// thing, descriptions do not tell.
pub(super) fn check(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let carriers = (offer.carrier(offered), answer.carrier(answered));
    // What is bundled is told once.
    if carriers.0.line != offered.line || carriers.1.line != answered.line {
        return;
    }
    let (Some(mine), Some(others)) = (families(offer, offered), families(answer, answered)) else {
        return;
    };
    if mine.is_empty() || others.is_empty() || !mine.is_disjoint(&others) {
        return;
    }
    let named = |families: &BTreeSet<&'static str>| {
        families.iter().copied().collect::<Vec<_>>().join(" and ")
    };
    let line = answer
        .address_of(answered)
        .map_or(answered.line, |(_, line)| *line);
    let found = Problem::new(
        Code::SdpAddress,
        line,
        format!(
            "{} was offered with {} addresses alone, and is answered with {} alone",
            offered.name(),
            named(&mine),
            named(&others)
        ),
        "RFC 3264 6.1, RFC 6947 3",
        "media flows only if each side has the other family too, or something between translates; neither description says so",
    );
    problems.push((Party::Answer, found.severity(Severity::Warning)));
}

/// Those of its candidates, or of `c=` where there are none; `None` if an address is a name or stands for nothing.
fn families(description: &Description, section: &Section) -> Option<BTreeSet<&'static str>> {
    let mut candidates = section.part.all("candidate").peekable();
    let is_ice = description.of_section(section, "ice-ufrag").is_some();
    let texts: Vec<&str> = if candidates.peek().is_some() {
        candidates
            .map(|candidate| {
                candidate
                    .value
                    .split_ascii_whitespace()
                    .nth(4)
                    .unwrap_or_default()
            })
            .collect()
    } else if is_ice {
        return None;
    } else {
        vec![description.address_of(section)?.0.as_str()]
    };
    texts
        .into_iter()
        .map(|text| match text.parse::<IpAddr>().ok()? {
            ip if ip.is_unspecified() => None,
            IpAddr::V4(_) => Some("IPv4"),
            IpAddr::V6(_) => Some("IPv6"),
        })
        .collect()
}
