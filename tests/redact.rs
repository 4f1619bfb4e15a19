//! `--redact`: no address is shown, in no spelling, on neither stream, by no command; and what is
//! no address stays.

#![allow(clippy::disallowed_methods)] // runs of the program take their time

#[path = "redact/commands.rs"]
mod commands;
#[path = "common/ends.rs"]
mod ends;
#[path = "redact/layout.rs"]
mod layout;
#[path = "redact/leaks.rs"]
mod leaks;
#[path = "redact/mistakes.rs"]
mod mistakes;
#[path = "redact/pairs.rs"]
mod pairs;
#[path = "common/program.rs"]
mod program;
#[path = "redact/scanner.rs"]
mod scanner;
#[path = "common/schema.rs"]
mod schema;
#[path = "redact/serving.rs"]
mod serving;
mod support;
