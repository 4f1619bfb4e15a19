//! Data through relays: two allocations, or one and a UDP socket of this host.

mod arrivals;
mod datagram;
mod first;
mod steady;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::base::fact::{Fact, Reason};
use crate::base::report::ErrorReport;
use crate::commands::probe;
use crate::commands::signals::Slack;
use crate::commands::turn::report::{Arrivals, DataReport};
use crate::net::clock::Clock;
use crate::net::session::Session;
use crate::proto::turn::client::{Event, RequestId};
use datagram::Kind;
pub use datagram::{Direction, Size};
pub use steady::Pace;

/// Datagrams of a round-trip test, and the time between them.
const PINGS: usize = 10;
const SPACING: Duration = Duration::from_millis(5);
/// How long the last answer may take.
const TAIL: Duration = Duration::from_millis(700);
/// Of the largest datagram.
const BUFFER: usize = 2048;

/// Two sessions, or one that plays both parts, and a UDP socket.
pub struct Ends {
    pub a: Session,
    /// `None`: the relayed address of `a` is sent to from itself.
    pub b: Option<Session>,
    pub probe: Option<UdpSocket>,
    pub clock: Clock,
    /// Random, in every datagram: nobody else's counts.
    pub token: u32,
    pub stun: SocketAddr,
    /// The relayed address of A.
    pub relayed: SocketAddr,
    /// How what was sent came.
    pub arrivals: Arrivals,
    /// Takes what a silent server needs of time.
    pub slack: Slack,
    /// Of the datagrams that are being answered.
    size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    A,
    B,
}

enum Happened {
    At(Side, Event),
    Probe(usize, SocketAddr),
    Due,
}

impl Ends {
    pub fn new(
        a: Session,
        b: Option<Session>,
        clock: Clock,
        stun: SocketAddr,
        relayed: SocketAddr,
    ) -> Self {
        Self {
            a,
            b,
            probe: None,
            clock,
            token: 0,
            stun,
            relayed,
            arrivals: Arrivals::NONE,
            slack: Slack::default(),
            size: Size::Small,
        }
    }

    /// How much longer data takes than over a short way: from relay to relay and back it goes that way twice, and a third time
    /// where it has to wait its turn.
    fn way(&self) -> Duration {
        self.a.round_trip() * 3
    }

