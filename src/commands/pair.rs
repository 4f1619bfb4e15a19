//! `rtcdiag pair`.

pub mod args;
pub mod render;
pub mod report;
pub mod run;
pub mod verdict;

pub mod meeting_place;
pub mod session_code;

use std::fmt::Write as _;

use rand::Rng as _;
use tokio::sync::{mpsc, watch};

use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::report::{ErrorReport, Finding};
use crate::base::words::short_span;
use crate::commands::args::{ServerArgs, TurnCredentials};
use crate::commands::frame::Frame;
use crate::commands::{gather, nat, servers};
use crate::proto::media::Kind;
use crate::proto::signal::rooms::RoomKind;
use crate::proto::signal::seal::Name;
use args::{ManualForm, PairArgs, PlaceArgs};
use meeting_place::{Appointment, Visitor};
use report::{PlaceReport, PlaceStatus, TimelineEvent};
use run::invitation::{Invitation, Told};
use run::{Event, NatSource, Options, PairRun, Signalling};

pub fn run(frame: &Frame, args: &PairArgs) -> anyhow::Result<Outcome> {
    if args.new_code {
        // Not left to clap, to which RTCDIAG_NEW_CODE=0 would be a conflict too.
        if args.code.is_some() || args.manual.is_some() {
            return frame.could_not_begin(&anyhow::anyhow!(
                "--new-code makes a code and nothing else: leave out CODE and --manual"
            ));
        }
        return session_code::show_new(frame);
    }
    let (prepared, findings) = match prepare(frame, args) {
        Ok(prepared) => prepared,
        Err(error) => return frame.could_not_begin(&error),
    };
    let is_new = matches!(
        prepared.signalling,
        PreparedSignalling::Rendezvous(Appointment { is_new: true, .. })
    );
    let waiting = match prepared.signalling {
        PreparedSignalling::Manual(_) => "gathering candidates",
        PreparedSignalling::Rendezvous(_) => "connecting to the rendezvous",
    };
    let (done, stopped) = frame.work(
        waiting.to_owned(),
        async |stop, sender| Box::pin(work(frame, prepared, stop, sender)).await,
        |event| show(frame, &event, is_new),
    )?;
    let PairRun {
        result,
        mut context,
    } = match done {
        Ok(paired) => paired,
        Err(error) => return frame.could_not_work(&error),
    };
    context.wanted = args.expect;
    context.stopped = context.stopped.or(stopped);
    context.findings.extend(findings);
    let verdict = verdict::verdict(&result, &context);
    frame.finish(verdict, result, render::text)
}

/// Everything that can be known before the first packet.
struct Plan {
    signalling: PreparedSignalling,
    gather: gather::run::Options,
    nat: Option<nat::run::Options>,
    role: Option<crate::proto::ice::checks::Role>,
    duration: std::time::Duration,
    media: Vec<Kind>,
    shares_password: bool,
    wanted: Option<verdict::WantedPair>,
    shared: SharedFlags,
}

enum PreparedSignalling {
    Manual(ManualForm),
    Rendezvous(Appointment),
}

fn prepare(frame: &Frame, args: &PairArgs) -> anyhow::Result<(Plan, Vec<Finding>)> {
    session_code::check(args.code.as_ref(), &args.servers)?;
    let (gather, mut findings) =
        gather::options(frame, &args.servers, &args.credentials, args.policy)?;
    let nat = (!args.no_nat).then(|| servers::for_nat(&gather));
    let signalling = if let Some(form) = args.manual {
        PreparedSignalling::Manual(form)
    } else {
        let code = args.code.as_ref();
        let (appointment, about_login) =
            Appointment::prepare(frame, code, &args.places, &args.broker)?;
        findings.extend(about_login);
        PreparedSignalling::Rendezvous(appointment)
    };
    let prepared = Plan {
        signalling,
        gather,
        nat,
        role: args.role.map(Into::into),
        duration: args.duration,
        media: args.media.clone(),
        shares_password: args.share_turn_password,
        wanted: args.expect,
        shared: shared_flags(&args.servers, &args.credentials, &args.places),
    };
    Ok((prepared, findings))
}

/// What the other host's command has in common with this one.
pub struct SharedFlags {
    pub text: String,
    /// Whether there are servers in a file, which stay out of it: it has passwords.
    pub has_file: bool,
}

