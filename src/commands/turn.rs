//! `rtcdiag turn`.

pub mod args;
pub mod render;
pub mod report;
pub mod run;
pub mod verdict;

use anyhow::Context as _;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::report::Finding;
use crate::commands::frame::Frame;
use crate::commands::web_proxy::WebProxy;
use crate::commands::{credentials, servers};
use crate::proto::stun::uri::Transport;
use crate::proto::turn::credentials::Credentials;
use args::TurnArgs;
use run::{Event, Options};
use verdict::Context;

pub fn run(frame: &Frame, args: &TurnArgs) -> anyhow::Result<Outcome> {
    let (options, findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    let mut settled: Vec<String> = Vec::new();
    let (result, stopped) = frame.work(
        format!("testing {}", options.uri.server),
        async |stop, sender| Box::pin(run::run(&options, frame.clock, stop, sender)).await,
        |event| {
            let Event::Transport(transport) = &event;
            settled.push(render::live(transport));
            frame.output.progress(settled.join("\n"));
            frame.event(&event);
        },
    )?;
    let context = Context {
        expects_ok: args.expect.is_some(),
        stopped,
        findings,
        credentials_expire: options.credentials.as_ref().and_then(Credentials::expires),
        unix_now: frame.clock.unix_now(),
    };
    let verdict = verdict::verdict(&result, &context);
    frame.finish(verdict, result, render::text)
}

/// Checks everything that can be wrong before the first packet.
fn prepare(frame: &Frame, args: &TurnArgs) -> anyhow::Result<(Options, Vec<Finding>)> {
    let source = frame.source()?;
    let families = frame.families()?;
    let patience = frame.patience();
    let (mut of_flags, mut findings) = credentials::from_flags(
        &args.credentials,
        frame.clock.unix_now(),
        patience,
        args.ice_servers.is_none(),
    )?;
    if let Some(path) = &args.ice_servers {
        anyhow::ensure!(
            of_flags.is_none(),
            "--ice-servers cannot be used together with --turn-username or --turn-secret-file"
        );
        let (entries, more) = servers::from_file(path, patience)?;
        let host = &args.uri.server.host;
        let entry = entries
            .iter()
            .find(|entry| entry.urls.iter().any(|u| u.is_turn() && u.host == *host))
            .with_context(|| {
                let left_out = more.iter().find(|f| f.code == Code::IceServerLeftOut);
                let why = left_out.map_or_else(String::new, |f| format!("; {}", f.message));
                format!("{} names no TURN server at {host}{why}", path.display())
            })?;
        of_flags.clone_from(&entry.credentials);
        findings.extend(more);
        findings.extend(servers::unused_credentials(&entries));
    }
    let ways = args.uri.ways();
    if ways.iter().any(|way| way.transport != Transport::Udp) {
        findings.extend(WebProxy::finding_for([&args.uri.server]));
    }
    let options = Options {
        uri: args.uri.clone(),
        credentials: of_flags,
        families,
        source,
        policy: !args.no_policy,
        peer: args.peer,
        seed: rand::random(),
        slack: frame.slack.clone(),
    };
    Ok((options, findings))
}
