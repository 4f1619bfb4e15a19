//! The command line of `demo`.

use std::time::Duration;

use clap::Args;

use crate::commands::pair::args::duration;

/// Examples and exit codes.
pub const EXAMPLES: &str = "\
Examples:
  rtcdiag demo
  rtcdiag demo --json | jq .result.pair.a.pairs

Exit codes:
  0    everything works
  1    something does not
  2    usage error, or the program could not do its job: no loopback, no free ports
  3    inconclusive: --timeout ended before the end
  130  interrupted; the partial result is printed first";

/// Arguments of `rtcdiag demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// How long to measure the quality of the path
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = duration)]
    pub duration: Duration,
}
