//! The command line. Help, man pages and completions all come from these definitions.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{FalseyValueParser, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::nat::expect::Expectations;
use crate::output::ColorChoice;
use crate::stun::uri::ServerUri;

const EXIT_CODES: &str = "\
Exit codes:
  0    diagnosed, and it works
  1    diagnosed, and it does not work (UDP blocked, --expect not met)
  2    usage error, or the program could not do its job
  3    inconclusive: a needed answer could not be had
  130  interrupted; the partial result is printed first";

/// Tells why two machines can or cannot reach each other.
#[derive(Debug, Parser)]
#[command(
    name = "rtcdiag",
    version,
    about = "Tells why two machines can or cannot reach each other: NAT behaviour",
    long_about = "Tells why two machines can or cannot reach each other: NAT behaviour, as WebRTC, VoIP and peer-to-peer programs meet it.",
    after_help = EXIT_CODES,
    styles = Styles::plain(),
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Flags that every command has.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Public mapping and NAT behaviour, from STUN servers
    ///
    /// Asks STUN servers (RFC 8489) for the public address, and finds out how the NAT on the path
    /// maps and filters (RFC 4787, RFC 5780). UDP over IPv4 and IPv6 at the same time. What cannot
    /// be told is "inconclusive", with the reason.
    #[command(after_help = NAT_EXAMPLES)]
    Nat(NatArgs),
}

const NAT_EXAMPLES: &str = "\
Examples:
  rtcdiag nat
  rtcdiag nat -s stun:stun.example.org -s 198.51.100.7:3478 -4
  rtcdiag nat --json | jq .result.paths[0].mapping
  rtcdiag nat --expect mapping=endpoint-independent,udp=open

Exit codes:
  0    diagnosed; a strict NAT is still 0
  1    UDP is blocked, or --expect is not met
  2    usage error, or the program could not do its job
  3    inconclusive: no server offers behaviour discovery, or answers contradict each other
  130  interrupted; the partial result is printed first";

/// Flags that every command has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub struct Common {
    /// Print one JSON document on stdout
    #[arg(long, global = true, env = "RTCDIAG_JSON", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub json: bool,
    /// Print JSON lines: events as they happen, the document last
    #[arg(long, global = true, env = "RTCDIAG_JSONL", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub jsonl: bool,
    /// IPv4 only
    #[arg(short = '4', long, global = true, env = "RTCDIAG_IPV4", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long, global = true, env = "RTCDIAG_IPV6", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub ipv6: bool,
    /// Use this network interface
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        value_hint = ValueHint::Other,
        env = "RTCDIAG_INTERFACE",
        hide_env_values = true
    )]
    pub interface: Option<String>,
    /// Send from this local address
    #[arg(
        long,
        global = true,
        value_name = "ADDR",
        env = "RTCDIAG_LOCAL",
        hide_env_values = true
    )]
    pub local: Option<IpAddr>,
    /// End the whole command after this many seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "10", env = "RTCDIAG_TIMEOUT", hide_env_values = true, value_parser = seconds)]
    pub timeout: Duration,
    /// Colour in the output
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "RTCDIAG_COLOR",
        hide_env_values = true
    )]
    pub color: Color,
    /// Neither progress nor hints
    #[arg(short, long, global = true, env = "RTCDIAG_QUIET", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// List every observation
    #[arg(short, long, global = true, env = "RTCDIAG_VERBOSE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub verbose: bool,
    /// Read defaults from this file instead of the one in the user's configuration directory
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "RTCDIAG_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
}

/// Which STUN and TURN servers to ask.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Servers")]
pub struct Servers {
    /// Server to ask, repeatable (or several with commas): stun:host[:port], stuns:, turn:, turns:,
    /// host[:port], [v6]:port
    #[arg(
        short,
        long = "server",
        value_name = "URI",
        env = "RTCDIAG_SERVER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub server: Vec<ServerUri>,
    /// Read servers from the JSON of RTCPeerConnection's iceServers; - is standard input
    #[arg(
        long,
        value_name = "FILE",
        env = "RTCDIAG_ICE_SERVERS",
        hide_env_values = true
    )]
    pub ice_servers: Option<PathBuf>,
}

/// Arguments of `rtcdiag nat`.
#[derive(Debug, Clone, Args)]
pub struct NatArgs {
    /// Exit with 0 only if this holds: mapping=, filtering= or udp=, several with commas
    ///
    /// mapping and filtering are endpoint-independent, address-dependent or
    /// address-and-port-dependent; udp is open or blocked. It has to hold on each path over which
    /// UDP works.
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_hint = ValueHint::Other,
        env = "RTCDIAG_EXPECT",
        hide_env_values = true
    )]
    pub expect: Option<Expectations>,
    /// Servers. Last, because their heading holds for what comes behind them.
    #[command(flatten)]
    pub servers: Servers,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number > 0.0 && number <= 86_400.0 {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err("more than 0 and at most 86400".to_owned())
    }
}
