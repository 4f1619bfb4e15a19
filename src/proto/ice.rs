//! ICE (RFC 8445): candidates and how they are gathered.

pub mod candidate;
pub mod causes;
pub mod checks;
pub mod facts;
pub mod ice_servers;
pub mod interface;
pub mod prediction;
pub mod quality;
pub mod reflexive;
pub mod steps;
