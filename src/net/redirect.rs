//! Connecting and allocating, wherever ALTERNATE-SERVER leads (RFC 8489 10).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::clock::Clock;
use super::host::Source;
use super::link::{ConnectError, Link, Target};
use super::session::{Done, Session, Trouble};
use crate::family::Family;
use crate::nat::address::is_global;
use crate::report::stage::{Stage, StageTime};
use crate::report::{ErrorReport, Millis};
use crate::stun::message::ErrorResponse;
use crate::stun::uri::{Host, ServerUri, Transport};
use crate::turn::credentials::Credentials;
use crate::turn::error::Failure;

/// How long each stage of a server may be silent.
pub const PATIENCE: Duration = Duration::from_millis(2500);

/// How long all stages of an allocation together may take.
pub const IN_ALL: Duration = Duration::from_secs(5);

/// How often one is sent on. More is a circle.
const MAX_REDIRECTS: usize = 3;

/// How often a new local port is tried if the server takes ours for that of an earlier allocation,
/// which some remember for a second after its end.
const MAX_MISMATCHES: usize = 2;

/// Whether an error means that there are too many allocations already.
pub fn is_shortage(code: &str) -> bool {
    matches!(code, "allocation-quota-reached" | "insufficient-capacity")
}

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

impl Asked {
    /// The code of the error, if it is one.
    pub fn error_code(&self) -> Option<&'static str> {
        self.done.outcome.as_ref().err().map(|e| e.report.code)
    }

    /// An alternate server that cannot be used is the fault of the one that named it.
    fn blame(mut self, ask: &Ask<'_>, redirected: Option<ErrorResponse>) -> Self {
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
            self.done.outcome = Err(Trouble {
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
pub async fn allocate(ask: &Ask<'_>) -> Asked {
    let mut target = ask.target.clone();
    let mut visited = vec![target.address];
    let mut redirected: Option<ErrorResponse> = None;
    let mut mismatches = 0;
    let mut times: Vec<StageTime> = Vec::new();
    loop {
        let (session, done) = once(ask, &target, &mut times).await;
        let asked = Asked {
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
        } else if asked.error_code() == Some("allocation-mismatch")
            && target.transport == Transport::Udp
            && mismatches < MAX_MISMATCHES
        {
            mismatches += 1;
        } else {
            let asked = Asked { times, ..asked };
            return asked.blame(ask, redirected);
        }
    }
}

/// Connects to one server and asks it.
async fn once(
    ask: &Ask<'_>,
    target: &Target,
    times: &mut Vec<StageTime>,
) -> (Result<Session, ConnectError>, Done) {
    let patience = ask.patience_left();
    let link = Link::connect(target, ask.source, ask.local, &ask.clock, patience).await;
    let link = match link {
        Ok(link) => link,
        Err(error) => {
            add(times, &error.times);
            let trouble = Trouble {
                report: error.report.clone(),
                failure: None,
            };
            let done = Done {
                outcome: Err(trouble),
                rtt: None,
            };
            return (Err(error), done);
        }
    };
    add(times, &link.times);
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
    add(times, &[took]);
    (Ok(session), done)
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
