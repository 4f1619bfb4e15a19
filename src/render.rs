//! Layout only: from documents to text. No verdict is made here.

pub mod demo;
pub mod gather;
pub mod layout;
pub mod nat;
pub mod pair;
pub mod serve;
pub mod style;
pub mod table;
pub mod turn;

use serde::Serialize;

use crate::report::Document;

/// One JSON document, indented, with a newline at the end.
///
/// # Errors
///
/// Never for our documents; `serde_json` could fail for others.
pub fn json<R: Serialize>(document: &Document<R>) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

/// One line of JSON, with a newline at the end.
///
/// # Errors
///
/// As [`json`].
pub fn json_line<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}
