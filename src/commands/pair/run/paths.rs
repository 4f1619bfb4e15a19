//! The sockets and relays of this side, and which base of the checks each one is.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::commands::gather::run::supply::RelayCommand;
use crate::net::{host, whole};
use crate::proto::ice::checks::{Checks, Event, Transmit};
use crate::proto::nat::SendError;

pub enum Means {
    Socket(Arc<UdpSocket>),
    Relay(mpsc::UnboundedSender<RelayCommand>),
}

#[derive(Default)]
pub struct Paths {
    /// By their numbers in the checks: address and means.
    bases: Vec<(SocketAddr, Means)>,
    /// Those whose candidate is not known yet.
    waiting: Vec<(SocketAddr, Means)>,
}

impl Paths {
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

    pub fn find(&self, address: SocketAddr) -> Option<usize> {
        self.bases.iter().position(|(known, _)| *known == address)
    }

    pub fn permit(&self, base: usize, peer: std::net::IpAddr) {
        if let Some((_, Means::Relay(commands))) = self.bases.get(base) {
            // A relay that has ended has been told of.
            let _ = commands.send(RelayCommand::Permit(peer));
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
                if let Err(error) = sent.map_err(|error| host::send_error(&error, destination)) {
                    // An ICMP error shows at the next packet to anybody: that is no word about this
                    // one.
                    if error != SendError::Refused {
                        checks.handle_send_error(base, destination, error);
                    }
                }
            }
            Some((_, Means::Relay(commands))) => {
                let _ = commands.send(RelayCommand::Send(destination, payload));
            }
            None => {}
        }
    }

    /// Sends by one base, whole or not at all. `false` if it is larger than the system sends; by a relay that is
    /// told later.
    pub async fn send_whole(&self, base: usize, destination: SocketAddr, payload: Vec<u8>) -> bool {
        match self.bases.get(base) {
            Some((_, Means::Socket(socket))) => {
                let sent = whole::send(socket, Some(destination), &payload).await;
                // What is lost otherwise is like what the network loses.
                !sent.is_err_and(|error| whole::is_too_large(&error))
            }
            Some((_, Means::Relay(commands))) => {
                let _ = commands.send(RelayCommand::SendWhole(destination, payload));
                true
            }
            None => true,
        }
    }

    pub fn release(&self) {
        for (_, means) in self.bases.iter().chain(&self.waiting) {
            if let Means::Relay(commands) = means {
                let _ = commands.send(RelayCommand::Release);
            }
        }
    }
}
