//! What could not be read of a file.

use crate::proto::sdp::source::Flaw;

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// As in "line 3".
    pub place: String,
    pub message: String,
    /// Nothing is wrong with the file: a connection in it has no description.
    pub is_bare_connection: bool,
}

impl Fault {
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
            is_bare_connection: false,
        }
    }

    /// Where JSON ends that should go on, or is none.
    pub fn of_json(error: &serde_json::Error) -> Self {
        let place = format!("line {}, column {}", error.line(), error.column());
        let message = match Flaw::of(error) {
            Flaw::CutOff => "the JSON ends there, in the middle",
            Flaw::TooDeep => "the JSON is nested too deeply from there on to be read",
            Flaw::Damaged => "the JSON is damaged there",
        };
        Self::new(place, message)
    }
}
