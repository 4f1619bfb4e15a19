//! Candidate lines of programs that do not write them as RFC 8839 has it, read as browsers read them.

use std::net::{IpAddr, Ipv6Addr};

use super::{Candidate, CandidateError};
use crate::base::words::printable;

/// What is not as RFC 8839 5.1 has it, and was read all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oddity {
    /// The first field is not there.
    NoFoundation,
    /// Too long, or with characters that it cannot have.
    Foundation,
    /// Not from 1 to 2^31 - 1.
    Priority,
}

impl Oddity {
    /// As what so many candidates have.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoFoundation => "no foundation",
            Self::Foundation => {
                "a foundation with characters or a length that RFC 8839 5.1 does not allow"
            }
            Self::Priority => "a priority out of range (RFC 8839 5.1)",
        }
    }
}

const TRANSPORTS: [&str; 4] = ["udp", "tcp", "ssltcp", "tls"];
/// RFC 8839 5.1: the greatest priority.
const HIGHEST: u32 = 0x7fff_ffff;

/// Reads a line as browsers do, and says what is odd about it.
pub fn read(line: &str) -> Result<(Candidate, Vec<Oddity>), CandidateError> {
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line);
    let rest = line
        .strip_prefix("candidate:")
        .ok_or(CandidateError::Syntax)?;
    let mut fields: Vec<String> = rest.split_ascii_whitespace().map(str::to_owned).collect();
    let mut odd = Vec::new();
    let is_transport = |field: &String| TRANSPORTS.iter().any(|t| field.eq_ignore_ascii_case(t));
    if fields.get(1).is_some_and(is_transport) {
        odd.push(Oddity::NoFoundation);
        // Candidates without one have none in common.
        let own = fields
            .get(2)
            .map_or_else(|| "x".to_owned(), |priority| format!("x{priority}"));
        fields.insert(0, own);
    }
    let [foundation, _, transport, priority, ip, ..] = fields.as_mut_slice() else {
        return Err(CandidateError::Syntax);
    };
    // One of another transport is left out for that, whatever else is odd.
    if !transport.eq_ignore_ascii_case("udp") {
        return Err(CandidateError::Transport(printable(transport)));
    }
    let is_ice_char = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if foundation.len() > 32 || !foundation.chars().all(is_ice_char) {
        odd.push(Oddity::Foundation);
        foundation.retain(is_ice_char);
        foundation.truncate(31);
        foundation.insert(0, 'x');
    }
    if let Ok(number) = priority.parse::<u32>()
        && !(1..=HIGHEST).contains(&number)
    {
        odd.push(Oddity::Priority);
        *priority = number.clamp(1, HIGHEST).to_string();
    }
    *ip = address(ip)?;
    let line = format!("candidate:{}", fields.join(" "));
    line.parse().map(|candidate| (candidate, odd))
}

/// Without the brackets of URLs, and without the zone (RFC 4007 11), which is of no use elsewhere.
fn address(text: &str) -> Result<String, CandidateError> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let (address, has_zone) = match bare.split_once('%') {
        Some((address, _)) => (address, true),
        None => (bare, false),
    };
    let Ok(ip) = address.parse::<IpAddr>() else {
        return Ok(bare.to_owned());
    };
    let is_link_local = matches!(ip, IpAddr::V6(v6) if Ipv6Addr::is_unicast_link_local(&v6));
    if has_zone && is_link_local {
        return Err(CandidateError::Zone(printable(bare)));
    }
    Ok(ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_read_is_read() {
        for (line, address, odd) in [
            (
                "candidate:1 1 udp 1 192.0.2.1 5000 typ host",
                "192.0.2.1:5000",
                &[][..],
            ),
            (
                "a=candidate: 1 udp 7 192.0.2.1 5000 typ host generation 0",
                "192.0.2.1:5000",
                &[Oddity::NoFoundation],
            ),
            (
                "candidate:a-b_c 1 UDP 1 192.0.2.1 5000 typ host",
                "192.0.2.1:5000",
                &[Oddity::Foundation],
            ),
            (
                "candidate:1 1 udp 4294967295 192.0.2.1 5000 typ host",
                "192.0.2.1:5000",
                &[Oddity::Priority],
            ),
            (
                "candidate:1 1 udp 1 [2001:db8::1] 5000 typ host",
                "[2001:db8::1]:5000",
                &[],
            ),
            (
                "candidate:1 1 udp 1 2001:db8::1%eth0 5000 typ host",
                "[2001:db8::1]:5000",
                &[],
            ),
            (
                "candidate:1 1 udp 1 192.0.2.1 5000 typ srflx raddr 192.0.2.9",
                "192.0.2.1:5000",
                &[],
            ),
        ] {
            let (candidate, said) = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(
                (candidate.address.to_string().as_str(), &*said),
                (address, odd),
                "{line}"
            );
            assert_eq!(candidate.to_string().parse(), Ok(candidate), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        use CandidateError as E;
        for (line, error) in [
            (
                "candidate:1 1 udp 1 f0.local 5000 typ host",
                E::Name("f0.local".into()),
            ),
            (
                "candidate: 1 ssltcp 1 192.0.2.1 443 typ host",
                E::Transport("ssltcp".into()),
            ),
            (
                "candidate:1 1 udp 1 fe80::1%eth0 5000 typ host",
                E::Zone("fe80::1%eth0".into()),
            ),
            ("candidate:", E::Syntax),
            ("candidate:1 1 udp", E::Syntax),
        ] {
            assert_eq!(read(line), Err(error), "{line}");
        }
    }
}
