//! `rtcdiag gather`.

use anyhow::Context as _;
use serde::Serialize;

use super::frame::Frame;
use super::{credentials, servers};
use crate::app;
use crate::app::gather::{Event, NamedServer, Options};
use crate::cli::{GatherArgs, PolicyArg, Servers, TurnCredentials};
use crate::exit::Outcome;
use crate::render;
use crate::report::gather::{
    CandidateReport, Context, GatherServerReport, Policy, RedundantReport, verdict,
};
use crate::report::words::counted;
use crate::report::{Finding, Severity};
use crate::stun::uri::ServerUri;

/// Runs the command.
pub fn run(frame: &Frame, args: &GatherArgs) -> anyhow::Result<Outcome> {
    let prepared = options(frame, &args.servers, &args.credentials, args.policy);
    let (options, findings) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    let asking = format!("asking {}", counted(options.servers.len(), "server"));
    let mut lines = vec![asking.clone()];
    let (result, stopped) = frame.work(
        asking,
        async |stop, sender| app::gather::run(&options, frame.clock, stop, sender).await,
        |event| {
            if let Event::Candidate(candidate) = &event {
                lines.push(render::gather::live(candidate));
                frame.output.progress(lines.join("\n"));
            }
            frame.event(&EventLine::of(&event));
        },
    )?;
    let mut expire: Vec<u64> = options
        .servers
        .iter()
        .filter_map(|s| s.credentials.as_ref()?.expires())
        .collect();
    expire.sort_unstable();
    expire.dedup();
    let context = Context {
        policy: options.policy,
        expected: args.expect.clone().map(|e| e.0).unwrap_or_default(),
        stopped,
        findings,
        credentials_expire: expire,
        unix_now: frame.clock.unix_start(),
    };
    let verdict = verdict(&result, &context);
    frame.finish(verdict, result, render::gather::text)
}

/// Checks everything that can be wrong before the first packet.
pub(super) fn options(
    frame: &Frame,
    named: &Servers,
    user: &TurnCredentials,
    policy: PolicyArg,
) -> anyhow::Result<(Options, Vec<Finding>)> {
    let source = frame.source()?;
    let families = frame.families()?;
    let patience = frame.patience();
    let named = servers::named(named, patience)?;
    let mut findings = named.findings;
    let is_needed = named.by_uri.iter().any(ServerUri::is_turn);
    let (of_flags, more) =
        credentials::from_flags(user, frame.clock.unix_start(), patience, is_needed)?;
    findings.extend(more);
    let mut all: Vec<NamedServer> = Vec::new();
    let mut add = |server: NamedServer| {
        let known = all
            .iter()
            .any(|s| s.uri == server.uri && s.credentials == server.credentials);
        if !known {
            all.push(server);
        }
    };
    for uri in named.by_uri {
        let credentials = of_flags.clone().filter(|_| uri.is_turn());
        add(NamedServer { uri, credentials });
    }
    for (entry, number) in named.by_file.iter().zip(1..) {
        let of_entry = credentials::from_entry(entry)
            .with_context(|| format!("cannot use entry {number} of the ICE servers"))?;
        for uri in &entry.urls {
            add(NamedServer {
                uri: uri.clone(),
                credentials: of_entry.clone().filter(|_| uri.is_turn()),
            });
        }
    }
    if all.is_empty() {
        all = servers::defaults()
            .into_iter()
            .map(|uri| NamedServer {
                uri,
                credentials: None,
            })
            .collect();
    }
    let policy = match policy {
        PolicyArg::All => Policy::All,
        PolicyArg::Relay => Policy::Relay,
    };
    if policy == Policy::Relay {
        all.retain(|server| server.uri.is_turn());
        anyhow::ensure!(
            !all.is_empty(),
            "--policy relay needs a TURN server: name one with -s turn:..., or in --ice-servers"
        );
    }
    if of_flags.is_some() && !all.iter().any(|s| s.uri.is_turn()) {
        findings.push(Finding::new(
            "credentials-unused",
            Severity::Warning,
            "there are TURN credentials, and no TURN server is named for them",
            "name it with -s turn:... or turns:...",
        ));
    }
    let options = Options {
        servers: all,
        families,
        source,
        policy,
        seed: rand::random(),
    };
    Ok((options, findings))
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum EventLine<'a> {
    Candidate {
        #[serde(flatten)]
        candidate: &'a CandidateReport,
    },
    Redundant {
        #[serde(flatten)]
        candidate: &'a RedundantReport,
    },
    Server {
        #[serde(flatten)]
        server: &'a GatherServerReport,
    },
}

impl<'a> EventLine<'a> {
    fn of(event: &'a Event) -> Self {
        match event {
            Event::Candidate(candidate) => Self::Candidate { candidate },
            Event::Redundant(candidate) => Self::Redundant { candidate },
            Event::Server(server) => Self::Server { server },
        }
    }
}
