//! From the command line to the exit code.

mod credentials;
mod demo;
mod frame;
mod gather;
mod nat;
mod pair;
pub mod responders;
mod serve;
mod servers;
mod turn;

use std::process::ExitCode;
use std::time::Duration;

use clap::CommandFactory;
use serde_json::Value;

use crate::cli::{Cli, Command, DIAGNOSIS_TIMEOUT, PAIR_TIMEOUT};
use crate::config::{self, ConfigError};
use crate::exit::{self, Outcome};
use crate::net::clock::Clock;
use crate::output::{self, Output};
use crate::redact::{self, Redaction};
use crate::render;
use crate::report::{Document, Finding, Millis, SCHEMA_VERSION, Severity};
use frame::Frame;

/// Runs the program with these arguments, the program's name first.
pub fn run(args: &[std::ffi::OsString]) -> ExitCode {
    let clock = Clock::start();
    let cli = match config::load(args) {
        Ok(cli) => cli,
        Err(ConfigError::Usage(error)) if !error.use_stderr() => {
            // Help and version. A closed pipe is no error.
            let _ = error.print();
            return ExitCode::from(exit::GOOD);
        }
        Err(ConfigError::Usage(error)) => {
            let redaction = early_redaction(args);
            let text = redact::message(&error, &redaction);
            output::early_text(&redaction, &text);
            return usage_error(args, clock, first_line(&text), &redaction);
        }
        Err(error) => {
            let redaction = early_redaction(args);
            output::early_error(&redaction, &error.to_string());
            return usage_error(args, clock, error.to_string(), &redaction);
        }
    };
    let redaction = Redaction::new(cli.common.redact);
    let output = Output::new(cli.common.color.into(), cli.common.quiet, redaction);
    match execute(&cli, clock, &output) {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) => {
            output.end_progress();
            output.error(&format!("{error:#}"), None);
            usage_error(args, clock, format!("{error:#}"), output.redaction())
        }
    }
}

fn execute(cli: &Cli, clock: Clock, output: &Output) -> anyhow::Result<Outcome> {
    let frame = |name, default: Option<Duration>| Frame {
        name,
        common: &cli.common,
        time_limit: cli.common.timeout.or(default),
        clock,
        output,
    };
    let diagnosis = Some(DIAGNOSIS_TIMEOUT);
    match &cli.command {
        Command::Nat(args) if args.depth.in_rounds() => nat::run(&frame("nat", None), args),
        Command::Nat(args) => nat::run(&frame("nat", Some(nat::time_limit(args))), args),
        Command::Gather(args) => gather::run(&frame("gather", diagnosis), args),
        Command::Turn(args) => turn::run(&frame("turn", diagnosis), args),
        Command::Pair(args) => pair::run(&frame("pair", Some(PAIR_TIMEOUT)), args),
        Command::Serve(args) => serve::run(&frame("serve", None), args),
        Command::Demo(args) => demo::run(&frame("demo", Some(PAIR_TIMEOUT)), args),
    }
}

/// clap's message without usage and tips.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// What was typed may have addresses, and the settings are not known.
fn early_redaction(args: &[std::ffi::OsString]) -> Redaction {
    Redaction::new(config::is_asked(args, "redact"))
}

/// What stands on stderr already, as a document for a script that asked for JSON.
fn usage_error(
    args: &[std::ffi::OsString],
    clock: Clock,
    message: String,
    redaction: &Redaction,
) -> ExitCode {
    let asked = |flag| config::is_asked_outside_file(args, flag).unwrap_or_default();
    let lines = asked("jsonl");
    if lines || asked("json") {
        let document = error_document(command_of(args), clock, message, redaction.is_on());
        let text = if lines {
            render::json_line(&document)
        } else {
            render::json(&document)
        };
        if let Ok(text) = text {
            // The exit code says it all the same.
            let _ = output::json(redaction, &text);
        }
    }
    ExitCode::from(exit::ERROR)
}

/// The command that arguments which cannot be parsed were meant for, if it can be told.
fn command_of(args: &[std::ffi::OsString]) -> Option<&'static str> {
    let definition = Cli::command();
    let known = args.iter().skip(1).find_map(|arg| {
        let name = arg.to_str()?;
        definition.find_subcommand(name)
    })?;
    ["nat", "gather", "turn", "pair", "serve", "demo"]
        .into_iter()
        .find(|name| *name == known.get_name())
}

/// The document of a command that could not begin.
fn error_document(
    command: Option<&'static str>,
    clock: Clock,
    message: String,
    redacted: bool,
) -> Document<Value> {
    Document {
        schema_version: SCHEMA_VERSION,
        rtcdiag_version: env!("CARGO_PKG_VERSION"),
        redacted,
        command,
        started_at: clock.started_at(),
        elapsed_ms: Millis(clock.now()),
        outcome: Outcome::Error,
        summary: format!("The command could not begin: {message}."),
        findings: vec![Finding {
            code: "usage",
            severity: Severity::Error,
            message,
            hint: None,
        }],
        result: None,
    }
}
