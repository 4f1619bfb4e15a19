//! The command line of `sdp`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Examples and exit codes.
pub const EXAMPLES: &str = "\
Examples:
  rtcdiag sdp offer.sdp
  rtcdiag sdp offer.json answer.json
  rtcdiag sdp offer.sdp --answerer chromium
  rtcdiag sdp offer.sdp --answerer other-phone.sdp
  xclip -o | rtcdiag sdp - --json

Exit codes:
  0  nothing is wrong that keeps it from working; with an answer, all that was offered is agreed
  1  something is wrong, or a section is not agreed
  2  usage error, or a file has no description in it";

/// Arguments of `rtcdiag sdp`.
#[derive(Debug, Clone, Args)]
pub struct SdpArgs {
    /// File with the offer, or with both; - is standard input. SDP, JSON with type and sdp, base64 of
    /// either, or text with it, as copied from the page webrtc-internals
    #[arg(value_name = "OFFER", value_hint = ValueHint::FilePath)]
    pub offer: PathBuf,
    /// File with the answer
    #[arg(value_name = "ANSWER", value_hint = ValueHint::FilePath)]
    pub answer: Option<PathBuf>,
    /// Tell what the answer would be: of chromium, of webrtc-rs, or of a program that has made the
    /// description in this file
    #[arg(long, value_name = "chromium|webrtc-rs|FILE", value_hint = ValueHint::FilePath)]
    pub answerer: Option<String>,
    /// The answering application sends nothing of its own: it has added no audio and no video track
    #[arg(long)]
    pub receive_only: bool,
}
