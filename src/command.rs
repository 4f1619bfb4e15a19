//! From the command line to the exit code.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::app::nat::{DEFAULT_SERVERS, Event, Options};
use crate::app::signals;
use crate::cli::{Cli, Command, Common, NatArgs, Servers};
use crate::config::{self, ConfigError};
use crate::exit::{self, Outcome};
use crate::fact::Reason;
use crate::family::Family;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::output::{self, Output};
use crate::render::nat::Detail;
use crate::render::style::Style;
use crate::report::nat::{NatResult, ObservationReport};
use crate::report::verdict::{self, Context};
use crate::report::{Document, Finding, Millis, SCHEMA_VERSION, Severity};
use crate::stun::ice_servers;
use crate::stun::uri::ServerUri;
use crate::{app, render};

/// More servers tell no more, and each costs packets.
const MAX_SERVERS: usize = 24;

/// Runs the program with these arguments, the program's name first.
pub fn run(args: &[std::ffi::OsString]) -> ExitCode {
    let clock = Clock::start();
    let cli = match config::load(args) {
        Ok(cli) => cli,
        Err(ConfigError::Usage(error)) => {
            // clap sends help and version to stdout, mistakes to stderr.
            let _ = error.print();
            if !error.use_stderr() {
                return ExitCode::from(exit::GOOD);
            }
            return usage_error(args, clock, first_line(&error));
        }
        Err(error) => {
            output::early_error(&error.to_string(), None);
            return usage_error(args, clock, error.to_string());
        }
    };
    let output = Output::new(cli.common.color.into(), cli.common.quiet);
    match execute(&cli, clock, &output) {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) => {
            output.end_progress();
            output.error(&format!("{error:#}"), None);
            usage_error(args, clock, format!("{error:#}"))
        }
    }
}

fn execute(cli: &Cli, clock: Clock, output: &Output) -> anyhow::Result<Outcome> {
    match &cli.command {
        Command::Nat(args) => nat(&cli.common, args, clock, output),
    }
}

