//! Tables. What is in a cell is redacted before the table is laid out, so that it is laid out for
//! what is shown.

use std::fmt;
use std::ops::{Deref, DerefMut};

use comfy_table::{Attribute, Color};

use crate::base::words::escaped;
use crate::ui::redact::Redaction;
use crate::ui::style::Ink;

#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    ink: Option<Ink>,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "most texts are made for their cell"
)]
impl Cell {
    pub fn new(text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            ink: None,
        }
    }

    pub fn painted(ink: Ink, text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            ink: Some(ink),
        }
    }

    fn shown(self, redaction: &Redaction) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new(escaped(&redaction.text(&self.text)));
        match self.ink {
            None => cell,
            Some(Ink::Good) => cell.fg(Color::Green),
            Some(Ink::Bad) => cell.fg(Color::Red),
            Some(Ink::Caution) => cell.fg(Color::Yellow),
            Some(Ink::Faint) => cell.add_attribute(Attribute::Dim),
            Some(Ink::Bold) => cell.add_attribute(Attribute::Bold),
        }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// A table; made by [`Style::table`](crate::ui::style::Style::table).
#[derive(Debug)]
pub struct Table {
    table: comfy_table::Table,
    redaction: Redaction,
}

impl Table {
    pub(super) fn new(table: comfy_table::Table, redaction: Redaction) -> Self {
        Self { table, redaction }
    }

    pub fn set_header<T: Into<Cell>>(&mut self, cells: Vec<T>) -> &mut Self {
        let cells = self.shown(cells);
        self.table.set_header(cells);
        self
    }

    pub fn add_row<T: Into<Cell>>(&mut self, cells: Vec<T>) -> &mut Self {
        let cells = self.shown(cells);
        self.table.add_row(cells);
        self
    }

    fn shown<T: Into<Cell>>(&self, cells: Vec<T>) -> Vec<comfy_table::Cell> {
        let cells = cells.into_iter().map(Into::into);
        cells
            .map(|cell: Cell| cell.shown(&self.redaction))
            .collect()
    }
}

impl Deref for Table {
    type Target = comfy_table::Table;

    fn deref(&self) -> &comfy_table::Table {
        &self.table
    }
}

impl DerefMut for Table {
    fn deref_mut(&mut self) -> &mut comfy_table::Table {
        &mut self.table
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)
    }
}
