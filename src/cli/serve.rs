//! The command line of `rtcdiag serve`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::responders::Responders;
use super::seconds;
use crate::net::rendezvous::server::DEFAULT_PORT;

pub(super) const EXAMPLES: &str = "\
Examples:
  rtcdiag serve
  rtcdiag serve --listen 192.0.2.10:7880 --listen [2001:db8::10]:7880
  rtcdiag serve --listen 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem
  rtcdiag serve --jsonl --max-connections 2000
  rtcdiag serve --stun 192.0.2.10 --stun-alternate 192.0.2.11
  rtcdiag serve --turn 192.0.2.10 --turn-users-file users

Exit codes:
  0    stopped by SIGTERM, as services are, or by --timeout
  2    usage error, or it could not begin: port in use, a file not usable
  130  interrupted (Ctrl-C); the totals are printed first";

/// Arguments of `rtcdiag serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Listen here, repeatable (or several with commas): ADDRESS:PORT, or ADDRESS for port 7880
    /// [default: port 7880 of all addresses, IPv6 and IPv4]
    #[arg(
        long,
        value_name = "ADDR",
        value_hint = ValueHint::Other,
        value_delimiter = ',',
        env = "RTCDIAG_LISTEN",
        hide_env_values = true
    )]
    pub listen: Vec<ListenArg>,
    /// Speak TLS (wss://) with the certificates in this PEM file: the server's own, then those that
    /// lead to its issuer
    #[arg(
        long,
        value_name = "FILE",
        env = "RTCDIAG_TLS_CERT",
        hide_env_values = true
    )]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate, a PEM file without a password
    #[arg(
        long,
        value_name = "FILE",
        env = "RTCDIAG_TLS_KEY",
        hide_env_values = true
    )]
    pub tls_key: Option<PathBuf>,
    /// What clients may cost.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How long they may take.
    #[command(flatten)]
    pub patience: PatienceArgs,
    /// What runs beside the rendezvous.
    #[command(flatten)]
    pub responders: Responders,
}

/// What clients may cost.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Open connections in all
    #[arg(long, value_name = "COUNT", default_value = "20000", env = "RTCDIAG_MAX_CONNECTIONS", hide_env_values = true, value_parser = count)]
    pub max_connections: u64,
    /// Open connections from one address (IPv6: from one /64)
    #[arg(long, value_name = "COUNT", default_value = "200", env = "RTCDIAG_MAX_CONNECTIONS_PER_ADDRESS", hide_env_values = true, value_parser = count)]
    pub max_connections_per_address: u64,
    /// Joins from one address in a second; five seconds' worth may come at once
    #[arg(long, value_name = "COUNT", default_value = "20", env = "RTCDIAG_MAX_JOINS_PER_ADDRESS", hide_env_values = true, value_parser = count)]
    pub max_joins_per_address: u64,
    /// Open rooms
    #[arg(long, value_name = "COUNT", default_value = "10000", env = "RTCDIAG_MAX_ROOMS", hide_env_values = true, value_parser = count)]
    pub max_rooms: u64,
    /// Close a room after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "86400", env = "RTCDIAG_ROOM_LIFETIME", hide_env_values = true, value_parser = seconds)]
    pub room_lifetime: Duration,
    /// Size of a message [default: the largest that pair sends]
    #[arg(long, value_name = "BYTES", env = "RTCDIAG_MAX_MESSAGE", hide_env_values = true, value_parser = count)]
    pub max_message: Option<u64>,
    /// Messages in one room in a second; five seconds' worth may come at once
    #[arg(long, value_name = "COUNT", default_value = "200", env = "RTCDIAG_MAX_MESSAGES_PER_ROOM", hide_env_values = true, value_parser = count)]
    pub max_messages_per_room: u64,
    /// Bytes in one room in a second; five seconds' worth may come at once
    #[arg(long, value_name = "BYTES", default_value = "1048576", env = "RTCDIAG_MAX_BYTES_PER_ROOM", hide_env_values = true, value_parser = count)]
    pub max_bytes_per_room: u64,
    /// Bytes that may wait for one client before it is dropped as too slow
    #[arg(long, value_name = "BYTES", default_value = "1048576", env = "RTCDIAG_MAX_QUEUE", hide_env_values = true, value_parser = count)]
    pub max_queue: u64,
}

/// How long clients may take.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Time limits")]
pub struct PatienceArgs {
    /// From the connection to the whole HTTP request, TLS handshake included
    #[arg(long, value_name = "SECONDS", default_value = "10", env = "RTCDIAG_REQUEST_TIMEOUT", hide_env_values = true, value_parser = seconds)]
    pub request_timeout: Duration,
    /// From there to the join
    #[arg(long, value_name = "SECONDS", default_value = "5", env = "RTCDIAG_JOIN_TIMEOUT", hide_env_values = true, value_parser = seconds)]
    pub join_timeout: Duration,
    /// Ping clients this often
    #[arg(long, value_name = "SECONDS", default_value = "20", env = "RTCDIAG_PING_INTERVAL", hide_env_values = true, value_parser = seconds)]
    pub ping_interval: Duration,
    /// Drop a client that was silent for so long
    #[arg(long, value_name = "SECONDS", default_value = "60", env = "RTCDIAG_SILENCE_TIMEOUT", hide_env_values = true, value_parser = seconds)]
    pub silence_timeout: Duration,
    /// Drop a client that does not take a message in this time
    #[arg(long, value_name = "SECONDS", default_value = "10", env = "RTCDIAG_WRITE_TIMEOUT", hide_env_values = true, value_parser = seconds)]
    pub write_timeout: Duration,
}

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenArg(pub SocketAddr);

impl FromStr for ListenArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self(address));
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        bare.unwrap_or(text)
            .parse::<IpAddr>()
            .map(|ip| Self(SocketAddr::new(ip, DEFAULT_PORT)))
            .map_err(|_| {
                "not an address of this host such as 0.0.0.0:7880, [::]:7880 or 192.0.2.10"
                    .to_owned()
            })
    }
}

fn count(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(number @ 1..=1_000_000_000_000) => Ok(number),
        _ => Err("not a whole number from 1 to 1000000000000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_left_out() {
        for (text, shown) in [
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("192.0.2.1", "192.0.2.1:7880"),
            ("::", "[::]:7880"),
            ("[::1]", "[::1]:7880"),
            ("[::1]:0", "[::1]:0"),
        ] {
            let address = text.parse::<ListenArg>().expect(text).0;
            assert_eq!(address.to_string(), shown);
        }
        for text in ["", "localhost", "7880", ":7880", "::1:99999", "192.0.2.1:"] {
            assert!(text.parse::<ListenArg>().is_err(), "{text}");
        }
    }
}
