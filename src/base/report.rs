//! The result of a command, as facts only. Every output is a function of it.

use std::time::Duration;

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::exit::Outcome;

/// Version of the JSON: additive changes raise the second number, anything else the first.
pub const SCHEMA_VERSION: &str = "1.1";

/// The JSON Schema that every document follows.
pub const SCHEMA: &str = include_str!("schema.json");

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
    /// Why a good outcome is no good news, if it is none. For people alone.
    #[serde(skip)]
    pub caveat: Option<Caveat>,
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
    /// Why a good outcome is no good news, if it is none.
    pub caveat: Option<Caveat>,
    /// What is worth knowing, the most severe last.
    pub findings: Vec<Finding>,
    /// One sentence.
    pub summary: String,
}

impl<R> Document<R> {
    /// The document of a command with its verdict, `elapsed` after it began at `started_at`. Nothing in it is redacted yet.
    pub fn new(
        command: Option<&'static str>,
        (started_at, elapsed): (String, Duration),
        verdict: Verdict,
        result: Option<R>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            rtcdiag_version: env!("CARGO_PKG_VERSION"),
            redacted: false,
            command,
            started_at,
            elapsed_ms: Millis(elapsed),
            outcome: verdict.outcome,
            caveat: verdict.caveat,
            summary: verdict.summary,
            findings: verdict.findings,
            result,
        }
    }
}

/// Why an outcome that is good by the exit code is no good news: everything was done, and what came of
/// it hurts all the same. Its word stands where "good" would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub enum Caveat {
    /// The NAT keeps many peers from connecting directly.
    Strict,
    /// The server works, and its users or strangers can misuse it.
    Unsafe,
    /// The server works, and carries too little or lets in too few.
    Limited,
    /// There is a relay, and nobody reaches it.
    NoRelay,
    /// The two are connected, and not directly.
    Relayed,
    /// The two are connected, and more is lost than speech can stand.
    Lossy,
}

impl Caveat {
    /// The word for the headline.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Unsafe => "unsafe",
            Self::Limited => "limited",
            Self::NoRelay => "no relay",
            Self::Relayed => "relayed",
            Self::Lossy => "lossy",
        }
    }
}

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// How bad it is here.
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
    /// A finding with a hint, as severe as its code is by default.
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::without_hint(code, message)
        }
    }

    /// A finding about which nothing is to be done.
    pub fn without_hint(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            hint: None,
        }
    }

    /// The same with another severity than that of its code.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

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
    /// What it is.
    pub code: Code,
    /// For a person.
    pub message: String,
    /// What to do about it; the findings say it.
    #[serde(skip)]
    pub hint: Option<&'static str>,
    /// Whether a closer look has found out why, so that the hint is for just that.
    #[serde(skip)]
    pub is_found_out: bool,
}

impl ErrorReport {
    /// An error.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            is_found_out: false,
        }
    }

    /// The same after a closer look.
    #[must_use]
    pub fn found_out(self) -> Self {
        Self {
            is_found_out: true,
            ..self
        }
    }

    /// Nothing is wrong but that the run ended too early.
    pub fn cut_short() -> Self {
        Self::new(Code::CutShort, "the run ended before it was settled")
            .with_hint("give it more time with --timeout")
    }

    /// Whether that is all that is wrong.
    pub fn is_cut_short(&self) -> bool {
        self.code == Code::CutShort
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
