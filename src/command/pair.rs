//! `rtcdiag pair`.

mod meeting_place;

use anyhow::Context as _;
use rand::Rng as _;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::frame::Frame;
use super::{gather, servers};
use crate::app;
use crate::app::pair::{Event, Options, Paired, SideOf, Way};
use crate::cli::pair::{ManualForm, PairArgs};
use crate::exit::Outcome;
use crate::fact::Reason;
use crate::nat::address::is_global;
use crate::net::host::Source;
use crate::net::rendezvous::client::Target;
use crate::render;
use crate::report::gather::GatherServerReport;
use crate::report::pair::{SideCandidate, TimelineEntry, TimelineEvent, verdict};
use crate::report::{ErrorReport, Finding, Millis};
use crate::signal::code::Code;
use crate::signal::rooms::RoomName;
use crate::signal::seal::Name;
use crate::stun::uri::Host;
use meeting_place::Place;

/// Runs the command.
pub fn run(frame: &Frame, args: &PairArgs) -> anyhow::Result<Outcome> {
    if args.new_code {
        // Not left to clap, to which RTCDIAG_NEW_CODE=0 would be a conflict too.
        if args.code.is_some() || args.manual.is_some() {
            return frame.could_not_begin(&anyhow::anyhow!(
                "--new-code makes a code and nothing else: leave out CODE and --manual"
            ));
        }
        let code = format!("{}\n", new_code());
        frame
            .output
            .result(&code)
            .context("cannot write the code")?;
        return Ok(Outcome::Good);
    }
    let (prepared, findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    let waiting = match prepared.way {
        PreparedWay::Manual(_) => "gathering candidates",
        PreparedWay::Rendezvous { .. } => "going to the rendezvous",
    };
    let (done, stopped) = frame.work(
        waiting.to_owned(),
        async |stop, sender| Box::pin(work(frame, prepared, stop, sender)).await,
        |event| show(frame, event, args.code.is_none()),
    )?;
    let Paired {
        result,
        mut context,
    } = match done {
        Ok(paired) => paired,
        Err(error) => {
            let hint = error
                .hint
                .map_or_else(String::new, |hint| format!("; {hint}"));
            let at = args
                .rendezvous
                .as_ref()
                .map_or_else(String::new, |url| format!("the rendezvous {url}: "));
            return frame.could_not_begin(&anyhow::anyhow!("{at}{}{hint}", error.message));
        }
    };
    context.wanted = args.expect.map(|wanted| wanted.0);
    context.stopped = context.stopped.or(stopped);
    let mut all = findings;
    all.append(&mut context.findings);
    context.findings = all;
    let verdict = verdict(&result, &context);
    frame.finish(verdict, result, render::pair::text)
}

/// Everything that can be known before the first packet.
struct Prepared {
    way: PreparedWay,
    gather: app::gather::Options,
    nat: Option<app::nat::Options>,
    role: Option<crate::ice::checks::Role>,
    duration: std::time::Duration,
    /// Flags that the other host's command has too.
    shared_flags: String,
}

enum PreparedWay {
    Manual(ManualForm),
    Rendezvous { code: Code, place: Place },
}

fn prepare(frame: &Frame, args: &PairArgs) -> anyhow::Result<(Prepared, Vec<Finding>)> {
    let (gather, findings) = gather::options(frame, &args.servers, &args.credentials, args.policy)?;
    let nat = (!args.no_nat).then(|| servers::for_nat(&gather));
    let way = match (args.manual, &args.rendezvous) {
        (Some(form), _) => PreparedWay::Manual(form),
        (None, rendezvous) => PreparedWay::Rendezvous {
            code: args.code.clone().unwrap_or_else(new_code),
            place: if let Some(url) = rendezvous {
                Place::Server(url.clone())
            } else {
                anyhow::ensure!(
                    args.code.is_none(),
                    "a CODE needs --rendezvous, the server at which the other host waits: it shows the whole command"
                );
                Place::Here(args.rendezvous_listen)
            },
        },
    };
    let prepared = Prepared {
        way,
        gather,
        nat,
        role: args.role.map(Into::into),
        duration: args.duration,
        shared_flags: shared_flags(args),
    };
    Ok((prepared, findings))
}

/// What the other host's command has in common with this one: servers, no secrets.
fn shared_flags(args: &PairArgs) -> String {
    let mut flags = String::new();
    for uri in args.servers.server.iter().flat_map(|list| &list.0) {
        flags.push_str(" -s ");
        let uri = uri.to_string();
        // `?` is a pattern to a shell.
        if uri.contains('?') || uri.contains('[') {
            flags.push('\'');
            flags.push_str(&uri);
            flags.push('\'');
        } else {
            flags.push_str(&uri);
        }
    }
    if let Some(user) = &args.credentials.turn_username {
        flags.push_str(" --turn-username ");
        flags.push_str(user);
    }
    flags
}

fn new_code() -> Code {
    Code::new(rand::rng().random())
}

/// What is shown while the work goes on.
enum Shown {
    Session {
        code: String,
        command: String,
        rendezvous: String,
        /// Whether that is here, at an address that only this network can reach.
        is_near: bool,
    },
    Other(Event),
}

async fn work(
    frame: &Frame<'_>,
    prepared: Prepared,
    stop: watch::Receiver<Option<Reason>>,
    sender: mpsc::UnboundedSender<Shown>,
) -> Result<Paired, ErrorReport> {
    let mut host = None;
    let way = match prepared.way {
        PreparedWay::Manual(ManualForm::Line) => Way::Manual,
        PreparedWay::Manual(ManualForm::Sdp) => Way::ManualSdp,
        PreparedWay::Rendezvous { code, place } => {
            let source = prepared.gather.source.clone();
            let met = place.open(&source, &prepared.gather.families, frame.clock)?;
            let is_embedded = met.server.is_some();
            let _ = sender.send(Shown::Session {
                code: code.to_string(),
                command: format!(
                    "rtcdiag pair {code} --rendezvous {}{}",
                    met.shown, prepared.shared_flags
                ),
                rendezvous: met.shown.to_string(),
                is_near: is_embedded && matches!(met.shown.host, Host::Ip(ip) if !is_global(ip)),
            });
            let target = Target {
                url: met.own,
                room: RoomName::from(&code),
                member: Name(rand::rng().random()),
                // The own server is reached by loopback, whatever interface is asked for.
                source: if is_embedded {
                    Source::default()
                } else {
                    source
                },
                families: if is_embedded {
                    vec![crate::family::Family::Ipv4, crate::family::Family::Ipv6]
                } else {
                    prepared.gather.families.clone()
                },
            };
            host = met.server;
            Way::Rendezvous {
                target,
                code,
                is_embedded,
            }
        }
    };
    let options = Options {
        gather: prepared.gather,
        nat: prepared.nat,
        way,
        role: prepared.role,
        duration: prepared.duration,
        seed: rand::rng().random(),
    };
    let (events, mut received) = mpsc::unbounded_channel();
    let forward = async {
        while let Some(event) = received.recv().await {
            // Nobody listens only when everything has ended.
            let _ = sender.send(Shown::Other(event));
        }
    };
    let (paired, ()) = tokio::join!(app::pair::run(&options, frame.clock, stop, events), forward);
    if let Some(host) = host {
        host.end().await;
    }
    paired
}

/// `is_new` if the code was made here, so that the other host has to be told of it.
fn show(frame: &Frame, shown: Shown, is_new: bool) {
    match shown {
        Shown::Session {
            code,
            command,
            rendezvous,
            is_near,
        } => {
            frame.event(&EventLine::Session {
                code: &code,
                command: &command,
                rendezvous: &rendezvous,
            });
            if is_new {
                let mut text = format!("code: {code}\non the other host:\n  {command}");
                if is_near {
                    text.push_str(
                        "\n(only this network reaches that address; from another one: --rendezvous or --manual)",
                    );
                }
                frame.output.instruct(&text);
            }
            frame
                .output
                .progress(format!("waiting at {rendezvous} for the other side"));
        }
        Shown::Other(event) => show_event(frame, &event),
    }
}

fn show_event(frame: &Frame, event: &Event) {
    frame.event(&EventLine::of(event));
    match event {
        Event::Timeline(entry) => {
            let is_detail = matches!(
                entry.event,
                TimelineEvent::CheckSent | TimelineEvent::CheckSucceeded
            );
            if !is_detail && entry.event != TimelineEvent::RendezvousJoined {
                frame.output.progress(render::pair::live(entry));
            }
        }
        Event::Description(text) => {
            let shown = text.replace('\r', "");
            let what = if text.starts_with("v=0") {
                "this side's description, SDP; give it to the other side, then paste that one's, ended by an empty line:"
            } else {
                "give this line to the other side, then paste its line:"
            };
            frame
                .output
                .instruct(&format!("{what}\n{}", shown.trim_end()));
            frame
                .output
                .progress("waiting for the other side's description".to_owned());
        }
        Event::Candidate(..) | Event::Server(_) => {}
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum EventLine<'a> {
    Session {
        code: &'a str,
        command: &'a str,
        rendezvous: &'a str,
    },
    Description {
        text: &'a str,
    },
    Timeline {
        at_ms: Millis,
        step: TimelineEvent,
        detail: Option<&'a str>,
    },
    Candidate {
        side: &'static str,
        #[serde(flatten)]
        candidate: &'a SideCandidate,
    },
    Server {
        #[serde(flatten)]
        server: &'a GatherServerReport,
    },
}

impl<'a> EventLine<'a> {
    fn of(event: &'a Event) -> Self {
        match event {
            Event::Timeline(TimelineEntry {
                at_ms,
                event,
                detail,
            }) => Self::Timeline {
                at_ms: *at_ms,
                step: *event,
                detail: detail.as_deref(),
            },
            Event::Candidate(side, candidate) => Self::Candidate {
                side: match side {
                    SideOf::Local => "local",
                    SideOf::Remote => "remote",
                },
                candidate,
            },
            Event::Server(server) => Self::Server { server },
            Event::Description(text) => Self::Description { text },
        }
    }
}
