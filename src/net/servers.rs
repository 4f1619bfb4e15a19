//! The servers that `serve` and `demo` run.

pub mod connections;
pub mod listen;
pub mod metrics;
pub mod rendezvous;
pub mod stun;
pub mod turn;
