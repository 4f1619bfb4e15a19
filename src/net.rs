//! The edges: sockets, names, streams, the clock.

pub mod clock;
pub mod driver;
pub mod host;
pub mod refusal;
pub mod resolve;
pub mod stream;
