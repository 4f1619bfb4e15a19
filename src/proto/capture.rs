//! Packet captures: what went over the wire between one host and its servers and peers.
//!
//! [`file`] takes a file apart as it comes, in constant memory, [`link`] and [`packet`] find UDP and TCP in its frames,
//! and [`observer`] counts what STUN, TURN, DTLS and RTP did on each path. Frames may be cut: what is behind the cut is
//! not guessed. The formats are simple enough that no crate is taken for them; pcap-parser reads from a stream of its
//! own, and this is fed.

pub mod dtls;
pub mod file;
pub mod flows;
pub mod link;
pub mod observer;
pub mod packet;
pub mod paths;
pub mod rtp;
pub mod stun;
