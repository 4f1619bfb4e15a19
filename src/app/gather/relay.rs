//! Relayed addresses from one TURN server and one base.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;

use super::rows::RowKey;
use super::verify::{self, Verification};
use super::{Happening, PATIENCE};
use crate::family::Family;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::link::Target;
use crate::net::redirect;
use crate::net::session::Done;
use crate::report::gather::RelayedReport;
use crate::report::stage::{Stage, StageTime};
use crate::report::tls::TlsReport;
use crate::report::{ErrorReport, Millis};
use crate::stun::message::TransactionId;
use crate::stun::uri::Transport;
use crate::turn::client::{Allocation, Answer};
use crate::turn::credentials::Credentials;

/// What to ask, and with what.
pub struct Task {
    pub row: RowKey,
    pub target: Target,
    pub source: Source,
    pub local: IpAddr,
    pub credentials: Option<Credentials>,
    pub families: Vec<Family>,
    pub seed: u64,
    pub clock: Clock,
}

/// A relayed address.
pub struct Found {
    pub allocation: Allocation,
    /// The socket that talks to the server.
    pub local: SocketAddr,
    /// The server that gave it, which may be another than was named (ALTERNATE-SERVER).
    pub server: SocketAddr,
    pub transport: Transport,
}

/// What came of a server.
pub struct Outcome {
    pub times: Vec<StageTime>,
    pub stage: Stage,
    pub error: Option<ErrorReport>,
    pub relayed: Vec<RelayedReport>,
    pub mapped: Option<SocketAddr>,
    pub software: Option<String>,
    pub realm: Option<String>,
    pub rtt: Option<Duration>,
    pub tls: Option<TlsReport>,
}

impl Outcome {
    /// Nothing, and why.
    pub fn failed(stage: Stage, error: ErrorReport) -> Self {
        Self {
            times: Vec::new(),
            stage,
            error: Some(error),
            relayed: Vec::new(),
            mapped: None,
            software: None,
            realm: None,
            rtt: None,
            tls: None,
        }
    }
}

/// A transaction ID from a seed.
pub fn transaction_id(seed: u64) -> TransactionId {
    StdRng::seed_from_u64(seed).random()
}

/// Asks for a relayed address of each family, one after the other: a user's quota may allow one
/// allocation only, and then the first shall have it.
pub async fn run(task: Task, sender: mpsc::UnboundedSender<Happening>) {
    let mut outcome: Option<Outcome> = None;
    for (number, family) in task.families.iter().enumerate() {
        let one = ask(&task, *family, number as u64, &sender).await;
        match &mut outcome {
            None => outcome = Some(one),
            Some(all) => merge(all, one),
        }
        // What failed before the first Allocate was answered fails for the other family too.
        let hopeless = outcome.as_ref().is_some_and(|all| {
            all.error
                .as_ref()
                .is_some_and(|e| e.code != "address-family-not-supported")
        });
        if hopeless {
            break;
        }
    }
    let outcome = outcome.unwrap_or_else(|| {
        Outcome::failed(
            Stage::Allocate,
            ErrorReport::new("wrong-family", "no family is left"),
        )
    });
    // Nobody listens any more when the run has been stopped.
    let _ = sender.send(Happening::RelayDone {
        row: task.row,
        outcome: Box::new(outcome),
    });
}

/// Two families of one server: it is well if one of them is.
fn merge(all: &mut Outcome, other: Outcome) {
    all.relayed.extend(other.relayed);
    if all.error.is_some() && other.error.is_none() {
        all.error = None;
        all.stage = other.stage;
        all.times = other.times;
        all.mapped = other.mapped;
    }
}

async fn ask(
    task: &Task,
    family: Family,
    number: u64,
    sender: &mpsc::UnboundedSender<Happening>,
) -> Outcome {
    // Without the attribute a server takes IPv4 (RFC 8656 7.2), and old ones know no other.
    let wanted = (family != Family::Ipv4).then_some(family);
    let asked = redirect::allocate(&redirect::Ask {
        target: &task.target,
        source: &task.source,
        local: task.local,
        credentials: task.credentials.as_ref(),
        family: wanted,
        patience: PATIENCE,
        seed: task.seed.wrapping_add(number << 48),
        clock: task.clock,
    })
    .await;
    let mut session = match asked.session {
        Ok(session) => session,
        Err(error) => {
            let mut outcome = Outcome::failed(error.stage, error.report);
            outcome.times = asked.times;
            outcome.tls = error.tls;
            return outcome;
        }
    };
    let mut outcome = Outcome {
        times: asked.times,
        stage: Stage::Allocate,
        error: None,
        relayed: Vec::new(),
        mapped: None,
        software: session.client().server().software.clone(),
        realm: session.client().server().realm.clone(),
        rtt: asked.done.rtt,
        tls: session.link().tls.clone(),
    };
    let mut relayed = RelayedReport {
        family,
        address: None,
        lifetime_s: None,
        relays: crate::fact::Fact::not_tested(crate::fact::Reason::NotApplicable),
        authenticated: None,
        error: None,
    };
    match allocation_of(&asked.done) {
        Err(error) => {
            relayed.error = Some(error.clone());
            outcome.error = Some(error);
        }
        Ok(allocation) => {
            let local = session.link().local;
            let _ = sender.send(Happening::Relayed {
                row: task.row,
                found: Found {
                    allocation,
                    local,
                    server: asked.server,
                    transport: task.target.transport,
                },
            });
            relayed.address = Some(allocation.relayed);
            relayed.lifetime_s = Some(allocation.lifetime_s);
            relayed.authenticated = Some(allocation.authenticated);
            outcome.mapped = allocation.mapped;
            outcome.stage = Stage::Relay;
            let began = task.clock.now();
            relayed.relays = verify::relays(
                &mut session,
                &Verification {
                    allocation,
                    source: &task.source,
                    local: local.ip(),
                    rtt: asked.done.rtt,
                    clock: task.clock,
                },
            )
            .await;
            outcome.times.push(StageTime {
                stage: Stage::Relay,
                elapsed_ms: Millis(task.clock.now().saturating_sub(began)),
            });
        }
    }
    outcome.relayed.push(relayed);
    session.release().await;
    outcome
}

/// The allocation, or why there is none.
fn allocation_of(done: &Done) -> Result<Allocation, ErrorReport> {
    match &done.outcome {
        Ok(Answer::Allocated(allocation)) => Ok(*allocation),
        Ok(_) => Err(ErrorReport::new(
            "malformed",
            "an answer to another request",
        )),
        Err(trouble) => Err(trouble.report.clone()),
    }
}
