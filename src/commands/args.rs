//! The command line. Help, man pages and completions all come from these definitions.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::Styles;
use clap::{Arg, ArgAction, Args, CommandFactory, Parser, Subcommand, ValueHint};

use crate::commands::completions::args::{self as completions, CompletionsArgs};
use crate::commands::demo::args::{self as demo, DemoArgs};
use crate::commands::explain::args::{self as explain, ExplainArgs};
use crate::commands::gather::args::{self as gather, GatherArgs};
use crate::commands::inspect::args::{self as inspect, InspectArgs};
use crate::commands::man::args::{self as man, ManArgs};
use crate::commands::mesh::args::{self as mesh, MeshArgs};
use crate::commands::nat::args::{self as nat, NatArgs};
use crate::commands::pair::args::{self as pair, PairArgs};
use crate::commands::sdp::args::{self as sdp, SdpArgs};
use crate::commands::serve::args::{self as serve, ServeArgs};
use crate::commands::turn::args::{self as turn, TurnArgs};
use crate::proto::stun::uri::{ServerUri, UriError};
use crate::ui::output::ColorChoice;

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
    long_about = "Tells why two machines can or cannot reach each other: NAT behaviour, ICE candidates and TURN servers, as WebRTC, VoIP and peer-to-peer programs encounter them.",
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
    /// be determined is "inconclusive", with the reason.
    #[command(after_help = nat::EXAMPLES)]
    Nat(NatArgs),
    /// Host, srflx and relay candidates, and per server why one is missing
    ///
    /// Gathers ICE candidates (RFC 8445) from all local addresses and all servers at once, as a
    /// WebRTC application would, and says for each server how far it got. TURN servers are asked
    /// over UDP, TCP or TLS, as their URIs say, for relayed addresses of both families, and data is
    /// sent through each relay. Without -s and --ice-servers, public STUN servers are asked. A server that is silent for 2.5 s at any stage is given up; the others do not wait.
    #[command(after_help = gather::EXAMPLES)]
    Gather(GatherArgs),
    /// Is this TURN server healthy and safe
    ///
    /// Tries a TURN server (RFC 8656) over UDP, TCP and TLS at the same time, as far as the URI
    /// leaves them open: allocation, permission, channel, data through the relay and back, refresh.
    /// Checks whether it refuses wrong credentials and, by asking for permissions only, which peers
    /// its policy lets clients reach. No data is sent to any of those peers.
    #[command(after_help = turn::EXAMPLES)]
    Turn(TurnArgs),
    /// Two machines: which candidate pair works, which do not, and why
    ///
    /// Run on both hosts. The first one shows the command for the other. Both gather candidates,
    /// exchange them through a rendezvous (sealed: it sees neither addresses nor keys), try every
    /// pair of candidates as ICE does (RFC 8445), and combine what both saw of each pair. Both
    /// print the same verdict.
    #[command(after_help = pair::EXAMPLES)]
    Pair(Box<PairArgs>),
    /// N hosts with one code: who reaches whom, how, and why not
    ///
    /// Run on all hosts, with the code that the first one shows. Each tests the way to each other one as
    /// `pair` does, four at a time at most, and tells the others what came of it (sealed: the rendezvous sees
    /// neither names nor addresses). All print the same table. Hosts may come and go while it runs.
    #[command(after_help = mesh::EXAMPLES)]
    Mesh(Box<MeshArgs>),
    /// All of it on loopback, with servers of its own: no network needed
    ///
    /// Starts a STUN server on two addresses, a TURN server and a rendezvous on loopback, runs nat
    /// and gather with them, and connects two sides as pair does, each with its real output.
    #[command(after_help = demo::EXAMPLES)]
    Demo(DemoArgs),
    /// The rendezvous server for `pair`
    ///
    /// Lets two hosts that run `rtcdiag pair` meet in a room and hand each other sealed messages,
    /// over WebSocket, until it is stopped. It stores nothing. It sees room names and sizes, but no
    /// address inside a message. It also serves /health and /metrics (Prometheus). SIGTERM is the
    /// normal way to stop it: members are told, and reconnect when the server is back. With --stun
    /// and --turn it is a STUN and a TURN server too.
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<ServeArgs>),
    /// Session descriptions: what will be agreed, and why not more
    ///
    /// Reads an offer (SDP), and its answer if there is one. Of one description it tells what is wrong,
    /// line by line, and who minds; of two, what has been agreed in each section, and why not more. With
    /// --answerer it tells what the answer would be. Nothing is sent anywhere.
    #[command(after_help = sdp::EXAMPLES)]
    Sdp(SdpArgs),
    /// Recorded evidence (browser dumps, captures, SDP): why did that call fail
    ///
    /// Reads what browsers and applications save of a call and what was captured of it, applies the rules
    /// of pair to it, and says why the call failed, or why it went through a relay. The files of both ends
    /// are put together, and prove more than those of one end.
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(InspectArgs),
    /// What a finding, error or reason means and what to do; topics in depth
    ///
    /// Every finding, error and reason has a code. This tells what a code means, what has to be seen
    /// before it is said, and what to do about it. Topics are the chapters of the manual. Without a
    /// name it lists them all.
    #[command(after_help = explain::EXAMPLES)]
    Explain(ExplainArgs),
    /// Completions of rtcdiag for a shell
    ///
    /// Prints the completions that packages install, for those who installed the program alone.
    #[command(after_help = completions::EXAMPLES)]
    Completions(CompletionsArgs),
    /// A man page: of rtcdiag, of a command, or of a topic
    ///
    /// Prints the man pages that packages install, for those who installed the program alone: as
    /// source (roff) into a file or a pipe, and as text on a terminal.
    #[command(after_help = man::EXAMPLES)]
    Man(ManArgs),
}

