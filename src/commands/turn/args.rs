//! The command line of `turn`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueHint};

use crate::commands::args::TurnCredentials;
use crate::proto::turn::uri::TurnUri;

pub const EXAMPLES: &str = "\
Examples:
  RTCDIAG_TURN_PASSWORD=... rtcdiag turn turn:turn.example.org --turn-username ann
  rtcdiag turn turns:turn.example.org:443 --turn-secret-file secret
  rtcdiag turn turn.example.org --ice-servers ice.json --expect turn=ok
  rtcdiag turn 'turn:turn.example.org?transport=tcp' --no-policy --json

Environment:
  RTCDIAG_TURN_PASSWORD  the password that belongs to --turn-username

Exit codes:
  0    it works; with warnings on its safety too, such as private peers that it allows: then the
       headline is \"unsafe\"
  1    not healthy: a transport that the URI names does not work, data does not come through,
       anybody may use it, or clients reach the server machine itself through it
  2    usage error, or the program could not do its job: no such host, no network
  3    inconclusive: there are no credentials, or --timeout ended before the end
  130  interrupted; the partial result is printed first";

/// Arguments of `rtcdiag turn`.
#[derive(Debug, Clone, Args)]
pub struct TurnArgs {
    /// The server: turn:host[:port][?transport=udp|tcp], turns:host[:port], or a bare host[:port]
    ///
    /// turn: without a transport leaves UDP, TCP and TLS open. TLS is then tried on port 5349, or
    /// on the port given if that is not 3478, and may be missing.
    #[arg(value_name = "URI", value_hint = ValueHint::Other)]
    pub uri: TurnUri,
    /// Do not ask which peers the server's policy allows
    #[arg(long)]
    pub no_policy: bool,
    /// A peer to try: whether the server's policy allows it, and whether it answers a Binding request
    /// through the relay, as a STUN server does
    #[arg(long, value_name = "ADDR:PORT", value_hint = ValueHint::Other)]
    pub peer: Option<SocketAddr>,
    /// Exit with 0 only if the server is healthy: turn=ok; warnings on its safety do not change that
    #[arg(long, value_name = "KEY=VALUE", value_hint = ValueHint::Other)]
    pub expect: Option<WantedTurn>,
    /// Take user and password from the JSON of RTCPeerConnection's iceServers, from the entry with
    /// this host; - is standard input
    #[arg(long, value_name = "FILE")]
    pub ice_servers: Option<PathBuf>,
    /// User and password.
    #[command(flatten)]
    pub credentials: TurnCredentials,
}

/// `--expect turn=ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedTurn;

impl FromStr for WantedTurn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().split_once('=') {
            Some(("turn", "ok")) => Ok(Self),
            Some(("turn", value)) => Err(format!("turn is never '{value}': use ok")),
            Some((key, _)) => Err(format!(
                "'{key}' cannot be expected of turn, only turn=ok can"
            )),
            None => Err(format!("'{text}' is not KEY=VALUE")),
        }
    }
}
