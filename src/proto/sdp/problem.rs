//! What is wrong with a description.

use crate::base::codes::Code;
use crate::base::report::Severity;

/// Something in a description, or between two, that keeps a call from working or may do so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub severity: Severity,
    /// From 1, in the text that was given; `None` where something is missing that has no place.
    pub line: Option<usize>,
    /// What is so.
    pub message: String,
    /// The specification and its section.
    pub rfc: &'static str,
    /// What happens in practice: who refuses it, who does not mind.
    pub practice: &'static str,
    /// Chromium refuses the whole description for it.
    pub is_refusal: bool,
    /// What to do, where the code's own remedy does not fit.
    pub remedy: Option<&'static str>,
}

impl Problem {
    /// As severe as its code is by default.
    pub fn new(
        code: Code,
        line: impl Into<Option<usize>>,
        message: impl Into<String>,
        rfc: &'static str,
        practice: &'static str,
    ) -> Self {
        Self {
            code,
            severity: code.severity(),
            line: line.into(),
            message: message.into(),
            rfc,
            practice,
            is_refusal: false,
            remedy: None,
        }
    }

    /// An error for which Chromium refuses the whole description.
    pub fn refusal(
        code: Code,
        line: impl Into<Option<usize>>,
        message: impl Into<String>,
        rfc: &'static str,
        practice: &'static str,
    ) -> Self {
        Self {
            severity: Severity::Error,
            is_refusal: true,
            ..Self::new(code, line, message, rfc, practice)
        }
    }

    #[must_use]
    pub fn remedy(self, remedy: &'static str) -> Self {
        Self {
            remedy: Some(remedy),
            ..self
        }
    }

    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }
}
