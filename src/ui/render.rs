//! Layout only: from documents to text. No verdict is made here.

use serde::Serialize;

use crate::base::report::Document;

/// One JSON document, indented, with a newline at the end.
pub fn json<R: Serialize>(document: &Document<R>) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

/// One line of JSON, with a newline at the end.
pub fn json_line<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}
