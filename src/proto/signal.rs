//! Signalling between the two sides of `pair`: a code that both know, messages sealed with it, and
//! their order over a rendezvous that may drop, repeat and restart; and what that rendezvous decides.

pub mod carried;
pub mod code;
pub mod description;
pub mod forwarded;
pub mod lobbies;
pub mod message;
pub mod meter;
pub mod mqtt;
pub mod packed;
pub mod rooms;
pub mod seal;
pub mod session;
pub mod siblings;
pub mod url;
pub mod visitors;
pub mod wire;
