//! What the tests saw, stripped of sockets and times: the arguments of [`crate::proto::nat::behavior::classify`].

use std::net::SocketAddr;

use crate::proto::nat::loss::Loss;

/// The address that one destination saw the mapping socket under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingSeen {
    /// Which of the listed servers, so that one that is out of line can be named.
    pub server: usize,
    pub destination: SocketAddr,
    pub reflexive: SocketAddr,
}

/// What came of asking for an answer from another address (CHANGE-REQUEST).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Not settled, or not asked.
    Pending,
    /// The answer came from the address asked for.
    Arrived,
    /// No answer, often enough to mean something.
    Silent,
    /// No answer, but too many packets are lost to conclude from it.
    Unproven,
    /// The answer came from the address that the request went to.
    FromPrimary,
    /// The answer came from a third address.
    FromElsewhere(SocketAddr),
    /// The server refused with a STUN error.
    Refused(u16),
}

/// What came of asking an address directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Yes,
    /// It did not, often enough to mean something.
    No,
    /// It did not, but that means nothing: too much loss, or not settled.
    Unproven,
    /// It cannot be sent to from here.
    NoWay,
}

/// Three results in the order of the CHANGE-REQUEST forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerForm<T> {
    /// "Change IP" and "change port".
    pub address_and_port: T,
    /// "Change port".
    pub port: T,
    /// "Change IP".
    pub address: T,
}

impl<T: Copy> PerForm<T> {
    /// The three, in the order of the fields.
    pub fn all(self) -> [T; 3] {
        [self.address_and_port, self.port, self.address]
    }

    pub fn from_array([address_and_port, port, address]: [T; 3]) -> Self {
        Self {
            address_and_port,
            port,
            address,
        }
    }
}

/// Everything that bears on the filtering verdict of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilteringSeen {
    /// The filtering probes, each from a socket of its own.
    pub probes: PerForm<Changed>,
    /// Where the answer from the other port was the only one: what came of asking for it on another
    /// socket. A hole that this host has made earlier from the same local port lets in one answer.
    pub again: Changed,
    /// Whether the primary address answered on those sockets after the probes.
    pub after: PerForm<Heard>,
    /// Whether the address that the answer was to come from answers when asked directly.
    pub alive: PerForm<Heard>,
    /// CHANGE-REQUEST with the answer led to a mapping that has already sent to the address that
    /// it comes from: no filter is in the way, so a server that obeys is heard. `Pending` where
    /// that cannot be had: the mapping depends on the destination, and the server does not honour
    /// RESPONSE-PORT.
    pub controls: PerForm<Changed>,
    /// Requests that were to be answered from the server's other addresses with no filter in the
    /// way, as far as that is known: direct ones, controls, and forms whose answer arrived.
    pub elsewhere: Loss,
    /// The fewest transmissions of a silent form.
    pub silent_tries: usize,
    /// Whether this host had sent to the alternate IP address before the probes. A firewall that
    /// opens for each address the host has sent to would then let the probes in.
    pub alternate_visited: bool,
}

impl FilteringSeen {
    /// The chance that all answers of a silent form were lost, by the loss seen elsewhere.
    pub fn chance_of_silence(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
        let (sent, lost) = (self.elsewhere.sent as f64, self.elsewhere.lost as f64);
        let tries = i32::try_from(self.silent_tries).unwrap_or(i32::MAX);
        ((lost + 1.0) / (sent + 2.0)).powi(tries)
    }
}

/// A fresh socket's first mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortSeen {
    pub local: u16,
    pub external: u16,
}
