//! One transport to one address of the server: everything that a call would do over it.

mod from_here;
mod judgement;
mod request;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, mpsc};

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::long_way::long;
use crate::base::report::{ErrorReport, Millis};
use crate::base::stage::{Stage, StageTime};
use crate::commands::probe;
use crate::commands::signals::Slack;
use crate::commands::turn::report::{DataReport, NonceReport, TransportReport, TransportStatus};
use crate::commands::turn::run::exchange::{Direction, Ends, Pace, Size};
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::leases::Lease;
use crate::net::link::Target;
use crate::net::mtu;
use crate::net::redirect::{self, AllocationAttempt, IN_ALL, PATIENCE, families};
use crate::net::session::Session;
use crate::proto::stun::uri::{DEFAULT_PORT, Transport};
use crate::proto::turn::client::{Allocation, Answer, DEFAULT_LIFETIME_S, NonceStyle};
use crate::proto::turn::credentials::Credentials;
use crate::proto::turn::error::OddDefault;
use request::request;

#[derive(Clone)]
pub struct Surroundings {
    pub source: Source,
    pub credentials: Option<Credentials>,
    pub clock: Clock,
    pub seed: u64,
    pub lease: Lease,
    /// The peer that the user names.
    pub peer: Option<SocketAddr>,
    /// Held for reading by trials that count single datagrams: streams begin when none does any more.
    pub quiet: Arc<RwLock<()>>,
    pub slack: Slack,
}

#[derive(Clone)]
pub struct Trial {
    pub target: Target,
    pub named: bool,
    /// With one allocation at a time: the user's quota allows no more.
    pub frugal: bool,
    pub pace: Pace,
    pub number: u64,
}

/// A trial waits no longer for others that count before its stream begins.
const FOR_OTHERS: Duration = Duration::from_millis(600);

/// What a trial takes beyond the usual time over a long way, in round trips.
const ROUND_TRIPS: u32 = 30;

/// How long a server may be busy that lost all large datagrams.
const BUSY_FOR: Duration = Duration::from_millis(500);

/// A way that has an allocation: where further questions can be asked.
#[derive(Clone)]
pub struct Opening {
    pub target: Target,
    pub local: IpAddr,
}

pub async fn run(
    trial: Trial,
    around: Surroundings,
    opened: mpsc::UnboundedSender<Opening>,
) -> TransportReport {
    let mut report = TransportReport::new(trial.target.transport, trial.named);
    report.address = Some(trial.target.address);
    report.family = Some(Family::of(trial.target.address.ip()));
    let local = match around.source.local_address_to(trial.target.address) {
        Ok(local) => local,
        Err(error) => {
            report.fail(Stage::Connect, crate::net::stream::local_error(&error));
            return report;
        }
    };
    report.local_address = Some(local);
    report.mtu = mtu::known_to(trial.target.address, local);
    let counting = Arc::clone(&around.quiet).read_owned().await;
    let (first, second) = tokio::join!(allocate(&trial, &around, local, 0), async {
        if trial.frugal {
            None
        } else {
            Some(allocate(&trial, &around, local, 1).await)
        }
    });
    let (first, odd_default) = first;
    report.odd_default = odd_default;
    // With a small quota it may be the second one that got through.
    let (first, second) = match second.map(|(second, _)| second) {
        Some(second) if !is_allocated(&first) && is_allocated(&second) => (second, None),
        second => (first, second),
    };
    let Some((a, allocation)) = take_first(first, &mut report) else {
        return report;
    };
    let server = a.1.address;
    around.slack.allow(a.0.round_trip() * ROUND_TRIPS);
    // Nobody listens any more when the run has been stopped.
    let _ = opened.send(Opening { target: a.1, local });
    let b = second.and_then(allocated);
    let to = b.as_ref().map_or(allocation.relayed, |(_, b)| b.relayed);
    let back = b.as_ref().map(|_| allocation.relayed.ip());
    let mut ends = Ends::new(
        a.0,
        b.map(|(session, _)| session),
        around.clock,
        stun_address(server, trial.target.transport),
        allocation.relayed,
    );
    ends.probe = probe::open(&around.source, local, server, &allocation);
    ends.slack = around.slack.clone();
    ends.token = token_of(around.seed, trial.number);
    let plan = Plan {
        to,
        back,
        allocation,
        pace: trial.pace,
        peer: around.peer,
    };
    exercise(&mut ends, &mut report, &plan, &around, counting).await;
    report.round_trip = Some(ends.a.round_trip());
    ends.a.release().await;
    if let Some(b) = ends.b {
        b.release().await;
    }
    report
}

