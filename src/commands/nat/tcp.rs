//! STUN over TCP beside UDP.

pub mod run;
pub mod verdict;
