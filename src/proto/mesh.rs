//! N hosts with one code: who is there, who tests the way to whom and when, and what came of it.
//!
//! Members meet in a lobby, where each says the same thing again and again, with what is new in it: who it
//! is, whom it has heard, and what became of the way to each of them ([`beat`]). Nothing that is lost has to be
//! asked for. The way between two members is a session as `pair` has it, with a code of its own; both agree in
//! the lobby when it begins ([`lobby`]). What all have said together is the [`matrix`].

pub mod beat;
mod edge;
pub mod lobby;
pub mod matrix;
mod order;