/// Where the server answers Binding requests over UDP: the port of TLS is one of DTLS there.
const fn stun_address(server: SocketAddr, transport: Transport) -> SocketAddr {
    match transport {
        Transport::Tls => SocketAddr::new(server.ip(), DEFAULT_PORT),
        Transport::Udp | Transport::Tcp => server,
    }
}

fn token_of(seed: u64, number: u64) -> u32 {
    StdRng::seed_from_u64(seed ^ number.rotate_left(17)).random()
}

/// Asks for an allocation as browsers do; where that gives none of IPv4, for one of IPv4 by name, and then of IPv6.
async fn allocate(
    trial: &Trial,
    around: &Surroundings,
    local: IpAddr,
    part: u64,
) -> (AllocationAttempt, Option<OddDefault>) {
    let ask = |family| redirect::AllocationQuery {
        target: &trial.target,
        source: &around.source,
        local,
        credentials: around.credentials.as_ref(),
        family,
        patience: PATIENCE,
        deadline: around.clock.now() + IN_ALL,
        seed: around.seed ^ (trial.number << 8 | part << 40),
        clock: around.clock,
        lease: &around.lease,
    };
    let plain = ask(None);
    let asked = redirect::allocate(&plain).await;
    let (asked, odd) = families::settle(asked, &plain, Family::Ipv4).await;
    if asked.error_code() == Some(Code::AddressFamilyNotSupported) {
        (redirect::allocate(&ask(Some(Family::Ipv6))).await, odd)
    } else {
        (asked, odd)
    }
}

fn is_allocated(asked: &AllocationAttempt) -> bool {
    matches!(asked.done.outcome, Ok(Answer::Allocated(_)))
}

/// The session and allocation, if there is one.
fn allocated(asked: AllocationAttempt) -> Option<(Session, Allocation)> {
    match (asked.session, &asked.done.outcome) {
        (Ok(session), Ok(Answer::Allocated(allocation))) => Some((session, *allocation)),
        _ => None,
    }
}

/// Writes down what the first allocation tells; `None` if there is none.
fn take_first(
    asked: AllocationAttempt,
    report: &mut TransportReport,
) -> Option<((Session, Target), Allocation)> {
    report.stages.clone_from(&asked.times);
    report.address = Some(asked.target.address);
    let session = match asked.session {
        Ok(session) => session,
        Err(error) => {
            report.tls = error.tls;
            report.fail(error.stage, error.report);
            return None;
        }
    };
    describe(&session, report);
    report.rtt_ms = asked.done.rtt.map(Millis);
    match asked.done.outcome {
        Ok(Answer::Allocated(allocation)) => {
            report.lifetime_s = allocation.lifetime_s;
            report.lacks = allocation.lacks;
            report.relayed_address = Some(allocation.relayed);
            report.mapped_address = allocation.mapped;
            report.authenticated = Some(allocation.authenticated);
            report.stage = Stage::Allocate;
            Some(((session, asked.target), allocation))
        }
        Ok(_) => {
            let error = ErrorReport::new(Code::Malformed, "it answered another request");
            report.fail(Stage::Allocate, error);
            None
        }
        Err(trouble) => {
            report.quota_reached = redirect::is_shortage(trouble.report.code);
            report.fail(Stage::Allocate, trouble.report);
            None
        }
    }
}

fn describe(session: &Session, report: &mut TransportReport) {
    let server = session.client().server();
    report.tls.clone_from(&session.link().tls);
    report.software.clone_from(&server.software);
    report.realm.clone_from(&server.realm);
    report.nonce = server.nonce.map(|style| match style {
        NonceStyle::Cookie => NonceReport::Rfc8489,
        NonceStyle::Plain => NonceReport::Rfc5389,
    });
    report.password_algorithm = server.algorithm;
}

/// What is to be done with an allocation.
struct Plan {
    /// The relayed address to send to: that of the second allocation, or its own.
    to: SocketAddr,
    /// From where the second one is sent to.
    back: Option<IpAddr>,
    allocation: Allocation,
    pace: Pace,
    peer: Option<SocketAddr>,
}

