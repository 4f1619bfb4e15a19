//! What `--expect` takes, for each command its own.

use std::str::FromStr;

use crate::ice::candidate::CandidateType;

/// `--expect candidates=...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCandidates(pub Vec<CandidateType>);

impl FromStr for WantedCandidates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut wanted = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let value = match part.split_once('=') {
                Some(("candidates", value)) => value,
                Some((key, _)) => {
                    return Err(format!(
                        "'{key}' cannot be expected of gather: candidates can"
                    ));
                }
                // candidates=host,relay: the key holds on.
                None if !wanted.is_empty() => part,
                None => return Err(format!("'{part}' is not KEY=VALUE")),
            };
            let kind = [
                CandidateType::Host,
                CandidateType::Srflx,
                CandidateType::Relay,
            ]
            .into_iter()
            .find(|kind| kind.name() == value)
            .ok_or_else(|| format!("candidates is never '{value}': use host, srflx or relay"))?;
            if !wanted.contains(&kind) {
                wanted.push(kind);
            }
        }
        if wanted.is_empty() {
            return Err("empty".to_owned());
        }
        Ok(Self(wanted))
    }
}

/// `--expect turn=ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedTurn;

impl FromStr for WantedTurn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().split_once('=') {
            Some(("turn", "ok")) => Ok(Self),
            Some(("turn", value)) => Err(format!("turn is never '{value}': use ok")),
            Some((key, _)) => Err(format!("'{key}' cannot be expected of turn: turn=ok can")),
            None => Err(format!("'{text}' is not KEY=VALUE")),
        }
    }
}
