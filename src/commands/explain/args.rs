//! The command line of `explain`.

use clap::{Args, ValueHint};

/// Examples and exit codes.
pub const EXAMPLES: &str = "\
Examples:
  rtcdiag explain
  rtcdiag explain udp-blocked
  rtcdiag explain troubleshooting
  rtcdiag explain --json | jq -r '.result.codes[].code'

Exit codes:
  0  explained
  2  no code and no topic has that name";

/// Arguments of `rtcdiag explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// A code, as findings, errors and reasons have it, or a topic [default: a list of all]
    #[arg(value_name = "CODE|TOPIC", value_hint = ValueHint::Other)]
    pub what: Option<String>,
}