/// Permission, data, channel, data, data from here, refresh, a stream.
async fn exercise(
    ends: &mut Ends,
    report: &mut TransportReport,
    plan: &Plan,
    around: &Surroundings,
    counting: OwnedRwLockReadGuard<()>,
) {
    report.status = TransportStatus::Ok;
    let clock = ends.clock;
    let from_the_start = clock.now();
    let (to, back) = (plan.to, plan.back);
    let began = clock.now();
    let permitted = request(
        ends,
        |c, now| c.permit(now, vec![to.ip()]),
        |c, now| back.map(|back| c.permit(now, vec![back])),
    )
    .await;
    took(report, Stage::Permission, clock, began);
    report.permission = fact_of(&permitted);
    if let Err(error) = &permitted
        && error.code != Code::Forbidden
    {
        // Whatever else is asked for would wait as long.
        report.status = TransportStatus::Failed;
        report.stage = Stage::Permission;
        report.error = Some(judgement::after_allocation(error));
        return;
    }
    let bound = if permitted.is_ok() {
        between_relays(ends, report, plan).await
    } else {
        let reason = why_not(&permitted);
        report.relay_to_relay = DataReport::not_tested(reason);
        report.relay_to_relay_large = DataReport::not_tested(reason);
        report.channel = Fact::not_tested(reason);
        Ok(())
    };
    if matches!(&bound, Err(error) if error.code == Code::LargePacketsLost) {
        // Whatever else is asked for waits behind what is lost.
        report.stage = Stage::Relay;
        report.arrivals = ends.arrivals;
        judgement::judge(report, bound.err(), None);
        return;
    }
    let began = clock.now();
    from_here::from_here(ends, report, &plan.allocation).await;
    if let Some(peer) = plan.peer {
        report.peer = Some(from_here::named_peer(ends, peer).await);
    }
    took(report, Stage::Relay, clock, began);
    drop(counting);
    let refreshed = match &bound {
        // Nothing that this server says next would be believed.
        Err(error) if is_untrusted(error) => Ok(()),
        _ => refresh(ends, report, &plan.allocation).await,
    };
    // A stream over a long way begins too slowly to tell how much it carries.
    let is_slow_stream = ends.a.link().is_stream() && !long(ends.a.round_trip()).is_zero();
    let is_steady = !is_slow_stream && !ends.arrivals.are_changed();
    if report.channel == Fact::Determined(true) && refreshed.is_ok() && is_steady {
        // Last, since a server that limits bandwidth loses what comes behind it.
        let alone = around.quiet.write();
        drop(tokio::time::timeout(FOR_OTHERS, alone).await);
        let mut stream = ends.stream(to, plan.pace).await;
        if stream.loses_much() {
            // A machine that is busy for a moment loses as much as a limit takes; a limit takes it again.
            let again = ends.stream(to, plan.pace).await;
            // What came whole and stops for good is no limit of the rate, which lets some of it through again.
            stream.stops &= again.bytes_received == 0;
            if again.bytes_received > stream.bytes_received {
                stream = again;
                stream.stops = false;
            }
        } else {
            stream.stops = false;
        }
        report.throughput = Some(stream);
    }
    report.stage = Stage::Refresh;
    report.arrivals = ends.arrivals;
    let age = clock.now().saturating_sub(from_the_start);
    let in_use = |error| judgement::closed_in_use(error, age);
    judgement::judge(report, bound.err().map(in_use), refreshed.err().map(in_use));
}

async fn refresh(
    ends: &mut Ends,
    report: &mut TransportReport,
    allocation: &Allocation,
) -> Result<(), ErrorReport> {
    if let Some(broken) = ends.a.client().broken() {
        return Err(broken.clone());
    }
    let began = ends.clock.now();
    let lifetime = allocation.lifetime_s.unwrap_or(DEFAULT_LIFETIME_S).max(1);
    let refreshed = request(ends, |c, now| c.refresh(now, lifetime), |_, _| None).await;
    took(report, Stage::Refresh, ends.clock, began);
    report.refresh = fact_of(&refreshed);
    refreshed
}

const fn is_untrusted(error: &ErrorReport) -> bool {
    matches!(error.code, Code::NoIntegrity | Code::BadIntegrity)
}

