//! `rtcdiag gather`.

pub mod args;
pub mod render;
pub mod report;
pub mod run;
pub mod verdict;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::expiry::Expiry;
use crate::base::report::Finding;
use crate::base::words::counted;
use crate::commands::args::{ServerArgs, TurnCredentials};
use crate::commands::frame::Frame;
use crate::commands::web_proxy::WebProxy;
use crate::commands::{credentials, servers};
use crate::proto::stun::uri::{ServerUri, Transport};
use args::GatherArgs;
use run::{Event, NamedServer, Options};
use verdict::{Context, Policy};

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
        async |stop, sender| run::run(&options, frame.clock, stop, sender).await,
        |event| {
            if let Event::Candidate(candidate) = &event {
                lines.push(render::live(candidate));
                frame.output.progress(lines.join("\n"));
            }
            frame.event(&event);
        },
    )?;
    let mut expire: Vec<Expiry> = options
        .servers
        .iter()
        .filter_map(|s| s.credentials.as_ref()?.expires())
        .collect();
    expire.sort_unstable();
    expire.dedup();
    let context = Context {
        policy: options.policy,
        relays_alone: options.relays_alone,
        families: options.families.clone(),
        expected: args.expect.clone().map(|e| e.0).unwrap_or_default(),
        stopped,
        findings,
        credentials_expire: expire,
        unix_now: frame.clock.unix_now(),
    };
    let verdict = verdict::verdict(&result, &context);
    frame.finish(verdict, result, render::text)
}

/// Checks everything that can be wrong before the first packet.
pub(super) fn options(
    frame: &Frame,
    named: &ServerArgs,
    user: &TurnCredentials,
    policy: Policy,
) -> anyhow::Result<(Options, Vec<Finding>)> {
    let source = frame.source()?;
    let families = frame.families()?;
    let patience = frame.patience();
    let named = servers::named(named, patience)?;
    let mut findings = named.findings;
    findings.extend(servers::unused_credentials(&named.by_file));
    let is_needed = named.by_uri.iter().any(ServerUri::is_turn);
    let (of_flags, more) =
        credentials::from_flags(user, frame.clock.unix_now(), patience, is_needed)?;
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
    for entry in &named.by_file {
        for uri in &entry.urls {
            add(NamedServer {
                uri: uri.clone(),
                credentials: entry.credentials.clone().filter(|_| uri.is_turn()),
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
    if policy == Policy::Relay {
        all.retain(|server| server.uri.is_turn());
        anyhow::ensure!(
            !all.is_empty(),
            "--policy relay needs a TURN server: name one with -s turn:..., or in --ice-servers"
        );
    }
    if of_flags.is_some() && !is_needed {
        // Those of a file have their own, or none.
        findings.push(if all.iter().any(|s| s.uri.is_turn()) {
            Finding::new(
                Code::CredentialsUnused,
                "there are TURN credentials from flags, and the TURN servers are all from the file of --ice-servers, where only username and credential of an entry count",
                "put them into the entry, or name the server with -s turn:... or turns:...",
            )
        } else {
            Finding::new(
                Code::CredentialsUnused,
                "there are TURN credentials, but no TURN server is named for them",
                "name it with -s turn:... or turns:...",
            )
        });
    }
    let over_streams = all.iter().map(|server| &server.uri);
    let over_streams = over_streams.filter(|uri| uri.transport != Transport::Udp);
    findings.extend(WebProxy::finding_for(over_streams));
    let options = Options {
        servers: all,
        families,
        source,
        policy,
        relays_alone: named.relays_alone,
        seed: rand::random(),
        slack: frame.slack.clone(),
    };
    Ok((options, findings))
}
