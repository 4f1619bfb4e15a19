//! The command line of `rtcdiag pair`: flags, codes, URLs, files, variables, what stands at the
//! rendezvous' port, and lines that people carry. Loopback only, no root.

#![allow(clippy::disallowed_methods)] // a hang is noticed by the clock

#[path = "cli_pair/manual.rs"]
mod manual;
#[path = "cli_pair/options.rs"]
mod options;
#[path = "cli_pair/program.rs"]
mod program;
#[path = "cli_pair/rendezvous.rs"]
mod rendezvous;
#[path = "cli_pair/streams.rs"]
mod streams;
