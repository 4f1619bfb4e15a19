//! The command line of `mesh`.

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::base::bounds::{BEAT_NAME, MESH_MEMBERS};
use crate::commands::args::{ServerArgs, TurnCredentials};
use crate::commands::gather::verdict::Policy;
use crate::commands::mesh::verdict::WantedWays;
use crate::commands::pair::args::{BrokerCredentials, PlaceArgs, duration};
use crate::commands::pair::session_code::CodeArg;

/// Examples and exit codes.
pub const EXAMPLES: &str = "\
Examples:
  rtcdiag mesh                                     shows the command for the other hosts
  rtcdiag mesh 4HDM-J996-404S-586A-A --hosts 5     ends as soon as all of five hosts are tested
  rtcdiag mesh --rendezvous wss://rdv.example.org  through a server of your own
  rtcdiag mesh 4HDM-J996-404S-586A-A --name web1 --expect all=direct --json

Environment:
  RTCDIAG_CODE           the code, where there is no argument
  RTCDIAG_TURN_PASSWORD  the password that belongs to --turn-username
  RTCDIAG_RENDEZVOUS_PASSWORD  the password that belongs to --rendezvous-username

Exit codes:
  0    each host reaches each other one, directly or through a relay
  1    some do not, nobody else came, fewer came than --hosts says, or --expect is not met
  2    usage error, or the program could not do its job: rendezvous unreachable
  3    inconclusive: some ways were not tested to the end
  130  interrupted; the partial result is printed first";

/// Arguments of `rtcdiag mesh`.
#[derive(Debug, Clone, Args)]
pub struct MeshArgs {
    /// The code that the first host shows, or `-` to read it from standard input (a person is asked for
    /// it); without one, `RTCDIAG_CODE` has it, or a new one is made and shown
    ///
    /// All hosts have the same one. Who has it can take part, and say anything in the name of the others. See
    /// `pair` for the rest.
    #[arg(value_name = "CODE", value_hint = ValueHint::Other)]
    pub code: Option<CodeArg>,
    /// Print a fresh code and exit; `rtcdiag mesh CODE` on all hosts then works in any order
    #[arg(long)]
    pub new_code: bool,
    /// How many hosts there are, this one too: it ends as soon as so many have come and the way between
    /// each two is tested; without it, it ends when all is tested and nobody new comes for 3 s
    #[arg(long, value_name = "NUMBER", value_parser = hosts)]
    pub hosts: Option<usize>,
    /// How this host is called in the tables of all [default: the host's name; with --redact, a random one]
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other, value_parser = name)]
    pub name: Option<String>,
    /// Where to meet.
    #[command(flatten)]
    pub places: PlaceArgs,
    /// Which candidates to use, as iceTransportPolicy of RTCPeerConnection; relay forces the relay
    #[arg(long, value_name = "POLICY", default_value = "all")]
    pub policy: Policy,
    /// How long to measure the quality of each path
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = duration)]
    pub duration: Duration,
    /// Do not measure this host's NAT behaviour; then less is known of why there is no direct path
    #[arg(long)]
    pub no_nat: bool,
    /// Exit with 0 only if this holds: all=direct or all=connected
    #[arg(long, value_name = "KEY=VALUE", value_hint = ValueHint::Other)]
    pub expect: Option<WantedWays>,
    /// User and password for TURN.
    #[command(flatten)]
    pub credentials: TurnCredentials,
    /// User and password for brokers.
    #[command(flatten)]
    pub broker: BrokerCredentials,
    /// Servers. Last, because their heading holds for what comes behind them.
    #[command(flatten)]
    pub servers: ServerArgs,
}

fn hosts(text: &str) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "not a number".to_owned())?;
    if (2..=MESH_MEMBERS).contains(&number) {
        Ok(number)
    } else {
        Err(format!("not between 2 and {MESH_MEMBERS}"))
    }
}

fn name(text: &str) -> Result<String, String> {
    let is_shown = |c: char| !c.is_control();
    let length = text.trim().chars().count();
    if (1..=BEAT_NAME).contains(&length) && text.chars().all(is_shown) {
        Ok(text.trim().to_owned())
    } else {
        Err(format!(
            "a name has 1 to {BEAT_NAME} characters, and none that is not seen"
        ))
    }
}

impl FromStr for WantedWays {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=').map(|(k, v)| (k.trim(), v.trim())) {
            Some(("all", "direct")) => Ok(Self::Direct),
            Some(("all", "connected")) => Ok(Self::Connected),
            Some(("all", value)) => Err(format!("all is never '{value}': use direct or connected")),
            Some((key, _)) => Err(format!("'{key}' cannot be expected of mesh, only all can")),
            None => Err(format!("'{text}' is not KEY=VALUE")),
        }
    }
}
