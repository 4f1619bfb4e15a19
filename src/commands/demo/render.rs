//! `rtcdiag demo` for people.

use crate::base::report::Document;
use crate::commands::demo::report::DemoResult;
use crate::ui::layout::{line, section};
use crate::ui::style::Style;

pub struct Part {
    pub command: String,
    pub text: String,
}

pub fn text(document: &Document<DemoResult>, style: Style, parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        section(&mut text, style, &format!("$ {}", part.command));
        line(&mut text, part.text.trim_end());
    }
    line(&mut text, "");
    line(&mut text, &style.wrap(&document.summary, 0));
    text
}
