//! `rtcdiag demo` for people.

use super::layout::{line, section};
use super::style::Style;
use crate::report::Document;
use crate::report::demo::DemoResult;

/// One command and what it prints.
pub struct Part {
    /// As somebody would type it.
    pub command: String,
    /// Its output.
    pub text: String,
}

/// Each command with its output, and whether all went well.
pub fn text(document: &Document<DemoResult>, style: Style, parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        section(&mut text, style, &format!("$ {}", part.command));
        line(&mut text, part.text.trim_end());
    }
    line(&mut text, "");
    line(&mut text, &document.summary);
    text
}
