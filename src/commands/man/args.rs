//! The command line of `man`.

use clap::{Args, ValueHint};

/// Examples and exit codes.
pub const EXAMPLES: &str = "\
Examples:
  rtcdiag man pair
  rtcdiag man nat > rtcdiag-nat.1
  rtcdiag man 'nat(7)' | man -l -

Exit codes:
  0  printed
  2  no page has that name";

/// Arguments of `rtcdiag man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// A command (pair, rtcdiag-pair) or a topic of explain (filtering); where a name is both, (1)
    /// or (7) behind it says which [default: rtcdiag]
    #[arg(value_hint = ValueHint::Other)]
    pub page: Option<String>,
}
