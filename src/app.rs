//! What each command does: it puts the edges and the core together and returns a document.

pub mod demo;
pub mod gather;
pub mod lookup;
pub mod nat;
pub mod pair;
pub mod serve;
pub mod signals;
pub mod turn;
