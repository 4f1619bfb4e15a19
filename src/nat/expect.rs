//! `--expect`: a wish about the result that becomes the exit code.

use std::fmt;
use std::str::FromStr;

use super::behavior::{Filtering, Mapping, Udp};
use crate::fact::Fact;

/// What the user expects of `nat`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// `mapping=`.
    pub mapping: Option<Mapping>,
    /// `filtering=`.
    pub filtering: Option<Filtering>,
    /// `udp=`.
    pub udp: Option<Udp>,
}

/// Why a text is no expectation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectError {
    /// No `=`.
    #[error("'{0}' is not KEY=VALUE")]
    NoValue(String),
    /// A key of no or of another command.
    #[error("'{0}' cannot be expected of nat: mapping, filtering or udp can")]
    Key(String),
    /// A value that the key does not have.
    #[error("{key} is never '{value}': use {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// What can be given.
        allowed: &'static str,
    },
    /// The same key twice.
    #[error("'{0}' is given twice")]
    Twice(&'static str),
}

/// How an expectation came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Met,
    /// It does not hold: what was expected and what is.
    NotMet {
        /// `KEY=VALUE` as expected.
        expected: String,
        /// The value found.
        found: String,
    },
    /// It could not be told.
    Unknown {
        /// `KEY=VALUE` as expected.
        expected: String,
    },
}

const BEHAVIORS: &str = "endpoint-independent, address-dependent or address-and-port-dependent";

impl FromStr for Expectations {
    type Err = ExpectError;

    fn from_str(text: &str) -> Result<Self, ExpectError> {
        let mut wishes = Self::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| ExpectError::NoValue(part.to_owned()))?;
            match key.trim() {
                "mapping" => set(&mut wishes.mapping, "mapping", value, BEHAVIORS, mapping)?,
                "filtering" => {
                    set(
                        &mut wishes.filtering,
                        "filtering",
                        value,
                        BEHAVIORS,
                        filtering,
                    )?;
                }
                "udp" => set(&mut wishes.udp, "udp", value, "open or blocked", udp)?,
                other => return Err(ExpectError::Key(other.to_owned())),
            }
        }
        if wishes == Self::default() {
            return Err(ExpectError::NoValue(text.to_owned()));
        }
        Ok(wishes)
    }
}

fn set<T>(
    slot: &mut Option<T>,
    key: &'static str,
    value: &str,
    allowed: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<(), ExpectError> {
    let parsed = parse(value.trim()).ok_or_else(|| ExpectError::Value {
        key,
        value: value.to_owned(),
        allowed,
    })?;
    match slot.replace(parsed) {
        None => Ok(()),
        Some(_) => Err(ExpectError::Twice(key)),
    }
}

fn mapping(value: &str) -> Option<Mapping> {
    super::reachability::MAPPINGS
        .into_iter()
        .find(|m| m.to_string() == value)
}

fn filtering(value: &str) -> Option<Filtering> {
    super::reachability::FILTERINGS
        .into_iter()
        .find(|f| f.to_string() == value)
}

fn udp(value: &str) -> Option<Udp> {
    [Udp::Open, Udp::Blocked]
        .into_iter()
        .find(|u| u.to_string() == value)
}

/// Holds one wish against the fact of one path.
pub fn check<T: PartialEq + fmt::Display>(key: &str, wish: &T, fact: &Fact<T>) -> Verdict {
    let expected = format!("{key}={wish}");
    match fact.value() {
        Some(value) if value == wish => Verdict::Met,
        Some(value) => Verdict::NotMet {
            expected,
            found: value.to_string(),
        },
        None => Verdict::Unknown { expected },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read() {
        let wishes: Expectations = "mapping=endpoint-independent, udp=open"
            .parse()
            .expect("valid");
        assert_eq!(wishes.mapping, Some(Mapping::EndpointIndependent));
        assert_eq!(wishes.udp, Some(Udp::Open));
        assert_eq!(wishes.filtering, None);
    }

    #[test]
    fn what_nat_cannot_show_is_refused() {
        for text in [
            "",
            "mapping",
            "mapping=full-cone",
            "pair=direct",
            "udp=open,udp=open",
        ] {
            assert!(text.parse::<Expectations>().is_err(), "{text}");
        }
    }
}
