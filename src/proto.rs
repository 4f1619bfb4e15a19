//! Protocols and decisions, without sockets, clock, randomness or terminal.

pub mod capture;
pub mod data_channel;
pub mod evidence;
pub mod ice;
pub mod machine;
pub mod media;
pub mod mesh;
pub mod nat;
pub mod rejection;
pub mod sdp;
pub mod signal;
pub mod stun;
pub mod tls;
pub mod turn;
