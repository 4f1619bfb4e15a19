//! The terminal: what is written there, and how it is laid out.

pub mod course;
pub mod layout;
pub mod output;
pub mod page;
pub mod qr;
pub mod redact;
pub mod render;
pub mod style;
pub mod table;
