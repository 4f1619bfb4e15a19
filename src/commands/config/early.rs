//! Settings that count although the command line or the file is wrong: they say how to tell that.

use std::ffi::OsString;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::commands::args::variable_of;
use crate::commands::config::{FILE_PATIENCE, default_path, read_text};

/// Whether a flag without a value is set in the arguments, or by its variable; `None` if neither says
/// so. For when they cannot be parsed as a whole.
pub fn is_asked_outside_file(args: &[OsString], flag: &str) -> Option<bool> {
    if args.iter().any(|arg| *arg == *format!("--{flag}")) {
        return Some(true);
    }
    let value = std::env::var_os(variable_of(flag)).filter(|value| !value.is_empty())?;
    let value = value.to_string_lossy().to_lowercase();
    // The values that clap takes for "no".
    Some(!["0", "n", "no", "f", "false", "off"].contains(&value.as_str()))
}

/// The same, with the configuration file asked where they do not say it: as far as it can be read.
pub fn is_asked(args: &[OsString], flag: &str) -> bool {
    if let Some(asked) = is_asked_outside_file(args, flag) {
        return asked;
    }
    let named = args.iter().enumerate().find_map(|(at, arg)| {
        if arg == "--config" {
            return args.get(at + 1).map(PathBuf::from);
        }
        arg.to_str()?.strip_prefix("--config=").map(PathBuf::from)
    });
    let of_variable = || std::env::var_os("RTCDIAG_CONFIG").filter(|path| !path.is_empty());
    let path = named
        .or_else(|| of_variable().map(PathBuf::from))
        .or_else(default_path);
    // A pipe can be read only once.
    let Some(path) = path.filter(|path| path.is_file()) else {
        return false;
    };
    let Ok(text) = read_text(&path, FILE_PATIENCE) else {
        return false;
    };
    let Ok(table) = DeTable::parse(&text) else {
        // It is damaged; at worst the message hides more than it has to.
        return text.contains(flag);
    };
    let is_set = |table: &DeTable| {
        let value = table.get(flag).map(Spanned::get_ref);
        matches!(value, Some(DeValue::Boolean(true)))
    };
    let table = table.get_ref();
    is_set(table)
        || table.values().any(|value| match value.get_ref() {
            DeValue::Table(section) => is_set(section),
            _ => false,
        })
}
