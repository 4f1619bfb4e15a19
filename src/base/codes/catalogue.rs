//! What each code means. The texts are in the Markdown files beside this one: after a heading with
//! the code and its kinds one paragraph on the meaning, then lines for proof, remedy and example.
//! A test holds that every code has its entry.

use std::sync::LazyLock;

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::report::Severity;

const TEXTS: [&str; 9] = [
    include_str!("machine.md"),
    include_str!("servers.md"),
    include_str!("nat.md"),
    include_str!("router.md"),
    include_str!("turn.md"),
    include_str!("pair.md"),
    include_str!("causes.md"),
    include_str!("sdp.md"),
    include_str!("calls.md"),
];

/// What is known of a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub code: Code,
    /// Where it is said, the most frequent place first.
    pub kinds: Vec<Kind>,
    /// `None` for what is neither a finding nor an error of a server.
    pub severity: Option<Severity>,
    pub meaning: &'static str,
    /// What has to be seen before it is said.
    pub proof: &'static str,
    pub remedy: &'static str,
    /// A command that does or shows it.
    pub example: Option<&'static str>,
}

/// Where a code is said.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Kind {
    /// In `findings`.
    Finding,
    /// Of a server or of the program; `turn` and `gather` give most of them as findings too.
    Error,
    /// Why two hosts have no direct path, or no relay helped.
    Cause,
    /// Why a candidate pair did not work.
    PairFailure,
    /// Why a fact is not determined.
    Reason,
}

/// Taken apart once: a dump of fifty calls looks up thousands.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut entries: Vec<Entry> = TEXTS
        .iter()
        .flat_map(|text| text.split("## "))
        .filter_map(|section| parse(section.trim_end()))
        .collect();
    entries.sort_by_key(|entry| entry.code.name());
    entries
});

/// All entries, by code.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

fn parse(section: &'static str) -> Option<Entry> {
    let (heading, body) = section.split_once('\n')?;
    let (code, kinds) = heading.split_once(": ")?;
    let code: Code = code.parse().ok()?;
    let kinds: Vec<Kind> = kinds
        .split(", ")
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let line = |label: &str| body.lines().find_map(|line| line.strip_prefix(label));
    let is_graded = kinds.contains(&Kind::Finding) || kinds.contains(&Kind::Error);
    Some(Entry {
        code,
        severity: is_graded.then(|| code.severity()),
        kinds,
        meaning: body.lines().next()?,
        proof: line("Proof: ")?,
        remedy: line("Remedy: ")?,
        example: line("Example: "),
    })
}
