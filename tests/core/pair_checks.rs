//! The connectivity checks of `pair` in virtual time: both ends select the same pair, directly
//! wherever that can work, and soon.
//!
//! `RTCDIAG_PAIR_RUNS=n` makes n runs of each scenario and link instead of three.
//! `RTCDIAG_PAIR_REPLAY="NAME [LINK] seed N"` prints every packet of one run.

// It prints its figures.
#![allow(clippy::pedantic, clippy::print_stdout)]

mod causes;
mod choices;
mod engine;
mod hostile;
mod limits;
mod matrix;
mod roles;
mod rules;
mod scenario;
mod sim;
mod tally;
mod truth;
mod two;
mod world;
