//! Gathering for a session: the sockets and relays stay open, and somebody else uses them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::net::session::Session;
use crate::report::ErrorReport;
use crate::stun::message::ErrorResponse;
use crate::turn::client::{Allocation, Event, RequestId};
use crate::turn::error::Failure;

/// What a session gets while candidates are gathered, and afterwards.
pub enum Kept {
    /// A local socket.
    Base {
        /// Its address.
        address: SocketAddr,
        /// To send by.
        socket: Arc<UdpSocket>,
    },
    /// A relayed address.
    Relay {
        /// The address.
        relayed: SocketAddr,
        /// To send by.
        commands: mpsc::UnboundedSender<Command>,
    },
    /// A datagram that is no answer of a STUN server.
    Datagram {
        /// Where it came to: a base or a relayed address.
        at: SocketAddr,
        /// Who sent it.
        source: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// The TURN server has answered to [`Command::Permit`].
    Permitted {
        /// The relayed address.
        relayed: SocketAddr,
        /// The peer.
        peer: IpAddr,
        /// `Err(None)` if it did not answer.
        outcome: Result<(), Option<ErrorResponse>>,
    },
    /// A relayed address has ended.
    RelayEnded {
        /// The address.
        relayed: SocketAddr,
        /// Why.
        error: ErrorReport,
    },
    /// No more direct candidates are to be expected soon.
    DirectsComplete {
        /// Whether any STUN server answered over UDP; also if none was asked.
        has_udp: bool,
    },
    /// Every server is settled.
    Complete,
    /// What gathering tells everybody. It comes by the same channel, so that all is in order.
    Found(super::Event),
}

/// What to do with a relayed address.
pub enum Command {
    /// Let a peer in.
    Permit(IpAddr),
    /// Send a datagram to a peer.
    Send(SocketAddr, Vec<u8>),
    /// End the allocation.
    Release,
}

/// The peers whose permission is waited for.
type Asked = Vec<(RequestId, IpAddr)>;

/// Keeps an allocation, and does what is asked, until it is released or ends.
pub async fn keep(
    mut session: Session,
    allocation: Allocation,
    mut commands: mpsc::UnboundedReceiver<Command>,
    kept: mpsc::UnboundedSender<Kept>,
) {
    let relayed = allocation.relayed;
    let mut asked: Asked = Vec::new();
    let mut bound = Vec::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Permit(peer)) => {
                    let request = session.begin(|client, now| client.permit(now, vec![peer]));
                    asked.push((request, peer));
                }
                Some(Command::Send(peer, bytes)) => {
                    session.send(peer, &bytes);
                    // A channel saves 32 bytes a datagram, which counts for data.
                    let is_data = bytes.first().is_some_and(|first| *first > 3);
                    if is_data && !bound.contains(&peer) {
                        bound.push(peer);
                        session.begin(|client, now| client.bind_channel(now, peer));
                    }
                }
                Some(Command::Release) | None => {
                    session.abandon().await;
                    return;
                }
            },
            event = session.next() => match event {
                Ok(Event::Data { peer, payload, .. }) => {
                    let _ = kept.send(Kept::Datagram { at: relayed, source: peer, bytes: payload });
                }
                Ok(Event::Done { request, outcome, .. }) => {
                    if let Some(place) = asked.iter().position(|(id, _)| *id == request) {
                        let (_, peer) = asked.swap_remove(place);
                        let outcome = match outcome {
                            Ok(_) => Ok(()),
                            Err(Failure::Refused(error)) => Err(Some(error)),
                            Err(_) => Err(None),
                        };
                        let _ = kept.send(Kept::Permitted { relayed, peer, outcome });
                    }
                }
                Ok(Event::Fading(_)) => {}
                Err(error) => {
                    let _ = kept.send(Kept::RelayEnded { relayed, error });
                    return;
                }
            },
        }
    }
}
