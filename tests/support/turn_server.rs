//! A scripted TURN server (RFC 8656), honest or wrong in every way that can be told apart:
//! [`TurnCore`] has no I/O and runs in virtual time, [`TurnServer`] runs it on real sockets on
//! loopback (UDP, TCP and TLS). It shares no code with the client under test.

mod answers;
mod auth;
mod config;
mod engine;
mod incoming;
mod relaying;
mod requests;
mod sockets;
mod streams;
pub mod wire;

pub use config::{Malformed, StreamFault, TurnConfig, minted_password, prefix};
pub use engine::{CountingRelays, FiveTuple, Output, RelayAllocator, Transport, TurnCore};
pub use sockets::TurnServer;
pub use wire::{Family, Method};
