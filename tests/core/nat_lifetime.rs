//! The lifetime of bindings in virtual time: what is said must be true at every moment of every run.
//!
//! `RTCDIAG_SIM_RUNS=n` makes n times as many runs.

// It prints its figures, and its numbers are small.
#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    missing_docs
)]

mod nat;
mod server;
mod world;

mod lifetimes;
mod servers;
mod trouble;

fn runs() -> u64 {
    let runs = std::env::var("RTCDIAG_SIM_RUNS").ok();
    runs.and_then(|n| n.parse().ok()).unwrap_or(1)
}
