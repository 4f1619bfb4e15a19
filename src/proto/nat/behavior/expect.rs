//! `--expect`: a wish about the result that becomes the exit code.

use std::fmt;
use std::str::FromStr;

use crate::base::fact::Fact;
use crate::proto::nat::behavior::reachability::{FILTERINGS, MAPPINGS};
use crate::proto::nat::behavior::words::{Filtering, Mapping, Udp};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    pub mapping: Option<Mapping>,
    pub filtering: Option<Filtering>,
    pub udp: Option<Udp>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectError {
    /// No `=`.
    #[error("'{0}' is not KEY=VALUE")]
    NoValue(String),
    /// A key of no or of another command.
    #[error("'{0}' cannot be expected of nat, only mapping, filtering or udp can")]
    Key(String),
    #[error("{key} is never '{value}': use {allowed}")]
    Value {
        key: &'static str,
        value: String,
        allowed: &'static str,
    },
    #[error("'{0}' is given twice")]
    Twice(&'static str),
}

/// A wish that did not come true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// `KEY=VALUE`.
    pub expected: String,
    /// The value found, if it is known.
    pub found: Option<String>,
}

const UDP: [Udp; 2] = [Udp::Open, Udp::Blocked];
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
                "mapping" => set(&mut wishes.mapping, "mapping", value, BEHAVIORS, MAPPINGS)?,
                "filtering" => {
                    let slot = &mut wishes.filtering;
                    set(slot, "filtering", value, BEHAVIORS, FILTERINGS)?;
                }
                "udp" => set(&mut wishes.udp, "udp", value, "open or blocked", UDP)?,
                other => return Err(ExpectError::Key(other.to_owned())),
            }
        }
        if wishes == Self::default() {
            return Err(ExpectError::NoValue(text.to_owned()));
        }
        Ok(wishes)
    }
}

fn set<T: fmt::Display, const N: usize>(
    slot: &mut Option<T>,
    key: &'static str,
    value: &str,
    allowed: &'static str,
    values: [T; N],
) -> Result<(), ExpectError> {
    let mut values = values.into_iter();
    let parsed = values
        .find(|known| known.to_string() == value.trim())
        .ok_or_else(|| ExpectError::Value {
            key,
            value: value.to_owned(),
            allowed,
        })?;
    match slot.replace(parsed) {
        None => Ok(()),
        Some(_) => Err(ExpectError::Twice(key)),
    }
}

/// Holds one wish against the fact of one path.
pub fn unmet<T: PartialEq + fmt::Display>(
    key: &str,
    wish: Option<&T>,
    fact: &Fact<T>,
) -> Option<Unmet> {
    let wish = wish?;
    (fact.value() != Some(wish)).then(|| Unmet {
        expected: format!("{key}={wish}"),
        found: fact.value().map(ToString::to_string),
    })
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
