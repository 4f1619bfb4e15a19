//! Shared by the tests: a network that exists only in memory and virtual time, and real STUN
//! servers on loopback. Each test file uses a part of it.
// Test support may print, and its real servers keep real time.
#![allow(
    clippy::pedantic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods
)]
#![allow(dead_code)]
#![allow(unused_imports)]

pub mod aioice;
pub mod broker;
pub mod browser;
pub mod certificates;
pub mod check;
pub mod ends;
pub mod golden;
pub mod leaks;
pub mod loopback;
pub mod matrix;
pub mod meeting;
pub mod mesh_results;
pub mod mosquitto;
pub mod nat_config;
pub mod nat_model;
#[cfg(target_os = "linux")]
pub mod natlab;
pub mod pair_results;
pub mod path;
pub mod program;
pub mod properties;
pub mod rendezvous;
pub mod scenario;
pub mod schema;
pub mod scripted_server;
pub mod sim_net;
pub mod sim_server;
pub mod strays;
pub mod stun_wire;
pub mod tcp_servers;
pub mod truth;
pub mod turn_client;
pub mod turn_server;
