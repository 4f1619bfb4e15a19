//! `rtcdiag completions`: the files that `cargo install` does not bring.

pub mod args;

use std::collections::BTreeSet;

use clap::Command;
use clap::builder::PossibleValuesParser;
use clap_complete::{Generator, Shell};

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::commands::args::definition;
use crate::commands::explain::manual;
use crate::commands::frame::Frame;
use crate::commands::man;
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
    clap_complete::generate(shell, &mut with_names(definition()), "rtcdiag", &mut text);
    Ok((shell.file_name("rtcdiag"), String::from_utf8(text)?))
}

/// With the names and expectations that can stand in place of a value. In the help they would be too many to be read.
fn with_names(definition: Command) -> Command {
    let codes = <Code as strum::IntoEnumIterator>::iter().map(Code::name);
    let topics = || manual::TOPICS.iter().map(|(name, _)| *name);
    let pages = man::names().chain(topics());
    let explained: BTreeSet<&str> = codes.chain(topics()).collect();
    let pages: BTreeSet<&str> = pages.collect();
    [("explain", "what", explained), ("man", "page", pages)]
        .into_iter()
        .chain(
            EXPECTED.map(|(command, names)| (command, "expect", names.iter().copied().collect())),
        )
        .fold(definition, |definition, (command, arg, names)| {
            definition.mut_subcommand(command, |command| {
                command.mut_arg(arg, |arg| {
                    arg.value_parser(PossibleValuesParser::new(names))
                })
            })
        })
}

/// What `--expect` of each command takes.
const EXPECTED: [(&str, &[&str]); 5] = [
    (
        "nat",
        &[
            "filtering=address-and-port-dependent",
            "filtering=address-dependent",
            "filtering=endpoint-independent",
            "mapping=address-and-port-dependent",
            "mapping=address-dependent",
            "mapping=endpoint-independent",
            "udp=blocked",
            "udp=open",
        ],
    ),
    (
        "gather",
        &["candidates=host", "candidates=srflx", "candidates=relay"],
    ),
    ("turn", &["turn=ok"]),
    ("pair", &["pair=direct", "pair=connected"]),
    ("mesh", &["all=direct", "all=connected"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::args::Cli;
    use clap::Parser as _;
    use strum::IntoEnumIterator as _;

    #[test]
    fn names_are_completed_and_do_not_stand_in_the_help() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let (_, text) = file(shell).expect("completions");
            // The scripts for fish complete what stands behind flags alone.
            let names = ["udp=open", "candidates=relay", "udp-blocked", "exit-codes"];
            let known = if shell == Shell::Fish { 2 } else { names.len() };
            for name in &names[..known] {
                assert!(text.contains(name), "{name} for {shell}");
            }
        }
        for command in definition().get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(!help.contains("possible values: account"), "{help}");
            assert!(
                help.len() < 20_000,
                "{}: {}",
                command.get_name(),
                help.len()
            );
        }
        assert!(Code::iter().count() > 100);
    }

    /// What is completed is also taken.
    #[test]
    fn every_expectation_is_understood() {
        for (command, names) in EXPECTED {
            let server = (command == "turn").then_some("turn:turn.example.org");
            for expected in names {
                let line = ["rtcdiag", command, "--expect", expected];
                let read = Cli::try_parse_from(line.into_iter().chain(server));
                assert!(read.is_ok(), "{expected}: {:?}", read.err());
            }
        }
    }
}
