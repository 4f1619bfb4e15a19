//! The sockets and relays of this side, and which base of the checks each one is.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::app::gather::kept::Command;
use crate::ice::checks::{Checks, Event, Transmit};
use crate::nat::SendError;
use crate::net::driver::send_error;

/// What a base sends by.
pub enum Means {
    /// A local socket.
    Socket(Arc<UdpSocket>),
    /// A relay.
    Relay(mpsc::UnboundedSender<Command>),
}

/// All bases.
#[derive(Default)]
pub struct Paths {
    /// By their numbers in the checks: address and means.
    bases: Vec<(SocketAddr, Means)>,
    /// Those whose candidate is not known yet.
    waiting: Vec<(SocketAddr, Means)>,
}

impl Paths {
    /// A socket or a relay, whose candidate will be told of.
    pub fn offer(&mut self, address: SocketAddr, means: Means) {
        self.waiting.push((address, means));
    }

    /// The candidate of one is known: it becomes a base. `false` if there is none of that address.
    pub fn promote(&mut self, address: SocketAddr) -> bool {
        let Some(place) = self.waiting.iter().position(|(known, _)| *known == address) else {
            return false;
        };
        let base = self.waiting.remove(place);
        self.bases.push(base);
        true
    }

    /// The number of the base with this address.
    pub fn find(&self, address: SocketAddr) -> Option<usize> {
        self.bases.iter().position(|(known, _)| *known == address)
    }

    /// Asks for a permission.
    pub fn permit(&self, base: usize, peer: std::net::IpAddr) {
        if let Some((_, Means::Relay(commands))) = self.bases.get(base) {
            // A relay that has ended has been told of.
            let _ = commands.send(Command::Permit(peer));
        }
    }

    /// Sends everything that waits. Gives what the checks have to tell.
    pub async fn flush(&self, checks: &mut Checks) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            while let Some(event) = checks.poll_event() {
                if let Event::Permit { base, peer } = event {
                    self.permit(base, peer);
                } else {
                    events.push(event);
                }
            }
            let Some(transmit) = checks.poll_transmit() else {
                return events;
            };
            self.send(checks, transmit).await;
        }
    }

    async fn send(&self, checks: &mut Checks, transmit: Transmit) {
        let Transmit {
            base,
            destination,
            payload,
        } = transmit;
        match self.bases.get(base) {
            Some((_, Means::Socket(socket))) => {
                let sent = socket.send_to(&payload, destination).await;
                if let Err(error) = sent.map_err(|error| send_error(&error)) {
                    // An ICMP error shows at the next packet to anybody: that is no word about this
                    // one.
                    if error != SendError::Refused {
                        checks.handle_send_error(base, destination, error);
                    }
                }
            }
            Some((_, Means::Relay(commands))) => {
                let _ = commands.send(Command::Send(destination, payload));
            }
            None => {}
        }
    }

    /// Ends all relays.
    pub fn release(&self) {
        for (_, means) in self.bases.iter().chain(&self.waiting) {
            if let Means::Relay(commands) = means {
                let _ = commands.send(Command::Release);
            }
        }
    }
}
