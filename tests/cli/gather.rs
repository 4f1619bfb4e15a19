//! `rtcdiag gather`, the program itself, against scripted servers on loopback: candidates, and for
//! each one missing, why.

mod candidates;
mod ends;
mod errors;
mod findings;
mod options;
mod verdicts;
