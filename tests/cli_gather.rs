//! `rtcdiag gather`, the program itself, against scripted servers on loopback: candidates, and for
//! each one missing, why.

#![allow(clippy::disallowed_methods)] // a signal is sent after a while

#[path = "cli_gather/candidates.rs"]
mod candidates;
#[path = "cli_gather/ends.rs"]
mod ends;
#[path = "cli_gather/errors.rs"]
mod errors;
#[path = "cli_gather/findings.rs"]
mod findings;
#[path = "cli_gather/options.rs"]
mod options;
#[path = "common/program.rs"]
mod program;
#[path = "common/schema.rs"]
mod schema;
mod support;
