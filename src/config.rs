//! Defaults from a TOML file. Its keys are the long flags: at the top level for every command, in a
//! table named after a command for that one alone.
//!
//! The file's values become the defaults of the clap definition, so flag, variable, file and
//! built-in default take precedence in this order, and each value is checked by one parser.

mod early;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use etcetera::BaseStrategy;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cli::Cli;
use crate::redact;
pub use early::{is_asked, is_asked_outside_file};

/// Why the command line and its defaults cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Help, version, or a mistake on the command line: clap's own message.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is wrong.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Two flags that exclude each other.
    #[error("--{0} and --{1} cannot be used together")]
    Conflict(&'static str, &'static str),
}

/// Flags that exclude each other.
const CONFLICTS: [(&str, &str); 3] = [("json", "jsonl"), ("ipv4", "ipv6"), ("quiet", "verbose")];

/// Keys that cannot stand in the file.
const NOT_IN_FILE: [&str; 3] = ["config", "help", "version"];

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
    Cli::command()
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

struct File {
    path: PathBuf,
    text: String,
}

impl File {
    fn read(path: PathBuf) -> Result<Self, ConfigError> {
        match read_text(&path, FILE_PATIENCE) {
            Ok(text) => Ok(Self { path, text }),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }

    /// The definition with this file's values as defaults.
    fn apply(&self, definition: Command, command: &str) -> Result<Command, ConfigError> {
        let table = DeTable::parse(&self.text)
            .map_err(|error| self.wrong(error.span().map_or(0, |s| s.start), error.message()))?;
        let mut definition = definition;
        definition.build();
        let commands: Vec<String> = definition
            .get_subcommands()
            .map(|c| c.get_name().to_owned())
            .collect();
        let mut settings = Vec::new();
        for (key, value) in table.get_ref() {
            match value.get_ref() {
                DeValue::Table(section) if commands.iter().any(|c| c == key.get_ref()) => {
                    for (key, value) in section {
                        settings.push((Some(key_of(key)), key, value));
                    }
                    if key.get_ref() != command {
                        let known = known_keys(&definition, key.get_ref());
                        self.check_keys(section.keys(), &known)?;
                        settings.truncate(settings.len() - section.len());
                    }
                }
                _ => settings.push((None, key, value)),
            }
        }
        let for_all: Vec<String> = commands
            .iter()
            .flat_map(|c| known_keys(&definition, c))
            .collect();
        let for_this = known_keys(&definition, command);
        // What stands in the command's own table counts more, so it comes last.
        settings.sort_by_key(|(own, _, _)| own.is_some());
        let mut fresh = plain_definition();
        for (own, key, value) in settings {
            let known = if own.is_some() { &for_this } else { &for_all };
            self.check_keys(std::iter::once(key), known)?;
            if for_this.iter().any(|k| k == key.get_ref()) {
                fresh = self.set(fresh, command, key.get_ref(), value)?;
            }
        }
        Ok(fresh)
    }

    fn check_keys<'k>(
        &self,
        keys: impl Iterator<Item = &'k Spanned<std::borrow::Cow<'k, str>>>,
        known: &[String],
    ) -> Result<(), ConfigError> {
        for key in keys {
            if !known.iter().any(|k| k == key.get_ref()) {
                let mut known = known.to_vec();
                known.sort_unstable();
                known.dedup();
                let message = format!(
                    "'{}' is not a setting; settings are {}",
                    key.get_ref(),
                    known.join(", ")
                );
                return Err(self.wrong(key.span().start, &message));
            }
        }
        Ok(())
    }

    fn set(
        &self,
        definition: Command,
        command: &str,
        key: &str,
        value: &Spanned<DeValue>,
    ) -> Result<Command, ConfigError> {
        let values = texts(value.get_ref()).ok_or_else(|| {
            self.wrong(
                value.span().start,
                &format!("'{key}' must be a text, a number, true or false, or a list of these"),
            )
        })?;
        let is_flag = matches!(value.get_ref(), DeValue::Boolean(_));
        let target = |definition: &Command| {
            definition
                .get_arguments()
                .find(|a| a.get_long() == Some(key))
                .map(|a| {
                    (
                        a.get_id().clone(),
                        matches!(a.get_action(), ArgAction::SetTrue),
                    )
                })
        };
        let top = target(&definition);
        let found = top
            .clone()
            .or_else(|| target(definition.find_subcommand(command)?));
        let Some((id, wants_flag)) = found else {
            return Ok(definition);
        };
        if is_flag != wants_flag {
            let message = if wants_flag {
                format!("'{key}' must be true or false")
            } else {
                format!("'{key}' takes a value, not true or false")
            };
            return Err(self.wrong(value.span().start, &message));
        }
        let change = move |arg: clap::Arg| arg.default_values(values);
        Ok(if top.is_some() {
            definition.mut_arg(id, change)
        } else {
            definition.mut_subcommand(command, |c| c.mut_arg(id, change))
        })
    }

