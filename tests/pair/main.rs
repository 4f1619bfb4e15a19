//! `rtcdiag pair`: sessions with a scripted other side, at a rendezvous, between userspace NATs, and what is reported of them.

#![allow(clippy::disallowed_methods)] // hangs are noticed by the clock

mod brokers;
#[cfg(target_os = "linux")]
mod hostile_rendezvous;
mod mesh;
#[cfg(target_os = "linux")]
mod natlab;
mod rendezvous;
mod report;
mod scripted_peer;
#[path = "../support/mod.rs"]
mod support;
