//! The form of everything here that takes more than one packet: a machine decides what to send and
//! what an answer means, and never touches a socket or a clock. `net::drive` runs it on real sockets
//! and the tests run it in virtual time.
//!
//! After every call that takes `now`: send what [`Machine::poll_transmit`] gives until it gives
//! `None`, and come back with [`Machine::handle_timeout`] no later than [`Machine::poll_timeout`]
//! says.
//!
//! [`crate::proto::ice::checks`] and [`crate::proto::ice::quality`] have methods of the same names
//! and stay apart: what they take may belong to the ICE agent or be data, so what they return is
//! part of the protocol; and both live on paths whose sockets belong to others.

use std::io;
use std::net::SocketAddr;

use crate::base::time::Time;
use crate::proto::rejection::Rejection;

/// A protocol without I/O.
pub trait Machine {
    /// What tells where a datagram goes and comes from: [`Flow`] with several sockets, the remote
    /// address with one, `()` on a connection.
    type Flow: Copy;
    /// What the machine is told when the system does not send.
    type Error;

    fn poll_transmit(&mut self) -> Option<Transmit<Self::Flow>>;

    /// A datagram, or a frame of a stream, came in.
    fn handle_input(&mut self, now: Time, flow: Self::Flow, bytes: &[u8]);

    /// The system did not send, or a connection has failed.
    fn handle_error(&mut self, now: Time, flow: Self::Flow, error: Self::Error);

    /// When [`Machine::handle_timeout`] is to be called next, if ever.
    fn poll_timeout(&self) -> Option<Time>;

    /// Time has passed. May come early.
    fn handle_timeout(&mut self, now: Time);

    fn is_finished(&self) -> bool {
        self.poll_timeout().is_none()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit<F> {
    pub flow: F,
    pub payload: Vec<u8>,
}

/// One of several unconnected sockets, and who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// Its place in the machine's list of sockets.
    pub socket: usize,
    pub remote: SocketAddr,
}

/// A local error from sending, by its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// ICMP port unreachable, seen as ECONNREFUSED.
    Refused,
    /// No route, host or network unreachable, or not from this address.
    Unreachable,
    /// EPERM or EACCES: a local firewall.
    Forbidden,
    /// The destination is a broadcast address: the system sends there only what asks for that. From the
    /// error alone it cannot be told from [`SendError::Forbidden`].
    Broadcast,
    /// ICMP from somebody else than the server, or something else than a closed port.
    Rejected(Rejection),
    Other,
}

impl From<&io::Error> for SendError {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            // EINVAL is what Linux says of a destination that the socket's address cannot send to.
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::InvalidInput => Self::Unreachable,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            _ => Self::Other,
        }
    }
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}
