//! `--redact`: no address is shown, in no spelling, on neither stream, by no command; and what is
//! no address stays.

#![allow(clippy::disallowed_methods)] // runs of the program take their time

mod commands;
mod layout;
mod mistakes;
mod pairs;
mod scanner;
mod search;
mod serving;
