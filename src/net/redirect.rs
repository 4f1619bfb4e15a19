//! Connecting and allocating, wherever ALTERNATE-SERVER leads (RFC 8489 10).

pub mod families;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::long_way::long;
use crate::base::report::{ErrorReport, Millis};
use crate::base::stage::{Stage, StageTime};
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::leases::Lease;
use crate::net::link::{self, ConnectError, Link, Target};
use crate::net::session::{Completion, Session, SessionError};
use crate::net::stray;
use crate::proto::nat::address::is_global;
use crate::proto::stun::message::ErrorResponse;
use crate::proto::stun::uri::{Host, ServerUri, Transport};
use crate::proto::turn::client::Answer;
use crate::proto::turn::credentials::Credentials;
use crate::proto::turn::error::{Failure, wrong_source_hint};

/// How long each stage of a server may be silent.
pub const PATIENCE: Duration = Duration::from_millis(2500);

/// How long all stages of an allocation together may take.
pub const IN_ALL: Duration = Duration::from_secs(5);

/// How many round trips an answer is waited for over a long way.
const ROUND_TRIPS: u32 = 4;

/// How often one is sent on. More is a circle.
const MAX_REDIRECTS: usize = 3;

/// How often a new local port is tried if the server takes ours for that of an earlier allocation,
/// which some remember for a second after its end.
const MAX_MISMATCHES: usize = 2;

/// Whether an error means that there are too many allocations already.
pub const fn is_shortage(code: Code) -> bool {
    matches!(
        code,
        Code::AllocationQuotaReached | Code::InsufficientCapacity
    )
}

#[derive(Clone, Copy)]
pub struct AllocationQuery<'a> {
    pub target: &'a Target,
    pub source: &'a Source,
    pub local: IpAddr,
    pub credentials: Option<&'a Credentials>,
    pub family: Option<Family>,
    pub patience: Duration,
    /// When all of them together have to be over.
    pub deadline: Duration,
    pub seed: u64,
    pub clock: Clock,
    pub lease: &'a Lease,
}

impl AllocationQuery<'_> {
    fn patience_left(&self) -> Duration {
        self.patience
            .min(self.deadline.saturating_sub(self.clock.now()))
    }
}

pub struct AllocationAttempt {
    pub session: Result<Session, ConnectError>,
    /// The answer to Allocate; without a connection there is none.
    pub done: Completion,
    /// How long each stage took, redirections included.
    pub times: Vec<StageTime>,
    pub target: Target,
}

impl AllocationAttempt {
    pub fn error_code(&self) -> Option<Code> {
        self.done.outcome.as_ref().err().map(|e| e.report.code)
    }

    /// The family of the relayed address, if there is one.
    fn relayed_family(&self) -> Option<Family> {
        match &self.done.outcome {
            Ok(Answer::Allocated(allocation)) => Some(Family::of(allocation.relayed.ip())),
            _ => None,
        }
    }

    /// The error, and the stage that it came at, if nothing was heard of TURN.
    pub fn early_error(&self) -> Option<(Stage, ErrorReport)> {
        match (&self.session, &self.done.outcome) {
            (Err(error), _) => Some((error.stage, error.report.clone())),
            (Ok(session), Err(trouble)) if session.client().server().realm.is_none() => {
                Some((Stage::Allocate, trouble.report.clone()))
            }
            _ => None,
        }
    }

    /// Says the error in other words.
    pub fn set_error(&mut self, report: ErrorReport) {
        if let Err(error) = &mut self.session {
            error.report = report.clone();
        }
        if let Err(trouble) = &mut self.done.outcome {
            trouble.report = report;
        }
    }

    /// Servers that send to each other, or one that sends to itself.
    fn in_a_circle(mut self, ask: &AllocationQuery<'_>, error: ErrorResponse) -> Self {
        let failure = Failure::Circle(error);
        self.done.outcome = Err(SessionError {
            report: ErrorReport::from(&failure),
            failure: Some(failure),
        });
        self.target = ask.target.clone();
        self
    }

    /// An alternate server that cannot be used is the fault of the one that named it.
    fn blame(mut self, ask: &AllocationQuery<'_>, redirected: Option<ErrorResponse>) -> Self {
        let silent = match &self.done.outcome {
            Ok(_) => false,
            Err(trouble) => matches!(trouble.failure, None | Some(Failure::Timeout)),
        };
        if let Some(error) = redirected.filter(|_| silent) {
            let failure = Failure::Redirected(error);
            let report = ErrorReport::from(&failure);
            if let Err(error) = &mut self.session {
                error.stage = Stage::Allocate;
                error.report = report.clone();
            }
            self.done.outcome = Err(SessionError {
                report,
                failure: Some(failure),
            });
            self.target = ask.target.clone();
        }
        self
    }
}

