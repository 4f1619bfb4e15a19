//! Colour and width. Everything is understandable without either.

use std::borrow::Cow;

use comfy_table::{ColumnConstraint, ContentArrangement, Width};

use crate::base::words::escaped;
use crate::ui::redact::Redaction;
use crate::ui::table::{Cell, Table};

#[derive(Debug, Clone, Copy)]
pub struct Style<'a> {
    pub color: bool,
    /// Columns there are.
    pub width: u16,
    /// What is done to text before it is laid out, if anything.
    pub redaction: Option<&'a Redaction>,
}

/// The widest that lines get, however wide the terminal is: beyond this they are hard to read.
const MAX_WIDTH: u16 = 120;
const DEFAULT_WIDTH: u16 = 80;
/// "address-and-port-dependent".
const LONGEST_TERM: u16 = 26;
/// What comfy-table puts around a cell.
const PADDING: u16 = 2;
const MIN_LABEL: u16 = 20;

impl<'a> Style<'a> {
    pub fn for_stdout(color: bool) -> Self {
        let width = comfy_table::Table::new().width().unwrap_or(DEFAULT_WIDTH);
        Self {
            color,
            width: width.clamp(40, MAX_WIDTH),
            redaction: None,
        }
    }

    /// As on a terminal of the usual width, without colour.
    pub const fn plain() -> Self {
        Self {
            color: false,
            width: DEFAULT_WIDTH,
            redaction: None,
        }
    }

    #[must_use]
    pub const fn redacted(self, redaction: &'a Redaction) -> Self {
        Self {
            redaction: Some(redaction),
            ..self
        }
    }

    /// A text as it is to be shown. Whatever measures or breaks text needs it so.
    pub fn shown(self, text: &str) -> Cow<'_, str> {
        let text = self
            .redaction
            .map_or(Cow::Borrowed(text), |redaction| redaction.text(text));
        match escaped(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(shown) => Cow::Owned(shown),
        }
    }

    #[must_use]
    pub const fn narrower(self, columns: u16) -> Self {
        Self {
            width: self.width.saturating_sub(columns),
            ..self
        }
    }

    /// An empty table in this style.
    pub fn table(self) -> Table {
        let mut table = comfy_table::Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.width);
        // The decision on colour has been made; comfy-table would look at stdout again.
        if self.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        Table::new(table, self.redaction.cloned().unwrap_or_default())
    }

    /// Gives columns from the second on room for the longest of our terms, where there is room.
    pub fn keep_terms_whole(self, table: &mut Table) {
        let columns = u16::try_from(table.column_count()).unwrap_or(u16::MAX);
        let wanted = LONGEST_TERM + PADDING;
        if columns.saturating_sub(1).saturating_mul(wanted) + MIN_LABEL > self.width {
            return;
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(wanted)));
        }
    }

    /// Keeps words such as addresses in one piece: a column gets the room that its widest cell
    /// needs, as long as half of the line is left for the others.
    pub fn keep_whole(self, table: &mut Table, column: usize) {
        let widths = table.column_max_content_widths();
        let fits = widths.get(column).is_some_and(|w| *w <= self.width / 2);
        if let (true, Some(column)) = (fits, table.column_mut(column)) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }

    pub fn paint(self, ink: Ink, text: &str) -> String {
        if self.color {
            format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code())
        } else {
            text.to_owned()
        }
    }

    pub fn cell(self, ink: Ink, text: impl ToString) -> Cell {
        Cell::painted(ink, text)
    }

    /// [`fold`], of the text as it is to be shown.
    pub fn fold(self, text: &str, width: usize) -> String {
        fold(&self.shown(text), width)
    }

    /// Text broken into lines of this width, each after the first with `indent` spaces before it.
    pub fn wrap(self, text: &str, indent: usize) -> String {
        let width = usize::from(self.width);
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in self.shown(text).split(' ') {
            let used = line.chars().count();
            if used > indent && used + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
                line = " ".repeat(indent);
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        lines.join("\n")
    }
}

/// Text broken for a narrow cell where it can be: at spaces, behind a hyphen or comma, and before a
/// port or a query, so that no address or code is cut in the middle.
pub fn fold(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for given in text.split('\n') {
        let mut line = String::new();
        for piece in pieces(given) {
            let longer = line.chars().count() + piece.trim_end().chars().count();
            if longer > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(if line.is_empty() {
                piece.trim_start()
            } else {
                piece
            });
        }
        lines.push(line);
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

/// Cuts a text at the places where it may break.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    // Inside brackets and names colons belong to the address; the last one is before the port.
    let port = text.rfind(':').filter(|at| {
        let digits = text[at + 1..].split('?').next().unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    });
    for (at, c) in text.char_indices() {
        let before = Some(at) == port || c == '?';
        if before && at > start {
            pieces.push(&text[start..at]);
            start = at;
        }
        if matches!(c, ' ' | '-' | ',') {
            pieces.push(&text[start..=at]);
            start = at + 1;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Good,
    Bad,
    Caution,
    Faint,
    Bold,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Caution => "33",
            Self::Faint => "2",
            Self::Bold => "1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_codes_break_where_they_can() {
        assert_eq!(fold("198.51.100.77:63765", 17), "198.51.100.77\n:63765");
        assert_eq!(fold("[2001:db8:2::10]:3478", 18), "[2001:db8:2::10]\n:3478");
        assert_eq!(fold("203.0.113.10:3478", 18), "203.0.113.10:3478");
        assert_eq!(
            fold("allocation-quota-reached (allocate)", 18),
            "allocation-quota-\nreached (allocate)"
        );
        assert_eq!(
            fold("turn:203.0.113.10:3478?transport=tcp", 28),
            "turn:203.0.113.10:3478\n?transport=tcp"
        );
        assert_eq!(fold("yes", 2), "yes");
    }
}
