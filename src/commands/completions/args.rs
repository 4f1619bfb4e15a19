//! The command line of `completions`.

use clap::Args;
use clap_complete::Shell;

/// Examples and exit codes.
pub const EXAMPLES: &str = "\
Examples:
  rtcdiag completions bash > ~/.local/share/bash-completion/completions/rtcdiag
  rtcdiag completions fish > ~/.config/fish/completions/rtcdiag.fish
  source <(rtcdiag completions zsh)

Exit codes:
  0  printed
  2  usage error";

/// Arguments of `rtcdiag completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell to complete in
    pub shell: Shell,
}
