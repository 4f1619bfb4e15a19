//! What the program prints today, byte for byte: made-up and simulated results through the pure
//! functions, and runs of the program on loopback. `tests/house/schema/golden.rs` adds its samples.
//!
//! `RTCDIAG_UPDATE_GOLDEN=1 cargo test --test golden --test house` writes the files anew; `git diff`
//! then shows what is printed differently. What has to vary between two runs of the program is
//! replaced ([`steady`]).

mod pure;
#[cfg(target_os = "linux")] // interfaces have their names from there
mod runs;
mod steady;
#[path = "../support/mod.rs"]
mod support;
