//! `rtcdiag demo`: all of it on loopback, with servers of its own.

mod servers;

use std::net::IpAddr;
use std::time::Duration;

use rand::Rng as _;
use tokio::sync::{mpsc, watch};

use crate::app::gather::NamedServer;
use crate::app::pair::Paired;
use crate::app::{gather, nat, pair};
use crate::fact::Reason;
use crate::family::Family;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::rendezvous::client::Target;
use crate::report::gather::{GatherResult, Policy};
use crate::report::nat::NatResult;
use crate::report::{ErrorReport, Finding};
use crate::signal::code::Code;
use crate::signal::rooms::RoomName;
use crate::signal::seal::Name;
use crate::stun::uri::ServerUri;
pub use servers::Servers;

/// What was run.
pub struct Demonstrated {
    /// Where its servers were.
    pub servers: Servers,
    /// The behaviour of loopback.
    pub nat: (NatResult, Vec<Finding>),
    /// The candidates of loopback.
    pub gather: GatherResult,
    /// Both sides of a session.
    pub pair: [Paired; 2],
    /// The code of that session.
    pub code: String,
}

/// A step of the demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// NAT behaviour.
    Nat,
    /// Candidates.
    Gather,
    /// Two sides.
    Pair,
}

/// Starts the servers and runs everything, each step to its end.
///
/// # Errors
///
/// If the servers cannot be started, or the two sides cannot meet.
pub async fn run(
    duration: Duration,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Step>,
) -> Result<Demonstrated, ErrorReport> {
    let (servers, running) = servers::start(clock)?;
    // Nobody may be watching.
    let _ = events.send(Step::Nat);
    let (observations, _) = mpsc::unbounded_channel();
    let nat_options = nat::Options {
        servers: vec![servers.stun.clone()],
        independent: false,
        families: vec![Family::Ipv4],
        source: source(servers.locals[0]),
        seed: rand::rng().random(),
        depth: nat::Depth::default(),
    };
    let nat = nat::run(&nat_options, clock, stop.clone(), observations).await;
    let _ = events.send(Step::Gather);
    let (found, _) = mpsc::unbounded_channel();
    let options = gathering(&servers, servers.locals[0]);
    let gather = gather::run(&options, clock, stop.clone(), found).await;
    let _ = events.send(Step::Pair);
    let code = Code::new(rand::rng().random());
    let sides = servers
        .locals
        .map(|local| side(&servers, local, &code, duration));
    let (quiet_a, _) = mpsc::unbounded_channel();
    let (quiet_b, _) = mpsc::unbounded_channel();
    let (a, b) = tokio::join!(
        Box::pin(pair::run(&sides[0], clock, stop.clone(), quiet_a)),
        Box::pin(pair::run(&sides[1], clock, stop, quiet_b)),
    );
    running.end().await;
    Ok(Demonstrated {
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

fn gathering(servers: &Servers, local: IpAddr) -> gather::Options {
    let named = |uri: &ServerUri| NamedServer {
        credentials: uri.is_turn().then(|| servers.credentials.clone()),
        uri: uri.clone(),
    };
    gather::Options {
        servers: vec![named(&servers.stun), named(&servers.turn)],
        families: vec![Family::Ipv4],
        source: source(local),
        policy: Policy::All,
        seed: rand::rng().random(),
    }
}

fn side(servers: &Servers, local: IpAddr, code: &Code, duration: Duration) -> pair::Options {
    let gather = gathering(servers, local);
    pair::Options {
        nat: Some(nat::Options {
            servers: vec![servers.stun.clone()],
            independent: false,
            families: gather.families.clone(),
            source: gather.source.clone(),
            seed: rand::rng().random(),
            depth: nat::Depth::default(),
        }),
        way: pair::Way::Rendezvous {
            target: Target {
                url: servers.rendezvous.clone(),
                room: RoomName::from(code),
                member: Name(rand::rng().random()),
                source: gather.source.clone(),
                families: gather.families.clone(),
            },
            code: code.clone(),
            is_embedded: true,
        },
        gather,
        role: None,
        duration,
        seed: rand::rng().random(),
    }
}
