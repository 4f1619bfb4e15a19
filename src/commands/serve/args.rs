//! The command line of `rtcdiag serve`.

pub mod responders;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::commands::args::seconds;
use crate::net::servers::rendezvous::DEFAULT_PORT;
use crate::proto::signal::url::{RendezvousUrl, UrlError};
use crate::proto::turn::server::peers::Network;
use responders::ResponderArgs;

pub const EXAMPLES: &str = "\
Examples:
  rtcdiag serve
  rtcdiag serve --listen 192.0.2.10:7880 --listen [2001:db8::10]:7880
  rtcdiag serve --listen 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem
  rtcdiag serve --jsonl --max-connections 2000
  rtcdiag serve --stun 192.0.2.10 --stun-alternate 192.0.2.11
  rtcdiag serve --turn 192.0.2.10 --turn-users-file users
  rtcdiag serve --broker mqtts://mqtt.example.org --broker-username ann

Environment:
  RTCDIAG_BROKER_PASSWORD  the password that belongs to --broker-username

Exit codes:
  0    stopped by SIGTERM, as services are, or by --timeout
  2    usage error, or it could not start: port in use, a file that cannot be used, a broker that
       refuses user and password, or does what no broker does
  130  interrupted (Ctrl-C); the totals are printed first";

/// Arguments of `rtcdiag serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Listen here, repeatable (or several, separated by commas): ADDRESS:PORT, or ADDRESS for port
    /// 7880 [default: port 7880 of all addresses, IPv6 and IPv4]
    #[arg(long, value_name = "ADDR", value_hint = ValueHint::Other, value_delimiter = ',')]
    pub listen: Vec<ListenArg>,
    /// Speak TLS (wss://) with the certificates in this PEM file: the server's own, then those that
    /// lead to its issuer
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate, a PEM file without a password
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Believe reverse proxies in this network whom they speak for, such as 10.0.0.0/8 or 127.0.0.1; repeatable
    ///
    /// X-Forwarded-For, Forwarded (RFC 7239) and the PROXY protocol (versions 1 and 2) are read from
    /// them, and from nobody else. The client's address counts for the limits and in the log.
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', value_hint = ValueHint::Other)]
    pub trusted_proxy: Vec<Network>,
    /// Have /health and /metrics here, over plain HTTP, and not where clients come
    #[arg(long, value_name = "ADDR:PORT", value_hint = ValueHint::Other)]
    pub admin_listen: Option<SocketAddr>,
    /// Let pages of this origin (scheme and host, without a path) connect too; repeatable, * is all
    ///
    /// Pages of the rendezvous' own host may, and programs, which send no Origin.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', value_hint = ValueHint::Other, value_parser = origin)]
    pub allow_origin: Vec<String>,
    /// Where rooms are shared.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// What clients may cost.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How long they may take.
    #[command(flatten)]
    pub patience: PatienceArgs,
    /// What runs beside the rendezvous.
    #[command(flatten)]
    pub responders: ResponderArgs,
}

/// Several servers with one set of rooms.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Several servers")]
pub struct BrokerArgs {
    /// Share the rooms with all other servers that have this MQTT broker, so that members of one
    /// room may be connected to different servers: mqtt://, mqtts://, mqtt+ws:// or mqtt+wss://
    ///
    /// The broker sees neither codes nor names of rooms; what members say is sealed. While it cannot be
    /// reached, rooms whose members are at one server go on. The lobbies of mesh are not shared: its
    /// members have to come to one server, or meet at the broker itself.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = broker)]
    pub broker: Option<RendezvousUrl>,
    /// User name for that broker; its password comes from the environment (see below) or
    /// --broker-password-file
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    pub broker_username: Option<String>,
    /// Read that password from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub broker_password_file: Option<PathBuf>,
}

/// What clients may cost.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Open connections in total
    #[arg(long, value_name = "COUNT", default_value = "20000", value_parser = count)]
    pub max_connections: u64,
    /// Open connections from one address (IPv6: from one /64)
    #[arg(long, value_name = "COUNT", default_value = "200", value_parser = count)]
    pub max_connections_per_address: u64,
    /// Joins from one address in a second; five seconds' worth may come at once
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = count)]
    pub max_joins_per_address: u64,
    /// Open rooms
    #[arg(long, value_name = "COUNT", default_value = "10000", value_parser = count)]
    pub max_rooms: u64,
    /// Close a room after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    pub room_lifetime: Duration,
    /// Size of a message [default: the largest that pair sends]
    #[arg(long, value_name = "BYTES", value_parser = count)]
    pub max_message: Option<u64>,
    /// Messages in one room in a second; five seconds' worth may come at once
    #[arg(long, value_name = "COUNT", default_value = "200", value_parser = count)]
    pub max_messages_per_room: u64,
    /// Bytes in one room in a second; five seconds' worth may come at once
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = count)]
    pub max_bytes_per_room: u64,
    /// Bytes that may wait for one client before it is dropped as too slow
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = count)]
    pub max_queue: u64,
}

/// How long clients may take.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Time limits")]
pub struct PatienceArgs {
    /// From the connection to the whole HTTP request, TLS handshake included
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub request_timeout: Duration,
    /// From there to the join
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub join_timeout: Duration,
    /// Ping clients this often
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub ping_interval: Duration,
    /// Drop a client that has been silent for this long
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub silence_timeout: Duration,
    /// Drop a client that does not take a message within this time
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub write_timeout: Duration,
    /// Drop a client whose message takes longer than this from its first byte to its last
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub message_timeout: Duration,
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

fn origin(text: &str) -> Result<String, String> {
    let is_one = text.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '*', ' '])
    });
    if is_one || text == "*" || text == "null" {
        Ok(text.to_owned())
    } else {
        Err("not an origin such as https://app.example.org, without a path".to_owned())
    }
}

fn broker(text: &str) -> Result<RendezvousUrl, String> {
    let url: RendezvousUrl = text.parse().map_err(|error: UrlError| error.to_string())?;
    if url.is_broker() {
        return Ok(url);
    }
    Err(format!(
        "{}:// is a rendezvous, and a broker has mqtt://, mqtts://, mqtt+ws:// or mqtt+wss://",
        url.scheme()
    ))
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
