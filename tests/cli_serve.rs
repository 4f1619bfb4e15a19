//! `rtcdiag serve`, the program itself, on loopback: what clients see, what it refuses, how it ends.

#![allow(clippy::disallowed_methods)] // times are measured

#[path = "cli_serve/begin.rs"]
mod begin;
#[path = "cli_serve/clients.rs"]
mod clients;
#[path = "cli_serve/ends.rs"]
mod ends;
#[path = "cli_serve/hostile.rs"]
mod hostile;
#[path = "cli_serve/lab.rs"]
mod lab;
#[path = "cli_serve/responders.rs"]
mod responders;
#[path = "cli_serve/responders_begin.rs"]
mod responders_begin;
#[path = "cli_serve/restart.rs"]
mod restart;
#[path = "common/schema.rs"]
mod schema;
#[path = "rendezvous/side.rs"]
mod side;
#[path = "rendezvous/support.rs"]
#[allow(dead_code)] // its servers are for the tests in one process
mod support;
#[path = "cli_serve/tls.rs"]
mod tls;