/// The servers and places that were named, and no secrets.
pub fn shared_flags(
    servers: &ServerArgs,
    credentials: &TurnCredentials,
    places: &PlaceArgs,
) -> SharedFlags {
    let mut flags = String::new();
    for uri in servers.server.iter().flat_map(|list| &list.0) {
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
    if let Some(user) = &credentials.turn_username {
        flags.push_str(" --turn-username ");
        flags.push_str(user);
    }
    flags.push_str(&places.public_flag());
    SharedFlags {
        text: flags,
        has_file: servers.ice_servers.is_some(),
    }
}

async fn work(
    frame: &Frame<'_>,
    prepared: Plan,
    stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<PairRun, ErrorReport> {
    let mut host = None;
    let signalling = match prepared.signalling {
        PreparedSignalling::Manual(ManualForm::Line) => Signalling::Manual,
        PreparedSignalling::Manual(ManualForm::Sdp) => Signalling::ManualSdp,
        PreparedSignalling::Rendezvous(Appointment {
            code,
            is_new,
            wanted,
            listen,
            login,
        }) => {
            let member = Name(rand::rng().random());
            let opened = meeting_place::open_all(
                wanted,
                listen,
                &Visitor {
                    code: &code,
                    kind: RoomKind::Pair,
                    member,
                    source: &prepared.gather.source,
                    families: &prepared.gather.families,
                    login,
                },
                frame.clock,
            )?;
            let invitation = Invitation {
                name: "pair",
                code: code.to_string(),
                flags: prepared.shared.text,
                places: opened.flags,
                page: opened.page,
                lan: opened.lan,
                has_file: prepared.shared.has_file,
                told: Told::Nothing,
            };
            host = opened.running;
            Signalling::Rendezvous {
                places: opened.places,
                member,
                code,
                is_new,
                invitation: Some(Box::new(invitation)),
            }
        }
    };
    let options = Options {
        gather: prepared.gather,
        nat: prepared.nat.map(NatSource::Asked),
        signalling,
        role: prepared.role,
        duration: prepared.duration,
        media: prepared.media,
        shares_password: prepared.shares_password,
        wanted: prepared.wanted,
        is_watched: frame.output.is_watched(),
        seed: rand::rng().random(),
    };
    let paired = Box::pin(run::run(&options, frame.clock, stop, events)).await;
    if let Some(host) = host {
        host.end().await;
    }
    paired
}

/// How long it is waited for in all; the progress shows how long it has been.
pub fn at_most(limit: Option<std::time::Duration>) -> String {
    limit.map_or_else(String::new, |limit| {
        format!(", {} at most", short_span(limit.as_secs_f64()))
    })
}

/// Which of several places are reached, and which are not.
pub fn reached(places: &[PlaceReport]) -> String {
    let of = |status: PlaceStatus| -> Vec<&PlaceReport> {
        places
            .iter()
            .filter(|place| place.status == status)
            .collect()
    };
    let urls: Vec<&str> = of(PlaceStatus::Reached)
        .iter()
        .map(|p| p.url.as_str())
        .collect();
    let mut text = format!(
        "meeting at {}",
        if urls.is_empty() {
            "no place yet".to_owned()
        } else {
            urls.join(", ")
        }
    );
    for place in of(PlaceStatus::Failed) {
        let why = place
            .error
            .as_ref()
            .map_or("", |error| error.message.as_str());
        let _ = write!(text, "\nnot reached: {}: {why}", place.url);
    }
    for place in of(PlaceStatus::Unsettled) {
        let _ = write!(text, "\nnot reached yet: {}", place.url);
    }
    text
}

/// `is_new` if the code was made here, so that the other host has to be told of it.
fn show(frame: &Frame, event: &Event, is_new: bool) {
    frame.event(event);
    match event {
        Event::State(screen) => {
            let width = frame.output.progress_width();
            frame.output.progress(render::screen::lines(screen, width));
        }
        Event::Session(invited) => {
            if is_new || invited.is_near {
                frame.output.instruct(&invited.text("the other host"));
                // A link that works on this machine alone is of no use to a telephone.
                let link = invited.link.as_ref();
                if let Some(link) = link.filter(|link| link.starts_with("https://")) {
                    frame.output.picture(link);
                }
            }
            frame.output.progress(format!(
                "waiting for the other side at {}{}",
                invited.rendezvous,
                at_most(frame.time_limit)
            ));
        }
        Event::Timeline(entry) => {
            // What the other side is waited for at stays to be seen.
            let is_own = matches!(
                entry.event,
                TimelineEvent::RendezvousJoined
                    | TimelineEvent::CandidateFound
                    | TimelineEvent::GatheringComplete
            );
            if !entry.is_detail() && !is_own {
                frame.output.progress(render::live(entry));
            }
        }
        Event::Description { text } => {
            let shown = text.replace('\r', "");
            let what = if text.starts_with("v=0") {
                "this side's description (SDP): give it to the other side, then paste the other side's, followed by an empty line:"
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
        Event::Refused { why } => frame.output.instruct(why),
        Event::Places { places } => frame.output.say(&reached(places)),
        Event::Candidate { .. } | Event::Server(_) | Event::Rendezvous(_) => {}
    }
}
