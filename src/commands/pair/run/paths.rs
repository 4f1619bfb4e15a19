//! The sockets and relays of this side, and which base of the checks each one is.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::base::bounds;
use crate::commands::gather::run::supply::RelayCommand;
use crate::net::{host, icmp, whole};
use crate::proto::ice::causes::Refusal;
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
    /// Whether ICMP messages are listened for, which makes sending fail now and then.
    hears: bool,
    /// Those that came, and to which base.
    heard: Vec<(usize, Refusal)>,
}

impl Means {
    const fn socket(&self) -> Option<&Arc<UdpSocket>> {
        match self {
            Self::Socket(socket) => Some(socket),
            Self::Relay(_) => None,
        }
    }
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
        if let (true, Means::Socket(socket)) = (self.hears, &base.1) {
            icmp::watch(socket, true);
        }
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

    /// Whether from now on who refuses what is sent is heard.
    pub fn listen(&mut self, is_on: bool) {
        if std::mem::replace(&mut self.hears, is_on) != is_on {
            let sockets = self.bases.iter().filter_map(|(_, means)| means.socket());
            sockets.for_each(|socket| icmp::watch(socket, is_on));
        }
    }

    /// The refusals that have come, and the bases that sent there.
    pub fn refusals(&mut self) -> Vec<(usize, Refusal)> {
        if self.hears {
            (0..self.bases.len()).for_each(|base| _ = self.hear(base));
        }
        std::mem::take(&mut self.heard)
    }

    /// Whether there was something to be heard.
    fn hear(&mut self, base: usize) -> bool {
        let socket = self.bases.get(base).and_then(|(_, means)| means.socket());
        let heard = socket
            .map(|socket| icmp::refusals(socket))
            .unwrap_or_default();
        let is_any = !heard.is_empty();
        let room = bounds::CANDIDATES.saturating_sub(self.heard.len());
        self.heard
            .extend(heard.into_iter().take(room).map(|refusal| (base, refusal)));
        is_any
    }

    /// Asks the servers whether the relays are still there; those that are not are told of as ended.
    pub fn probe_relays(&self) {
        for (_, means) in &self.bases {
            if let Means::Relay(commands) = means {
                let _ = commands.send(RelayCommand::Probe);
            }
        }
    }

    /// Sends everything that waits. Gives what the checks have to tell.
    pub async fn flush(&mut self, checks: &mut Checks) -> Vec<Event> {
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

    async fn send(&mut self, checks: &mut Checks, transmit: Transmit) {
        let Transmit {
            base,
            destination,
            payload,
        } = transmit;
        match self.bases.get(base) {
            Some((_, Means::Socket(socket))) => {
                let socket = Arc::clone(socket);
                let mut sent = socket.send_to(&payload, destination).await;
                // It may be that of an earlier datagram, and then this one has not been sent.
                if sent.is_err() && self.hears && self.hear(base) {
                    sent = socket.send_to(&payload, destination).await;
                }
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
