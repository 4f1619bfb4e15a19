//! NAT behaviour (RFC 4787) and its discovery (RFC 5780), without I/O, clock or randomness.
//!
//! [`discovery`] is the machine: it says what to send and takes what came. [`classify`] and
//! [`ports`] turn evidence into facts, each rule a function of its arguments. [`behavior`] has the
//! words.

pub mod address;
pub mod behavior;
pub mod classify;
pub mod collision;
pub mod discovery;
pub mod earlier;
pub mod evidence;
pub mod expect;
pub mod layers;
pub mod lifetime;
pub mod loss;
pub mod nat64;
pub mod port_control;
pub mod ports;
pub mod probe;
pub mod reachability;
pub mod stream_mapping;
pub mod timers;
pub mod used_ports;

use std::net::SocketAddr;

pub use crate::time::Time;

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The socket to send from, an index below [`discovery::SOCKETS`].
    pub socket: usize,
    /// Where to.
    pub destination: SocketAddr,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// A local error from sending, by its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// ICMP port unreachable, seen as ECONNREFUSED.
    Refused,
    /// No route, host or network unreachable.
    Unreachable,
    /// EPERM or EACCES: a local firewall.
    Forbidden,
    /// Anything else.
    Other,
}
