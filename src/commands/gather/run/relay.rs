//! Relayed addresses from one TURN server and one base.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Millis};
use crate::base::stage::{Stage, StageTime};
use crate::base::tls::TlsReport;
use crate::commands::gather::report::RelayedReport;
use crate::commands::gather::run::Happening;
use crate::commands::gather::run::rows::RowKey;
use crate::commands::gather::run::supply::{self, Supplier, Supply};
use crate::commands::gather::run::verify::{self, Verification};
use crate::commands::second_look;
use crate::commands::signals::Slack;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::leases::Lease;
use crate::net::link::Target;
use crate::net::redirect::{self, AllocationAttempt, AllocationQuery, IN_ALL, PATIENCE, families};
use crate::net::session::{Completion, Session};
use crate::proto::stun::message::TransactionId;
use crate::proto::stun::uri::Transport;
use crate::proto::turn::client::{Allocation, Answer, DEFAULT_LIFETIME_S};
use crate::proto::turn::credentials::Credentials;

/// How long a server may need to end an allocation, beyond two round trips.
const RELEASED_IN: Duration = Duration::from_millis(50);

/// What a server takes beyond the usual time over a long way, in round trips.
const ROUND_TRIPS: u32 = 16;

pub struct RelayTask {
    pub row: RowKey,
    pub target: Target,
    pub source: Source,
    pub local: IpAddr,
    pub credentials: Option<Credentials>,
    pub families: Vec<Family>,
    pub seed: u64,
    pub clock: Clock,
    pub lease: Lease,
    pub slack: Slack,
    /// Whether to look closer at a server that does not answer.
    pub looks: bool,
}

pub struct RelayedAddress {
    pub allocation: Allocation,
    /// The socket that talks to the server.
    pub local: SocketAddr,
    /// The server that gave it, which may be another than was named (ALTERNATE-SERVER).
    pub server: SocketAddr,
    pub transport: Transport,
}

pub struct RelayOutcome {
    pub times: Vec<StageTime>,
    pub stage: Stage,
    pub error: Option<ErrorReport>,
    pub relayed: Vec<RelayedReport>,
    pub mapped: Option<SocketAddr>,
    pub software: Option<String>,
    pub realm: Option<String>,
    pub rtt: Option<Duration>,
    /// It takes no longer.
    pub round_trip: Option<Duration>,
    /// A round trip of data takes no longer.
    pub data_took: Option<Duration>,
    pub tls: Option<TlsReport>,
}

impl RelayOutcome {
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
            round_trip: None,
            data_took: None,
            tls: None,
        }
    }
}

pub fn transaction_id(seed: u64) -> TransactionId {
    StdRng::seed_from_u64(seed).random()
}

