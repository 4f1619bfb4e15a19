//! The edges: sockets, names, streams, the clock.

pub mod agent;
pub mod bindings;
pub mod certificate;
pub mod clock;
pub mod collide;
pub mod driver;
pub mod host;
pub mod link;
pub mod listen;
pub mod metrics;
pub mod nat64;
pub mod redirect;
pub mod refusal;
pub mod rendezvous;
pub mod resolve;
pub mod route;
pub mod router;
pub mod session;
pub mod stream;
pub mod stun_server;
pub mod tls;
pub mod turn_server;
