//! Data through relays: two allocations, or one and a UDP socket of this host.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::fact::{Fact, Reason};
use crate::net::clock::Clock;
use crate::net::session::Session;
use crate::report::ErrorReport;
use crate::report::turn::{DataReport, ThroughputReport};
use crate::stun::address::is_address;
use crate::stun::message::{self, Change, TransactionId};
use crate::turn::client::{Event, RequestId};

/// Datagrams of a round-trip test, and the time between them.
const PINGS: usize = 10;
const SPACING: Duration = Duration::from_millis(5);
/// How long the last answer may take.
const TAIL: Duration = Duration::from_millis(700);

/// A burst: short enough to disturb nobody.
const BURST: usize = 200;
const BURST_PAYLOAD: usize = 1000;
/// Datagrams at once, and the pause between.
const BURST_CHUNK: usize = 8;
const BURST_PAUSE: Duration = Duration::from_millis(1);
/// How long after the last one that came out the rest counts as lost.
const BURST_TAIL: Duration = Duration::from_millis(200);

/// How long the server may take to say where the UDP socket is seen.
const BINDING: Duration = Duration::from_millis(300);
/// How long both ends are given to open the way.
const OPENING: Duration = Duration::from_millis(60);

const MARK: &[u8; 8] = b"rtcdiag ";

/// Two sessions, or one that plays both parts, and a UDP socket.
pub struct Ends {
    pub a: Session,
    /// `None`: the relayed address of `a` is sent to from itself.
    pub b: Option<Session>,
    pub probe: Option<UdpSocket>,
    pub clock: Clock,
    /// Random, in every datagram: nobody else's counts.
    pub token: u32,
    /// Where the server answers Binding requests over UDP.
    pub stun: SocketAddr,
}

/// What a datagram is. Copies that come late, when another way is being tried, do not count for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ping(Way),
    Pong(Way),
    Load,
}

impl Kind {
    const fn code(self) -> [u8; 2] {
        match self {
            Self::Ping(way) => [b'?', way.code()],
            Self::Pong(way) => [b'!', way.code()],
            Self::Load => [b'#', b' '],
        }
    }
}

/// Which end something happened at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    A,
    B,
}

enum Happened {
    At(End, Event),
    Probe(usize, SocketAddr),
    Due,
}

/// Which way the data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the relayed address of A to that of B, or to itself.
    BetweenRelays(SocketAddr),
    /// The same by channels, at both ends.
    ByChannel(SocketAddr),
    /// From the UDP socket to the relayed address of A.
    FromHere(SocketAddr),
}

impl Way {
    const fn code(self) -> u8 {
        match self {
            Self::BetweenRelays(_) => b'r',
            Self::ByChannel(_) => b'c',
            Self::FromHere(_) => b'h',
        }
    }
}

