//! Where the session code comes from. An argument can be seen by every user of the machine for as long as
//! the program runs, so there are other ways.

use std::env::VarError;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::str::FromStr;
use std::sync::mpsc;

use anyhow::Context as _;
use rand::Rng as _;
use serde::Serialize;

use crate::base::exit::Outcome;
use crate::commands::args::ServerArgs;
use crate::commands::frame::Frame;
use crate::commands::text;
use crate::proto::signal::code::{Code, CodeError};

/// The variable with the code, where there is no argument.
const VARIABLE: &str = "RTCDIAG_CODE";
/// Bytes of a line in which a code is looked for: one with blanks between all its characters, and some.
const LONGEST: u64 = 256;

/// `CODE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeArg {
    Code(Code),
    /// `-`: a line of standard input.
    Stdin,
}

impl FromStr for CodeArg {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        match text {
            "-" => Ok(Self::Stdin),
            code => code.parse().map(Self::Code),
        }
    }
}

/// The code that was given, wherever it stands; `None` if a new one is wanted.
pub fn given(frame: &Frame, argument: Option<&CodeArg>) -> anyhow::Result<Option<Code>> {
    let of_variable = || match std::env::var(VARIABLE) {
        Ok(text) if text.is_empty() => Ok(None),
        // What it says is a secret, and not repeated.
        Ok(text) => {
            let code: Code = text.parse().context(VARIABLE)?;
            Ok(Some(CodeArg::Code(code)))
        }
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => anyhow::bail!("{VARIABLE} is not UTF-8"),
    };
    let found = match argument {
        Some(code) => Some(code.clone()),
        None => of_variable()?,
    };
    match found {
        None => Ok(None),
        Some(CodeArg::Code(code)) => Ok(Some(code)),
        Some(CodeArg::Stdin) => typed(frame).map(Some),
    }
}

/// A fresh one.
pub fn new() -> Code {
    Code::new(rand::rng().random())
}

/// Of `--new-code` with `--json`.
#[derive(Debug, Serialize)]
struct NewCode {
    code: String,
}

/// Prints a fresh one, and nothing else.
pub fn show_new(frame: &Frame) -> anyhow::Result<Outcome> {
    let code = new().to_string();
    let summary = format!("a code for one session: {code}");
    let lone = format!("{code}\n");
    text::say(frame, summary, NewCode { code }, |_, _| lone.clone())
}

/// Sees that standard input is not wanted for two things, before anything is read from it.
pub fn check(argument: Option<&CodeArg>, servers: &ServerArgs) -> anyhow::Result<()> {
    let servers = servers.ice_servers.as_deref();
    let is_free = servers.is_none_or(|path| path.as_os_str() != "-");
    anyhow::ensure!(
        is_free || argument != Some(&CodeArg::Stdin),
        "standard input cannot have both the code and --ice-servers"
    );
    Ok(())
}

/// Reads it from standard input, where a person is asked for it.
fn typed(frame: &Frame) -> anyhow::Result<Code> {
    if std::io::stdin().is_terminal() {
        frame.output.ask("type the code of the session:");
    }
    let (sender, receiver) = mpsc::channel();
    // A thread of its own, since nothing else can be woken out of reading a terminal.
    std::thread::spawn(move || {
        let mut line = Vec::new();
        let mut input = std::io::stdin().lock().take(LONGEST);
        let read = input.read_until(b'\n', &mut line).map(|_| line);
        // Nobody listens any more when it took too long.
        let _ = sender.send(read);
    });
    let line = receiver
        .recv_timeout(frame.patience())
        .context("no code came on standard input in time")?
        .context("cannot read the code from standard input")?;
    let line = String::from_utf8(line).context("the code on standard input is no text")?;
    anyhow::ensure!(
        !line.trim().is_empty(),
        "there is no code on standard input"
    );
    line.parse().context("the code on standard input")
}
