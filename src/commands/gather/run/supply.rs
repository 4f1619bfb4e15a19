//! Gathering for a session: the sockets and relays stay open, and somebody else uses them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

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

pub enum RelayCommand {
    Permit(IpAddr),
    Send(SocketAddr, Vec<u8>),
    Release,
}

type PendingPermits = Vec<(RequestId, IpAddr)>;

/// Keeps an allocation, and does what is asked, until it is released or ends. The end of the session
/// gives it back.
pub async fn keep(
    mut session: Session,
    allocation: Allocation,
    mut commands: mpsc::UnboundedReceiver<RelayCommand>,
    supply: mpsc::UnboundedSender<Supply>,
) {
    let relayed = allocation.relayed;
    let mut asked: PendingPermits = Vec::new();
    let mut bound = Vec::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(RelayCommand::Permit(peer)) => {
                    let request = session.begin(|client, now| client.permit(now, vec![peer]));
                    asked.push((request, peer));
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
                Some(RelayCommand::Release) | None => return,
            },
            event = session.next() => match event {
                Ok(Event::Data { peer, payload, .. }) => {
                    let _ = supply.send(Supply::Datagram { at: relayed, source: peer, bytes: payload });
                }
                Ok(Event::Done { request, outcome, .. }) => {
                    if let Some(place) = asked.iter().position(|(id, _)| *id == request) {
                        let (_, peer) = asked.swap_remove(place);
                        let outcome = match outcome {
                            Ok(_) => Ok(()),
                            Err(Failure::Refused(error)) => Err(Some(error)),
                            Err(_) => Err(None),
                        };
                        let _ = supply.send(Supply::Permitted { relayed, peer, outcome });
                    }
                }
                Ok(Event::Fading(_)) => {}
                Err(error) => {
                    let _ = supply.send(Supply::RelayEnded { relayed, error });
                    return;
                }
            },
        }
    }
}
