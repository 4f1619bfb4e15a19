//! `rtcdiag pair` for people.

use super::layout::Detail;
use super::style::Style;
use crate::report::Document;
use crate::report::pair::{PairResult, TimelineEntry};

/// The document as text.
pub fn text(document: &Document<PairResult>, style: Style, detail: Detail) -> String {
    let _ = (style, detail);
    document.summary.clone()
}

/// A step as it happens, for a line on the terminal.
pub fn live(entry: &TimelineEntry) -> String {
    format!("{:?}", entry.event)
}
