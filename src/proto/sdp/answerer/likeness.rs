//! A program that is known by a description of its own: its codecs, its kinds, its directions.

use super::super::codec::Codec;
use super::super::direction::Direction;
use super::super::model::{Description, Section};
use super::{Decision, no_codec};

pub(super) fn decisions<'a>(
    offer: &'a Description,
    own: &'a Description,
) -> impl FnMut(&Section) -> Decision + 'a {
    move |section| {
        let same: Vec<&Section> = own
            .sections
            .iter()
            .filter(|other| other.kind == section.kind)
            .collect();
        // A section that it had refused has its codecs still, but not its will.
        let open = same.iter().find(|other| other.port != Some(0));
        let wanted = open.map_or(Direction::Inactive, |other| own.direction_of(other));
        Decision {
            codecs: accepted(section, &same),
            direction: offer.direction_of(section).answered_with(wanted),
        }
    }
}

fn accepted(section: &Section, same: &[&Section]) -> Result<Vec<Codec>, String> {
    if section.is_refused() {
        return Err("it was offered with port 0".to_owned());
    }
    let open: Vec<&&Section> = same.iter().filter(|other| other.port != Some(0)).collect();
    if open.is_empty() {
        return Err(format!(
            "the other side has no {} in its description",
            section.kind
        ));
    }
    if !open
        .iter()
        .any(|other| is_alike(&section.protocol, &other.protocol))
    {
        return Err(format!(
            "the other side speaks {}, and {} was offered",
            open[0].protocol, section.protocol
        ));
    }
    if !section.is_rtp() {
        return Ok(Vec::new());
    }
    let able: Vec<Codec> = open.iter().flat_map(|other| other.codecs.clone()).collect();
    let common = section
        .codecs
        .iter()
        .filter(|codec| able.iter().any(|own| own.difference(codec).is_none()));
    let common: Vec<Codec> = common.cloned().collect();
    if common.iter().any(Codec::is_media) {
        Ok(common)
    } else {
        Err(no_codec(section, &able))
    }
}

/// Old and new names of one protocol (RFC 8829 5.1.2).
fn is_alike(protocol: &str, other: &str) -> bool {
    let class = |protocol: &str| {
        let is_secure = protocol.contains("SAVP");
        let is_data = protocol.contains("SCTP");
        let is_dtls = protocol.contains("TLS") || is_data;
        (
            is_secure,
            is_data,
            is_dtls && !is_secure,
            protocol.contains("RTP/"),
        )
    };
    protocol == other
        || (class(protocol) == class(other)
            && (protocol.contains("RTP/") || protocol.contains("SCTP")))
}
