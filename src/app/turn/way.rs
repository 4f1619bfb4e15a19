//! One transport to one address of the server: everything that a call would do over it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;

use super::exchange::{Ends, Way as DataWay};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::nat::address::is_global;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::link::Target;
use crate::net::redirect::{self, Asked, IN_ALL, PATIENCE};
use crate::net::session::Session;
use crate::report::stage::{Stage, StageTime};
use crate::report::turn::{DataReport, NonceReport, TransportReport, TransportStatus};
use crate::report::{ErrorReport, Millis};
use crate::stun::uri::{DEFAULT_PORT, Transport};
use crate::turn::client::{Allocation, Answer, Client, NonceStyle, RequestId};
use crate::turn::credentials::Credentials;

/// What the tasks of a run share.
#[derive(Clone)]
pub struct Around {
    pub source: Source,
    pub credentials: Option<Credentials>,
    pub clock: Clock,
    pub seed: u64,
}

/// What to try.
#[derive(Clone)]
pub struct Trial {
    pub target: Target,
    pub named: bool,
    /// With one allocation at a time: the user's quota allows no more.
    pub frugal: bool,
    pub number: u64,
}

/// A way that has an allocation: where further questions can be asked.
#[derive(Clone)]
pub struct Open {
    pub target: Target,
    pub local: IpAddr,
}