/// Data from one relayed address to the other and back, by indications and by a channel. How binding
/// the channel went.
async fn between_relays(
    ends: &mut Ends,
    report: &mut TransportReport,
    plan: &Plan,
) -> Result<(), ErrorReport> {
    let clock = ends.clock;
    let (to, back, from) = (plan.to, plan.back, plan.allocation.relayed);
    let began = clock.now();
    report.relay_to_relay = ends.ping(Direction::BetweenRelays(to), Size::Small).await;
    let passes = report.relay_to_relay.works == Fact::Determined(true);
    if passes {
        let way = Direction::BetweenRelays(to);
        report.relay_to_relay_large = ping_large(ends, way).await;
        if report.relay_to_relay_large.works == Fact::Determined(false) {
            if ends.a.link().is_stream() && ends.is_stuck(way).await {
                took(report, Stage::Relay, clock, began);
                return Err(stuck());
            }
            report.largest_payload = ends.largest(way).await;
        }
    }
    took(report, Stage::Relay, clock, began);
    let began = clock.now();
    let bound = request(
        ends,
        |c, now| c.bind_channel(now, to),
        |c, now| back.map(|_| c.bind_channel(now, from)),
    )
    .await;
    report.channel = fact_of(&bound);
    if bound.is_ok() {
        let by_channel = ends.ping(Direction::ByChannel(to), Size::Small).await;
        if passes && (by_channel.received > 0 || report.relay_to_relay.mostly_passes()) {
            report.channel = by_channel.works.clone();
        } else if passes {
            report.channel = Fact::inconclusive(
                Reason::PacketLoss,
                "nothing came through the channel, where most of what is sent in indications is lost too",
            );
        }
        report.by_channel = by_channel;
        // Where shorter ones are lost too, so are these.
        let is_lost = report.relay_to_relay_large.works == Fact::Determined(false);
        let is_close = report
            .largest_payload
            .is_some_and(|fits| fits >= NEARLY_LARGE);
        if is_lost && is_close && report.channel == Fact::Determined(true) {
            report.by_channel_large = ping_large(ends, Direction::ByChannel(to)).await;
        }
    }
    took(report, Stage::Channel, clock, began);
    bound
}

/// What comes through in an indication where 1,200 bytes come through by a channel, which adds 32 bytes less.
const NEARLY_LARGE: usize = 1100;

/// Nothing comes over a stream behind a segment that is lost each time.
fn stuck() -> ErrorReport {
    ErrorReport::new(
        Code::LargePacketsLost,
        "the connection carries nothing more once a large datagram was sent over it",
    )
}

/// Tries large datagrams, and once more after a while if none came: a server or a host that is busy for a moment loses some too.
async fn ping_large(ends: &mut Ends, way: Direction) -> DataReport {
    let first = ends.ping(way, Size::Large).await;
    if first.works != Fact::Determined(false) {
        return first;
    }
    tokio::time::sleep(BUSY_FOR).await;
    ends.ping(way, Size::Large).await
}

/// Why nothing can be sent without a permission.
fn why_not(permitted: &Result<(), ErrorReport>) -> Reason {
    match permitted {
        Err(error) if error.code == Code::Forbidden => Reason::PolicyForbids,
        _ => Reason::EarlierFailure,
    }
}

/// The first thing that does not work is what is wrong with the transport.
fn took(report: &mut TransportReport, stage: Stage, clock: Clock, began: Duration) {
    let elapsed = clock.now().saturating_sub(began);
    match report.stages.iter_mut().find(|s| s.stage == stage) {
        Some(known) => known.elapsed_ms = Millis(known.elapsed_ms.0 + elapsed),
        None => report.stages.push(StageTime {
            stage,
            elapsed_ms: Millis(elapsed),
        }),
    }
}

fn fact_of(outcome: &Result<(), ErrorReport>) -> Fact<bool> {
    match outcome {
        Ok(()) => Fact::Determined(true),
        Err(error) if error.code == Code::Forbidden => {
            Fact::inconclusive(Reason::PolicyForbids, error.message.clone())
        }
        Err(error) if error.code == Code::Timeout => {
            Fact::inconclusive(Reason::NoResponse, error.message.clone())
        }
        Err(error) if is_untrusted(error) => {
            Fact::inconclusive(Reason::Unusable, error.message.clone())
        }
        Err(error)
            if matches!(
                error.code,
                Code::Closed | Code::Refused | Code::Rejected | Code::Unreachable | Code::Io
            ) =>
        {
            Fact::inconclusive(Reason::EarlierFailure, error.message.clone())
        }
        Err(_) => Fact::Determined(false),
    }
}