/// Asks for a relayed address of each family. While data is sent through the first one, the second
/// is asked for; if the user's quota allows one allocation only, it waits until the first has ended.
pub async fn run(task: RelayTask, sender: mpsc::UnboundedSender<Happening>) {
    let deadline = task.clock.now() + IN_ALL;
    let mut families = task.families.iter().copied();
    let first = families.next().unwrap_or(Family::Ipv4);
    let opened = allocate(&task, first, deadline, &sender).await;
    // What failed before the first Allocate was answered fails for the other family too.
    let is_hopeless = opened
        .outcome
        .error
        .as_ref()
        .is_some_and(|e| e.code != Code::AddressFamilyNotSupported);
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
            .is_some_and(|e| e.code == Code::AllocationQuotaReached);
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
    task: RelayTask,
    sender: mpsc::UnboundedSender<Happening>,
    supply: Supplier,
) {
    let deadline = task.clock.now() + IN_ALL;
    let mut outcome: Option<RelayOutcome> = None;
    let mut sessions = JoinSet::new();
    for family in &task.families {
        let opened = allocate(&task, *family, deadline, &sender).await;
        let Opening {
            outcome: mut one,
            relayed,
            session,
        } = opened;
        let is_hopeless = one
            .error
            .as_ref()
            .is_some_and(|e| e.code != Code::AddressFamilyNotSupported);
        if let Some(mut relayed) = relayed {
            relayed.relays = Fact::not_tested(Reason::LeftOut);
            relayed.reachable = Fact::not_tested(Reason::LeftOut);
            relayed.reachable_after_sending = Fact::not_tested(Reason::LeftOut);
            one.relayed.push(relayed);
        }
        if let Some((session, allocation)) = session {
            let (commands, receiver) = mpsc::unbounded_channel();
            supply.send(Supply::Relay {
                relayed: allocation.relayed,
                commands,
            });
            sessions.spawn(supply::keep(session, allocation, receiver, supply.clone()));
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
fn merge(all: &mut RelayOutcome, other: RelayOutcome) {
    all.relayed.extend(other.relayed);
    if all.error.is_some() && other.error.is_none() {
        all.error = None;
        all.stage = other.stage;
        all.times = other.times;
        all.mapped = other.mapped;
    }
}

struct Opening {
    outcome: RelayOutcome,
    relayed: Option<RelayedReport>,
    session: Option<(Session, Allocation)>,
}

async fn allocate(
    task: &RelayTask,
    family: Family,
    deadline: Duration,
    sender: &mpsc::UnboundedSender<Happening>,
) -> Opening {
    // Without the attribute a server takes IPv4 (RFC 8656 7.2), and old ones know no other.
    let wanted = (family != Family::Ipv4).then_some(family);
    let ask = AllocationQuery {
        target: &task.target,
        source: &task.source,
        local: task.local,
        credentials: task.credentials.as_ref(),
        family: wanted,
        patience: PATIENCE,
        deadline,
        seed: task.seed.wrapping_add((family as u64) << 48),
        clock: task.clock,
        lease: &task.lease,
    };
    let asked = Box::pin(ask_and_look(task, &ask)).await;
    let (asked, odd_default) = Box::pin(families::settle(asked, &ask, family)).await;
    let asked = families::without_other(asked, family);
    let session = match asked.session {
        Ok(session) => session,
        Err(error) => {
            let mut outcome = RelayOutcome::failed(error.stage, error.report);
            outcome.times = asked.times;
            outcome.tls = error.tls;
            return Opening {
                outcome,
                relayed: None,
                session: None,
            };
        }
    };
    task.slack.allow(session.round_trip() * ROUND_TRIPS);
    let server = session.client().server();
    let allocation = allocation_of(&asked.done);
    let known = allocation.as_ref().ok();
    let outcome = RelayOutcome {
        times: asked.times,
        stage: Stage::Allocate,
        error: allocation.as_ref().err().cloned(),
        relayed: Vec::new(),
        mapped: known.and_then(|a| a.mapped),
        software: server.software.clone(),
        realm: server.realm.clone(),
        rtt: asked.done.rtt,
        round_trip: None,
        data_took: None,
        tls: session.link().tls.clone(),
    };
    let relayed = RelayedReport {
        family,
        address: known.map(|a| a.relayed),
        lifetime_s: known.map(|a| a.lifetime_s.unwrap_or(DEFAULT_LIFETIME_S)),
        relays: Fact::not_tested(Reason::EarlierFailure),
        reachable: Fact::not_tested(Reason::EarlierFailure),
        reachable_after_sending: Fact::not_tested(Reason::EarlierFailure),
        authenticated: known.map(|a| a.authenticated),
        lacks: known.and_then(|a| a.lacks),
        odd_default,
        is_changed: false,
        comes_from: None,
        error: outcome.error.clone(),
    };
    if let Ok(allocation) = &allocation {
        // Nobody listens any more when the run has been stopped.
        let _ = sender.send(Happening::Relayed {
            row: task.row,
            found: RelayedAddress {
                allocation: *allocation,
                local: session.link().local,
                server: asked.target.address,
                transport: task.target.transport,
            },
        });
    }
    Opening {
        outcome,
        relayed: Some(relayed),
        session: allocation.ok().map(|allocation| (session, allocation)),
    }
}

/// When a server is looked at that has not answered.
const LOOK_AFTER: Duration = Duration::from_millis(900);

/// Asks for an allocation. What a failure before any word of TURN comes from, a closer look may tell,
/// which begins while a silent server is still waited for.
async fn ask_and_look(task: &RelayTask, ask: &AllocationQuery<'_>) -> AllocationAttempt {
    let look = second_look::of(task.target.clone(), &task.source, task.local, true);
    let mut asking = std::pin::pin!(redirect::allocate(ask));
    let mut looking = std::pin::pin!(async {
        tokio::time::sleep(LOOK_AFTER).await;
        look.beside().await
    });
    let mut beside = None;
    let mut asked = loop {
        tokio::select! {
            biased;
            asked = &mut asking => break asked,
            found = &mut looking, if task.looks && beside.is_none() => beside = Some(found),
        }
    };
    if task.looks
        && let Some((stage, error)) = asked.early_error()
    {
        let beside = async {
            match beside {
                Some(found) => found,
                None => looking.await,
            }
        };
        let better = look.better(stage, error, beside).await;
        // What another port speaks says nothing of UDP, of which silence is the news.
        let of_other_port = matches!(better.code, Code::TlsElsewhere | Code::TcpElsewhere);
        if task.target.transport != Transport::Udp || !of_other_port {
            asked.set_error(better);
        }
    }
    asked
}

async fn verify(task: &RelayTask, opened: Opening) -> RelayOutcome {
    let Opening {
        mut outcome,
        mut relayed,
        session,
    } = opened;
    if let (Some((mut session, allocation)), Some(relayed)) = (session, &mut relayed) {
        outcome.stage = Stage::Relay;
        let began = task.clock.now();
        let local = session.link().local.ip();
        let passage = verify::relays(
            &mut session,
            &Verification {
                server: task.target.address,
                allocation,
                source: &task.source,
                local,
                rtt: outcome.rtt,
                clock: task.clock,
                transaction_id: transaction_id(task.seed ^ u64::from(allocation.relayed.port())),
            },
        )
        .await;
        relayed.relays = passage.relays;
        relayed.reachable = passage.reachable;
        relayed.reachable_after_sending = passage.after_sending;
        relayed.is_changed = passage.arrived.is_changed();
        relayed.comes_from = passage.arrived.from;
        outcome.data_took = passage.arrived.took;
        outcome.round_trip = Some(session.round_trip());
        outcome.times.push(StageTime {
            stage: Stage::Relay,
            elapsed_ms: Millis(task.clock.now().saturating_sub(began)),
        });
        // Gives the allocation back; nobody waits for the answer until the end of the run.
        drop(session);
    }
    outcome.relayed.extend(relayed);
    outcome
}

fn allocation_of(done: &Completion) -> Result<Allocation, ErrorReport> {
    match &done.outcome {
        Ok(Answer::Allocated(allocation)) => Ok(*allocation),
        Ok(_) => Err(ErrorReport::new(
            Code::Malformed,
            "an answer to another request",
        )),
        Err(trouble) => Err(trouble.report.clone()),
    }
}
