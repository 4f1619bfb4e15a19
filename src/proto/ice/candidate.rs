//! Candidates: priority and foundation (RFC 8445 5.1), and the line of a session description
//! (RFC 8839 5.1).

pub mod lenient;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::Serialize;

use crate::base::family::Family;
use crate::base::words::printable;
use crate::proto::stun::uri::Transport;

/// How many candidates of one side are taken.
pub use crate::base::bounds::CANDIDATES as MAX_CANDIDATES;

/// The component of RTP, and of data channels (RFC 8445 5.1.1).
pub const COMPONENT: u16 = 1;

/// How a candidate was learned (RFC 8445 5.1.1).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum CandidateType {
    Host,
    /// Server reflexive: where a STUN server sees the base.
    Srflx,
    /// Peer reflexive: where a peer sees the base.
    Prflx,
    /// An address on a TURN server.
    Relay,
}

impl CandidateType {
    /// As in a candidate line.
    pub const fn name(self) -> &'static str {
        self.into_str()
    }

    /// The type preference that RFC 8445 5.1.2.2 recommends.
    const fn preference(self) -> u32 {
        match self {
            Self::Host => 126,
            Self::Prflx => 110,
            Self::Srflx => 100,
            Self::Relay => 0,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it shares with others, for the order of checks (RFC 8445 5.1.1.3): 1 to 32 characters.
    pub foundation: String,
    pub component: u16,
    /// RFC 8445 5.1.2.
    pub priority: u32,
    /// Where peers send to.
    pub address: SocketAddr,
    pub kind: CandidateType,
    /// The related address (RFC 8839 5.1): the base of a reflexive candidate, the mapped address of
    /// a relayed one.
    pub related: Option<SocketAddr>,
}

/// RFC 8445 5.1.2.1.
pub const fn priority(kind: CandidateType, local_preference: u16, component: u16) -> u32 {
    (kind.preference() << 24) + ((local_preference as u32) << 8) + (256 - component as u32)
}

/// Where a candidate comes from, in the order of preference. Its numbers make local preferences
/// that are all different among candidates of one type, as RFC 8445 5.1.2.1 asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// Place of the base among the local addresses.
    pub base: usize,
    /// Place of the server's address among the servers' addresses.
    pub server: usize,
    /// How a TURN server is talked to: UDP before TCP before TLS.
    pub relay_transport: Option<Transport>,
    /// Whether the relayed address is of IPv6.
    pub relayed_v6: bool,
}

/// The most bases and server addresses that [`Origin`] has room for.
pub const MAX_BASES: usize = 64;
/// See [`MAX_BASES`].
pub const MAX_SERVERS: usize = 120;

impl Origin {
    /// RFC 8445 5.1.2.1: the higher, the more preferred.
    pub fn local_preference(self, kind: CandidateType) -> u16 {
        let base = self.base.min(MAX_BASES - 1);
        let server = self.server.min(MAX_SERVERS - 1);
        let place = match kind {
            CandidateType::Host => base,
            CandidateType::Srflx | CandidateType::Prflx => base * MAX_SERVERS + server,
            CandidateType::Relay => {
                let transport = match self.relay_transport {
                    Some(Transport::Tcp) => 1,
                    Some(Transport::Tls) => 2,
                    Some(Transport::Udp) | None => 0,
                };
                let class = transport * 2 + usize::from(self.relayed_v6);
                (class * MAX_BASES + base) * MAX_SERVERS + server
            }
        };
        u16::try_from(usize::from(u16::MAX) - place).unwrap_or(0)
    }
}

/// The foundation (RFC 8445 5.1.1.3): the same for candidates of the same type and base, from the
/// same server by the same protocol. A hash, so that it does not depend on what was found first.
pub fn foundation(
    kind: CandidateType,
    base: IpAddr,
    server: Option<IpAddr>,
    relay_transport: Option<Transport>,
) -> String {
    let server = server.map_or_else(String::new, |s| s.to_string());
    let transport = match relay_transport {
        None => "",
        Some(Transport::Udp) => "udp",
        Some(Transport::Tcp) => "tcp",
        Some(Transport::Tls) => "tls",
    };
    fnv1a(&format!("{kind} {base} {server} {transport}")).to_string()
}

/// FNV-1a with 32 bits.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// An order of local addresses by preference in which the families take turns, IPv6 first
/// (RFC 8421 4): the key to sort by, from how many of the same family are better.
pub const fn turn_of(family: Family, better_of_family: usize) -> (usize, u8) {
    match family {
        Family::Ipv6 => (better_of_family, 0),
        Family::Ipv4 => (better_of_family, 1),
    }
}

