//! `rtcdiag nat`.

mod rounds;

use serde::Serialize;

use super::frame::Frame;
use super::servers;
use crate::app;
use crate::app::nat::{AskRouter, Depth, Event, Nat64, Options};
use crate::cli::{DepthArgs, NatArgs};
use crate::exit::Outcome;
use crate::render;
use crate::report::Finding;
use crate::report::nat::ObservationReport;
use crate::report::nat::verdict::{self, Context};
use crate::report::words::counted;
use crate::stun::uri::ServerUri;

/// Runs the command.
pub fn run(frame: &Frame, args: &NatArgs) -> anyhow::Result<Outcome> {
    let (options, mut findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    if args.depth.in_rounds() {
        return rounds::run(frame, args, options, &findings);
    }
    let mut tests = 0;
    let ((result, found), stopped) = frame.work(
        format!("asking {}", counted(options.servers.len(), "server")),
        async |stop, sender| app::nat::run(&options, frame.clock, stop, sender).await,
        |event| {
            if let Event::Observation(_) = &event {
                tests += 1;
                frame.output.progress(format!("{tests} tests done"));
            }
            frame.event(&EventLine::of(&event));
        },
    )?;
    findings.extend(found);
    let context = Context {
        expectations: args.expect.clone(),
        stopped,
        findings,
    };
    let verdict = verdict::verdict(&result, context);
    frame.finish(verdict, result, render::nat::text)
}

fn depth(args: &DepthArgs) -> Depth {
    Depth {
        port_mapping: if args.no_port_mapping {
            AskRouter::Nothing
        } else if args.port_mapping_test {
            AskRouter::Mapping
        } else {
            AskRouter::Questions
        },
        tcp: !args.no_tcp,
        collision: args.collision_test,
        lifetime: args.lifetime,
        nat64: args.nat64_prefix.map_or(Nat64::Discovered, Nat64::Given),
        all_interfaces: args.all_interfaces,
    }
}

/// Checks everything that can be wrong before the first packet.
fn prepare(frame: &Frame, args: &NatArgs) -> anyhow::Result<(Options, Vec<Finding>)> {
    exclude(frame, &args.depth)?;
    let source = frame.source()?;
    let families = frame.families()?;
    let named = servers::named(&args.servers, frame.patience())?;
    let in_file = named.by_file.into_iter().flat_map(|entry| entry.urls);
    let mut unique: Vec<ServerUri> = Vec::new();
    for server in named.by_uri.into_iter().chain(in_file) {
        if !unique.contains(&server) {
            unique.push(server);
        }
    }
    let options = Options {
        independent: unique.is_empty(),
        servers: if unique.is_empty() {
            servers::defaults()
        } else {
            unique
        },
        families,
        source,
        seed: rand::random(),
        depth: depth(&args.depth),
    };
    Ok((options, named.findings))
}

/// Flags that exclude each other where one is from a configuration file: side by side, clap has
/// refused them.
fn exclude(frame: &Frame, depth: &DepthArgs) -> anyhow::Result<()> {
    let rounds = depth.in_rounds();
    for (both, names) in [
        (
            depth.all_interfaces && frame.chooses_source(),
            "--all-interfaces and --interface or --local",
        ),
        (
            rounds && depth.lifetime.is_some(),
            "--repeat or --watch and --lifetime",
        ),
        (
            rounds && depth.port_mapping_test,
            "--repeat or --watch and --port-mapping-test",
        ),
    ] {
        anyhow::ensure!(!both, "{names} cannot be used together");
    }
    Ok(())
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

impl<'a> EventLine<'a> {
    fn of(event: &'a Event) -> Self {
        match event {
            Event::Observation(observation) => Self::Observation { observation },
            Event::Resolved { uri, addresses } => Self::Resolved { uri, addresses },
        }
    }
}
