//! Flags of the STUN and TURN servers that `serve` runs beside the rendezvous.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueHint};

use crate::proto::stun::uri::DEFAULT_PORT;
use crate::proto::turn::server::peers::Network;

/// STUN and TURN servers to run. All of it is off unless an address is named.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "STUN and TURN servers")]
pub struct ResponderArgs {
    /// Answer STUN Binding requests on this address, over UDP and TCP: ip or ip:port, port 3478 by
    /// default; repeatable, one for IPv4 and one for IPv6
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_hint = ValueHint::Other)]
    pub stun: Vec<ListenAddress>,
    /// Another IP address of this host, for NAT behaviour discovery (RFC 5780); its port, or that of
    /// --stun plus 1, is the alternate port on both
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_hint = ValueHint::Other)]
    pub stun_alternate: Vec<ListenAddress>,
    /// Relay for the users of --turn-users-file or --turn-auth-secret-file on this address, over UDP
    /// and TCP: ip or ip:port, port 3478 by default; repeatable, one for IPv4 and one for IPv6
    ///
    /// A TURN server (RFC 8656) for small use. Binding requests are answered on the same port. Its
    /// relays reach public addresses and each other; --turn-allow-peer opens more.
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_hint = ValueHint::Other)]
    pub turn: Vec<ListenAddress>,
    /// The public address that clients are told for their relays, if this host is behind a NAT that
    /// forwards the ports
    #[arg(long, value_name = "IP", value_delimiter = ',', value_hint = ValueHint::Other)]
    pub turn_external_ip: Vec<IpAddr>,
    /// What the TURN server calls itself when it asks for credentials
    #[arg(long, value_name = "REALM", default_value = "rtcdiag", value_hint = ValueHint::Other)]
    pub turn_realm: String,
    /// Who may use the TURN server: lines of user:password
    #[arg(long, value_name = "FILE")]
    pub turn_users_file: Option<PathBuf>,
    /// Accept time-limited credentials made from the secret in the first line of this file
    /// (coturn's use-auth-secret)
    #[arg(long, value_name = "FILE")]
    pub turn_auth_secret_file: Option<PathBuf>,
    /// Let relays reach peers in this network too, such as 192.168.7.0/24; repeatable
    ///
    /// By default private, shared, link-local and loopback addresses are refused with error 403,
    /// since whoever may use the relay would otherwise be inside the server's own network.
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', value_hint = ValueHint::Other)]
    pub turn_allow_peer: Vec<Network>,
    /// UDP ports of the relays
    #[arg(
        long,
        value_name = "FIRST-LAST",
        default_value = "49152-65535",
        value_hint = ValueHint::Other
    )]
    pub turn_relay_ports: Ports,
    /// Relays at a time, in total
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "100",
        value_parser = clap::value_parser!(u32).range(1..=65_536)
    )]
    pub turn_max_allocations: u32,
    /// Relays of one user at a time; one that gathers candidates needs up to two for each interface
    /// and transport
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "20",
        value_parser = clap::value_parser!(u32).range(1..=65_536)
    )]
    pub turn_max_per_user: u32,
    /// Kilobits a second through one relay, in each direction; 0 sets no limit
    #[arg(
        long,
        value_name = "KBIT",
        default_value = "10000",
        value_parser = clap::value_parser!(u32).range(0..=10_000_000)
    )]
    pub turn_max_rate: u32,
    /// Longest time, in seconds, that a relay lives without being refreshed
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "3600",
        value_parser = clap::value_parser!(u32).range(30..=86_400)
    )]
    pub turn_max_lifetime: u32,
}

/// An address of this host, with or without a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress {
    /// Not a name: which of its addresses would be meant?
    pub ip: IpAddr,
    /// 0 lets the system choose.
    pub port: Option<u16>,
}

impl ListenAddress {
    /// With the port of STUN and TURN (RFC 8489 18.6) if none was given.
    pub fn or_default_port(self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(DEFAULT_PORT))
    }

    /// With port 0 if none was given.
    pub fn or_any_port(self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(0))
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self {
                ip: address.ip(),
                port: Some(address.port()),
            });
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        match bare.parse() {
            Ok(ip) => Ok(Self { ip, port: None }),
            Err(_) => Err(format!(
                "'{text}' is not an address of this host: ip, ip:port or [v6]:port"
            )),
        }
    }
}

/// `--turn-relay-ports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(pub RangeInclusive<u16>);

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = |text: &str| text.trim().parse::<u16>().ok();
        text.split_once('-')
            .and_then(|(first, last)| Some(port(first)?..=port(last)?))
            .filter(|ports| !ports.is_empty() && *ports.start() >= 1024)
            .map(Self)
            .ok_or_else(|| {
                format!("'{text}' is not a range of ports from 1024 up, such as 49152-65535")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_a_port() {
        for (text, expected, any) in [
            ("192.0.2.1", "192.0.2.1:3478", "192.0.2.1:0"),
            ("192.0.2.1:99", "192.0.2.1:99", "192.0.2.1:99"),
            (" 192.0.2.1:0 ", "192.0.2.1:0", "192.0.2.1:0"),
            ("2001:db8::1", "[2001:db8::1]:3478", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:3478", "[2001:db8::1]:0"),
            ("[2001:db8::1]:7", "[2001:db8::1]:7", "[2001:db8::1]:7"),
        ] {
            let address: ListenAddress = text.parse().expect(text);
            assert_eq!(address.or_default_port().to_string(), expected);
            assert_eq!(address.or_any_port().to_string(), any);
        }
        for wrong in [
            "",
            "localhost",
            "192.0.2.1:",
            "192.0.2.1:70000",
            "2001:db8::1:zz",
            ":3478",
        ] {
            assert!(wrong.parse::<ListenAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_of_ports() {
        assert_eq!("2000-2000".parse(), Ok(Ports(2000..=2000)));
        for wrong in ["", "2000", "2001-2000", "80-90", "2000-70000", "a-b"] {
            assert!(wrong.parse::<Ports>().is_err(), "{wrong}");
        }
    }
}
