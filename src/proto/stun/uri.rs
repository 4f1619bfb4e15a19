//! STUN and TURN server URIs (RFC 7064, RFC 7065), and the bare `host:port` that people type.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Default port of STUN and TURN over UDP and TCP (RFC 8489 12, RFC 8656 3.1).
pub const DEFAULT_PORT: u16 = 3478;
/// Default port of STUN and TURN over TLS.
pub const DEFAULT_TLS_PORT: u16 = 5349;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUri {
    pub scheme: Scheme,
    pub host: Host,
    /// Port, the default of the scheme filled in.
    pub port: u16,
    pub transport: Transport,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `stun:`, and bare addresses.
    Stun,
    Stuns,
    Turn,
    Turns,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    Name(String),
    Ip(IpAddr),
}

/// The transport between us and a server.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Udp,
    Tcp,
    /// TLS over TCP.
    Tls,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    #[error("the server is empty")]
    Empty,
    /// `http://` and the like, or `stun://`.
    #[error(
        "'{0}' is not a scheme for STUN or TURN servers: use stun:, stuns:, turn: or turns:, without //"
    )]
    Scheme(String),
    #[error("the host is missing")]
    NoHost,
    /// A host with characters that no host name has.
    #[error("'{0}' is not a host name or IP address")]
    BadHost(String),
    #[error("'{0}' is not ASCII: write internationalised names in their xn-- form")]
    NotAscii(String),
    /// The port is no number from 1 to 65535.
    #[error("'{0}' is not a port from 1 to 65535")]
    BadPort(String),
    /// A query other than `transport=`.
    #[error("'?{0}' is not understood: only ?transport=udp or ?transport=tcp on turn: and turns:")]
    BadQuery(String),
    /// `transport=` with a value that RFC 7065 does not define.
    #[error("transport '{0}' is not supported: udp or tcp")]
    BadTransport(String),
    /// `turns:...?transport=udp` is DTLS.
    #[error(
        "turns: over UDP is DTLS, which is not supported: use turns: with ?transport=tcp or without"
    )]
    Dtls,
    /// A user name or more before an `@`. It may be a secret, so it is not repeated.
    #[error(
        "user name and password do not belong in a URI: use --turn-username with RTCDIAG_TURN_PASSWORD or --turn-password-file"
    )]
    UserInfo,
    /// An IPv6 literal followed by a port, without brackets.
    #[error("'{0}': put brackets around an IPv6 address that has a port, as in [2001:db8::1]:3478")]
    Unbracketed(String),
    /// `turn:host:3478:udp`.
    #[error("'{0}': the transport is said by a query, as in turn:example.org:3478?transport=udp")]
    TransportBehindPort(String),
    /// What JavaScript makes of a variable that has no value.
    #[error("'{0}' is no host: a variable without a value was written into the URI")]
    Placeholder(String),
}

impl ServerUri {
    /// Whether it promises a relay.
    pub const fn is_turn(&self) -> bool {
        matches!(self.scheme, Scheme::Turn | Scheme::Turns)
    }
}

impl FromStr for ServerUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UriError::Empty);
        }
        if text.contains('@') {
            return Err(UriError::UserInfo);
        }
        let (scheme, rest) = split_scheme(text)?;
        let (authority, query) = match rest.split_once('?') {
            Some((authority, query)) => (authority, Some(query)),
            None => (rest, None),
        };
        let (host, port) = split_port(authority)?;
        let transport = transport(scheme, query)?;
        let default_port = match scheme {
            Scheme::Stun | Scheme::Turn => DEFAULT_PORT,
            Scheme::Stuns | Scheme::Turns => DEFAULT_TLS_PORT,
        };
        Ok(Self {
            scheme,
            host: parse_host(host)?,
            port: port.map_or(Ok(default_port), parse_port)?,
            transport,
        })
    }
}

impl fmt::Display for ServerUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Stun => "stun",
            Scheme::Stuns => "stuns",
            Scheme::Turn => "turn",
            Scheme::Turns => "turns",
        };
        write!(f, "{scheme}:{}:{}", self.host, self.port)?;
        if self.scheme == Scheme::Turn && self.transport == Transport::Tcp {
            write!(f, "?transport=tcp")?;
        }
        Ok(())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

fn split_scheme(text: &str) -> Result<(Scheme, &str), UriError> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Ok((Scheme::Stun, text));
    };
    let known = match scheme.to_ascii_lowercase().as_str() {
        "stun" => Scheme::Stun,
        "stuns" => Scheme::Stuns,
        "turn" => Scheme::Turn,
        "turns" => Scheme::Turns,
        // host:port, [v6]:port or a bare v6 literal.
        _ if !rest.starts_with("//") => return Ok((Scheme::Stun, text)),
        _ => return Err(UriError::Scheme(format!("{scheme}://"))),
    };
    if rest.starts_with("//") {
        return Err(UriError::Scheme(format!("{scheme}://")));
    }
    Ok((known, rest))
}

/// Ports of STUN and TURN, as they are written.
const USUAL_PORTS: [&str; 3] = ["3478", "5349", "443"];

/// What stands for the host where a program had none.
const PLACEHOLDERS: [&str; 3] = ["undefined", "null", "nan"];

pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<&str>), UriError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest
            .split_once(']')
            .ok_or_else(|| UriError::BadHost(authority.to_owned()))?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(UriError::BadHost(host.to_owned()));
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(UriError::BadHost(authority.to_owned())),
        };
    }
    let (front, last) = authority.rsplit_once(':').unwrap_or((authority, ""));
    if authority.parse::<Ipv6Addr>().is_ok() {
        // Both may be meant, and the usual ports are rarely the end of an address.
        if USUAL_PORTS.contains(&last) && front.parse::<Ipv6Addr>().is_ok() {
            return Err(UriError::Unbracketed(authority.to_owned()));
        }
        return Ok((authority, None));
    }
    if ["udp", "tcp", "tls"]
        .iter()
        .any(|t| last.eq_ignore_ascii_case(t))
    {
        return Err(UriError::TransportBehindPort(authority.to_owned()));
    }
    if authority.matches(':').count() > 1 {
        return Err(UriError::Unbracketed(authority.to_owned()));
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

pub(crate) fn parse_host(host: &str) -> Result<Host, UriError> {
    if host.is_empty() {
        return Err(UriError::NoHost);
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        // Packets to an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) are IPv4.
        return Ok(Host::Ip(ip.to_canonical()));
    }
    if !host.is_ascii() {
        return Err(UriError::NotAscii(host.to_owned()));
    }
    if PLACEHOLDERS.contains(&&*host.to_ascii_lowercase()) {
        return Err(UriError::Placeholder(host.to_owned()));
    }
    let valid = host.len() <= 253
        && host
            .strip_suffix('.')
            .unwrap_or(host)
            .split('.')
            .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(is_host_byte));
    // All digits and dots, but no IPv4 address: a typing mistake, not a name.
    let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !valid || numeric {
        return Err(UriError::BadHost(host.to_owned()));
    }
    Ok(Host::Name(host.to_ascii_lowercase()))
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

pub(crate) fn parse_port(port: &str) -> Result<u16, UriError> {
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(number) if number > 0 && digits => Ok(number),
        _ => Err(UriError::BadPort(port.to_owned())),
    }
}

fn transport(scheme: Scheme, query: Option<&str>) -> Result<Transport, UriError> {
    let Some(query) = query else {
        return Ok(match scheme {
            Scheme::Stun | Scheme::Turn => Transport::Udp,
            Scheme::Stuns | Scheme::Turns => Transport::Tls,
        });
    };
    let turn = matches!(scheme, Scheme::Turn | Scheme::Turns);
    let (true, Some(value)) = (turn, query.strip_prefix("transport=")) else {
        return Err(UriError::BadQuery(query.to_owned()));
    };
    match (scheme, value.to_ascii_lowercase().as_str()) {
        (Scheme::Turn, "udp") => Ok(Transport::Udp),
        (Scheme::Turn, "tcp") => Ok(Transport::Tcp),
        (_, "tcp") => Ok(Transport::Tls),
        (_, "udp") => Err(UriError::Dtls),
        _ => Err(UriError::BadTransport(value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<ServerUri>()
            .map_or_else(|e| format!("error: {e}"), |u| u.to_string())
    }

    #[test]
    fn all_forms_of_the_contract_are_read() {
        for (text, expected) in [
            ("stun:example.org", "stun:example.org:3478"),
            ("STUN:Example.org:19302", "stun:example.org:19302"),
            ("stuns:example.org", "stuns:example.org:5349"),
            (
                "turn:example.org?transport=tcp",
                "turn:example.org:3478?transport=tcp",
            ),
            ("turn:example.org?transport=udp", "turn:example.org:3478"),
            (
                "turns:example.org:443?transport=tcp",
                "turns:example.org:443",
            ),
            ("example.org", "stun:example.org:3478"),
            ("example.org:99", "stun:example.org:99"),
            ("192.0.2.1:99", "stun:192.0.2.1:99"),
            ("[2001:db8::1]:99", "stun:[2001:db8::1]:99"),
            ("2001:db8::1", "stun:[2001:db8::1]:3478"),
            ("stun:[2001:db8::1]", "stun:[2001:db8::1]:3478"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_its_kind() {
        for (text, says) in [
            ("turn:2001:db8::10:3478", "brackets"),
            ("turn:2001:db8::1:99:zz", "brackets"),
            ("turn:example.org:3478:udp", "?transport=udp"),
            ("turn:example.org:tcp", "?transport=udp"),
            ("turn:undefined:3478", "without a value"),
            ("turn:null", "without a value"),
        ] {
            assert!(shown(text).contains(says), "{text}: {}", shown(text));
        }
        // The end of an address need not be a port.
        assert_eq!(shown("turn:2001:db8::3478"), "turn:[2001:db8::3478]:3478");
        assert_eq!(
            shown("turn:undefined.example"),
            "turn:undefined.example:3478"
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "",
            "stun://example.org",
            "http://example.org",
            "stun:",
            ":3478",
            "example.org:0",
            "example.org:+80",
            "example.org:70000",
            "stun:example.org?transport=udp",
            "turn:example.org?transport=sctp",
            "turns:example.org?transport=udp",
            "exa mple.org",
            "example.org..",
            "999.1.1.1",
            "[2001:db8::1",
            "[host]:99",
            "2001:db8::1:99:zz",
            "b\u{fc}cher.example",
        ] {
            assert!(text.parse::<ServerUri>().is_err(), "{text}");
        }
    }
}
