//! `rtcdiag serve`, the program itself, on loopback: what clients see, what it refuses, how it ends.

mod begin;
mod clients;
mod ends;
mod hostile;
pub mod lab;
mod proxies;
mod responders;
mod responders_begin;
mod restart;
mod siblings;
mod tls;
