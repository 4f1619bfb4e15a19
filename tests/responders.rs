//! The STUN and TURN servers of rtcdiag on loopback: with the program itself as their client, and with
//! what no decent client sends.

#![allow(clippy::disallowed_methods)] // tests may wait

#[path = "common/program.rs"]
mod program;
#[path = "responders/running.rs"]
mod running;
#[path = "common/schema.rs"]
mod schema;
#[path = "responders/stun.rs"]
mod stun;
mod support;
#[path = "responders/turn.rs"]
mod turn;
#[path = "responders/turn_limits.rs"]
mod turn_limits;