/// When `nat`, `gather` and `turn` end if `--timeout` does not say.
pub const DIAGNOSIS_TIMEOUT: Duration = Duration::from_secs(10);
/// When `pair` and `demo` end: the other side needs time to come, and then to be tested.
pub const PAIR_TIMEOUT: Duration = Duration::from_secs(300);

/// The definition that everything is made from. Each flag has the variable that is named after it, whose
/// value is not shown in the help: it may be a secret's place. What a variable says of a flag without a
/// value is understood in more ways than clap does.
pub fn definition() -> clap::Command {
    fn with_variable(arg: Arg) -> Arg {
        let Some(variable) = arg.get_long().map(variable_of) else {
            return arg;
        };
        let arg = arg.env(variable).hide_env_values(true);
        match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(yes_or_no),
            _ => arg,
        }
    }
    Cli::command()
        .mut_args(with_variable)
        .mut_subcommands(|command| command.mut_args(with_variable))
}

/// The environment variable of a long flag.
pub fn variable_of(flag: &str) -> String {
    format!("RTCDIAG_{}", flag.to_uppercase().replace('-', "_"))
}

/// Flags that every command has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub struct Common {
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Print JSON lines: events as they happen, the document last
    #[arg(long, global = true)]
    pub jsonl: bool,
    /// IPv4 only
    #[arg(short = '4', long, global = true)]
    pub ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long, global = true)]
    pub ipv6: bool,
    /// Use this network interface
    #[arg(long, global = true, value_name = "NAME", value_hint = ValueHint::Other)]
    pub interface: Option<String>,
    /// Send from this local address
    #[arg(long, global = true, value_name = "ADDR")]
    pub local: Option<IpAddr>,
    /// End the whole command after this many seconds [default: 10 for nat, gather and turn; with
    /// --lifetime, the longest that it can take; 300 for pair, mesh and demo; none for serve and for the
    /// rounds of nat --repeat and --watch]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Colour in the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Show neither progress nor hints
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Show more: every observation of nat, the time of each stage of gather and turn, each join of
    /// serve
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Replace every address in the output by a label, the same address always by the same label,
    /// so that it can be shown to others
    ///
    /// lan1 is a private address, pub1 a public one, and so on; ports stay. Names of hosts, users and
    /// interfaces stay too. What has to be typed on the other host, or given to it, stays as it is on
    /// stderr; in the events of --jsonl it is replaced.
    #[arg(long, global = true)]
    pub redact: bool,
    /// Write the same result as one HTML page to this file, beside the normal output
    ///
    /// The page loads nothing and runs nothing: it can be mailed, printed, or added to a ticket. The whole
    /// result can be saved from it as JSON. With --redact it has the same labels.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Read defaults from this file instead of the one in the user's configuration directory
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Which STUN and TURN servers to ask.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Servers")]
pub struct ServerArgs {
    /// Server to ask, repeatable (or several, separated by commas): stun:host[:port], stuns:,
    /// turn:, turns:, host[:port], [v6]:port
    #[arg(short, long = "server", value_name = "URI")]
    pub server: Vec<ServerList>,
    /// Read servers from the JSON of RTCPeerConnection's iceServers; - is standard input
    #[arg(long, value_name = "FILE")]
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

/// User and password for TURN. Secrets never travel on the command line, where other users of the
/// machine see them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TURN credentials")]
pub struct TurnCredentials {
    /// User name for the TURN servers named with a URI; its password comes from the environment (see
    /// below) or --turn-password-file
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    pub turn_username: Option<String>,
    /// Read the password from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub turn_password_file: Option<PathBuf>,
    /// Mint time-limited credentials from the secret in the first line of this file (coturn's
    /// use-auth-secret); --turn-username is the user in them
    #[arg(long, value_name = "FILE")]
    pub turn_secret_file: Option<PathBuf>,
}

/// What a variable says of a flag.
fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "" | "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err("not yes or no: 1, true, yes, on, or 0, false, no, off".to_owned()),
    }
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number > 0.0 && number <= 86_400.0 {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err("more than 0 and at most 86400".to_owned())
    }
}
