//! Each candidate (RFC 8839 5.1, 6544 4.5), and the default address beside them.

use std::net::IpAddr;

use super::super::Problem;
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::model::{Attribute, Description, Section};

/// RFC 8839 5.1.
const COMPONENTS: std::ops::RangeInclusive<u32> = 1..=256;
/// That of RTP, or of what there is one of alone.
pub(super) const OF_MEDIA: u32 = 1;
/// The port of a description whose candidates follow (RFC 8840 4.1.1).
const DISCARD: u16 = 9;

/// The fields of a candidate that are looked at.
pub(super) struct Fields<'a> {
    pub component: u32,
    pub is_tcp: bool,
    pub address: &'a str,
    port: u16,
    kind: &'a str,
    more: Vec<&'a str>,
}

/// Those of a candidate that can be read; others are told by the syntax.
pub(super) fn fields(candidate: &Attribute) -> Option<Fields<'_>> {
    let fields: Vec<&str> = candidate.value.split_ascii_whitespace().collect();
    let [
        _,
        component,
        transport,
        _,
        address,
        port,
        _,
        kind,
        more @ ..,
    ] = fields.as_slice()
    else {
        return None;
    };
    Some(Fields {
        component: component.parse().ok()?,
        is_tcp: !transport.eq_ignore_ascii_case("udp"),
        address,
        port: port.parse().ok()?,
        kind,
        more: more.to_vec(),
    })
}

impl Fields<'_> {
    fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }

    pub fn is_unspecified(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    fn has(&self, name: &str) -> bool {
        self.more.iter().step_by(2).any(|field| *field == name)
    }

    /// What is so, where it stands, who minds, and how much.
    fn objection(&self) -> Option<(String, &'static str, &'static str, Severity)> {
        if !COMPONENTS.contains(&self.component) {
            Some((
                format!(
                    "the candidate is of component {}: they go from 1 to 256",
                    self.component
                ),
                "RFC 8839 5.1",
                "no media has such a component; Chromium does not refuse the line",
                Severity::Warning,
            ))
        } else if self.is_unspecified() && !self.is_tcp {
            Some((
                format!(
                    "the candidate has the address {}, which is none",
                    self.address
                ),
                "RFC 8445 5.1.1",
                "nothing that is sent to it arrives",
                Severity::Warning,
            ))
        } else if self.is_tcp && !self.has("tcptype") {
            Some((
                "the candidate is of TCP and has no tcptype".to_owned(),
                "RFC 6544 4.5",
                "Chromium takes it for a passive one; others may pass over it",
                Severity::Warning,
            ))
        } else if matches!(self.kind, "srflx" | "prflx" | "relay") && !self.has("raddr") {
            Some((
                format!("the candidate is {} and has no raddr", self.kind),
                "RFC 8839 5.1",
                "browsers do not mind; strict programs may pass over it",
                Severity::Info,
            ))
        } else {
            None
        }
    }
}

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    for attribute in super::all(description, "candidate") {
        let found = fields(attribute).and_then(|fields| fields.objection());
        problems.extend(found.map(|(message, rfc, practice, severity)| {
            Problem::new(Code::SdpCandidates, attribute.line, message, rfc, practice)
                .severity(severity)
        }));
    }
    if !description.is_webrtc() && description.has_ice() {
        let sections = description.sections.iter();
        for section in sections.filter(|section| section.port != Some(0)) {
            problems.extend(mismatch(description, section));
        }
    }
}

/// Phones hold the default address against the candidates (RFC 8839 4.2.5); browsers do not look at it.
fn mismatch(description: &Description, section: &Section) -> Option<Problem> {
    let (address, line) = description.address_of(section)?;
    let default = address.parse::<IpAddr>().ok()?;
    let port = section.port.filter(|port| *port != DISCARD)?;
    let candidates: Vec<Fields<'_>> = section.part.all("candidate").filter_map(fields).collect();
    // A name may stand for the address.
    let is_named = candidates.iter().any(|candidate| candidate.ip().is_none());
    let is_one = candidates.iter().any(|candidate| {
        candidate.component == OF_MEDIA && candidate.ip() == Some(default) && candidate.port == port
    });
    if candidates.is_empty() || default.is_unspecified() || is_named || is_one {
        return None;
    }
    Some(
        Problem::new(
            Code::SdpAddress,
            *line,
            format!(
                "the default destination of {}, {} port {port}, is none of its candidates",
                section.name(),
                printable(address)
            ),
            "RFC 8839 4.2.5",
            "the other side answers with a=ice-mismatch and goes without ICE: a server on the way (ALG) has changed c= or m=, or the candidate of the default is missing",
        )
        .severity(Severity::Warning),
    )
}
