//! `rtcdiag nat`.

mod rounds;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::frame::Frame;
use super::servers;
use crate::app;
use crate::app::nat::lifetime::{Tick, waited};
use crate::app::nat::{AskRouter, Depth, Event, Nat64, Options};
use crate::cli::{DIAGNOSIS_TIMEOUT, DepthArgs, NatArgs};
use crate::exit::Outcome;
use crate::family::Family;
use crate::nat::lifetime::{Kind, Range};
use crate::render;
use crate::report::Finding;
use crate::report::nat::ObservationReport;
use crate::report::nat::verdict::{self, Context};
use crate::report::words::{counted, span};
use crate::stun::uri::ServerUri;

/// Runs the command.
pub fn run(frame: &Frame, args: &NatArgs) -> anyhow::Result<Outcome> {
    let (options, mut findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    if args.depth.in_rounds() {
        return rounds::run(frame, args, &options, &findings);
    }
    let mut tests = 0;
    let mut measured = Measured::default();
    let ((result, found), stopped) = frame.work(
        format!("asking {}", counted(options.servers.len(), "server")),
        async |stop, sender| app::nat::run(&options, frame.clock, stop, sender).await,
        |event| {
            match &event {
                Event::Observation(_) => {
                    tests += 1;
                    frame.output.progress(format!("{tests} tests done"));
                }
                Event::LifetimeProgress(tick) => measured.show(frame, *tick),
                Event::Resolved { .. } | Event::Lifetime { .. } => {}
            }
            if let Some(line) = EventLine::of(&event) {
                frame.event(&line);
            }
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

/// How long the command may take where no `--timeout` says it.
pub fn time_limit(args: &NatArgs) -> Duration {
    match args.depth.lifetime {
        Some(longest) => DIAGNOSIS_TIMEOUT + app::nat::lifetime::time_limit(longest),
        None => DIAGNOSIS_TIMEOUT,
    }
}

/// The measurements of lifetimes, one for each family; the one that takes longest is shown.
#[derive(Default)]
struct Measured {
    ends: BTreeMap<Family, (Duration, Tick)>,
    began: Option<Duration>,
}

impl Measured {
    fn show(&mut self, frame: &Frame, tick: Tick) {
        let now = frame.clock.now();
        let began = *self.began.get_or_insert(now);
        self.ends.insert(tick.family, (now + tick.left, tick));
        let Some((end, tick)) = self.ends.values().max_by_key(|(end, _)| *end) else {
            return;
        };
        let left = end.saturating_sub(now);
        if left.is_zero() {
            let message = "lifetimes: trying how answers can be led".to_owned();
            return frame.output.progress(message);
        }
        let all = end.saturating_sub(began).max(Duration::from_millis(1));
        let done = 1.0 - left.as_secs_f64() / all.as_secs_f64();
        let [one, two] = tick.known.map(known);
        let message = format!(
            "{} left at most; one-packet {one}, two-way {two}",
            span(left.as_secs() + 1)
        );
        frame.output.progress_bar(done, &message);
    }
}

/// Bounds by now in a few characters.
fn known(range: Range) -> String {
    let least = range.at_least.as_secs();
    match range.at_most {
        Some(most) => format!("{least}-{} s", most.as_secs() + 1),
        None => format!("over {least} s"),
    }
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

/// Flags that exclude each other, wherever they are from. clap would take a variable that says no for
/// a flag.
fn exclude(frame: &Frame, depth: &DepthArgs) -> anyhow::Result<()> {
    let rounds = depth.in_rounds();
    for (both, names) in [
        (
            depth.all_interfaces && frame.chooses_source(),
            "--all-interfaces and --interface or --local",
        ),
        (
            depth.port_mapping_test && depth.no_port_mapping,
            "--port-mapping-test and --no-port-mapping",
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
    Lifetime {
        family: Family,
        flow: Kind,
        waited_s: f64,
        alive: bool,
    },
}

impl<'a> EventLine<'a> {
    /// `None` for what only a person wants to see.
    fn of(event: &'a Event) -> Option<Self> {
        Some(match event {
            Event::Observation(observation) => Self::Observation { observation },
            Event::Resolved { uri, addresses } => Self::Resolved { uri, addresses },
            Event::Lifetime { family, step } => {
                let (waited_s, alive) = waited(step);
                Self::Lifetime {
                    family: *family,
                    flow: step.kind,
                    waited_s,
                    alive,
                }
            }
            Event::LifetimeProgress(_) => return None,
        })
    }
}
