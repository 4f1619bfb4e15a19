//! How long a binding lives (`--lifetime`).

pub mod run;
pub mod verdict;
