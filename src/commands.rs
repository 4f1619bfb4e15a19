//! From the command line to the exit code.

pub mod args;
pub mod completions;
pub mod config;
pub mod lookup;
pub mod shortage;
mod signals;

mod credentials;
mod dead_address;
pub mod demo;
pub mod explain;
mod frame;
pub mod gather;
pub mod inspect;
mod loss;
pub mod man;
pub mod mesh;
mod misdirected;
pub mod nat;
pub mod pair;
mod probe;
mod reach;
pub mod sdp;
mod second_look;
pub mod serve;
mod servers;
mod text;
pub mod turn;
mod web_proxy;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::base::codes::Code;
use crate::base::exit::{self, Outcome};
use crate::base::report::{Document, Finding, Severity, Verdict};
use crate::net::clock::Clock;
use crate::ui::output::{self, Output, PageFile};
use crate::ui::redact::{self, Redaction};
use crate::ui::render;
use args::{Cli, Command, DIAGNOSIS_TIMEOUT, PAIR_TIMEOUT};
use config::ConfigError;
use frame::Frame;
use signals::Slack;

/// Runs the program with these arguments, the program's name first.
pub fn run(args: &[std::ffi::OsString]) -> ExitCode {
    let clock = Clock::start();
    let cli = match config::load(args) {
        Ok(cli) => cli,
        Err(ConfigError::Usage(error)) if !error.use_stderr() => {
            // Help and version. A closed pipe is no error.
            return match error.print() {
                Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => {
                    ExitCode::from(exit::ERROR)
                }
                _ => ExitCode::from(exit::GOOD),
            };
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
    let output = Output::new(cli.common.color, cli.common.quiet, redaction);
    let page = page_of(&cli);
    let done = match &page {
        Ok(page) => execute(&cli, clock, &output, page.as_ref()),
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    match done {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) => {
            output.end_progress();
            let message = format!("{error:#}");
            output.error(&message, None);
            if let Ok(Some(page)) = &page {
                let command = command_of(args);
                let is_redacted = output.redaction().is_on();
                let document = error_document(command, clock, message.clone(), is_redacted);
                // The exit code and the message say it all the same.
                let _ = frame::save_page(Some(page), output.redaction(), &document, String::new);
            }
            usage_error(args, clock, message, output.redaction())
        }
    }
}

/// The file of `--html`, ready to be written.
fn page_of(cli: &Cli) -> anyhow::Result<Option<PageFile>> {
    let Some(path) = &cli.common.html else {
        return Ok(None);
    };
    let has_result = !matches!(
        cli.command,
        Command::Explain(_) | Command::Completions(_) | Command::Man(_)
    );
    anyhow::ensure!(
        has_result,
        "--html is for commands with a result: explain, completions and man have none"
    );
    let file = PageFile::open(path)
        .with_context(|| format!("cannot write the page of --html to {}", path.display()))?;
    Ok(Some(file))
}

fn execute(
    cli: &Cli,
    clock: Clock,
    output: &Output,
    page: Option<&PageFile>,
) -> anyhow::Result<Outcome> {
    let frame = |name, default: Option<Duration>| Frame {
        name,
        common: &cli.common,
        time_limit: cli.common.timeout.or(default),
        slack: Slack::new(cli.common.timeout.is_some()),
        clock,
        output,
        page,
    };
    let diagnosis = Some(DIAGNOSIS_TIMEOUT);
    match &cli.command {
        Command::Nat(args) if args.depth.in_rounds() => nat::run(&frame("nat", None), args),
        Command::Nat(args) => nat::run(&frame("nat", Some(nat::time_limit(args))), args),
        Command::Gather(args) => gather::run(&frame("gather", diagnosis), args),
        Command::Turn(args) => turn::run(&frame("turn", diagnosis), args),
        Command::Pair(args) => pair::run(&frame("pair", Some(PAIR_TIMEOUT)), args),
        Command::Mesh(args) => mesh::run(&frame("mesh", Some(PAIR_TIMEOUT)), args),
        Command::Serve(args) => serve::run(&frame("serve", None), args),
        Command::Demo(args) => demo::run(&frame("demo", Some(PAIR_TIMEOUT)), args),
        Command::Sdp(args) => sdp::run(&frame("sdp", None), args),
        Command::Inspect(args) => inspect::run(&frame("inspect", diagnosis), args),
        Command::Explain(args) => explain::run(&frame("explain", None), args),
        Command::Completions(args) => completions::run(&frame("completions", None), args),
        Command::Man(args) => man::run(&frame("man", None), args),
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
    let definition = args::definition();
    let known = args.iter().skip(1).find_map(|arg| {
        let name = arg.to_str()?;
        definition.find_subcommand(name)
    })?;
    COMMANDS.into_iter().find(|name| *name == known.get_name())
}

const COMMANDS: [&str; 12] = [
    "nat",
    "gather",
    "turn",
    "pair",
    "mesh",
    "serve",
    "demo",
    "sdp",
    "inspect",
    "explain",
    "completions",
    "man",
];

/// The document of a command that could not begin.
fn error_document(
    command: Option<&'static str>,
    clock: Clock,
    message: String,
    redacted: bool,
) -> Document<Value> {
    let verdict = Verdict {
        outcome: Outcome::Error,
        caveat: None,
        summary: format!("The command could not start: {message}."),
        findings: vec![Finding {
            code: Code::Usage,
            severity: Severity::Error,
            message,
            hint: None,
        }],
    };
    Document {
        redacted,
        ..Document::new(command, (clock.started_at(), clock.now()), verdict, None)
    }
}
