//! `rtcdiag nat`.

pub mod args;
pub mod collision;
pub mod lifetime;
pub mod nat64;
pub mod render;
pub mod report;
pub mod router;
pub mod run;
pub mod tcp;
pub mod verdict;

pub mod rounds;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::exit::Outcome;
use crate::base::family::Family;
use crate::base::report::Finding;
use crate::base::words::{counted, span};
use crate::commands::args::DIAGNOSIS_TIMEOUT;
use crate::commands::frame::Frame;
use crate::commands::servers;
use crate::commands::web_proxy::WebProxy;
use crate::proto::nat::lifetime::Range;
use crate::proto::stun::uri::ServerUri;
use args::{DepthArgs, NatArgs};
use lifetime::run::Tick;
use run::{AskRouter, Depth, Event, Nat64, Options};
use verdict::Context;

pub fn run(frame: &Frame, args: &NatArgs) -> anyhow::Result<Outcome> {
    let (options, findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    if args.depth.in_rounds() {
        return rounds::run(frame, args, &options, &findings);
    }
    let context = |stopped, found: &[Finding]| Context {
        expectations: args.expect.clone(),
        stopped,
        findings: findings.iter().chain(found).cloned().collect(),
    };
    let mut tests = 0;
    let mut measured = LifetimeProgress::default();
    let ((result, found), stopped) = frame.work(
        format!("asking {}", counted(options.servers.len(), "server")),
        async |stop, sender| run::run(&options, frame.clock, stop, sender).await,
        |event| {
            match &event {
                Event::Observation(_) => {
                    tests += 1;
                    frame.output.progress(format!("{tests} tests done"));
                }
                Event::LifetimeProgress(tick) => measured.show(frame, *tick),
                Event::SoFar(known) => {
                    let (result, found) = known.as_ref();
                    let verdict = verdict::verdict(result, context(None, found));
                    frame.output.progress(render::so_far(&verdict, result));
                }
                Event::Resolved { .. } | Event::Lifetime { .. } => {}
            }
            frame.event(&event);
        },
    )?;
    let verdict = verdict::verdict(&result, context(stopped, &found));
    frame.finish(verdict, result, render::text)
}

/// How long the command may take where no `--timeout` says it.
pub fn time_limit(args: &NatArgs) -> Duration {
    match args.depth.lifetime {
        Some(longest) => DIAGNOSIS_TIMEOUT + lifetime::run::time_limit(longest),
        None => DIAGNOSIS_TIMEOUT,
    }
}

/// The measurements of lifetimes, one for each family; the one that takes longest is shown.
#[derive(Default)]
struct LifetimeProgress {
    ends: BTreeMap<Family, (Duration, Tick)>,
    began: Option<Duration>,
}

impl LifetimeProgress {
    fn show(&mut self, frame: &Frame, tick: Tick) {
        let now = frame.clock.now();
        let began = *self.began.get_or_insert(now);
        self.ends.insert(tick.family, (now + tick.left, tick));
        let Some((end, tick)) = self.ends.values().max_by_key(|(end, _)| *end) else {
            return;
        };
        let left = end.saturating_sub(now);
        if left.is_zero() {
            let message = "lifetimes: finding out how answers can be directed".to_owned();
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
    let mut findings = named.findings;
    // Beside any of them there may be a TURN server.
    findings.extend(WebProxy::finding_for(&options.servers));
    Ok((options, findings))
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
