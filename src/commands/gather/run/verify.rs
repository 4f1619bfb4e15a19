//! "Allocated" is not "relays": does data come through a relayed address?
//!
//! Two ways at once, since either may be closed for reasons that do not matter: from the relayed
//! address to itself, and between it and a UDP socket of this host. There the way in comes first: a
//! stateful firewall before the relay opens for whom the relay has sent to, and a peer has not been
//! sent to yet. Only where nothing comes in does the relay send outward.

mod arrived;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::fact::{Fact, Reason};
use crate::commands::probe;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::session::Session;
use crate::proto::nat::address::rewritten_before_relay;
use crate::proto::stun::message::{
    Change, TransactionId, binding_request, decode_binding_response,
};
use crate::proto::turn::client::{Allocation, Answer, Event, RequestId};
use crate::proto::turn::error::Failure;
pub use arrived::Arrived;
use tokio::net::UdpSocket;

/// How long data may take beyond three round trips to the server.
const PATIENCE: Duration = Duration::from_millis(600);
/// How long a server may take that has given an allocation and not answered the requests for permissions: long
/// enough for two that are lost.
const FOR_ANSWERS: Duration = Duration::from_millis(2500);
/// How much longer the way from here may take once the server is known to relay, beyond three round trips: enough
/// for eight datagrams, since each takes four ways and a line may lose one in ten on each.
const FROM_HERE_TOO: Duration = Duration::from_millis(650);
/// How long the way in may take once the relay has sent outward, beyond six round trips.
const OUTWARD: Duration = Duration::from_millis(650);
const AGAIN: Duration = Duration::from_millis(80);

const THROUGH_ITSELF: &[u8] = b"rtcdiag: from the relay to itself";
const FROM_HERE: &[u8] = b"rtcdiag: from here to the relay";
const TO_HERE: &[u8] = b"rtcdiag: from the relay to here";
const OPENING: &[u8] = b"rtcdiag: from the relay, unasked";
const FROM_HERE_AGAIN: &[u8] = b"rtcdiag: from here, once the relay has sent";
const TO_HERE_AGAIN: &[u8] = b"rtcdiag: from the relay, once it has sent";

pub struct Verification<'a> {
    pub server: SocketAddr,
    pub allocation: Allocation,
    pub source: &'a Source,
    pub local: IpAddr,
    pub rtt: Option<Duration>,
    pub clock: Clock,
    /// Of the question where the server sees the probe.
    pub transaction_id: TransactionId,
}

impl Verification<'_> {
    /// Where all requests were sent again, it is known only that it is no longer than this.
    fn round_trip(&self, session: &Session) -> Duration {
        self.rtt.unwrap_or_else(|| session.round_trip())
    }

    /// What came through, without what something before the server keeps from being known.
    fn judged(&self, passage: Passage) -> Passage {
        match self.sees_otherwise() {
            Some(why) if passage.reachable == Fact::Determined(false) => Passage {
                reachable: why.clone(),
                after_sending: why,
                ..passage
            },
            _ => passage,
        }
    }

    /// Why nothing need come through between this host and the relay: the permission is for what the server
    /// sees in place of this host.
    fn sees_otherwise(&self) -> Option<Fact<bool>> {
        let seen = self.allocation.mapped?.ip();
        let relayed = Some(self.allocation.relayed.ip());
        let how = rewritten_before_relay(self.local, self.server.ip(), relayed, seen)?;
        Some(Fact::inconclusive(
            Reason::SourceRewritten,
            format!(
                "the server sees {seen}, {}: {}",
                how.text(),
                how.cause(self.local)
            ),
        ))
    }
}

/// What came through.
#[derive(Debug, Clone)]
pub struct Passage {
    /// Whether data came through at all.
    pub relays: Fact<bool>,
    /// Whether it did between the relayed address and this host.
    pub reachable: Fact<bool>,
    /// Where it did not: whether it does once the relayed address has sent to this host.
    pub after_sending: Fact<bool>,
    /// How it came.
    pub arrived: Arrived,
}

