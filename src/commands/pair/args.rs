//! The command line of `pair`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use crate::commands::args::{ServerArgs, TurnCredentials};
use crate::commands::gather::verdict::Policy;
use crate::commands::pair::session_code::CodeArg;
use crate::commands::pair::verdict::WantedPair;
use crate::proto::ice::checks::Role;
use crate::proto::media::Kind;
use crate::proto::signal::url::{RendezvousUrl, UrlError};

/// The longest quality test.
const LONGEST: Duration = Duration::from_secs(3600);

/// Examples and exit codes.
pub const EXAMPLES: &str = "\
Examples:
  rtcdiag pair                                     shows the command for the other host
  rtcdiag pair --rendezvous lan                    the same within this network: nothing leaves it
  rtcdiag pair --rendezvous wss://rdv.example.org  the same through a server of your own
  rtcdiag pair --rendezvous mqtts://mqtt.example.org --rendezvous-username ann
  rtcdiag pair 4HDM-J996-404S-586A-A --rendezvous wss://rdv.example.org
  rtcdiag pair --manual                            without any server: carry two lines of text
  RTCDIAG_TURN_PASSWORD=... rtcdiag pair -s turn:turn.example.org --turn-username ann
  rtcdiag pair --expect pair=direct --json

Environment:
  RTCDIAG_CODE           the code, where there is no argument
  RTCDIAG_TURN_PASSWORD  the password that belongs to --turn-username
  RTCDIAG_RENDEZVOUS_PASSWORD  the password that belongs to --rendezvous-username

Exit codes:
  0    connected, and data goes both ways
  1    not connected, the other side never came, or --expect is not met
  2    usage error, or the program could not do its job: rendezvous unreachable
  3    inconclusive: --timeout ended before there was a result
  130  interrupted; the partial result is printed first";

/// Arguments of `rtcdiag pair`.
#[derive(Debug, Clone, Args)]
pub struct PairArgs {
    /// The code that the other host shows, or `-` to read it from standard input (a person is asked for
    /// it); without one, `RTCDIAG_CODE` has it, or a new one is made and shown
    ///
    /// Other users of this machine can see an argument for as long as the program runs, and who has the
    /// code can take the other side's place: where there are any, use `-` or the variable. Lower-case letters, missing hyphens, and letters that look like others are understood. The
    /// code is the key of everything that the two sides tell each other: the rendezvous sees none
    /// of it.
    #[arg(value_name = "CODE", value_hint = ValueHint::Other)]
    pub code: Option<CodeArg>,
    /// Print a fresh code and exit; `rtcdiag pair CODE` on both hosts then works in either order
    #[arg(long)]
    pub new_code: bool,
    /// Where to meet.
    #[command(flatten)]
    pub places: PlaceArgs,
    /// No rendezvous: print one line of text for the other side and read its line from standard
    /// input; with =sdp, SDP itself, so that the other side may be any ICE agent
    ///
    /// A line is `rtcdiag2:`, the SDP, packed, in base64url (RFC 4648) without padding, and a full stop. SDP
    /// is read up to an empty line.
    #[arg(
        long,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "line",
        conflicts_with_all = ["code", "rendezvous_listen"]
    )]
    pub manual: Option<ManualForm>,
    /// Which candidates to use, as iceTransportPolicy of RTCPeerConnection; relay forces the relay
    #[arg(long, value_name = "POLICY", default_value = "all")]
    pub policy: Policy,
    /// How long to measure the quality of the path
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = duration)]
    pub duration: Duration,
    /// Test audio, video or both with a browser at the other side: what its microphone and camera give, or a tone and
    /// a picture of its page, comes back to it
    ///
    /// The page asks before it uses them. This program sends back what it gets, and records nothing.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = kind)]
    pub media: Vec<Kind>,
    /// Force this side's ICE role; otherwise the two sides settle it
    #[arg(long, value_name = "ROLE")]
    pub role: Option<RoleArg>,
    /// Do not measure this side's NAT behaviour; then nothing is predicted
    #[arg(long)]
    pub no_nat: bool,
    /// Exit with 0 only if this holds: pair=direct or pair=connected
    #[arg(long, value_name = "KEY=VALUE", value_hint = ValueHint::Other)]
    pub expect: Option<WantedPair>,
    /// Pass the TURN password on to a browser at the other side; credentials that are minted
    /// (--turn-secret-file) end by themselves, and it gets those in any case
    #[arg(long)]
    pub share_turn_password: bool,
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