/// Tries everything.
pub async fn run(
    trial: Trial,
    around: Around,
    opened: mpsc::UnboundedSender<Open>,
) -> TransportReport {
    let mut report = TransportReport::new(trial.target.transport, trial.named);
    report.address = Some(trial.target.address);
    report.family = Some(Family::of(trial.target.address.ip()));
    let local = match around.source.local_address_to(trial.target.address) {
        Ok(local) => local,
        Err(error) => {
            report.fail(Stage::Connect, crate::net::stream::io_error(&error));
            return report;
        }
    };
    report.local_address = Some(local);
    let (first, second) = tokio::join!(allocate(&trial, &around, local, 0), async {
        if trial.frugal {
            None
        } else {
            Some(allocate(&trial, &around, local, 1).await)
        }
    });
    // With a small quota it may be the second one that got through.
    let (first, second) = match second {
        Some(second) if !is_allocated(&first) && is_allocated(&second) => (second, None),
        second => (first, second),
    };
    let Some((a, allocation)) = take_first(first, &mut report) else {
        return report;
    };
    let server = a.1.address;
    // Nobody listens any more when the run has been stopped.
    let _ = opened.send(Open { target: a.1, local });
    let b = second.and_then(allocated);
    let to = b.as_ref().map_or(allocation.relayed, |(_, b)| b.relayed);
    let back = b.as_ref().map(|_| allocation.relayed.ip());
    let mut ends = Ends {
        a: a.0,
        b: b.map(|(session, _)| session),
        probe: probe(&around.source, local, server, &allocation),
        clock: around.clock,
        token: token_of(around.seed, trial.number),
        stun: stun_address(server, trial.target.transport),
    };
    exercise(&mut ends, &mut report, to, back, &allocation).await;
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

/// A token for the datagrams of a trial.
fn token_of(seed: u64, number: u64) -> u32 {
    StdRng::seed_from_u64(seed ^ number.rotate_left(17)).random()
}

/// Asks for an allocation; where the server has none of IPv4, for one of IPv6.
async fn allocate(trial: &Trial, around: &Around, local: IpAddr, part: u64) -> Asked {
    let ask = |family| redirect::Ask {
        target: &trial.target,
        source: &around.source,
        local,
        credentials: around.credentials.as_ref(),
        family,
        patience: PATIENCE,
        deadline: around.clock.now() + IN_ALL,
        seed: around.seed ^ (trial.number << 8 | part << 40),
        clock: around.clock,
    };
    let asked = redirect::allocate(&ask(None)).await;
    if asked.error_code() == Some("address-family-not-supported") {
        redirect::allocate(&ask(Some(Family::Ipv6))).await
    } else {
        asked
    }
}

fn is_allocated(asked: &Asked) -> bool {
    matches!(asked.done.outcome, Ok(Answer::Allocated(_)))
}

/// The session and allocation, if there is one.
fn allocated(asked: Asked) -> Option<(Session, Allocation)> {
    match (asked.session, &asked.done.outcome) {
        (Ok(session), Ok(Answer::Allocated(allocation))) => Some((session, *allocation)),
        _ => None,
    }
}

/// Writes down what the first allocation tells; `None` if there is none.
fn take_first(
    asked: Asked,
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
            report.lifetime_s = Some(allocation.lifetime_s);
            report.relayed_address = Some(allocation.relayed);
            report.mapped_address = allocation.mapped;
            report.authenticated = Some(allocation.authenticated);
            report.stage = Stage::Allocate;
            Some(((session, asked.target), allocation))
        }
        Ok(_) => {
            let error = ErrorReport::new("malformed", "it answered another request");
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

/// Permission, data, channel, data, throughput, data from here, refresh.
async fn exercise(
    ends: &mut Ends,
    report: &mut TransportReport,
    to: SocketAddr,
    back: Option<IpAddr>,
    allocation: &Allocation,
) {
    report.status = TransportStatus::Ok;
    let clock = ends.clock;
    let began = clock.now();
    let permitted = request(
        ends,
        |c, now| c.permit(now, vec![to.ip()]),
        |c, now| back.map(|back| c.permit(now, vec![back])),
    )
    .await;
    took(report, Stage::Permission, clock, began);
    report.permission = fact_of(&permitted);
    let mut bound = Ok(());
    if let Err(error) = &permitted
        && error.code != "forbidden"
    {
        // Whatever else is asked for would wait as long.
        report.status = TransportStatus::Failed;
        report.stage = Stage::Permission;
        report.error = Some(error.clone());
        return;
    }
    if permitted.is_ok() {
        let began = clock.now();
        report.relay_to_relay = ends.ping(DataWay::BetweenRelays(to)).await;
        took(report, Stage::Relay, clock, began);
        let began = clock.now();
        let from = allocation.relayed;
        bound = request(
            ends,
            |c, now| c.bind_channel(now, to),
            |c, now| back.map(|_| c.bind_channel(now, from)),
        )
        .await;
        report.channel = fact_of(&bound);
        if bound.is_ok() {
            let by_channel = ends.ping(DataWay::ByChannel(to)).await;
            if report.relay_to_relay.works == Fact::Determined(true) {
                report.channel = by_channel.works;
            }
        }
        took(report, Stage::Channel, clock, began);
    } else {
        let reason = why_not(&permitted);
        report.relay_to_relay = DataReport::not_tested(reason);
        report.channel = Fact::not_tested(reason);
    }
    let began = clock.now();
    report.to_reflexive = from_here(ends, allocation).await;
    if report.channel == Fact::Determined(true) {
        // Last, since a server that limits bandwidth loses what comes behind it.
        report.throughput = ends.burst(to).await;
    }
    took(report, Stage::Relay, clock, began);
    let began = clock.now();
    let lifetime = allocation.lifetime_s.max(1);
    let refreshed = request(ends, |c, now| c.refresh(now, lifetime), |_, _| None).await;
    took(report, Stage::Refresh, clock, began);
    report.refresh = fact_of(&refreshed);
    report.stage = Stage::Refresh;
    judge(report, bound.err(), refreshed.err());
}

/// Makes the same request at both ends.
async fn request(
    ends: &mut Ends,
    of_a: impl FnOnce(&mut Client, Duration) -> RequestId,
    of_b: impl FnOnce(&mut Client, Duration) -> Option<RequestId>,
) -> Result<(), ErrorReport> {
    let a = ends.a.begin(of_a);
    let b = ends.b.as_mut().and_then(|session| session.begin(of_b));
    let (a, b) = ends.settle(a, b).await;
    a.and(b.unwrap_or(Ok(())))
}

async fn from_here(ends: &mut Ends, allocation: &Allocation) -> DataReport {
    let (Some(mapped), true) = (allocation.mapped, ends.probe.is_some()) else {
        return DataReport::not_tested(Reason::NotApplicable);
    };
    let permitted = request(ends, |c, now| c.permit(now, vec![mapped.ip()]), |_, _| None).await;
    if permitted.is_err() {
        return DataReport::not_tested(why_not(&permitted));
    }
    ends.open_from_inside(allocation.relayed).await;
    ends.ping(DataWay::FromHere(allocation.relayed)).await
}

/// Why nothing can be sent without a permission.
fn why_not(permitted: &Result<(), ErrorReport>) -> Reason {
    match permitted {
        Err(error) if error.code == "forbidden" => Reason::PolicyForbids,
        _ => Reason::EarlierFailure,
    }
}

/// The first thing that does not work is what is wrong with the transport.
fn judge(report: &mut TransportReport, channel: Option<ErrorReport>, refresh: Option<ErrorReport>) {
    let between = &report.relay_to_relay.works;
    let here = &report.to_reflexive.works;
    let yes = Fact::Determined(true);
    let no = Fact::Determined(false);
    let forbidden = Fact::not_tested(Reason::PolicyForbids);
    let wrong = if *between == yes || *here == yes {
        None
    } else if *between == no {
        Some((
            Stage::Relay,
            ErrorReport::new(
                "no-data",
                "it allocates and grants permissions, but nothing comes through the relay",
            )
            .with_hint("open the relay ports in the server's firewall (coturn: min-port to max-port, UDP), and check relay-ip and external-ip"),
        ))
    } else if *between == forbidden && *here == forbidden {
        Some((
            Stage::Permission,
            ErrorReport::new(
                "forbidden",
                "its policy forbids every peer that was tried, also the address that it sees this host at, so nothing can be relayed",
            )
            .with_hint("look at the server's rules for peer addresses (coturn: allowed-peer-ip, denied-peer-ip)"),
        ))
    } else {
        None
    };
    let channel = channel.map(|error| (Stage::Channel, error)).or_else(|| {
        (report.channel == no).then(|| {
            let error = ErrorReport::new(
                "no-channel-data",
                "a channel was bound, but nothing comes through it",
            )
            .with_hint("the server, or something on the way, breaks ChannelData (RFC 8656 12)");
            (Stage::Channel, error)
        })
    });
    let wrong = wrong
        .or(channel)
        .or_else(|| refresh.map(|error| (Stage::Refresh, error)));
    if let Some((stage, error)) = wrong {
        report.status = TransportStatus::Failed;
        report.stage = stage;
        report.error = Some(error);
    }
}

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
        Err(error) if error.code == "forbidden" => {
            Fact::inconclusive(Reason::PolicyForbids, error.message.clone())
        }
        Err(error) if error.code == "timeout" => {
            Fact::inconclusive(Reason::NoResponse, error.message.clone())
        }
        Err(_) => Fact::Determined(false),
    }
}

/// A UDP socket that can send to the relayed address, and that the relay can send to.
fn probe(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
    allocation: &Allocation,
) -> Option<tokio::net::UdpSocket> {
    // A public server has no business to send us to an address of our own network.
    if is_global(server.ip()) && !is_global(allocation.relayed.ip()) {
        return None;
    }
    let family = Family::of(allocation.relayed.ip());
    let mapped = Family::of(allocation.mapped?.ip());
    (Family::of(local) == family && mapped == family)
        .then(|| source.udp(local).ok())
        .flatten()
}
