//! `rtcdiag completions`: the files that `cargo install` does not bring.

pub mod args;

use clap_complete::{Generator, Shell};

use crate::base::exit::Outcome;
use crate::commands::args::definition;
use crate::commands::frame::Frame;
use crate::commands::text::{TextResult, say};
use args::CompletionsArgs;

pub fn run(frame: &Frame, args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    let (file, text) = file(args.shell)?;
    let summary = format!("The completions for the shell, {file}.");
    let result = TextResult { file, text };
    say(frame, summary, result, |document, _| {
        let file = document.result.as_ref().map(|file| file.text.clone());
        file.unwrap_or_default()
    })
}

/// The name that the shell looks for, and the text.
pub fn file(shell: Shell) -> anyhow::Result<(String, String)> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut definition(), "rtcdiag", &mut text);
    Ok((shell.file_name("rtcdiag"), String::from_utf8(text)?))
}
