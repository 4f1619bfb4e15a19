//! The command line of `demo`.

use std::time::Duration;

use clap::Args;

use super::pair::duration;

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
    /// How long the quality of the path is measured
    #[arg(long, value_name = "SECONDS", default_value = "1", env = "RTCDIAG_DURATION", hide_env_values = true, value_parser = duration)]
    pub duration: Duration,
}