impl fmt::Display for Candidate {
    /// As in RFC 8839 5.1, without `a=`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "candidate:{} {} udp {} {} {} typ {}",
            self.foundation,
            self.component,
            self.priority,
            self.address.ip(),
            self.address.port(),
            self.kind
        )?;
        match self.related {
            Some(related) => write!(f, " raddr {} rport {}", related.ip(), related.port()),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CandidateError {
    /// It does not begin so, or fields are missing.
    #[error("not a candidate line (RFC 8839 5.1)")]
    Syntax,
    #[error("its {0} is not valid")]
    Field(&'static str),
    #[error("transport {0} is not supported")]
    Transport(String),
    /// A name of multicast DNS or another.
    #[error("its address is a name, {0}")]
    Name(String),
    /// Read, and of no use: the address, and why.
    #[error("{0}: {1}")]
    Useless(std::net::SocketAddr, String),
    /// A link-local address with the name of an interface.
    #[error("its address, {0}, has a zone that only its own host knows")]
    Zone(String),
}

impl FromStr for Candidate {
    type Err = CandidateError;

    /// Reads a line with or without `a=`; extensions are skipped.
    fn from_str(line: &str) -> Result<Self, CandidateError> {
        use CandidateError::Field;
        let line = line.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        let fields: Vec<&str> = line
            .strip_prefix("candidate:")
            .ok_or(CandidateError::Syntax)?
            .split_ascii_whitespace()
            .collect();
        let [
            foundation,
            component,
            transport,
            priority,
            ip,
            port,
            typ,
            kind,
            rest @ ..,
        ] = fields.as_slice()
        else {
            return Err(CandidateError::Syntax);
        };
        if *typ != "typ" {
            return Err(CandidateError::Syntax);
        }
        let is_ice_char = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        if foundation.len() > 32 || !foundation.chars().all(is_ice_char) {
            return Err(Field("foundation"));
        }
        if !transport.eq_ignore_ascii_case("udp") {
            return Err(CandidateError::Transport(printable(transport)));
        }
        Ok(Self {
            foundation: (*foundation).to_owned(),
            component: number(component, 256).ok_or(Field("component"))?,
            priority: priority
                .parse()
                .ok()
                .filter(|p| (1..=0x7fff_ffff).contains(p))
                .ok_or(Field("priority"))?,
            address: SocketAddr::new(address(ip)?, port.parse().map_err(|_| Field("port"))?),
            kind: kind_of(kind).ok_or(Field("type"))?,
            related: related(rest)?,
        })
    }
}

fn number(text: &str, most: u16) -> Option<u16> {
    text.parse().ok().filter(|n| (1..=most).contains(n))
}

fn address(text: &str) -> Result<IpAddr, CandidateError> {
    if let Ok(ip) = text.parse() {
        return Ok(ip);
    }
    let is_name = text.contains('.') && text.bytes().any(|b| b.is_ascii_alphabetic());
    if is_name {
        Err(CandidateError::Name(printable(text)))
    } else {
        Err(CandidateError::Field("address"))
    }
}

fn kind_of(text: &str) -> Option<CandidateType> {
    [
        CandidateType::Host,
        CandidateType::Srflx,
        CandidateType::Prflx,
        CandidateType::Relay,
    ]
    .into_iter()
    .find(|kind| kind.name() == text)
}

fn related(extensions: &[&str]) -> Result<Option<SocketAddr>, CandidateError> {
    let value = |name: &str| {
        let mut pairs = extensions.chunks_exact(2);
        pairs.find(|pair| pair[0] == name).map(|pair| pair[1])
    };
    let Some(ip) = value("raddr") else {
        return Ok(None);
    };
    // Browsers hide it as 0.0.0.0 port 0 or 9, which is what it is then.
    let Ok(ip) = ip.parse() else {
        return Ok(None);
    };
    let Some(port) = value("rport") else {
        return Ok(None);
    };
    let port = port.parse().map_err(|_| CandidateError::Field("rport"))?;
    Ok(Some(SocketAddr::new(ip, port)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_of_the_standard() {
        let first = Origin::default();
        let priority_of = |kind| priority(kind, first.local_preference(kind), COMPONENT);
        assert_eq!(priority_of(CandidateType::Host), 2_130_706_431);
        assert_eq!(priority_of(CandidateType::Srflx), 1_694_498_815);
        assert_eq!(priority_of(CandidateType::Relay), 16_777_215);
    }

    #[test]
    fn local_preferences_are_all_different() {
        let mut seen = BTreeSet::new();
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
            for base in 0..MAX_BASES {
                for server in 0..MAX_SERVERS {
                    for relayed_v6 in [false, true] {
                        let origin = Origin {
                            base,
                            server,
                            relay_transport: Some(transport),
                            relayed_v6,
                        };
                        assert!(seen.insert(origin.local_preference(CandidateType::Relay)));
                    }
                }
            }
        }
    }

    #[test]
    fn lines_survive_the_round_trip() {
        for line in [
            "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
            "candidate:2 1 udp 1694498815 203.0.113.5 40000 typ srflx raddr 192.0.2.1 rport 5000",
            "candidate:3 1 udp 16777215 2001:db8::1 40000 typ relay raddr 2001:db8::2 rport 5000",
        ] {
            let candidate: Candidate = line.parse().expect(line);
            assert_eq!(candidate.to_string(), line);
        }
        let chrome = "a=candidate:842163049 1 UDP 1677729535 203.0.113.5 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag EEtu network-cost 999";
        let read: Candidate = chrome.parse().expect("as browsers write it");
        assert_eq!(read.address.port(), 46154);
    }

    #[test]
    fn what_is_no_candidate_is_refused() {
        let name = "candidate:1 1 udp 1 f0.local 5000 typ host".parse::<Candidate>();
        assert_eq!(name, Err(CandidateError::Name("f0.local".into())));
        for line in [
            "",
            "candidate:",
            "candidate:1 1 udp 1 192.0.2.1 5000 typ",
            "candidate:1 1 udp 0 192.0.2.1 5000 typ host",
            "candidate:1 0 udp 1 192.0.2.1 5000 typ host",
            "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
            "candidate:1 1 udp 1 192.0.2.1 70000 typ host",
            "candidate:1 1 udp 1 999.0.2.1 5000 typ host",
            "candidate:1 1 udp 1 192.0.2.1 5000 typ elsewhere",
            "candidate:? 1 udp 1 192.0.2.1 5000 typ host",
        ] {
            assert!(line.parse::<Candidate>().is_err(), "{line}");
        }
    }
}
