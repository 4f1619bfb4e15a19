//! NAT behaviour (RFC 4787) and its discovery (RFC 5780), without I/O, clock or randomness.
//!
//! [`discovery`] is the machine: it says what to send and takes what came. [`classify`] and
//! [`ports`] turn evidence into facts, each rule a function of its arguments. [`behavior`] has the
//! words.

pub mod address;
pub mod behavior;
pub mod collision;
pub mod lifetime;
pub mod loss;
pub mod nat64;
pub mod router;
pub mod tcp;
pub mod timers;

pub use crate::base::time::Time;
pub use crate::proto::machine::SendError;
