//! The configuration file, whose values become the defaults of the clap definition.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::commands::config::{ConfigError, FILE_PATIENCE, plain_definition, read_text};
use crate::commands::text::suggestion;
use crate::ui::redact;

/// Keys that cannot stand in the file.
const NOT_IN_FILE: [&str; 3] = ["config", "help", "version"];

/// What settings are called.
const NAMES: &str = "; settings have the names of the long flags, without their dashes (rtcdiag COMMAND --help), and a table that of a command";

pub(super) struct File {
    path: PathBuf,
    text: String,
}

impl File {
    pub(super) fn read(path: PathBuf) -> Result<Self, ConfigError> {
        match read_text(&path, FILE_PATIENCE) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) => Err(ConfigError::Unreadable { path, error }),
        }
    }

    pub(super) fn apply(&self, definition: Command, command: &str) -> Result<Command, ConfigError> {
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
                let message = format!(
                    "'{}' is not a setting{}",
                    key.get_ref(),
                    suggestion(key.get_ref(), known.iter().map(String::as_str), NAMES)
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
                &format!("'{key}' must be a string, a number, true or false, or a list of these"),
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
    pub(super) fn blame(&self, error: clap::Error) -> ConfigError {
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
