//! User and password for TURN, from files and the environment.

mod form;

use std::env::VarError;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::commands::args::TurnCredentials;
use crate::commands::config;
use crate::commands::servers::readable_by_others;
use crate::proto::signal::mqtt::Login;
use crate::proto::turn::credentials::{Credentials, MINTED_LIFETIME_S, Secret};

/// The variable with the password. It has no flag: other users see those.
const PASSWORD: &str = "RTCDIAG_TURN_PASSWORD";

/// What the flags and the environment give, if anything. `is_needed` if there is a server for it.
pub fn from_flags(
    args: &TurnCredentials,
    unix_now: u64,
    patience: Duration,
    is_needed: bool,
) -> anyhow::Result<(Option<Credentials>, Vec<Finding>)> {
    let password = set(PASSWORD)?;
    let user = args.turn_username.as_deref();
    if let Some(path) = &args.turn_secret_file {
        anyhow::ensure!(
            args.turn_password_file.is_none(),
            "--turn-secret-file and --turn-password-file cannot be used together"
        );
        anyhow::ensure!(user != Some(""), "the user name is empty");
        let (secret, findings) = secret_from(path, patience)?;
        let expires = unix_now + MINTED_LIFETIME_S;
        let credentials = Credentials::time_limited(user, &secret, expires)
            .context("cannot mint TURN credentials")?;
        return Ok((Some(credentials), findings));
    }
    let (password, findings) = match (&args.turn_password_file, password) {
        (Some(path), _) => {
            let (password, findings) = secret_from(path, patience)?;
            (Some(password), findings)
        }
        (None, password) => (password.map(Secret::new), Vec::new()),
    };
    match (user, password) {
        (Some(user), Some(password)) => {
            let credentials =
                Credentials::new(user, &password).context("cannot use the TURN credentials")?;
            Ok((Some(credentials), findings))
        }
        (Some(_), None) => anyhow::bail!(
            "--turn-username needs a password: set {PASSWORD} or give --turn-password-file"
        ),
        (None, Some(_)) if args.turn_password_file.is_some() => {
            anyhow::bail!("--turn-password-file needs --turn-username")
        }
        (None, Some(_)) if is_needed => {
            anyhow::bail!(
                "{PASSWORD} is set, but --turn-username is missing, which says whose password it is"
            )
        }
        // A variable left over from something else does no harm.
        (None, _) => Ok((None, findings)),
    }
}

/// Where the login of brokers comes from: a flag with the user, a variable with the password, a flag with its file.
pub struct BrokerLogin {
    user: &'static str,
    password: &'static str,
    file: &'static str,
}

/// Of those at which `pair` meets.
pub const MEETING_BROKERS: BrokerLogin = BrokerLogin {
    user: "--rendezvous-username",
    password: "RTCDIAG_RENDEZVOUS_PASSWORD",
    file: "--rendezvous-password-file",
};
/// Of that at which `serve` shares its rooms.
pub const SHARING_BROKER: BrokerLogin = BrokerLogin {
    user: "--broker-username",
    password: "RTCDIAG_BROKER_PASSWORD",
    file: "--broker-password-file",
};

/// User and password for MQTT brokers, if there are any.
pub fn for_brokers(
    names: &BrokerLogin,
    user: Option<&str>,
    file: Option<&Path>,
    patience: Duration,
) -> anyhow::Result<(Option<Login>, Vec<Finding>)> {
    let BrokerLogin {
        user: user_flag,
        password: variable,
        file: file_flag,
    } = names;
    let (password, findings) = match file {
        Some(path) => {
            let (secret, findings) = secret_from(path, patience)?;
            (Some(secret.expose().to_owned()), findings)
        }
        None => (set(variable)?, Vec::new()),
    };
    match (user, password) {
        (Some(user), Some(password)) => {
            anyhow::ensure!(!user.is_empty(), "the user name is empty");
            // Both have their length in 16 bits (MQTT 1.5.3).
            let fits = |text: &str| u16::try_from(text.len()).is_ok();
            anyhow::ensure!(
                fits(user) && fits(&password),
                "user name or password for the broker is too long"
            );
            let user = user.to_owned();
            Ok((Some(Login { user, password }), findings))
        }
        (Some(_), None) => {
            anyhow::bail!("{user_flag} needs a password: set {variable} or give {file_flag}")
        }
        (None, Some(_)) if file.is_some() => {
            anyhow::bail!("{file_flag} needs {user_flag}")
        }
        // A variable left over from something else does no harm.
        (None, _) => Ok((None, findings)),
    }
}

/// What a variable has, if anything.
fn set(variable: &str) -> anyhow::Result<Option<String>> {
    match std::env::var(variable) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => anyhow::bail!("{variable} is not UTF-8"),
    }
}

pub(super) fn secret_from(
    path: &Path,
    patience: Duration,
) -> anyhow::Result<(Secret, Vec<Finding>)> {
    let text = config::read_text(path, patience)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let line = text.lines().next().unwrap_or_default();
    anyhow::ensure!(
        !line.is_empty(),
        "{} has no secret in its first line",
        path.display()
    );
    let mut findings = readable_by_others(path, "a secret");
    findings.extend(form::oddity(&text).map(|oddity| {
        Finding::new(
            Code::SecretFileForm,
            format!(
                "{} {oddity}; its first line is used as it is",
                path.display()
            ),
            oddity.remedy(),
        )
    }));
    Ok((Secret::new(line), findings))
}
