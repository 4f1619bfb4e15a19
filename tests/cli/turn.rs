//! `rtcdiag turn`, the program itself, against scripted servers on loopback: is the server healthy
//! and safe, and if not, why.

mod ends;
mod errors;
mod healthy;
mod safety;
mod verdicts;
