//! Signalling between the two sides of `pair`: a code that both know, messages sealed with it, and
//! their order over a rendezvous that may drop, repeat and restart.

pub mod code;
pub mod description;
pub mod seal;
pub mod session;