impl Ends {
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
                        (End::B, Some(b)) => b,
                        _ => &self.a,
                    };
                    let done = session.done(outcome, None);
                    let outcome = done.outcome.map(drop).map_err(|t| t.report);
                    match end {
                        End::A if request == of_a => a = Some(outcome),
                        End::B if Some(request) == of_b => b = Some(outcome),
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

    /// Sends through the relay to the UDP socket first, as an ICE agent does: a firewall at the
    /// server may let in only whom the relay has sent to. Where the socket stands behind its NAT, the
    /// server says, if it answers Binding requests over UDP.
    pub async fn open_from_inside(&mut self, relayed: SocketAddr) {
        let Some(probe) = &self.probe else {
            return;
        };
        let mut id: TransactionId = [0; 12];
        id[..4].copy_from_slice(&self.token.to_be_bytes());
        let request = message::binding_request(id, Change::None);
        let mut buffer = [0; 1024];
        let deadline = self.clock.now() + BINDING;
        let mut mapped = None;
        while mapped.is_none() && self.clock.now() < deadline {
            // What is lost is sent again.
            let _ = probe.send_to(&request, self.stun).await;
            let wait = tokio::time::timeout(BINDING / 3, probe.recv_from(&mut buffer)).await;
            if let Ok(Ok((length, from))) = wait
                && from == self.stun
                && message::transaction_id(&buffer[..length]) == Some(id)
            {
                mapped = message::decode_binding_response(&buffer[..length])
                    .ok()
                    .and_then(|response| response.outcome.ok()?.reflexive())
                    .filter(|mapped| is_address(*mapped));
                break;
            }
        }
        let Some(mapped) = mapped else {
            return;
        };
        // Ours opens the NAT here, theirs the firewall there.
        let payload = self.datagram(Kind::Load, 0);
        let _ = probe.send_to(&payload, relayed).await;
        self.a.send(mapped, &payload);
        let due = self.clock.now() + OPENING;
        while self.clock.now() < due {
            if self.next(Some(due), &mut []).await.is_err() {
                return;
            }
        }
    }

    /// Sends datagrams at a steady pace and counts the answers.
    pub async fn ping(&mut self, way: Way) -> DataReport {
        let clock = self.clock;
        let mut sent_at: Vec<Duration> = Vec::new();
        let mut round_trips: Vec<Option<Duration>> = vec![None; PINGS];
        let mut buffer = [0; 64];
        let mut due = clock.now();
        let mut trouble = None;
        while round_trips.iter().any(Option::is_none) {
            let now = clock.now();
            if now >= due {
                if sent_at.len() == PINGS {
                    break;
                }
                let payload = self.datagram(Kind::Ping(way), sent_at.len());
                sent_at.push(now);
                self.send(way, &payload).await;
                let last = sent_at.len() == PINGS;
                due = now + if last { TAIL } else { SPACING };
            }
            let pong = match self.next(Some(due), &mut buffer).await {
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
                // An answer from elsewhere would fail a pair (RFC 8445 7.2.5.2.1).
                Ok(Happened::Probe(length, from)) => self
                    .number_of(Kind::Pong(way), &buffer[..length])
                    .filter(|_| way == Way::FromHere(from)),
                Ok(Happened::At(
                    end,
                    Event::Data {
                        peer,
                        payload,
                        channel,
                    },
                )) => {
                    let by_channel = channel.is_some() || !matches!(way, Way::ByChannel(_));
                    by_channel
                        .then(|| self.answer(way, end, peer, &payload))
                        .flatten()
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

    /// Sends a burst from A to the relayed address `to` and measures how fast it comes out.
    pub async fn burst(&mut self, to: SocketAddr) -> Option<ThroughputReport> {
        let clock = self.clock;
        let (mut sent, mut arrivals) = (0, Vec::new());
        let mut seen = BTreeSet::new();
        let mut due = clock.now();
        while arrivals.len() < BURST {
            let now = clock.now();
            if now >= due {
                if sent == BURST {
                    break;
                }
                for _ in 0..BURST_CHUNK.min(BURST - sent) {
                    let mut payload = self.datagram(Kind::Load, sent);
                    payload.resize(BURST_PAYLOAD, 0);
                    self.a.send(to, &payload);
                    sent += 1;
                }
                due = now
                    + if sent == BURST {
                        BURST_TAIL
                    } else {
                        BURST_PAUSE
                    };
            }
            match self.next(Some(due), &mut []).await {
                Ok(Happened::At(_, Event::Data { payload, .. })) => {
                    let number = self.number_of(Kind::Load, &payload);
                    if number.is_some_and(|number| number < sent && seen.insert(number)) {
                        arrivals.push(clock.now());
                        if sent == BURST {
                            due = clock.now() + BURST_TAIL;
                        }
                    }
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let (first, last) = (arrivals.first()?, arrivals.last()?);
        let span = last.saturating_sub(*first).as_secs_f64();
        // The first one only starts the watch.
        let bytes = (arrivals.len() - 1) * BURST_PAYLOAD;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rate = bytes as f64 * 8.0 / 1000.0 / span;
        (span > 0.0 && bytes > 0).then(|| ThroughputReport {
            bytes_sent: sent * BURST_PAYLOAD,
            bytes_received: arrivals.len() * BURST_PAYLOAD,
            kbit_per_s: rate.round(),
        })
    }

    async fn send(&mut self, way: Way, payload: &[u8]) {
        match way {
            Way::BetweenRelays(to) | Way::ByChannel(to) => {
                self.a.send(to, payload);
            }
            Way::FromHere(to) => {
                if let Some(probe) = &self.probe {
                    // What is not sent is lost, and counted so.
                    let _ = probe.send_to(payload, to).await;
                }
            }
        }
    }

    /// Answers a ping; gives the number if it is the answer to one, or one that came around.
    fn answer(&mut self, way: Way, end: End, peer: SocketAddr, payload: &[u8]) -> Option<usize> {
        if let Some(number) = self.number_of(Kind::Ping(way), payload) {
            let pong = self.datagram(Kind::Pong(way), number);
            let alone = self.b.is_none();
            match (way, end) {
                // From the relayed address to itself: it has come around.
                (Way::BetweenRelays(to) | Way::ByChannel(to), End::A) if alone && peer == to => {
                    return Some(number);
                }
                (Way::BetweenRelays(_) | Way::ByChannel(_), End::B) => {
                    let b = self.b.as_mut()?;
                    b.send(peer, &pong);
                }
                (Way::FromHere(_), End::A) => {
                    self.a.send(peer, &pong);
                }
                _ => {}
            }
            return None;
        }
        match (way, end) {
            (Way::BetweenRelays(to) | Way::ByChannel(to), End::A) if peer == to => {
                self.number_of(Kind::Pong(way), payload)
            }
            _ => None,
        }
    }

    fn datagram(&self, kind: Kind, number: usize) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        bytes.extend_from_slice(&self.token.to_be_bytes());
        bytes.extend_from_slice(&kind.code());
        bytes.extend_from_slice(&u32::try_from(number).unwrap_or_default().to_be_bytes());
        bytes
    }

    fn number_of(&self, kind: Kind, bytes: &[u8]) -> Option<usize> {
        let rest = bytes.strip_prefix(MARK)?;
        let rest = rest.strip_prefix(&self.token.to_be_bytes())?;
        let rest = rest.strip_prefix(&kind.code())?;
        let number = <[u8; 4]>::try_from(rest.get(..4)?).ok()?;
        usize::try_from(u32::from_be_bytes(number)).ok()
    }

    /// The next thing that happens, at the latest when `due`.
    async fn next(
        &mut self,
        due: Option<Duration>,
        buffer: &mut [u8],
    ) -> Result<Happened, ErrorReport> {
        let clock = self.clock;
        let probe = self.probe.as_ref().filter(|_| !buffer.is_empty());
        let listen = async {
            match probe {
                Some(probe) => probe.recv_from(buffer).await,
                None => std::future::pending().await,
            }
        };
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
        tokio::select! {
            event = self.a.next() => Ok(Happened::At(End::A, event?)),
            event = b => Ok(Happened::At(End::B, event?)),
            received = listen => Ok(match received {
                Ok((length, from)) => Happened::Probe(length, from),
                // An ICMP error: something was lost.
                Err(_) => Happened::Due,
            }),
            () = wait => Ok(Happened::Due),
        }
    }
}
