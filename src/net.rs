//! The edges: sockets, names, streams, the clock.

pub mod agent;
pub mod certificate;
pub mod clock;
pub mod descriptors;
pub mod drive;
pub mod host;
pub mod icmp;
pub mod leases;
pub mod link;
pub mod look;
pub mod misdirected;
pub mod mtu;
pub mod nat64;
pub mod redirect;
pub mod refusal;
pub mod rendezvous;
pub mod resolve;
pub mod route;
pub mod router;
pub mod servers;
pub mod session;
pub mod stray;
pub mod stream;
pub mod tls;
pub mod whole;
