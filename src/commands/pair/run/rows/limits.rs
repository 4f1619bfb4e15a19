//! Limits of checks that were reached.

use crate::base::bounds::{CHECKS_IN_ALL, CHECKS_OF_PAIR, CHECKS_TO_ADDRESS};
use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::base::words::{counted, listed};
use crate::proto::ice::checks::Limit;

/// What the user is told of them.
pub fn finding(limits: &[Limit]) -> Option<Finding> {
    if limits.is_empty() {
        return None;
    }
    let limits: Vec<String> = limits
        .iter()
        .map(|limit| match limit {
            Limit::Pairs(count) => {
                let pairs = counted(*count, "pair");
                format!("{CHECKS_OF_PAIR} for each pair ({pairs})")
            }
            Limit::Address(ip) => format!("{CHECKS_TO_ADDRESS} to {ip}"),
            Limit::All => format!("{CHECKS_IN_ALL} in all"),
        })
        .collect();
    Some(Finding::new(
        Code::CheckLimit,
        format!(
            "checks without an answer reached a limit, and no more were sent: {}",
            listed(&limits)
        ),
        "if you do not know who had the code, start again with a new one: a hostile side could name the addresses of somebody else, to have them flooded",
    ))
}
