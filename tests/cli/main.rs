//! The program itself as a process on loopback, each command with servers that do what a test says. No root.

#![allow(clippy::disallowed_methods)] // hangs are noticed by the clock, and real servers keep real time

mod demo;
mod explain;
mod gather;
mod html;
mod inspect;
mod mesh;
mod nat;
mod nat_bad_input;
mod nat_rounds;
mod pair;
mod responders;
mod scripted_servers;
mod scripted_turn_server;
mod sdp;
mod serve;
mod server_faults;
#[path = "../support/mod.rs"]
mod support;
mod this_machine;
mod turn;
mod turn_bad_input;
