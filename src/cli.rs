//! The command line. Help, man pages and completions all come from these definitions.

pub mod demo;
pub mod depth;
mod expect;
pub mod pair;
pub mod responders;
mod serve;

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub use depth::DepthArgs;
pub use expect::{WantedCandidates, WantedTurn};
pub use serve::{ListenArg, ServeArgs};

use crate::nat::expect::Expectations;
use crate::output::ColorChoice;
use crate::stun::uri::{ServerUri, UriError};
use crate::turn::uri::TurnUri;

const EXIT_CODES: &str = "\
Exit codes:
  0    diagnosed, and it works
  1    diagnosed, and it does not work (UDP blocked, a candidate missing, TURN server unhealthy, --expect not met)
  2    usage error, or the program could not do its job
  3    inconclusive: a needed answer could not be had
  130  interrupted; the partial result is printed first";

/// Tells why two machines can or cannot reach each other.
#[derive(Debug, Parser)]
#[command(
    name = "rtcdiag",
    version,
    about = "Tells why two machines can or cannot reach each other: NAT behaviour, ICE candidates, TURN servers",
    long_about = "Tells why two machines can or cannot reach each other: NAT behaviour, ICE candidates and TURN servers, as WebRTC, VoIP and peer-to-peer programs meet them.",
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
    /// Host, srflx and relay candidates, and per server why one is missing
    ///
    /// Gathers ICE candidates (RFC 8445) from all local addresses and all servers at once, as a
    /// WebRTC application would, and says for each server how far it got. TURN servers are asked
    /// over UDP, TCP or TLS, as their URIs say, for relayed addresses of both families, and data is
    /// sent through each relay. Without -s and --ice-servers, public STUN servers are asked. A server that is silent for 2.5 s at any stage is given up; the others do not wait.
    #[command(after_help = GATHER_EXAMPLES)]
    Gather(GatherArgs),
    /// Is this TURN server healthy and safe
    ///
    /// Tries a TURN server (RFC 8656) over UDP, TCP and TLS at the same time, those that the URI
    /// leaves open: allocation, permission, channel, data through the relay and back, refresh. Sees
    /// whether it refuses wrong credentials, and, by asking for permissions alone, which peers its
    /// policy lets clients reach. No data goes to any of those peers.
    #[command(after_help = TURN_EXAMPLES)]
    Turn(TurnArgs),
    /// Two machines: which candidate pair works, which do not, and why
    ///
    /// Run on both hosts. The first one shows the command for the other. Both gather candidates,
    /// tell each other through a rendezvous (sealed: it sees neither addresses nor keys), try every
    /// pair of candidates as ICE does (RFC 8445), and put together what both saw of each. Both end
    /// with the same verdict.
    #[command(after_help = pair::EXAMPLES)]
    Pair(Box<pair::PairArgs>),
    /// All of it on loopback, with servers of its own: no network needed
    ///
    /// Starts a STUN server on two addresses, a TURN server and a rendezvous on loopback, runs nat
    /// and gather with them, and connects two sides as pair does, each with its real output.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::DemoArgs),
    /// The rendezvous server for `pair`
    ///
    /// Lets two hosts that run `rtcdiag pair` meet in a room and hand each other sealed messages, over
    /// WebSocket, until it is stopped. It stores nothing, and sees room names and sizes, no address
    /// that is in a message. Beside it are /health and /metrics (Prometheus). SIGTERM is the ordinary
    /// end: members are told, and reconnect when the server is back. With --stun and --turn it is a
    /// STUN and a TURN server too.
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<ServeArgs>),
}

/// When `nat`, `gather` and `turn` end if `--timeout` does not say.
pub const DIAGNOSIS_TIMEOUT: Duration = Duration::from_secs(10);
/// When `pair` and `demo` end: the other side needs time to come, and then to be tested.
pub const PAIR_TIMEOUT: Duration = Duration::from_secs(300);

const GATHER_EXAMPLES: &str = "\
Examples:
  rtcdiag gather
  RTCDIAG_TURN_PASSWORD=... rtcdiag gather -s turn:turn.example.org --turn-username ann
  rtcdiag gather --ice-servers ice.json --policy relay
  rtcdiag gather -s turn:turn.example.org --turn-secret-file secret --expect candidates=relay
  rtcdiag gather --json | jq -r '.result.candidates[].sdp'

