//! Gathering for a session: the sockets and relays stay open, and somebody else uses them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::base::bounds;
use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::net::session::Session;
use crate::proto::stun::message::ErrorResponse;
use crate::proto::turn::client::{Allocation, Event, RequestId};
use crate::proto::turn::error::Failure;

/// What a session gets while candidates are gathered, and afterwards.
pub enum Supply {
    Base {
        address: SocketAddr,
        socket: Arc<UdpSocket>,
    },
    Relay {
        relayed: SocketAddr,
        commands: mpsc::UnboundedSender<RelayCommand>,
    },
    /// A datagram that is no answer of a STUN server.
    Datagram {
        /// Where it came to: a base or a relayed address.
        at: SocketAddr,
        source: SocketAddr,
        bytes: Vec<u8>,
    },
    Permitted {
        relayed: SocketAddr,
        peer: IpAddr,
        /// `Err(None)` if it did not answer.
        outcome: Result<(), Option<ErrorResponse>>,
    },
    /// What was to be sent whole is larger than the system sends.
    TooLarge {
        length: usize,
    },
    RelayEnded {
        relayed: SocketAddr,
        error: ErrorReport,
    },
    /// No more direct candidates are to be expected soon.
    DirectsComplete {
        /// Whether any STUN server answered over UDP; also if none was asked.
        has_udp: bool,
    },
    Complete,
    /// What gathering tells everybody. It comes by the same channel, so that all is in order.
    Event(crate::commands::gather::run::Event),
}

/// The way of supplies to a session. Datagrams come from anybody, so that only [`bounds::SUPPLIED`] bytes of them
/// wait; everything else is as much as the configuration asks for.
pub fn channel() -> (Supplier, Supplies) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let supplier = Supplier {
        sender,
        waiting: Arc::clone(&waiting),
    };
    (supplier, Supplies { receiver, waiting })
}

#[derive(Debug, Clone)]
pub struct Supplier {
    sender: mpsc::UnboundedSender<Supply>,
    waiting: Arc<AtomicUsize>,
}

/// So many are taken before anything else is looked at.
const AT_ONCE: usize = 64;

#[derive(Debug)]
pub struct Supplies {
    receiver: mpsc::UnboundedReceiver<Supply>,
    waiting: Arc<AtomicUsize>,
}

impl Supplier {
    /// Hands over what is no datagram. After the end of the session nobody takes it.
    pub fn send(&self, supply: Supply) {
        let _ = self.sender.send(supply);
    }

    /// Hands over a datagram; where too many wait it is lost, as in the buffer of a socket.
    pub fn datagram(&self, at: SocketAddr, source: SocketAddr, bytes: Vec<u8>) {
        let length = bytes.len();
        if self.waiting.load(Ordering::Relaxed) + length <= bounds::SUPPLIED {
            self.waiting.fetch_add(length, Ordering::Relaxed);
            self.send(Supply::Datagram { at, source, bytes });
        }
    }
}

impl Supplies {
    /// What has come, in order; `None` once nothing more will. May be dropped and called again.
    pub async fn recv(&mut self) -> Option<Vec<Supply>> {
        let mut come = Vec::new();
        self.receiver.recv_many(&mut come, AT_ONCE).await;
        for supply in &come {
            if let Supply::Datagram { bytes, .. } = supply {
                self.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
            }
        }
        (!come.is_empty()).then_some(come)
    }
}

pub enum RelayCommand {
    Permit(IpAddr),
    /// Asks the server whether the allocation is still there.
    Probe,
    Send(SocketAddr, Vec<u8>),
    /// The same, whole or not at all.
    SendWhole(SocketAddr, Vec<u8>),
    Release,
}

type PendingPermits = Vec<(RequestId, IpAddr)>;

/// The time that an allocation gets by default (RFC 8656 3.2), in seconds.
const LIFETIME_S: u32 = 600;

/// Keeps an allocation, and does what is asked, until it is released or ends. The end of the session
/// gives it back.
pub async fn keep(
    mut session: Session,
    allocation: Allocation,
    mut commands: mpsc::UnboundedReceiver<RelayCommand>,
    supply: Supplier,
) {
    let relayed = allocation.relayed;
    let mut asked: PendingPermits = Vec::new();
    let mut bound = Vec::new();
    let mut probes = Vec::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(RelayCommand::Permit(peer)) => {
                    let request = session.begin(|client, now| client.permit(now, vec![peer]));
                    asked.push((request, peer));
                }
                Some(RelayCommand::Probe) => {
                    probes.push(session.begin(|client, now| client.refresh(now, LIFETIME_S)));
                }
                Some(RelayCommand::Send(peer, bytes)) => {
                    session.send(peer, &bytes);
                    // A channel saves 32 bytes a datagram, which counts for data.
                    let is_data = bytes.first().is_some_and(|first| *first > 3);
                    if is_data && !bound.contains(&peer) {
                        bound.push(peer);
                        session.begin(|client, now| client.bind_channel(now, peer));
                    }
                }
                Some(RelayCommand::SendWhole(peer, bytes)) => {
                    if !session.send_whole(peer, &bytes).await {
                        supply.send(Supply::TooLarge { length: bytes.len() });
                    }
                }
                Some(RelayCommand::Release) | None => return,
            },
            event = session.next() => match event {
                Ok(Event::Data { peer, payload, .. }) => {
                    supply.datagram(relayed, peer, payload);
                }
                Ok(Event::Done { request, outcome: Err(failure), .. })
                    if probes.contains(&request)
                        && failure.meaning().code == Code::AllocationMismatch =>
                {
                    // The server says that there is none (RFC 8656 7.3).
                    let error = ErrorReport::from(&failure);
                    supply.send(Supply::RelayEnded { relayed, error });
                    return;
                }
                Ok(Event::Done { request, outcome, .. }) => {
                    if let Some(place) = asked.iter().position(|(id, _)| *id == request) {
                        let (_, peer) = asked.swap_remove(place);
                        let outcome = match outcome {
                            Ok(_) => Ok(()),
                            Err(Failure::Refused(error)) => Err(Some(error)),
                            Err(_) => Err(None),
                        };
                        supply.send(Supply::Permitted { relayed, peer, outcome });
                    }
                }
                Ok(Event::Fading(_)) => {}
                Err(error) => {
                    supply.send(Supply::RelayEnded { relayed, error });
                    return;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_of_datagrams_is_cut_and_nothing_else() {
        let (supplier, mut taken) = channel();
        let address = SocketAddr::from(([192, 0, 2, 1], 9));
        for _ in 0..10_000 {
            supplier.datagram(address, address, vec![0; 1200]);
        }
        supplier.send(Supply::Complete);
        drop(supplier.clone());
        let (mut waiting, mut is_complete) = (0, false);
        while !is_complete {
            for supply in taken.recv().await.expect("there is more") {
                match supply {
                    Supply::Datagram { bytes, .. } => waiting += bytes.len(),
                    other => is_complete = matches!(other, Supply::Complete),
                }
            }
        }
        assert_eq!(waiting, bounds::SUPPLIED / 1200 * 1200);
        supplier.datagram(address, address, vec![0; 1200]);
        assert!(taken.recv().await.is_some(), "there is room again");
    }
}