fn nat(common: &Common, args: &NatArgs, clock: Clock, output: &Output) -> anyhow::Result<Outcome> {
    let prepared = prepare(common, &args.servers);
    let (options, findings) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return could_not_begin(common, clock, output, &error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let (result, mut extra, stopped) = runtime.block_on(async {
        let mut stop = signals::listen(common.timeout).context("cannot catch signals")?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let count = options.servers.len();
        let plural = if count == 1 { "" } else { "s" };
        output.start_progress(format!("asking {count} server{plural}"));
        let tests = app::nat::run(&options, clock, stop.clone(), sender);
        let ((result, extra), ()) = tokio::join!(tests, show_events(receiver, common, output));
        let stopped: Option<Reason> = *stop.borrow_and_update();
        anyhow::Ok((result, extra, stopped))
    })?;
    // A name that hangs in the system's resolver must not hold up the end.
    runtime.shutdown_background();
    output.end_progress();
    extra.splice(0..0, findings);
    let context = Context {
        expectations: args.expect.clone(),
        stopped,
        findings: extra,
    };
    let verdict = verdict::verdict(&result, context);
    let document = Document {
        schema_version: SCHEMA_VERSION,
        rtcdiag_version: env!("CARGO_PKG_VERSION"),
        command: "nat",
        started_at: clock.started_at(),
        elapsed_ms: Millis(clock.now()),
        outcome: verdict.outcome,
        summary: verdict.summary,
        findings: verdict.findings,
        result: Some(result),
    };
    print(common, output, &document)?;
    Ok(document.outcome)
}

/// Checks everything that can be wrong before the first packet.
fn prepare(common: &Common, servers: &Servers) -> anyhow::Result<(Options, Vec<Finding>)> {
    let source = Source {
        interface: common.interface.clone(),
        local: common.local,
    };
    source.check()?;
    let families = families(common)?;
    let (named, findings) = named_servers(servers, common.timeout)?;
    let options = Options {
        independent: named.is_empty(),
        servers: if named.is_empty() {
            default_servers()
        } else {
            named
        },
        families,
        source,
        seed: rand::random(),
    };
    Ok((options, findings))
}

fn families(common: &Common) -> anyhow::Result<Vec<Family>> {
    let wanted = match (common.ipv4, common.ipv6) {
        (true, false) => vec![Family::Ipv4],
        (false, true) => vec![Family::Ipv6],
        _ => vec![Family::Ipv4, Family::Ipv6],
    };
    let Some(local) = common.local else {
        return Ok(wanted);
    };
    let of_local = Family::of(local);
    anyhow::ensure!(
        wanted.contains(&of_local),
        "--local {local} is not an {} address",
        wanted[0].name()
    );
    Ok(vec![of_local])
}

/// The servers that the user named, each once.
fn named_servers(
    args: &Servers,
    patience: Duration,
) -> anyhow::Result<(Vec<ServerUri>, Vec<Finding>)> {
    let mut servers = args.server.clone();
    let mut findings = Vec::new();
    if let Some(path) = &args.ice_servers {
        let text = config::read_text(path, patience)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let entries = ice_servers::parse(&text)
            .with_context(|| format!("cannot use the ICE servers in {}", path.display()))?;
        let secret = entries.iter().any(|e| e.has_credential);
        if secret && config::is_readable_by_others(path) {
            findings.push(Finding::new(
                "secret-file-readable",
                Severity::Warning,
                format!(
                    "{} holds credentials, and other users can read it",
                    path.display()
                ),
                format!("chmod 600 {}", path.display()),
            ));
        }
        servers.extend(entries.into_iter().flat_map(|e| e.urls));
    }
    anyhow::ensure!(
        servers.len() <= MAX_SERVERS,
        "{} servers are named, and at most {MAX_SERVERS} are asked",
        servers.len()
    );
    let mut unique: Vec<ServerUri> = Vec::new();
    for server in servers {
        if !unique.contains(&server) {
            unique.push(server);
        }
    }
    Ok((unique, findings))
}

fn default_servers() -> Vec<ServerUri> {
    DEFAULT_SERVERS
        .iter()
        .map(|uri| uri.parse().expect("the default servers are valid"))
        .collect()
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum EventLine<'a> {
    Observation {
        #[serde(flatten)]
        observation: &'a ObservationReport,
    },
    Resolved {
        uri: &'a str,
        addresses: &'a [std::net::SocketAddr],
    },
}

async fn show_events(mut events: mpsc::UnboundedReceiver<Event>, common: &Common, output: &Output) {
    let mut tests = 0;
    while let Some(event) = events.recv().await {
        let line = match &event {
            Event::Observation(observation) => {
                tests += 1;
                output.progress(format!("{tests} tests done"));
                EventLine::Observation { observation }
            }
            Event::Resolved { uri, addresses } => EventLine::Resolved { uri, addresses },
        };
        if common.jsonl {
            // A full disk shows at the document; an event is not worth ending for.
            if let Ok(line) = render::json_line(&line) {
                let _ = output::result(&line);
            }
        }
    }
}

fn print(common: &Common, output: &Output, document: &Document<NatResult>) -> anyhow::Result<()> {
    let text = if common.jsonl {
        render::json_line(document)?
    } else if common.json {
        render::json(document)?
    } else {
        let detail = Detail {
            observations: common.verbose,
            terse: common.quiet,
        };
        render::nat::text(document, Style::for_stdout(output.color()), detail)
    };
    output::result(&text).context("cannot write the result")
}

/// clap's message without usage and tips.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// What stands on stderr already, as a document for a script that asked for JSON.
fn usage_error(args: &[std::ffi::OsString], clock: Clock, message: String) -> ExitCode {
    let asked = |flag: &str, variable: &str| {
        let value = std::env::var(variable).unwrap_or_default().to_lowercase();
        // The values that clap takes for "no".
        let falsey = ["", "0", "n", "no", "f", "false", "off"].contains(&value.as_str());
        args.iter().any(|arg| arg == flag) || !falsey
    };
    let lines = asked("--jsonl", "RTCDIAG_JSONL");
    if lines || asked("--json", "RTCDIAG_JSON") {
        let document = error_document(clock, message);
        let text = if lines {
            render::json_line(&document)
        } else {
            render::json(&document)
        };
        if let Ok(text) = text {
            // The exit code says it all the same.
            let _ = output::result(&text);
        }
    }
    ExitCode::from(exit::ERROR)
}

/// The same once the flags are known.
fn could_not_begin(
    common: &Common,
    clock: Clock,
    output: &Output,
    error: &anyhow::Error,
) -> anyhow::Result<Outcome> {
    let message = format!("{error:#}");
    output.error(&message, None);
    if common.json || common.jsonl {
        print(common, output, &error_document(clock, message))?;
    }
    Ok(Outcome::Error)
}

fn error_document(clock: Clock, message: String) -> Document<NatResult> {
    Document {
        schema_version: SCHEMA_VERSION,
        rtcdiag_version: env!("CARGO_PKG_VERSION"),
        command: "nat",
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
