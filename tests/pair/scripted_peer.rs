//! `rtcdiag pair`, the program itself, with another side that is scripted: one that lies, is of
//! another version, says nothing, says too much, or knows the wrong code. They meet at a rendezvous
//! in this process. Loopback only, no root.

mod candidates;
mod descriptions;
mod ends;
mod envelopes;
mod hammer;
mod ice;
pub mod lab;
mod liars;
mod messages;
pub mod peer;
mod rooms;
mod terminal;
