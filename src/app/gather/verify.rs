//! "Allocated" is not "relays": does data come through a relayed address?
//!
//! Two ways at once, since either may be closed for reasons that do not matter: from the relayed
//! address to itself, and between it and a UDP socket of this host.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::nat::address::is_global;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::session::Session;
use crate::turn::client::{Allocation, Event, RequestId};
use crate::turn::error::Failure;

/// How long data may take beyond three round trips to the server.
const PATIENCE: Duration = Duration::from_millis(600);
/// How much longer the way from here may take once the server is known to relay.
const FROM_HERE_TOO: Duration = Duration::from_millis(100);
/// How often it is sent again.
const AGAIN: Duration = Duration::from_millis(80);

const THROUGH_ITSELF: &[u8] = b"rtcdiag: from the relay to itself";
const FROM_HERE: &[u8] = b"rtcdiag: from here to the relay";
const TO_HERE: &[u8] = b"rtcdiag: from the relay to here";

/// What to verify.
pub struct Verification<'a> {
    pub server: SocketAddr,
    pub allocation: Allocation,
    pub source: &'a Source,
    pub local: IpAddr,
    pub rtt: Option<Duration>,
    pub clock: Clock,
}

/// A permission that was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Permission {
    Pending(RequestId),
    Granted,
    Forbidden,
    Failed,
    /// Not asked for.
    None,
    /// Used, and nothing more to be learned by it.
    Done,
}

/// Whether data comes through, and whether it does so between the relayed address and this host.
pub async fn relays(session: &mut Session, what: &Verification<'_>) -> (Fact<bool>, Fact<bool>) {
    let Verification {
        allocation, clock, ..
    } = what;
    let relayed = allocation.relayed;
    let rtt = what.rtt.unwrap_or_default();
    let deadline = clock.now() + PATIENCE + 3 * rtt;
    let probe = probe(what);
    let to_itself = session.begin(|c, now| c.permit(now, vec![relayed.ip()]));
    let mut itself = Permission::Pending(to_itself);
    let mut here = match (allocation.mapped, &probe) {
        (Some(mapped), Some(_)) if mapped.ip() != relayed.ip() => {
            Permission::Pending(session.begin(|c, now| c.permit(now, vec![mapped.ip()])))
        }
        // The same IP address: one permission is for both.
        (Some(_), Some(_)) => itself,
        _ => Permission::None,
    };
    let mut through_itself = false;
    let mut deadline = deadline;
    let mut again = clock.now();
    let mut buffer = [0; 128];
    loop {
        let now = clock.now();
        if now >= deadline || (is_over(itself) && is_over(here)) {
            break;
        }
        if now >= again {
            again = now + AGAIN;
            if itself == Permission::Granted {
                session.send(relayed, THROUGH_ITSELF);
            }
            if let (Permission::Granted, Some(probe)) = (here, &probe) {
                // Loss is answered by sending again.
                let _ = probe.send_to(FROM_HERE, relayed).await;
            }
        }
        tokio::select! {
            event = session.next() => match event {
                Ok(Event::Done { request, outcome, .. }) => {
                    let verdict = match outcome {
                        Ok(_) => Permission::Granted,
                        Err(Failure::Refused(error)) if error.code == 403 => Permission::Forbidden,
                        Err(_) => Permission::Failed,
                    };
                    for permission in [&mut itself, &mut here] {
                        if *permission == Permission::Pending(request) {
                            *permission = verdict;
                            again = clock.now();
                        }
                    }
                }
                Ok(Event::Data { peer, payload, .. }) => {
                    if peer == relayed && payload == THROUGH_ITSELF && !through_itself {
                        through_itself = true;
                        itself = Permission::Done;
                        // It relays; whether it can be reached from here shows soon or not at all.
                        deadline = deadline.min(clock.now() + FROM_HERE_TOO + 3 * rtt);
                    }
                    if payload == FROM_HERE {
                        session.send(peer, TO_HERE);
                    }
                }
                Ok(Event::Fading(_)) => {}
                Err(error) => {
                    let unknown = Fact::inconclusive(Reason::NoResponse, error.message);
                    return (unknown.clone(), unknown);
                }
            },
            received = receive(probe.as_ref(), &mut buffer) => {
                if let Ok((length, from)) = received
                    && from == relayed
                    && buffer[..length] == *TO_HERE
                {
                    return (Fact::Determined(true), Fact::Determined(true));
                }
            }
            () = tokio::time::sleep_until(clock.instant(again.min(deadline))) => {}
        }
    }
    let reachable = match here {
        Permission::Granted => Fact::Determined(false),
        Permission::Forbidden => Fact::not_tested(Reason::PolicyForbids),
        Permission::None => Fact::not_tested(Reason::NotApplicable),
        _ => Fact::not_tested(Reason::EarlierFailure),
    };
    if through_itself {
        return (Fact::Determined(true), reachable);
    }
    let forbidden = |p| matches!(p, Permission::Forbidden | Permission::None);
    let relays = if forbidden(itself) && forbidden(here) {
        Fact::inconclusive(
            Reason::PolicyForbids,
            "the server's policy forbids the peers that could be tried from here",
        )
    } else {
        Fact::inconclusive(
            Reason::NoResponse,
            "nothing that was sent through the relay came back: its ports may be closed, or it does not relay",
        )
    };
    (relays, reachable)
}

const fn is_over(permission: Permission) -> bool {
    matches!(
        permission,
        Permission::Forbidden | Permission::Failed | Permission::None | Permission::Done
    )
}

/// A socket that the relayed address can be reached from, if the families allow it.
fn probe(what: &Verification<'_>) -> Option<UdpSocket> {
    let relayed = what.allocation.relayed;
    // A public server has no business to send us to an address of our own network.
    if is_global(what.server.ip()) && !is_global(relayed.ip()) {
        return None;
    }
    let same = Family::of(what.local) == Family::of(relayed.ip());
    let seen = what.allocation.mapped.map(|m| Family::of(m.ip()));
    (same && seen == Some(Family::of(relayed.ip())))
        .then(|| what.source.udp(what.local).ok())
        .flatten()
}

async fn receive(
    probe: Option<&UdpSocket>,
    buffer: &mut [u8],
) -> std::io::Result<(usize, SocketAddr)> {
    match probe {
        Some(probe) => probe.recv_from(buffer).await,
        None => std::future::pending().await,
    }
}
