//! The result of a command, as facts only. Every output is a function of it.

pub mod demo;
pub mod expiry;
pub mod gather;
pub mod nat;
pub mod pair;
pub mod serve;
pub mod stage;
pub mod tls;
pub mod turn;
pub mod words;

use std::time::Duration;

use serde::Serialize;

use crate::exit::Outcome;
use crate::turn::error::Failure;

/// Version of the JSON: additive changes raise the second number, anything else the first.
pub const SCHEMA_VERSION: &str = "1.0";

/// The JSON Schema that every document follows.
pub const SCHEMA: &str = include_str!("report/schema.json");

/// The document that a command prints.
#[derive(Debug, Clone, Serialize)]
pub struct Document<R> {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: &'static str,
    /// Version of this program.
    pub rtcdiag_version: &'static str,
    /// Whether labels stand for IP addresses (`--redact`).
    pub redacted: bool,
    /// The command's name; `None` if none could be told from the command line.
    pub command: Option<&'static str>,
    /// RFC 3339 with milliseconds, UTC.
    pub started_at: String,
    /// Milliseconds that the command took.
    pub elapsed_ms: Millis,
    /// How it ended.
    pub outcome: Outcome,
    /// One sentence that a person can act on.
    pub summary: String,
    /// What is worth knowing, the most severe last.
    pub findings: Vec<Finding>,
    /// The result; `None` where the command could not begin.
    pub result: Option<R>,
}

/// The verdict on a result: outcome, findings and summary.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// What is worth knowing, the most severe last.
    pub findings: Vec<Finding>,
    /// One sentence.
    pub summary: String,
}

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, in kebab-case.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is so.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// May hurt.
    Warning,
    /// Hurts.
    Error,
}

impl Finding {
    /// A finding with a hint.
    pub fn new(
        code: &'static str,
        severity: Severity,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

impl Finding {
    /// The same with the name of what it is about in front, say an interface.
    #[must_use]
    pub fn about(self, name: &str) -> Self {
        Self {
            message: format!("{name}: {}", self.message),
            ..self
        }
    }
}

/// What is wrong with a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorReport {
    /// Stable, in kebab-case.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// What to do about it; the findings say it.
    #[serde(skip)]
    pub hint: Option<&'static str>,
}

impl ErrorReport {
    /// An error.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// Nothing is wrong but that the run ended too early.
    pub fn cut_short() -> Self {
        Self::new("cut-short", "the run ended before it was settled")
            .with_hint("give it more time with --timeout")
    }

    /// Whether that is all that is wrong.
    pub fn is_cut_short(&self) -> bool {
        self.code == "cut-short"
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }
}

impl From<&Failure> for ErrorReport {
    fn from(failure: &Failure) -> Self {
        let meaning = failure.meaning();
        Self::new(meaning.code, failure.message()).with_hint(meaning.hint)
    }
}

/// Milliseconds in JSON, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Millis(pub Duration);

impl Millis {
    /// As a number.
    pub fn as_f64(self) -> f64 {
        (self.0.as_secs_f64() * 1e6).round() / 1e3
    }
}

impl Serialize for Millis {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}
