//! Defaults from a TOML file. Its keys are the long flags: at the top level for every command, in a
//! table named after a command for that one alone.
//!
//! The file's values become the defaults of the clap definition, so flag, variable, file and
//! built-in default take precedence in this order, and each value is checked by one parser.

mod early;
mod file;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use etcetera::BaseStrategy;

use crate::commands::args::{Cli, definition};
pub use early::{is_asked, is_asked_outside_file};
use file::File;
pub use text::{is_readable_by_others, read_long_text, read_text};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Help, version, or a mistake on the command line: clap's own message.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    #[error("cannot read the configuration file {}: {error}", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{}:{line}:{column}: {message}", path.display())]
    Wrong {
        path: PathBuf,
        line: usize,
        column: usize,
        message: String,
    },
    #[error("--{0} and --{1} cannot be used together")]
    Conflict(&'static str, &'static str),
}

const CONFLICTS: [(&str, &str); 3] = [("json", "jsonl"), ("ipv4", "ipv6"), ("quiet", "verbose")];

/// How long the configuration file may take: it may be on a slow disk, or be a pipe by mistake.
const FILE_PATIENCE: Duration = Duration::from_secs(5);

/// Reads the command line, the environment and the configuration file.
///
/// # Errors
///
/// [`ConfigError`] names the flag or the place in the file.
pub fn load(args: &[std::ffi::OsString]) -> Result<Cli, ConfigError> {
    let plain = plain_definition().try_get_matches_from(args)?;
    let command = plain.subcommand_name().unwrap_or_default().to_owned();
    let explicit = plain.get_one::<PathBuf>("config").cloned();
    let path = match explicit {
        Some(path) => Some(path),
        None => default_path().filter(|path| path.exists()),
    };
    let matches = match path {
        None => plain,
        Some(path) => {
            let file = File::read(path)?;
            let definition = file.apply(plain_definition(), &command)?;
            definition
                .try_get_matches_from(args)
                .map_err(|error| file.blame(error))?
        }
    };
    let winners = resolve_conflicts(&matches)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    for flag in winners {
        match flag {
            "json" => cli.common.json = false,
            "jsonl" => cli.common.jsonl = false,
            "ipv4" => cli.common.ipv4 = false,
            "ipv6" => cli.common.ipv6 = false,
            "quiet" => cli.common.quiet = false,
            _ => cli.common.verbose = false,
        }
    }
    Ok(cli)
}

/// The definition, with variables that are set to nothing taken for unset, as shells and service
/// managers leave them.
fn plain_definition() -> Command {
    fn forget_empty(arg: Arg) -> Arg {
        let is_empty = arg
            .get_env()
            .and_then(std::env::var_os)
            .is_some_and(|value| value.is_empty());
        if is_empty {
            arg.env(Resettable::Reset)
        } else {
            arg
        }
    }
    definition()
        .mut_args(forget_empty)
        .mut_subcommands(|command| command.mut_args(forget_empty))
}

/// Of two set flags that exclude each other the one from the stronger source counts; gives those
/// that lose.
fn resolve_conflicts(matches: &ArgMatches) -> Result<Vec<&'static str>, ConfigError> {
    let mut losers = Vec::new();
    for (one, other) in CONFLICTS {
        if matches.get_flag(one) && matches.get_flag(other) {
            let rank = |name| match matches.value_source(name) {
                Some(ValueSource::CommandLine) => 2,
                Some(ValueSource::EnvVariable) => 1,
                _ => 0,
            };
            match rank(one).cmp(&rank(other)) {
                std::cmp::Ordering::Less => losers.push(one),
                std::cmp::Ordering::Greater => losers.push(other),
                std::cmp::Ordering::Equal => return Err(ConfigError::Conflict(one, other)),
            }
        }
    }
    Ok(losers)
}

/// `rtcdiag/config.toml` in the user's configuration directory (XDG on Unix).
pub fn default_path() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("rtcdiag").join("config.toml"))
}