fn kind(text: &str) -> Result<Kind, String> {
    let kind = text.parse();
    kind.map_err(|_| "it is audio, video, or both with a comma between".to_owned())
}

/// The brokers that everybody may use, each of another operator: where one is down or blocked, another serves.
const PUBLIC_BROKERS: &str = "mqtts://broker.emqx.io,mqtts://broker.hivemq.com,mqtts://test.mosquitto.org:8886,mqtt+wss://mqtt.eclipseprojects.io";

/// Where to meet.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Where to meet, repeatable (or several, separated by commas): `ws://host:port` or `wss://host`
    /// (rtcdiag serve), mqtt://, mqtts://, mqtt+ws:// or mqtt+wss:// (any MQTT broker), lan (a
    /// rendezvous in this program) or public (see --public-brokers) [default: lan and public]
    ///
    /// All of them are used at once, and what comes first counts. What the two sides tell each other is sealed with
    /// a key from the code: whoever runs the place sees a random name, sizes, times, and the
    /// addresses that the connections come from.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub rendezvous: Vec<PlaceList>,
    /// What public stands for: brokers that anybody may use, of several operators
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, default_value = PUBLIC_BROKERS)]
    pub public_brokers: Vec<PlaceList>,
    /// Where the rendezvous in this program (lan) listens, instead of on a free port of all addresses
    #[arg(long, value_name = "ADDR")]
    pub rendezvous_listen: Option<SocketAddr>,
}

impl PlaceArgs {
    /// What `public` stands for here, for the other host's command; empty where that host has the same by itself.
    pub fn public_flag(&self) -> String {
        let given: Vec<&PlaceArg> = self.rendezvous.iter().flat_map(|list| &list.0).collect();
        let is_used = given.is_empty() || given.contains(&&PlaceArg::Public);
        let brokers: Vec<&PlaceArg> = self
            .public_brokers
            .iter()
            .flat_map(|list| &list.0)
            .collect();
        let built_in = PUBLIC_BROKERS.parse::<PlaceList>();
        let is_built_in = built_in.is_ok_and(|list| list.0.iter().eq(brokers.iter().copied()));
        if !is_used || is_built_in {
            return String::new();
        }
        let urls = brokers.iter().filter_map(|place| match place {
            PlaceArg::Url(url) => Some(url.to_string()),
            PlaceArg::Lan | PlaceArg::Public => None,
        });
        format!(" --public-brokers {}", urls.collect::<Vec<_>>().join(","))
    }
}

/// A place to meet at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceArg {
    /// In this program.
    Lan,
    Public,
    Url(RendezvousUrl),
}

/// Places with commas between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceList(pub Vec<PlaceArg>);

impl FromStr for PlaceList {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        // A password with a comma would else be repeated in the message.
        if text.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let place = |text: &str| match text.trim() {
            "lan" => Ok(PlaceArg::Lan),
            "public" => Ok(PlaceArg::Public),
            url => url.parse().map(PlaceArg::Url),
        };
        let places = text.split(',').map(place);
        places.collect::<Result<_, _>>().map(Self)
    }
}

/// User and password for the brokers named with `--rendezvous`; public ones never get them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Broker credentials")]
pub struct BrokerCredentials {
    /// User name for the MQTT brokers named with --rendezvous; its password comes from the
    /// environment (see below) or --rendezvous-password-file
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    pub rendezvous_username: Option<String>,
    /// Read that password from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub rendezvous_password_file: Option<PathBuf>,
}

/// `--manual`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ManualForm {
    /// One line of text
    Line,
    /// SDP
    Sdp,
}

/// `--role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Nominates the pair
    Controlling,
    /// Follows
    Controlled,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Controlling => Self::Controlling,
            RoleArg::Controlled => Self::Controlled,
        }
    }
}

impl FromStr for WantedPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=').map(|(k, v)| (k.trim(), v.trim())) {
            Some(("pair", "direct")) => Ok(Self::Direct),
            Some(("pair", "connected")) => Ok(Self::Connected),
            Some(("pair", value)) => {
                Err(format!("pair is never '{value}': use direct or connected"))
            }
            Some((key, _)) => Err(format!("'{key}' cannot be expected of pair, only pair can")),
            None => Err(format!("'{text}' is not KEY=VALUE")),
        }
    }
}

pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| format!("'{text}' is not a number of seconds"))?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| {
            format!(
                "'{text}' is not between 0 and {} seconds",
                LONGEST.as_secs()
            )
        })
}
