//! `rtcdiag pair`, the program itself, with another side that is scripted: one that lies, is of
//! another version, says nothing, says too much, or knows the wrong code. They meet at a rendezvous
//! in this process. Loopback only, no root.

#![allow(clippy::disallowed_methods)] // a hang is noticed by the clock

#[path = "pair_peer/candidates.rs"]
mod candidates;
#[path = "pair_peer/descriptions.rs"]
mod descriptions;
#[path = "pair_peer/ends.rs"]
mod ends;
#[path = "pair_peer/envelopes.rs"]
mod envelopes;
#[path = "pair_peer/ice.rs"]
mod ice;
#[path = "pair_peer/lab.rs"]
mod lab;
#[path = "pair_peer/liars.rs"]
mod liars;
#[path = "pair_peer/messages.rs"]
mod messages;
#[path = "pair_peer/peer.rs"]
mod peer;
#[path = "pair_peer/rooms.rs"]
mod rooms;
#[path = "pair_peer/terminal.rs"]
mod terminal;
