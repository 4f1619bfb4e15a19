//! STUN (RFC 8489) as far as diagnosis needs it: messages and URIs, and a server without sockets.
//!
//! Nothing here opens a socket or reads a clock.

pub mod address;
pub mod browsers;
pub mod held;
pub mod message;
pub mod refused;
pub mod server;
pub mod uri;