impl Passage {
    fn all(fact: &Fact<bool>) -> Self {
        Self {
            relays: fact.clone(),
            reachable: fact.clone(),
            after_sending: Fact::not_tested(Reason::NotApplicable),
            arrived: Arrived::default(),
        }
    }

    fn with(self, arrived: Arrived) -> Self {
        let relays = if arrived.is_changed() {
            Fact::Determined(false)
        } else {
            self.relays
        };
        Self {
            relays,
            arrived,
            ..self
        }
    }

    /// It came once the relay had sent, and not before.
    fn from_inside(is_lossy: bool) -> Self {
        let passage = Self {
            relays: Fact::Determined(true),
            reachable: Fact::Determined(false),
            after_sending: Fact::Determined(true),
            arrived: Arrived::default(),
        };
        passage.with_loss(is_lossy)
    }

    /// Without what silence does not show on a line that loses.
    fn with_loss(mut self, is_lossy: bool) -> Self {
        for fact in [&mut self.reachable, &mut self.after_sending] {
            if is_lossy && *fact == Fact::Determined(false) {
                *fact = loses();
            }
        }
        self
    }
}

/// What went from the relayed address to itself.
#[derive(Debug, Clone, Copy, Default)]
struct ThroughItself {
    sent: usize,
    came: usize,
}

impl ThroughItself {
    /// Whether more was lost than may still be on its way: silence elsewhere may be loss as well.
    fn is_lossy(self, rtt: Duration) -> bool {
        let on_the_way = 1 + rtt.as_millis() / AGAIN.as_millis();
        let lost = self.sent.saturating_sub(self.came) as u128;
        self.came > 0 && lost > on_the_way
    }
}