/// Whether a server may send there: RFC 8489 10 allows the same family only, and what is not on the
/// internet is nobody's business who is.
fn is_acceptable(alternate: SocketAddr, named_by: SocketAddr) -> bool {
    let (ip, by) = (alternate.ip(), named_by.ip());
    Family::of(ip) == Family::of(by)
        && alternate.port() != 0
        && !ip.is_unspecified()
        && !ip.is_multicast()
        && ip != IpAddr::V4(Ipv4Addr::BROADCAST)
        && (is_global(ip) || !is_global(by))
        && (!ip.is_loopback() || by.is_loopback())
}

/// Connects and asks for a relayed address, and follows ALTERNATE-SERVER.
pub async fn allocate(ask: &AllocationQuery<'_>) -> AllocationAttempt {
    let mut target = ask.target.clone();
    let mut visited = vec![target.address];
    let mut redirected: Option<ErrorResponse> = None;
    let mut mismatches = 0;
    let mut times: Vec<StageTime> = Vec::new();
    loop {
        let (session, done) = once(ask, &target, &mut times).await;
        let asked = AllocationAttempt {
            session,
            done,
            times: Vec::new(),
            target: target.clone(),
        };
        let alternate = alternate_of(&asked.done).and_then(|error| {
            let address = error.alternate_server?;
            let usable = is_acceptable(address, target.address)
                && !visited.contains(&address)
                && visited.len() <= MAX_REDIRECTS;
            usable.then(|| (address, error.clone()))
        });
        if let Some((address, error)) = alternate {
            visited.push(address);
            target.address = address;
            // What is no host name cannot be in a certificate.
            let domain = error.alternate_domain.as_ref();
            if let Some(Ok(named)) = domain.map(|name| name.parse::<ServerUri>())
                && matches!(named.host, Host::Name(_))
            {
                target.host = named.host;
            }
            redirected = Some(error);
        } else if asked.error_code() == Some(Code::AllocationMismatch)
            && target.transport == Transport::Udp
            && mismatches < MAX_MISMATCHES
        {
            mismatches += 1;
        } else {
            let asked = AllocationAttempt { times, ..asked };
            let back = alternate_of(&asked.done)
                .filter(|error| error.alternate_server.is_some_and(|a| visited.contains(&a)));
            return match back.cloned() {
                Some(error) => asked.in_a_circle(ask, error),
                None => asked.blame(ask, redirected),
            };
        }
    }
}

async fn once(
    ask: &AllocationQuery<'_>,
    target: &Target,
    times: &mut Vec<StageTime>,
) -> (Result<Session, ConnectError>, Completion) {
    let patience = ask.patience_left();
    let link = Link::connect(target, ask.source, ask.local, &ask.clock, patience).await;
    let link = match link {
        Ok(link) => link,
        Err(error) => {
            add(times, &error.times);
            let trouble = SessionError {
                report: error.report.clone(),
                failure: None,
            };
            let done = Completion {
                outcome: Err(trouble),
                rtt: None,
            };
            return (Err(error), done);
        }
    };
    add(times, &link.times);
    let credentials = ask.credentials.cloned();
    let patience = ask.patience_left();
    // Over a long way the connection alone takes most of the time.
    let patience = patience.max(long(link::round_trip(&link.times)) * ROUND_TRIPS);
    let mut session = Session::new(
        link,
        credentials,
        patience,
        ask.seed,
        ask.clock,
        ask.lease.clone(),
    );
    let began = ask.clock.now();
    let elsewhere = async {
        match target.transport {
            Transport::Udp => {
                stray::answering(ask.source, ask.local, target.address, ask.seed).await
            }
            Transport::Tcp | Transport::Tls => None,
        }
    };
    let done = tokio::select! {
        done = session.request(|client, now| client.allocate(now, ask.family)) => done,
        Some(source) = elsewhere => wrong_source(target.address, source),
    };
    let took = StageTime {
        stage: Stage::Allocate,
        elapsed_ms: Millis(ask.clock.now().saturating_sub(began)),
    };
    add(times, &[took]);
    (Ok(session), done)
}

fn wrong_source(asked: SocketAddr, source: SocketAddr) -> Completion {
    let failure = Failure::WrongSource(source);
    let hint = wrong_source_hint(asked, source);
    Completion {
        outcome: Err(SessionError {
            report: ErrorReport::from(&failure).with_hint(hint),
            failure: Some(failure),
        }),
        rtt: None,
    }
}

fn alternate_of(done: &Completion) -> Option<&ErrorResponse> {
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
