//! What could not be read of a file.

/// What is said of a connection that no description came to, though its record is whole.
const WITHOUT_DESCRIPTION: &str = "neither an offer nor an answer was set in it";

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// As in "line 3".
    pub place: String,
    pub message: String,
}

impl Fault {
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }

    /// Whether nothing is wrong with the file, and a connection in it has no description.
    pub fn is_bare_connection(&self) -> bool {
        self.message.ends_with(WITHOUT_DESCRIPTION)
    }

    /// Where JSON ends that should go on, or is none.
    pub fn of_json(error: &serde_json::Error) -> Self {
        let place = format!("line {}, column {}", error.line(), error.column());
        let message = if error.is_eof() {
            "the JSON ends there, in the middle"
        } else if error.to_string().starts_with("recursion limit") {
            "the JSON is nested too deeply from there on to be read"
        } else {
            "the JSON is damaged there"
        };
        Self::new(place, message)
    }
}