    /// A value of the file that its flag does not accept. What the command line has wrong was
    /// reported before the file was read.
    fn blame(&self, error: clap::Error) -> ConfigError {
        use clap::error::{ContextKind, ContextValue};
        if !matches!(
            error.kind(),
            ErrorKind::ValueValidation | ErrorKind::InvalidValue
        ) {
            return error.into();
        }
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            _ => String::new(),
        };
        let argument = text(ContextKind::InvalidArg);
        let value = text(ContextKind::InvalidValue);
        let key = argument
            .trim_start_matches('-')
            .split([' ', '='])
            .next()
            .unwrap_or_default()
            .to_owned();
        let cause =
            std::error::Error::source(&error).map_or_else(String::new, |e| format!(": {e}"));
        let at = self
            .text
            .lines()
            .scan(0, |start, line| {
                let at = *start;
                *start += line.len() + 1;
                Some((at, line))
            })
            .find(|(_, line)| line.trim_start().starts_with(&key))
            .map_or(0, |(at, _)| at);
        self.wrong(
            at,
            &format!("'{key}' cannot be '{}'{cause}", redact::value(&value)),
        )
    }

    fn wrong(&self, offset: usize, message: &str) -> ConfigError {
        let before = self.text.get(..offset).unwrap_or_default();
        ConfigError::Wrong {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
            message: message.trim_end().replace('\n', ", "),
        }
    }
}

fn key_of(key: &Spanned<std::borrow::Cow<'_, str>>) -> String {
    key.get_ref().to_string()
}

/// The long flags of a command that may stand in the file.
fn known_keys(definition: &Command, command: &str) -> Vec<String> {
    let own = definition.find_subcommand(command);
    definition
        .get_arguments()
        .chain(own.into_iter().flat_map(Command::get_arguments))
        .filter_map(|a| a.get_long())
        .filter(|long| !NOT_IN_FILE.contains(long))
        .map(str::to_owned)
        .collect()
}

fn texts(value: &DeValue) -> Option<Vec<String>> {
    match value {
        DeValue::String(text) => Some(vec![text.to_string()]),
        DeValue::Integer(number) => Some(vec![number.as_str().to_owned()]),
        DeValue::Float(number) => Some(vec![number.as_str().to_owned()]),
        DeValue::Boolean(flag) => Some(vec![flag.to_string()]),
        DeValue::Array(items) => items
            .iter()
            .map(|item| texts(item.get_ref())?.into_iter().next())
            .collect(),
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// How long the configuration file may take: it may be on a slow disk, or be a pipe by mistake.
const FILE_PATIENCE: Duration = Duration::from_secs(5);

/// Far more than any such file has.
const MAX_FILE: u64 = 1 << 20;

/// Reads a text file, or standard input for `-`, which may be a pipe that nobody writes to and may
/// be endless.
///
/// # Errors
///
/// If it cannot be read, is too large, takes too long, or is no UTF-8.
pub fn read_text(path: &Path, patience: Duration) -> std::io::Result<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let owned = path.to_owned();
    std::thread::spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = sender.send(read_now(&owned));
    });
    match receiver.recv_timeout(patience) {
        Ok(text) => text,
        Err(_) => Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "nothing came within the time",
        )),
    }
}

fn read_now(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let size = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MAX_FILE + 1)
            .read_to_string(&mut text)?
    } else {
        std::fs::File::open(path)?
            .take(MAX_FILE + 1)
            .read_to_string(&mut text)?
    };
    if size as u64 > MAX_FILE {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    // Some editors begin a file with a byte order mark.
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

/// Whether others than the owner may read a file, on systems that know this.
pub fn is_readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o044 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