/// Why silence proves nothing on a line that loses.
fn loses() -> Fact<bool> {
    Fact::inconclusive(
        Reason::PacketLoss,
        "datagrams to the server or from it are lost, so that silence proves nothing",
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Permission {
    Pending(RequestId),
    Granted,
    Forbidden,
    Failed,
    None,
    /// Used, and nothing more to be learned by it.
    Done,
}

impl Permission {
    fn after(outcome: &Result<Answer, Failure>) -> Self {
        match outcome {
            Ok(_) => Self::Granted,
            Err(Failure::Refused(error)) if error.code == 403 => Self::Forbidden,
            Err(_) => Self::Failed,
        }
    }
}

/// The way outward, once it is tried.
struct Outward {
    /// Where the server sees the probe; until that is known, a guess.
    probe: SocketAddr,
    is_known: bool,
}

/// Whether data comes through, and whether it does so between the relayed address and this host.
pub async fn relays(session: &mut Session, what: &Verification<'_>) -> Passage {
    let (allocation, clock) = (&what.allocation, &what.clock);
    let relayed = allocation.relayed;
    let rtt = what.round_trip(session);
    let probe = probe::open(what.source, what.local, what.server, allocation);
    let (mut itself, mut here) = ask_for_permissions(session, allocation, probe.is_some());
    let (mut through_itself, mut arrived) = (ThroughItself::default(), Arrived::default());
    let mut refusal: Option<Failure> = None;
    let mut outward: Option<Outward> = None;
    let mut deadline = clock.now() + PATIENCE + 3 * rtt;
    let for_answers = clock.now() + FOR_ANSWERS;
    let mut again = clock.now();
    let mut buffer = [0; 548];
    loop {
        let now = clock.now();
        if now >= deadline && (is_pending(here) || is_unheard(itself) && is_unheard(here)) {
            deadline = for_answers;
        }
        if now >= deadline || (is_over(itself) && is_over(here)) {
            let (Permission::Granted, Some(probe), None) = (here, &probe, &outward) else {
                break;
            };
            outward = Outward::toward(probe, allocation);
            if outward.is_none() {
                break;
            }
            (deadline, again) = (now + OUTWARD + 6 * rtt, now);
        }
        if now >= again {
            again = now + AGAIN;
            // What the relay cannot send outward may keep a server from sending more, which is no loss.
            if itself == Permission::Granted || itself == Permission::Done && outward.is_none() {
                session.send(relayed, THROUGH_ITSELF);
                arrived.note_sent(now);
                through_itself.sent += usize::from(outward.is_none());
            }
            // Loss is answered by sending again.
            if let (Permission::Granted, Some(probe)) = (here, &probe) {
                send_between(session, probe, relayed, outward.as_ref(), what).await;
            }
        }
        tokio::select! {
            event = session.next() => match event {
                Ok(Event::Done { request, outcome, .. }) => {
                    let verdict = Permission::after(&outcome);
                    refusal = outcome.err().or(refusal);
                    for permission in [&mut itself, &mut here] {
                        if *permission == Permission::Pending(request) {
                            *permission = verdict;
                            again = clock.now();
                            deadline = again + PATIENCE + 3 * rtt;
                        }
                    }
                }
                Ok(Event::Data { peer, payload, .. }) => {
                    arrived.note_data(&payload, clock.now());
                    if peer == relayed && payload == THROUGH_ITSELF {
                        through_itself.came += 1;
                        if itself != Permission::Done && !is_pending(here) {
                            deadline = deadline.min(clock.now() + FROM_HERE_TOO + 3 * rtt);
                        }
                        itself = Permission::Done;
                    }
                    if payload == FROM_HERE {
                        session.send(peer, TO_HERE);
                    } else if payload == FROM_HERE_AGAIN {
                        session.send(peer, TO_HERE_AGAIN);
                    }
                }
                Ok(Event::Fading(_)) => {}
                Err(error) => {
                    return Passage::all(&Fact::inconclusive(Reason::NoResponse, error.message));
                }
            },
            received = probe::receive(probe.as_ref(), &mut buffer) => {
                let Ok((length, from)) = received else { continue };
                let came = &buffer[..length];
                arrived.note_here(came, from, relayed);
                if from == relayed && came == TO_HERE {
                    return Passage::all(&Fact::Determined(true)).with(arrived);
                }
                if from == relayed && came == TO_HERE_AGAIN {
                    return Passage::from_inside(through_itself.is_lossy(rtt)).with(arrived);
                }
                if let Some(outward) = &mut outward && from == what.server {
                    outward.learn(came, what.transaction_id);
                }
            }
            () = tokio::time::sleep_until(clock.instant(again.min(deadline))) => {}
        }
    }
    let passage = conclusion(
        through_itself.came > 0,
        itself,
        here,
        outward.is_some(),
        refusal.as_ref(),
    );
    what.judged(passage.with_loss(through_itself.is_lossy(rtt)))
        .with(arrived)
}

/// Asks for permissions for the relayed address itself and for this host, where there is a socket to send from.
fn ask_for_permissions(
    session: &mut Session,
    allocation: &Allocation,
    has_probe: bool,
) -> (Permission, Permission) {
    let relayed = allocation.relayed.ip();
    let itself = Permission::Pending(session.begin(|c, now| c.permit(now, vec![relayed])));
    let here = match allocation.mapped.filter(|_| has_probe) {
        Some(mapped) if mapped.ip() != relayed => {
            Permission::Pending(session.begin(|c, now| c.permit(now, vec![mapped.ip()])))
        }
        // The same IP address: one permission is for both.
        Some(_) => itself,
        None => Permission::None,
    };
    (itself, here)
}

impl Outward {
    fn toward(probe: &UdpSocket, allocation: &Allocation) -> Option<Self> {
        let port = probe.local_addr().ok()?.port();
        Some(Self {
            probe: SocketAddr::new(allocation.mapped?.ip(), port),
            is_known: false,
        })
    }

    fn learn(&mut self, bytes: &[u8], asked: TransactionId) {
        let Ok(answer) = decode_binding_response(bytes) else {
            return;
        };
        if let (true, Ok(success)) = (answer.transaction_id == asked, &answer.outcome)
            && let Some(address) = success.reflexive()
        {
            (self.probe, self.is_known) = (address, true);
        }
    }
}

/// What goes between this host and the relayed address.
async fn send_between(
    session: &mut Session,
    probe: &UdpSocket,
    relayed: SocketAddr,
    outward: Option<&Outward>,
    what: &Verification<'_>,
) {
    let Some(outward) = outward else {
        let _ = probe.send_to(FROM_HERE, relayed).await;
        return;
    };
    if !outward.is_known {
        let request = binding_request(what.transaction_id, Change::None);
        let _ = probe.send_to(&request, what.server).await;
    }
    session.send(outward.probe, OPENING);
    let _ = probe.send_to(FROM_HERE_AGAIN, relayed).await;
}

/// Silence without a refusal proves nothing of the relay itself.
fn conclusion(
    through_itself: bool,
    itself: Permission,
    here: Permission,
    sent_outward: bool,
    refusal: Option<&Failure>,
) -> Passage {
    let reachable = match here {
        Permission::Granted => Fact::Determined(false),
        Permission::Forbidden => Fact::not_tested(Reason::PolicyForbids),
        Permission::None => Fact::not_tested(Reason::NotApplicable),
        _ => Fact::not_tested(Reason::EarlierFailure),
    };
    let after_sending = if sent_outward {
        Fact::Determined(false)
    } else {
        Fact::not_tested(Reason::NotApplicable)
    };
    let forbidden = |p| matches!(p, Permission::Forbidden | Permission::None);
    let relays = if through_itself {
        Fact::Determined(true)
    } else if forbidden(itself) && forbidden(here) {
        Fact::inconclusive(
            Reason::PolicyForbids,
            "the server's policy forbids the peers that could be tried from here",
        )
    } else if is_without(itself) && is_without(here) {
        let told = match refusal.unwrap_or(&Failure::Timeout) {
            Failure::Timeout => "the request for it gets no answer".to_owned(),
            Failure::Unauthorized => {
                "error 401, though the allocation was given to the same credentials".to_owned()
            }
            other => other.message(),
        };
        Fact::inconclusive(
            Reason::EarlierFailure,
            format!("it gives no permission to send through it: {told}"),
        )
    } else {
        Fact::inconclusive(
            Reason::NoResponse,
            "nothing that was sent through the relay came back: its ports may be closed, or it does not relay",
        )
    };
    Passage {
        relays,
        reachable,
        after_sending,
        arrived: Arrived::default(),
    }
}

/// Whether nothing could be sent: the server gave no permission.
const fn is_without(permission: Permission) -> bool {
    matches!(
        permission,
        Permission::Forbidden | Permission::Failed | Permission::None | Permission::Pending(_)
    )
}

const fn is_pending(permission: Permission) -> bool {
    matches!(permission, Permission::Pending(_))
}

/// Whether no answer has come.
const fn is_unheard(permission: Permission) -> bool {
    matches!(permission, Permission::Pending(_) | Permission::None)
}

const fn is_over(permission: Permission) -> bool {
    matches!(
        permission,
        Permission::Forbidden | Permission::Failed | Permission::None | Permission::Done
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(20);

    #[test]
    fn silence_on_a_line_that_loses_proves_nothing() {
        let lossy = ThroughItself { sent: 9, came: 7 }.is_lossy(RTT);
        let passage = Passage::all(&Fact::Determined(false)).with_loss(lossy);
        assert!(matches!(
            passage.reachable,
            Fact::Inconclusive {
                reason: Reason::PacketLoss,
                ..
            }
        ));
        let opened = Passage::from_inside(lossy);
        assert_ne!(opened.reachable, Fact::Determined(false));
        assert_eq!(opened.after_sending, Fact::Determined(true));
    }

    #[test]
    fn what_is_on_the_way_is_not_lost() {
        for (sent, came, rtt) in [(9, 9, RTT), (9, 8, RTT), (9, 5, Duration::from_millis(300))] {
            assert!(!ThroughItself { sent, came }.is_lossy(rtt), "{sent} {came}");
        }
        // Where nothing came at all, it is not known to relay.
        assert!(!ThroughItself { sent: 9, came: 0 }.is_lossy(RTT));
        let passage = Passage::from_inside(false);
        assert_eq!(passage.reachable, Fact::Determined(false));
    }
}
