//! The command line of `gather`.

use std::str::FromStr;

use clap::{Args, ValueHint};

use crate::commands::args::{ServerArgs, TurnCredentials};
use crate::commands::gather::verdict::Policy;
use crate::proto::ice::candidate::CandidateType;

pub const EXAMPLES: &str = "\
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

/// Arguments of `rtcdiag gather`.
#[derive(Debug, Clone, Args)]
pub struct GatherArgs {
    /// Which candidates to gather, as iceTransportPolicy of RTCPeerConnection
    #[arg(long, value_name = "POLICY", default_value = "all")]
    pub policy: Policy,
    /// Exit with 0 only if there is such a candidate: candidates=host, srflx or relay, or several,
    /// separated by commas
    #[arg(long, value_name = "KEY=VALUE", value_hint = ValueHint::Other)]
    pub expect: Option<WantedCandidates>,
    /// User and password.
    #[command(flatten)]
    pub credentials: TurnCredentials,
    /// Servers. Last, because their heading holds for what comes behind them.
    #[command(flatten)]
    pub servers: ServerArgs,
}

/// `--expect candidates=...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCandidates(pub Vec<CandidateType>);

impl FromStr for WantedCandidates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut wanted = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let value = match part.split_once('=') {
                Some(("candidates", value)) => value,
                Some((key, _)) => {
                    return Err(format!(
                        "'{key}' cannot be expected of gather, only candidates can"
                    ));
                }
                // candidates=host,relay: the key holds on.
                None if !wanted.is_empty() => part,
                None => return Err(format!("'{part}' is not KEY=VALUE")),
            };
            let kind = [
                CandidateType::Host,
                CandidateType::Srflx,
                CandidateType::Relay,
            ]
            .into_iter()
            .find(|kind| kind.name() == value)
            .ok_or_else(|| format!("candidates is never '{value}': use host, srflx or relay"))?;
            if !wanted.contains(&kind) {
                wanted.push(kind);
            }
        }
        if wanted.is_empty() {
            return Err("empty".to_owned());
        }
        Ok(Self(wanted))
    }
}