Environment:
  RTCDIAG_TURN_PASSWORD  the password that belongs to --turn-username

Exit codes:
  0    every kind of candidate that the servers promise is there
  1    one is missing, or --expect is not met
  2    usage error, or the program could not do its job: no such host, no network
  3    inconclusive: --timeout ended before every server was settled
  130  interrupted; the partial result is printed first";

const TURN_EXAMPLES: &str = "\
Examples:
  RTCDIAG_TURN_PASSWORD=... rtcdiag turn turn:turn.example.org --turn-username ann
  rtcdiag turn turns:turn.example.org:443 --turn-secret-file secret
  rtcdiag turn turn.example.org --ice-servers ice.json --expect turn=ok
  rtcdiag turn 'turn:turn.example.org?transport=tcp' --no-policy --json

Environment:
  RTCDIAG_TURN_PASSWORD  the password that belongs to --turn-username

Exit codes:
  0    healthy
  1    not healthy: a transport that the URI names does not work, data does not come through,
       anybody may use it, or its policy lets clients reach what they must not
  2    usage error, or the program could not do its job: no such host, no network
  3    inconclusive: there are no credentials, or --timeout ended before the end
  130  interrupted; the partial result is printed first";

const NAT_EXAMPLES: &str = "\
Examples:
  rtcdiag nat
  rtcdiag nat -s stun:stun.example.org -s 198.51.100.7:3478 -4
  rtcdiag nat --json | jq '.result.paths[0].mapping'
  rtcdiag nat --expect mapping=endpoint-independent,udp=open
  rtcdiag nat --lifetime 5m
  rtcdiag nat --port-mapping-test
  rtcdiag nat --all-interfaces
  rtcdiag nat --watch 60 --timeout 28800
  rtcdiag nat --repeat 5 --expect mapping=endpoint-independent

Exit codes:
  0    diagnosed; a strict NAT is still 0 (of several rounds: every one was good)
  1    UDP is blocked, or --expect is not met (in any round)
  2    usage error, or the program could not do its job
  3    inconclusive: no server offers behaviour discovery, or answers contradict each other
  130  interrupted; the partial result is printed first";

/// Flags that every command has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub struct Common {
    /// Print one JSON document on stdout
    #[arg(long, global = true, env = "RTCDIAG_JSON", hide_env_values = true, value_parser = yes_or_no)]
    pub json: bool,
    /// Print JSON lines: events as they happen, the document last
    #[arg(long, global = true, env = "RTCDIAG_JSONL", hide_env_values = true, value_parser = yes_or_no)]
    pub jsonl: bool,
    /// IPv4 only
    #[arg(short = '4', long, global = true, env = "RTCDIAG_IPV4", hide_env_values = true, value_parser = yes_or_no)]
    pub ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long, global = true, env = "RTCDIAG_IPV6", hide_env_values = true, value_parser = yes_or_no)]
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
    /// End the whole command after this many seconds [default: 10 for nat, gather and turn, with
    /// --lifetime what that can take at most, 300 for pair and demo, none for serve and for the rounds
    /// of nat --repeat and --watch]
    #[arg(long, global = true, value_name = "SECONDS", env = "RTCDIAG_TIMEOUT", hide_env_values = true, value_parser = seconds)]
    pub timeout: Option<Duration>,
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
    #[arg(short, long, global = true, env = "RTCDIAG_QUIET", hide_env_values = true, value_parser = yes_or_no)]
    pub quiet: bool,
    /// Show more: every observation of nat, the time of each stage of gather and turn, each join of
    /// serve
    #[arg(short, long, global = true, env = "RTCDIAG_VERBOSE", hide_env_values = true, value_parser = yes_or_no)]
    pub verbose: bool,
    /// Replace every address in the output by a label, the same one by the same, so that it can be
    /// shown to others
    ///
    /// lan1 is a private address, pub1 a public one, and so on; ports stay. Names of hosts, users and
    /// interfaces stay too. What has to be typed on the other host, or given to it, stays as it is on
    /// stderr; in the events of --jsonl it is replaced.
    #[arg(long, global = true, env = "RTCDIAG_REDACT", hide_env_values = true, value_parser = yes_or_no)]
    pub redact: bool,
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
        hide_env_values = true
    )]
    pub server: Vec<ServerList>,
    /// Read servers from the JSON of RTCPeerConnection's iceServers; - is standard input
    #[arg(
        long,
        value_name = "FILE",
        env = "RTCDIAG_ICE_SERVERS",
        hide_env_values = true
    )]
    pub ice_servers: Option<PathBuf>,
}

