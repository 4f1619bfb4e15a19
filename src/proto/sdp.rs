//! Session descriptions (RFC 8866): what they say, what is wrong with them, and what comes of an offer and its answer
//! (RFC 3264, 8829).
//!
//! Whole-file parsers stop at the first error, and what people have is damaged. So the lines are found by a scanner of
//! our own that keeps their numbers, and each attribute alone is held against Mozilla's parser ([`syntax`]).

pub mod answerer;
pub mod codec;
pub mod direction;
pub mod lint;
pub mod model;
pub mod negotiation;
pub mod problem;
pub mod scan;
pub mod source;
pub mod syntax;
