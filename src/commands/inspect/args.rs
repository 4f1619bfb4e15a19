//! The command line of `inspect`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Examples and exit codes.
pub const EXAMPLES: &str = "\
Examples:
  rtcdiag inspect webrtc_internals_dump.txt
  rtcdiag inspect alice.gz bob.gz
  rtcdiag inspect call.pcapng
  rtcdiag inspect offer.sdp answer.sdp getstats.json
  pbpaste | rtcdiag inspect - --json | jq '.result.calls[].causes'

Exit codes:
  0    the call worked
  1    it did not, or not all of it
  2    usage error, or nothing could be read
  3    inconclusive: the files do not tell why";

/// Arguments of `rtcdiag inspect`.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// Files of the call, of one end or of both; - is standard input
    ///
    /// What each is, is told by its content: dumps of Chrome's webrtc-internals (both downloads),
    /// Firefox's saved about:webrtc, packet captures (pcap, pcapng), JSON of a connection's statistics,
    /// SDP, lines with candidates, JSON of rtcdiag pair; also packed with gzip. Nothing is sent anywhere.
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Vec<PathBuf>,
}
