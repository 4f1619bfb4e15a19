//! Connecting and allocating, wherever ALTERNATE-SERVER leads (RFC 8489 10).

use std::net::IpAddr;
use std::time::Duration;

use super::clock::Clock;
use super::host::Source;
use super::link::{ConnectError, Link, Target};
use super::session::{Done, Session};
use crate::family::Family;
use crate::report::Millis;
use crate::report::stage::{Stage, StageTime};
use crate::stun::message::ErrorResponse;
use crate::stun::uri::Host;
use crate::turn::credentials::Credentials;
use crate::turn::error::Failure;

/// How often one is sent on. More is a circle.
const MAX_REDIRECTS: usize = 3;

/// What to ask for.
pub struct Ask<'a> {
    /// Where.
    pub target: &'a Target,
    /// From where.
    pub source: &'a Source,
    /// The local address.
    pub local: IpAddr,
    /// User and password.
    pub credentials: Option<&'a Credentials>,
    /// REQUESTED-ADDRESS-FAMILY.
    pub family: Option<Family>,
    /// How long each stage may take.
    pub patience: Duration,
    /// When all of them together have to be over.
    pub deadline: Duration,
    /// Seed of transaction IDs.
    pub seed: u64,
    /// The clock.
    pub clock: Clock,
}

impl Ask<'_> {
    fn patience_left(&self) -> Duration {
        self.patience
            .min(self.deadline.saturating_sub(self.clock.now()))
    }
}

/// What came of it.
pub struct Asked {
    /// The connection that the last answer came by.
    pub session: Result<Session, ConnectError>,
    /// The answer to Allocate; without a connection there is none.
    pub done: Done,
    /// How long each stage took, redirections included.
    pub times: Vec<StageTime>,
    /// The server that was asked last.
    pub target: Target,
}

/// Connects and asks for a relayed address, and follows ALTERNATE-SERVER.
pub async fn allocate(ask: &Ask<'_>) -> Asked {
    let mut target = ask.target.clone();
    let mut visited = vec![target.address];
    let mut times: Vec<StageTime> = Vec::new();
    loop {
        let patience = ask.patience_left();
        let link = Link::connect(&target, ask.source, ask.local, &ask.clock, patience).await;
        let link = match link {
            Ok(link) => link,
            Err(error) => {
                add(&mut times, &error.times);
                let trouble = super::session::Trouble {
                    report: error.report.clone(),
                    failure: None,
                };
                return Asked {
                    session: Err(error),
                    done: Done {
                        outcome: Err(trouble),
                        rtt: None,
                    },
                    times,
                    target,
                };
            }
        };
        add(&mut times, &link.times);
        let credentials = ask.credentials.cloned();
        let patience = ask.patience_left();
        let mut session = Session::new(link, credentials, patience, ask.seed, ask.clock);
        let began = ask.clock.now();
        let done = session
            .request(|client, now| client.allocate(now, ask.family))
            .await;
        let took = StageTime {
            stage: Stage::Allocate,
            elapsed_ms: Millis(ask.clock.now().saturating_sub(began)),
        };
        add(&mut times, &[took]);
        let alternate = alternate_of(&done).filter(|error| {
            error
                .alternate_server
                .is_some_and(|a| !visited.contains(&a) && visited.len() <= MAX_REDIRECTS)
        });
        match alternate.and_then(|error| Some((error.alternate_server?, error))) {
            Some((address, error)) => {
                visited.push(address);
                target.address = address;
                if let Some(domain) = &error.alternate_domain {
                    target.host = Host::Name(domain.clone());
                }
            }
            None => {
                return Asked {
                    session: Ok(session),
                    done,
                    times,
                    target,
                };
            }
        }
    }
}

fn alternate_of(done: &Done) -> Option<&ErrorResponse> {
    match &done.outcome {
        Err(trouble) => match &trouble.failure {
            Some(Failure::Redirected(error)) => Some(error),
            _ => None,
        },
        Ok(_) => None,
    }
}

/// Adds up the time of each stage.
fn add(times: &mut Vec<StageTime>, more: &[StageTime]) {
    for one in more {
        match times.iter_mut().find(|t| t.stage == one.stage) {
            Some(known) => known.elapsed_ms = Millis(known.elapsed_ms.0 + one.elapsed_ms.0),
            None => times.push(*one),
        }
    }
}
