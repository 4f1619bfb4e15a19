//! `rtcdiag mesh`.

pub mod args;
pub mod render;
pub mod report;
pub mod run;
pub mod verdict;

use rand::Rng as _;
use tokio::sync::{mpsc, watch};

use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::report::{ErrorReport, Finding};
use crate::base::words::counted;
use crate::commands::frame::Frame;
use crate::commands::pair::meeting_place::{self, Appointment, Visitor};
use crate::commands::pair::run::invitation::{Invitation, Told};
use crate::commands::pair::{SharedFlags, at_most, reached, session_code, shared_flags};
use crate::commands::{gather, servers};
use crate::proto::mesh::lobby::Settings;
use crate::proto::signal::rooms::RoomKind;
use crate::proto::signal::seal::Name;
use args::MeshArgs;
use run::{Event, MeshRun, Options};

pub fn run(frame: &Frame, args: &MeshArgs) -> anyhow::Result<Outcome> {
    if args.new_code {
        if args.code.is_some() {
            return frame.could_not_begin(&anyhow::anyhow!(
                "--new-code makes a code and nothing else: leave out CODE"
            ));
        }
        return session_code::show_new(frame);
    }
    let (plan, findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    let is_new = plan.appointment.is_new;
    let (done, stopped) = frame.work(
        "connecting to the rendezvous".to_owned(),
        async |stop, sender| Box::pin(work(frame, plan, stop, sender)).await,
        |event| show(frame, &event, is_new),
    )?;
    let MeshRun {
        result,
        mut context,
    } = match done {
        Ok(run) => run,
        Err(error) => return frame.could_not_work(&error),
    };
    context.wanted = args.expect;
    context.stopped = context.stopped.or(stopped);
    context.came_with_code = !is_new;
    context.findings.extend(findings);
    let verdict = verdict::verdict(&result, &context);
    frame.finish(verdict, result, render::text)
}

/// Everything that can be known before the first packet.
struct Plan {
    appointment: Appointment,
    shared: SharedFlags,
    options: Options,
}

fn prepare(frame: &Frame, args: &MeshArgs) -> anyhow::Result<(Plan, Vec<Finding>)> {
    session_code::check(args.code.as_ref(), &args.servers)?;
    let (gather, mut findings) =
        gather::options(frame, &args.servers, &args.credentials, args.policy)?;
    let code = args.code.as_ref();
    let (appointment, about_login) = Appointment::prepare(frame, code, &args.places, &args.broker)?;
    findings.extend(about_login);
    let own = Name(rand::rng().random());
    let options = Options {
        nat: (!args.no_nat).then(|| servers::for_nat(&gather)),
        gather,
        code: appointment.code.clone(),
        places: Vec::new(),
        invitation: None,
        lobby: Settings {
            own,
            name: name(frame, args, own),
            software: concat!("rtcdiag/", env!("CARGO_PKG_VERSION")).to_owned(),
            hosts: args.hosts,
        },
        duration: args.duration,
    };
    let plan = Plan {
        appointment,
        shared: shared_flags(&args.servers, &args.credentials, &args.places),
        options,
    };
    Ok((plan, findings))
}

/// How this host is called. Who wants no addresses shown does not want its name told either.
fn name(frame: &Frame, args: &MeshArgs, own: Name) -> String {
    let random = || format!("host-{:02x}{:02x}", own.0[0], own.0[1]);
    match &args.name {
        Some(name) => name.clone(),
        None if frame.common.redact => random(),
        None => {
            let name = gethostname::gethostname();
            let name = name.to_string_lossy();
            let short = name.split('.').next().unwrap_or_default().trim();
            if short.is_empty() {
                random()
            } else {
                short.to_owned()
            }
        }
    }
}

async fn work(
    frame: &Frame<'_>,
    plan: Plan,
    stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<MeshRun, ErrorReport> {
    let Plan {
        appointment,
        shared,
        mut options,
    } = plan;
    let code = appointment.code;
    let opened = meeting_place::open_all(
        appointment.wanted,
        appointment.listen,
        &Visitor {
            code: &run::lobby_code(&code),
            kind: RoomKind::Lobby,
            member: options.lobby.own,
            source: &options.gather.source,
            families: &options.gather.families,
            login: appointment.login,
        },
        frame.clock,
    )?;
    options.places = opened.places;
    options.invitation = Some(Invitation {
        name: "mesh",
        code: code.to_string(),
        flags: shared.text,
        places: opened.flags,
        // A mesh has no page.
        page: None,
        lan: opened.lan,
        has_file: shared.has_file,
        told: Told::Nothing,
    });
    let done = Box::pin(run::run(&options, frame.clock, stop, events)).await;
    if let Some(host) = opened.running {
        host.end().await;
    }
    done
}

/// `is_new` if the code was made here, so that the other hosts have to be told of it.
fn show(frame: &Frame, event: &Event, is_new: bool) {
    frame.event(event);
    match event {
        Event::Session(invited) => {
            if is_new || invited.is_near {
                frame.output.instruct(&invited.text("each other host"));
            }
            frame.output.progress(format!(
                "waiting for the other hosts at {}{}",
                invited.rendezvous,
                at_most(frame.time_limit)
            ));
        }
        Event::Places { places } => frame.output.say(&reached(places)),
        Event::Progress { hosts, known, ways } if *hosts > 1 => {
            let hosts = counted(*hosts, "host");
            frame.output.progress(format!(
                "{hosts}: {known} of {} known",
                counted(*ways, "way")
            ));
        }
        Event::Progress { .. } | Event::Rendezvous(_) | Event::Host(_) | Event::Way(_) => {}
    }
}
