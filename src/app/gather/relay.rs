//! Relayed addresses from one TURN server and one base.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Happening;
use super::kept::{self, Kept};
use super::rows::RowKey;
use super::verify::{self, Verification};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::link::Target;
use crate::net::redirect::{self, IN_ALL, PATIENCE};
use crate::net::session::{Done, Session};
use crate::report::gather::RelayedReport;
use crate::report::stage::{Stage, StageTime};
use crate::report::tls::TlsReport;
use crate::report::{ErrorReport, Millis};
use crate::stun::message::TransactionId;
use crate::stun::uri::Transport;
use crate::turn::client::{Allocation, Answer};
use crate::turn::credentials::Credentials;

const NO_SUCH_FAMILY: &str = "address-family-not-supported";
const QUOTA_REACHED: &str = "allocation-quota-reached";

/// How long a server may need to end an allocation, beyond two round trips.
const RELEASED_IN: Duration = Duration::from_millis(50);

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

/// Asks for a relayed address of each family. While data is sent through the first one, the second
/// is asked for; if the user's quota allows one allocation only, it waits until the first has ended.
pub async fn run(task: Task, sender: mpsc::UnboundedSender<Happening>) {
    let deadline = task.clock.now() + IN_ALL;
    let mut families = task.families.iter().copied();
    let first = families.next().unwrap_or(Family::Ipv4);
    let opened = allocate(&task, first, deadline, &sender).await;
    // What failed before the first Allocate was answered fails for the other family too.
    let is_hopeless = opened
        .outcome
        .error
        .as_ref()
        .is_some_and(|e| e.code != NO_SUCH_FAMILY);
    let second = families.next().filter(|_| !is_hopeless);
    let another = async {
        match second {
            Some(family) => Some(allocate(&task, family, deadline, &sender).await),
            None => None,
        }
    };
    let (mut outcome, another) = tokio::join!(verify(&task, opened), another);
    if let (Some(family), Some(mut other)) = (second, another) {
        let quota = other
            .outcome
            .error
            .as_ref()
            .is_some_and(|e| e.code == QUOTA_REACHED);
        if quota {
            // The server has to have seen the end of the first one.
            tokio::time::sleep(RELEASED_IN + outcome.rtt.unwrap_or_default() * 2).await;
            other = allocate(&task, family, deadline, &sender).await;
        }
        merge(&mut outcome, verify(&task, other).await);
    }
    // Nobody listens any more when the run has been stopped.
    let _ = sender.send(Happening::RelayDone {
        row: task.row,
        outcome: Box::new(outcome),
    });
}

/// The same for a session: the relayed addresses are kept and not tried, which the checks do.
pub async fn run_and_keep(
    task: Task,
    sender: mpsc::UnboundedSender<Happening>,
    kept: mpsc::UnboundedSender<Kept>,
) {
    let deadline = task.clock.now() + IN_ALL;
    let mut outcome: Option<Outcome> = None;
    let mut sessions = JoinSet::new();
    for family in &task.families {
        let opened = allocate(&task, *family, deadline, &sender).await;
        let Opened {
            outcome: mut one,
            relayed,
            session,
        } = opened;
        let is_hopeless = one.error.as_ref().is_some_and(|e| e.code != NO_SUCH_FAMILY);
        if let Some(mut relayed) = relayed {
            relayed.relays = Fact::not_tested(Reason::LeftOut);
            relayed.reachable = Fact::not_tested(Reason::LeftOut);
            one.relayed.push(relayed);
        }
        if let Some((session, allocation)) = session {
            let (commands, receiver) = mpsc::unbounded_channel();
            let _ = kept.send(Kept::Relay {
                relayed: allocation.relayed,
                commands,
            });
            sessions.spawn(kept::keep(session, allocation, receiver, kept.clone()));
        }
        match &mut outcome {
            Some(all) => merge(all, one),
            None => outcome = Some(one),
        }
        if is_hopeless {
            break;
        }
    }
    if let Some(outcome) = outcome {
        // Nobody listens any more when the run has been stopped.
        let _ = sender.send(Happening::RelayDone {
            row: task.row,
            outcome: Box::new(outcome),
        });
    }
    while sessions.join_next().await.is_some() {}
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

/// An allocation, or what there is instead.
struct Opened {
    outcome: Outcome,
    relayed: Option<RelayedReport>,
    session: Option<(Session, Allocation)>,
}

async fn allocate(
    task: &Task,
    family: Family,
    deadline: Duration,
    sender: &mpsc::UnboundedSender<Happening>,
) -> Opened {
    // Without the attribute a server takes IPv4 (RFC 8656 7.2), and old ones know no other.
    let wanted = (family != Family::Ipv4).then_some(family);
    let asked = redirect::allocate(&redirect::Ask {
        target: &task.target,
        source: &task.source,
        local: task.local,
        credentials: task.credentials.as_ref(),
        family: wanted,
        patience: PATIENCE,
        deadline,
        seed: task.seed.wrapping_add((family as u64) << 48),
        clock: task.clock,
    })
    .await;
    let session = match asked.session {
        Ok(session) => session,
        Err(error) => {
            let mut outcome = Outcome::failed(error.stage, error.report);
            outcome.times = asked.times;
            outcome.tls = error.tls;
            return Opened {
                outcome,
                relayed: None,
                session: None,
            };
        }
    };
    let server = session.client().server();
    let allocation = allocation_of(&asked.done);
    let known = allocation.as_ref().ok();
    let outcome = Outcome {
        times: asked.times,
        stage: Stage::Allocate,
        error: allocation.as_ref().err().cloned(),
        relayed: Vec::new(),
        mapped: known.and_then(|a| a.mapped),
        software: server.software.clone(),
        realm: server.realm.clone(),
        rtt: asked.done.rtt,
        tls: session.link().tls.clone(),
    };
    let relayed = RelayedReport {
        family,
        address: known.map(|a| a.relayed),
        lifetime_s: known.map(|a| a.lifetime_s),
        relays: Fact::not_tested(Reason::EarlierFailure),
        reachable: Fact::not_tested(Reason::EarlierFailure),
        authenticated: known.map(|a| a.authenticated),
        error: outcome.error.clone(),
    };
    if let Ok(allocation) = &allocation {
        // Nobody listens any more when the run has been stopped.
        let _ = sender.send(Happening::Relayed {
            row: task.row,
            found: Found {
                allocation: *allocation,
                local: session.link().local,
                server: asked.target.address,
                transport: task.target.transport,
            },
        });
    }
    Opened {
        outcome,
        relayed: Some(relayed),
        session: allocation.ok().map(|allocation| (session, allocation)),
    }
}

/// Sends data through the relay, and ends the allocation.
async fn verify(task: &Task, opened: Opened) -> Outcome {
    let Opened {
        mut outcome,
        mut relayed,
        session,
    } = opened;
    if let (Some((mut session, allocation)), Some(relayed)) = (session, &mut relayed) {
        outcome.stage = Stage::Relay;
        let began = task.clock.now();
        let local = session.link().local.ip();
        (relayed.relays, relayed.reachable) = verify::relays(
            &mut session,
            &Verification {
                server: task.target.address,
                allocation,
                source: &task.source,
                local,
                rtt: outcome.rtt,
                clock: task.clock,
            },
        )
        .await;
        outcome.times.push(StageTime {
            stage: Stage::Relay,
            elapsed_ms: Millis(task.clock.now().saturating_sub(began)),
        });
        session.abandon().await;
    }
    outcome.relayed.extend(relayed);
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
