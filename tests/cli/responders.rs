//! The STUN and TURN servers of rtcdiag on loopback: with the program itself as their client, and with
//! what no decent client sends.

mod running;
mod stun;
mod turn;
mod turn_limits;