/// Servers with commas between. The whole is parsed at once: cut apart first, a password with a comma
/// would not be known for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerList(pub Vec<ServerUri>);

impl FromStr for ServerList {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if text.contains('@') {
            return Err(UriError::UserInfo);
        }
        let servers = text.split(',').map(str::parse);
        servers.collect::<Result<_, _>>().map(Self)
    }
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
    /// More tests.
    #[command(flatten)]
    pub depth: DepthArgs,
    /// Servers. Last, because their heading holds for what comes behind them.
    #[command(flatten)]
    pub servers: Servers,
}

/// User and password for TURN. Secrets never travel on the command line, where other users of the
/// machine see them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TURN credentials")]
pub struct TurnCredentials {
    /// User name for the TURN servers named with a URI; its password comes from the environment (see
    /// below) or --turn-password-file
    #[arg(
        long,
        value_name = "NAME",
        value_hint = ValueHint::Other,
        env = "RTCDIAG_TURN_USERNAME",
        hide_env_values = true
    )]
    pub turn_username: Option<String>,
    /// Read the password from the first line of this file; - is standard input
    #[arg(
        long,
        value_name = "FILE",
        env = "RTCDIAG_TURN_PASSWORD_FILE",
        hide_env_values = true
    )]
    pub turn_password_file: Option<PathBuf>,
    /// Mint time-limited credentials from the secret in the first line of this file (coturn's
    /// use-auth-secret); --turn-username is the user in them
    #[arg(
        long,
        value_name = "FILE",
        env = "RTCDIAG_TURN_SECRET_FILE",
        hide_env_values = true
    )]
    pub turn_secret_file: Option<PathBuf>,
}

/// Arguments of `rtcdiag gather`.
#[derive(Debug, Clone, Args)]
pub struct GatherArgs {
    /// Which candidates to gather, as iceTransportPolicy of RTCPeerConnection
    #[arg(
        long,
        value_name = "POLICY",
        default_value = "all",
        env = "RTCDIAG_POLICY",
        hide_env_values = true
    )]
    pub policy: PolicyArg,
    /// Exit with 0 only if there is such a candidate: candidates=host, srflx or relay, several with
    /// commas
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_hint = ValueHint::Other,
        env = "RTCDIAG_EXPECT",
        hide_env_values = true
    )]
    pub expect: Option<WantedCandidates>,
    /// User and password.
    #[command(flatten)]
    pub credentials: TurnCredentials,
    /// Servers. Last, because their heading holds for what comes behind them.
    #[command(flatten)]
    pub servers: Servers,
}

/// Arguments of `rtcdiag turn`.
#[derive(Debug, Clone, Args)]
pub struct TurnArgs {
    /// The server: turn:host[:port][?transport=udp|tcp], turns:host[:port], or a bare host[:port]
    ///
    /// turn: without a transport leaves UDP, TCP and TLS open. TLS is then tried on port 5349, or
    /// on the port given if that is not 3478, and need not be there.
    #[arg(value_name = "URI", value_hint = ValueHint::Other)]
    pub uri: TurnUri,
    /// Do not ask which peers the server's policy allows
    #[arg(long, env = "RTCDIAG_NO_POLICY", hide_env_values = true, value_parser = yes_or_no)]
    pub no_policy: bool,
    /// Exit with 0 only if the server is healthy: turn=ok
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_hint = ValueHint::Other,
        env = "RTCDIAG_EXPECT",
        hide_env_values = true
    )]
    pub expect: Option<WantedTurn>,
    /// Take user and password from the JSON of RTCPeerConnection's iceServers, from the entry with
    /// this host; - is standard input
    #[arg(
        long,
        value_name = "FILE",
        env = "RTCDIAG_ICE_SERVERS",
        hide_env_values = true
    )]
    pub ice_servers: Option<PathBuf>,
    /// User and password.
    #[command(flatten)]
    pub credentials: TurnCredentials,
}

/// `--policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyArg {
    /// Host, srflx and relay
    All,
    /// Only relay; STUN servers are not asked
    Relay,
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

/// What a variable says of a flag.
fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "" | "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err("not yes or no: 1, true, yes, on, or 0, false, no, off".to_owned()),
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
