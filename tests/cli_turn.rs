//! `rtcdiag turn`, the program itself, against scripted servers on loopback: is the server healthy
//! and safe, and if not, why.

#![allow(clippy::disallowed_methods)] // a signal is sent after a while

#[path = "cli_turn/ends.rs"]
mod ends;
#[path = "cli_turn/errors.rs"]
mod errors;
#[path = "cli_turn/healthy.rs"]
mod healthy;
#[path = "common/program.rs"]
mod program;
#[path = "cli_turn/safety.rs"]
mod safety;
#[path = "common/schema.rs"]
mod schema;
mod support;
