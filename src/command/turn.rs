//! `rtcdiag turn`.

use anyhow::Context as _;
use serde::Serialize;

use super::frame::Frame;
use super::{credentials, servers};
use crate::app;
use crate::app::turn::{Event, Options};
use crate::cli::TurnArgs;
use crate::exit::Outcome;
use crate::render;
use crate::report::Finding;
use crate::report::turn::{Context, TransportReport, verdict};
use crate::turn::credentials::Credentials;

/// Runs the command.
pub fn run(frame: &Frame, args: &TurnArgs) -> anyhow::Result<Outcome> {
    let (options, findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    let mut settled: Vec<String> = Vec::new();
    let (result, stopped) = frame.work(
        format!("testing {}", options.uri.server),
        async |stop, sender| Box::pin(app::turn::run(&options, frame.clock, stop, sender)).await,
        |event| {
            let Event::Transport(transport) = &event;
            settled.push(render::turn::live(transport));
            frame.output.progress(settled.join("\n"));
            frame.event(&EventLine::Transport { transport });
        },
    )?;
    let context = Context {
        expects_ok: args.expect.is_some(),
        stopped,
        findings,
        credentials_expire: options.credentials.as_ref().and_then(Credentials::expires),
        unix_now: frame.clock.unix_start(),
    };
    let verdict = verdict(&result, &context);
    frame.finish(verdict, result, render::turn::text)
}

/// Checks everything that can be wrong before the first packet.
fn prepare(frame: &Frame, args: &TurnArgs) -> anyhow::Result<(Options, Vec<Finding>)> {
    let source = frame.source()?;
    let families = frame.families()?;
    let patience = frame.patience();
    let (mut of_flags, mut findings) = credentials::from_flags(
        &args.credentials,
        frame.clock.unix_start(),
        patience,
        args.ice_servers.is_none(),
    )?;
    if let Some(path) = &args.ice_servers {
        anyhow::ensure!(
            of_flags.is_none(),
            "--ice-servers cannot be used together with --turn-username or --turn-secret-file"
        );
        let (entries, more) = servers::from_file(path, patience)?;
        findings.extend(more);
        let host = &args.uri.server.host;
        let entry = entries
            .iter()
            .find(|entry| entry.urls.iter().any(|u| u.is_turn() && u.host == *host))
            .with_context(|| format!("{} names no TURN server at {host}", path.display()))?;
        of_flags = credentials::from_entry(entry)
            .with_context(|| format!("cannot use the entry of {host} in {}", path.display()))?;
    }
    let options = Options {
        uri: args.uri.clone(),
        credentials: of_flags,
        families,
        source,
        policy: !args.no_policy,
        seed: rand::random(),
    };
    Ok((options, findings))
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum EventLine<'a> {
    Transport {
        #[serde(flatten)]
        transport: &'a TransportReport,
    },
}