    /// Waits for requests of both ends; data that comes meanwhile is dropped. The outcomes, in
    /// order.
    pub async fn settle(
        &mut self,
        of_a: RequestId,
        of_b: Option<RequestId>,
    ) -> (Result<(), ErrorReport>, Option<Result<(), ErrorReport>>) {
        let (mut a, mut b) = (None, None);
        while a.is_none() || (of_b.is_some() && b.is_none()) {
            match self.next(None, &mut []).await {
                Ok(Happened::At(
                    end,
                    Event::Done {
                        request, outcome, ..
                    },
                )) => {
                    let session = match (end, &self.b) {
                        (Side::B, Some(b)) => b,
                        _ => &self.a,
                    };
                    let done = session.done(outcome, None);
                    let outcome = done.outcome.map(drop).map_err(|t| t.report);
                    match end {
                        Side::A if request == of_a => a = Some(outcome),
                        Side::B if Some(request) == of_b => b = Some(outcome),
                        _ => {}
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    a.get_or_insert(Err(error.clone()));
                    if of_b.is_some() {
                        b.get_or_insert(Err(error));
                    }
                }
            }
        }
        (a.unwrap_or(Ok(())), b)
    }

    /// Sends datagrams at a steady pace and counts the answers, which are as large.
    pub async fn ping(&mut self, way: Direction, size: Size) -> DataReport {
        self.ping_times(way, size, PINGS).await
    }

    async fn ping_times(&mut self, way: Direction, size: Size, times: usize) -> DataReport {
        self.size = size;
        let clock = self.clock;
        let mut sent_at: Vec<Duration> = Vec::new();
        let mut round_trips: Vec<Option<Duration>> = vec![None; times];
        let mut buffer = [0; BUFFER];
        let mut due = clock.now();
        let mut trouble = None;
        while round_trips.iter().any(Option::is_none) {
            let now = clock.now();
            if now >= due {
                if sent_at.len() == times {
                    break;
                }
                let payload = datagram::encode_as(self.token, Kind::Ping(way), sent_at.len(), size);
                sent_at.push(now);
                self.send(way, &payload).await;
                let last = sent_at.len() == times;
                due = now + if last { TAIL + self.way() } else { SPACING };
            }
            let pong = match self.next(Some(due), &mut buffer).await {
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
                // An answer from elsewhere would fail a pair (RFC 8445 7.2.5.2.1).
                Ok(Happened::Probe(length, from)) => {
                    datagram::number_of(self.token, Kind::Pong(way), &buffer[..length])
                        .filter(|_| way == Direction::FromHere(from) && length == size.bytes())
                }
                Ok(Happened::At(end, Event::Data { peer, payload, .. })) => {
                    self.answer(way, end, peer, &payload)
                }
                Ok(Happened::At(..) | Happened::Due) => None,
            };
            if let Some(number) = pong
                && let (Some(at), Some(slot)) = (sent_at.get(number), round_trips.get_mut(number))
            {
                slot.get_or_insert(clock.now().saturating_sub(*at));
            }
        }
        let round_trips: Vec<Duration> = round_trips.into_iter().flatten().collect();
        let works = match (round_trips.is_empty(), trouble) {
            (false, _) => Fact::Determined(true),
            (true, Some(error)) => Fact::inconclusive(Reason::NoResponse, error.message),
            (true, None) => Fact::Determined(false),
        };
        DataReport::measured(sent_at.len(), round_trips, works)
    }

    async fn send(&mut self, way: Direction, payload: &[u8]) {
        match way {
            Direction::BetweenRelays(to) | Direction::ByChannel(to) => {
                self.a.send(to, payload);
            }
            Direction::FromHere(to) => {
                if let Some(probe) = &self.probe {
                    // What is not sent is lost, and counted so.
                    let _ = probe.send_to(payload, to).await;
                }
            }
        }
    }

    /// Answers a ping; gives the number if it is the answer to one, or one that came around.
    fn answer(
        &mut self,
        way: Direction,
        end: Side,
        peer: SocketAddr,
        payload: &[u8],
    ) -> Option<usize> {
        // A copy of an earlier one, of another size, comes late.
        if payload.len() != self.size.bytes() {
            return None;
        }
        if let Some(number) = datagram::number_of(self.token, Kind::Ping(way), payload) {
            let pong = datagram::encode_as(self.token, Kind::Pong(way), number, self.size);
            let alone = self.b.is_none();
            match (way, end) {
                // From the relayed address to itself: it has come around.
                (Direction::BetweenRelays(to) | Direction::ByChannel(to), Side::A)
                    if alone && peer == to =>
                {
                    return Some(number);
                }
                (Direction::BetweenRelays(_) | Direction::ByChannel(_), Side::B) => {
                    let b = self.b.as_mut()?;
                    b.send(peer, &pong);
                }
                (Direction::FromHere(_), Side::A) => {
                    self.a.send(peer, &pong);
                }
                _ => {}
            }
            return None;
        }
        match (way, end) {
            (Direction::BetweenRelays(to) | Direction::ByChannel(to), Side::A) if peer == to => {
                datagram::number_of(self.token, Kind::Pong(way), payload)
            }
            _ => None,
        }
    }

    /// The next thing that happens, at the latest when `due`.
    async fn next(
        &mut self,
        due: Option<Duration>,
        buffer: &mut [u8],
    ) -> Result<Happened, ErrorReport> {
        let clock = self.clock;
        let probe = self.probe.as_ref().filter(|_| !buffer.is_empty());
        let b = async {
            match &mut self.b {
                Some(b) => b.next().await,
                None => std::future::pending().await,
            }
        };
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(clock.instant(due)).await,
                None => std::future::pending().await,
            }
        };
        let happened = tokio::select! {
            event = self.a.next() => event.map(|event| Happened::At(Side::A, event)),
            event = b => event.map(|event| Happened::At(Side::B, event)),
            received = probe::receive(probe, buffer) => Ok(match received {
                Ok((length, from)) => Happened::Probe(length, from),
                // An ICMP error: something was lost.
                Err(_) => Happened::Due,
            }),
            () = wait => Ok(Happened::Due),
        }?;
        self.note(&happened, buffer);
        Ok(happened)
    }
}
