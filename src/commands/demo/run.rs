//! `rtcdiag demo`: all of it on loopback, with servers of its own.

mod servers;

use std::net::IpAddr;
use std::time::Duration;

use rand::Rng as _;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::base::fact::Reason;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Finding};
use crate::commands::gather::report::GatherResult;
use crate::commands::gather::run::NamedServer;
use crate::commands::gather::verdict::Policy;
use crate::commands::nat::report::NatResult;
use crate::commands::pair::report::PlaceKind;
use crate::commands::pair::run::PairRun;
use crate::commands::signals::Slack;
use crate::commands::{gather, nat, pair};
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::rendezvous::client::{Target, Way};
use crate::net::rendezvous::places::Place;
use crate::proto::signal::code::Code;
use crate::proto::signal::rooms::{RoomKind, RoomName};
use crate::proto::signal::seal::Name;
use crate::proto::stun::uri::ServerUri;
pub use servers::DemoServers;

pub struct Demonstration {
    pub servers: DemoServers,
    pub nat: (NatResult, Vec<Finding>),
    pub gather: GatherResult,
    pub pair: [PairRun; 2],
    pub code: String,
}

/// A step begins; as `--jsonl` has it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename = "step")]
pub struct Event {
    pub step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    Nat,
    Gather,
    Pair,
}

/// Starts the servers and runs everything, each step to its end.
pub async fn run(
    duration: Duration,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Demonstration, ErrorReport> {
    let (servers, running) = servers::start(clock)?;
    // Nobody may be watching.
    let tell = |step| drop(events.send(Event { step }));
    tell(Step::Nat);
    let (observations, _) = mpsc::unbounded_channel();
    let nat_options = nat::run::Options {
        servers: vec![servers.stun.clone()],
        independent: false,
        families: vec![Family::Ipv4],
        source: source(servers.locals[0]),
        seed: rand::rng().random(),
        depth: nat::run::Depth::default(),
    };
    let nat = nat::run::run(&nat_options, clock, stop.clone(), observations).await;
    tell(Step::Gather);
    let (found, _) = mpsc::unbounded_channel();
    let options = gathering(&servers, servers.locals[0]);
    let gather = gather::run::run(&options, clock, stop.clone(), found).await;
    tell(Step::Pair);
    let code = Code::new(rand::rng().random());
    let sides = servers
        .locals
        .map(|local| side(&servers, local, &code, duration));
    let (quiet_a, _) = mpsc::unbounded_channel();
    let (quiet_b, _) = mpsc::unbounded_channel();
    let (a, b) = tokio::join!(
        Box::pin(pair::run::run(&sides[0], clock, stop.clone(), quiet_a)),
        Box::pin(pair::run::run(&sides[1], clock, stop, quiet_b)),
    );
    running.end().await;
    Ok(Demonstration {
        servers,
        nat,
        gather,
        pair: [a?, b?],
        code: code.to_string(),
    })
}

fn source(local: IpAddr) -> Source {
    Source {
        interface: None,
        local: Some(local),
    }
}

fn gathering(servers: &DemoServers, local: IpAddr) -> gather::run::Options {
    let named = |uri: &ServerUri| NamedServer {
        credentials: uri.is_turn().then(|| servers.credentials.clone()),
        uri: uri.clone(),
    };
    gather::run::Options {
        servers: vec![named(&servers.stun), named(&servers.turn)],
        families: vec![Family::Ipv4],
        source: source(local),
        policy: Policy::All,
        relays_alone: false,
        seed: rand::rng().random(),
        slack: Slack::default(),
    }
}

fn side(
    servers: &DemoServers,
    local: IpAddr,
    code: &Code,
    duration: Duration,
) -> pair::run::Options {
    let gather = gathering(servers, local);
    let member = Name(rand::rng().random());
    pair::run::Options {
        nat: Some(pair::run::NatSource::Asked(nat::run::Options {
            servers: vec![servers.stun.clone()],
            independent: false,
            families: gather.families.clone(),
            source: gather.source.clone(),
            seed: rand::rng().random(),
            depth: nat::run::Depth::default(),
        })),
        signalling: pair::run::Signalling::Rendezvous {
            places: vec![pair::run::MeetingPlace {
                shown: servers.rendezvous.to_string(),
                kind: PlaceKind::Lan,
                place: Place {
                    target: Target {
                        way: Way {
                            url: servers.rendezvous.clone(),
                            source: gather.source.clone(),
                            families: gather.families.clone(),
                        },
                        room: RoomName::from(code),
                        kind: RoomKind::Pair,
                        member,
                    },
                    access: None,
                },
            }],
            member,
            code: code.clone(),
            is_new: true,
            invitation: None,
        },
        gather,
        role: None,
        duration,
        media: Vec::new(),
        shares_password: false,
        wanted: None,
        is_watched: false,
        seed: rand::rng().random(),
    }
}
