//! TURN (RFC 8656): a client without I/O, the meaning of what servers answer, and what a server
//! decides before it relays.
//!
//! [`client::Client`] is one allocation over one connection. It is driven from outside: bytes in,
//! bytes out, time as an argument.

pub mod client;
pub mod credentials;
pub mod error;
pub mod frame;
pub mod message;
pub mod policy;
pub mod server;
pub mod uri;
