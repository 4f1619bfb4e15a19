//! Where the other side is to send: candidates, or `c=` and `m=` where there is no ICE.

use std::net::IpAddr;

use super::super::Problem;
use super::candidates::{OF_MEDIA, fields};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::direction::Direction;
use crate::proto::sdp::model::Description;

/// What a description's candidates come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tally {
    all: usize,
    /// Of another component than that of media.
    others: usize,
    /// Without an address.
    dead: usize,
    tcp: usize,
    hidden: usize,
    private: usize,
    reachable: usize,
    first: Option<usize>,
}

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    if description.is_webrtc() || description.has_ice() {
        candidates(description, problems);
    } else {
        plain(description, problems);
    }
}

fn tally(description: &Description) -> Tally {
    let mut tally = Tally::default();
    for candidate in super::all(description, "candidate") {
        let Some(fields) = fields(candidate) else {
            continue;
        };
        let address = fields.address;
        tally.all += 1;
        tally.first.get_or_insert(candidate.line);
        if fields.component != OF_MEDIA {
            tally.others += 1;
        } else if fields.is_tcp {
            tally.tcp += 1;
        } else if fields.is_unspecified() {
            tally.dead += 1;
        } else if address.to_ascii_lowercase().split('.').next_back() == Some("local") {
            tally.hidden += 1;
        } else if address.parse().is_ok_and(is_private) {
            tally.private += 1;
        } else {
            tally.reachable += 1;
        }
    }
    tally
}

fn candidates(description: &Description, problems: &mut Vec<Problem>) {
    let tally = tally(description);
    let trickles =
        super::all(description, "ice-options").any(|options| options.value.contains("trickle"));
    let is_complete = super::all(description, "end-of-candidates")
        .next()
        .is_some();
    let has_section = description
        .sections
        .iter()
        .any(|section| section.port != Some(0));
    if !has_section || tally.reachable > 0 {
        return;
    }
    let (message, practice) = if tally.all == 0 {
        if trickles && !is_complete {
            return problems.push(
                Problem::new(
                    Code::SdpCandidates,
                    None,
                    "no candidates are in it: they have to follow one by one (trickle ICE)",
                    "RFC 8838 3",
                    "without signalling for them there is no connection: then wait until iceGatheringState is complete",
                )
                .severity(Severity::Info)
                .remedy("give each candidate to the other side as it is found; where that cannot be done, wait until iceGatheringState is complete"),
            );
        }
        (
            "no candidates are in it, and it does not say that they follow",
            "the other side has nothing to send to",
        )
    } else if tally.dead == tally.all {
        // Each is told by itself.
        return;
    } else if tally.others + tally.dead == tally.all {
        (
            "no candidate is of component 1, which media needs",
            "media has nothing to send to: component 2 is for RTCP where it has a port of its own",
        )
    } else if tally.tcp + tally.others + tally.dead == tally.all {
        (
            "all candidates are TCP",
            "browsers connect over TCP to passive candidates alone, mostly those of servers",
        )
    } else if tally.private == 0 {
        (
            "all candidates over UDP hide their address behind a .local name",
            "only machines in the same local network can reach them; a STUN server would add a public address",
        )
    } else {
        (
            "all candidates over UDP have private addresses",
            "only machines in the same network can reach them; a STUN server would add a public address",
        )
    };
    problems.push(Problem::new(
        Code::SdpCandidates,
        tally.first,
        message,
        "RFC 8445 5.1",
        practice,
    ));
}

/// SIP: media goes to `c=` and the port of `m=` (RFC 3264 5.1).
fn plain(description: &Description, problems: &mut Vec<Problem>) {
    let mut seen = Vec::new();
    for section in description
        .sections
        .iter()
        .filter(|section| section.port != Some(0))
    {
        let Some((address, line)) = description.address_of(section) else {
            problems.push(
                Problem::new(
                    Code::SdpAddress,
                    section.line,
                    format!("{} has no address: there is no c= line", section.name()),
                    "RFC 8866 5.7",
                    "phones refuse the call, or send no media",
                )
                .severity(Severity::Error),
            );
            continue;
        };
        if seen.contains(line) {
            continue;
        }
        seen.push(*line);
        let parsed = address.parse::<IpAddr>().ok();
        if parsed.is_some_and(|ip| ip.is_unspecified()) {
            let direction = description.direction_of(section);
            let practice = match direction {
                Direction::Sendrecv | Direction::Recvonly => {
                    "no media is sent to it; phones understand it, and sendonly or inactive says so today"
                }
                _ => "no media is sent to it, as the direction says too",
            };
            let problem = Problem::new(
                Code::SdpAddress,
                *line,
                "the address is 0.0.0.0: the call is on hold (RFC 2543)",
                "RFC 3264 8.4",
                practice,
            );
            problems.push(problem.severity(Severity::Info).remedy(
                "leave it so where a hold is meant; else write the address of the phone in c=",
            ));
        } else if parsed.is_some_and(is_private) {
            problems.push(Problem::new(
                Code::SdpAddress,
                *line,
                format!("media is to be sent to a private address, {}", printable(address)),
                "RFC 3264 5.1",
                "through a NAT nothing arrives there (one-way audio), unless a server on the way rewrites it or answers to where media comes from (symmetric RTP)",
            ));
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || (a, b & 0xc0) == (100, 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
