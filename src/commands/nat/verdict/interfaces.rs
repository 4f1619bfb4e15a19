//! Which interfaces were tested (`--all-interfaces`), and which could not be.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::{Finding, Severity};
use crate::commands::nat::report::NatResult;

/// For a path beside others that nobody answers over.
pub(super) const HINT_OF_SILENCE: &str = "harmless, unless this interface is meant to lead to the internet; then look at its routes (ip route)";

/// Interfaces that were not tested, each with the reason.
pub fn left_out(interfaces: &[(String, &str)]) -> Option<Finding> {
    let named: Vec<String> = interfaces
        .iter()
        .map(|(name, why)| format!("{name} ({why})"))
        .collect();
    (!named.is_empty()).then(|| {
        Finding::new(
            Code::InterfacesLeftOut,
            format!("not tested: {}", named.join(", ")),
            "to test one of them all the same, name it with --interface",
        )
    })
}

pub fn too_many(count: usize, most: usize) -> Option<Finding> {
    (count > 0).then(|| {
        Finding::new(
            Code::TooManyInterfaces,
            format!("{count} more interfaces were not tested: the limit is {most} at a time"),
            "test those that matter one by one with --interface",
        )
    })
}

pub fn not_listed(error: &impl Display) -> Finding {
    Finding::new(
        Code::InterfacesNotListed,
        format!(
            "the system does not list its interfaces ({error}), so only its own choice was tested"
        ),
        "name an interface with --interface",
    )
}

/// Says so where an interface could not be tested with a family at all.
pub fn without_way(interface: &str, family: Family, result: &NatResult) -> Option<Finding> {
    if result.paths.iter().any(|path| path.family == family) {
        return None;
    }
    let errors = result
        .servers
        .iter()
        .filter(|row| row.family == Some(family))
        .filter_map(|row| row.error.as_ref());
    let why: BTreeSet<&str> = errors.clone().map(|e| e.message.as_str()).collect();
    let why: Vec<&str> = why.into_iter().collect();
    // Too many sockets, or a firewall of this host: that is no matter of routes.
    let mut of_host = errors.filter(|e| [Code::LocalLimit, Code::Forbidden].contains(&e.code));
    let (severity, hint) = of_host
        .find_map(|e| e.hint)
        .map_or((Severity::Info, HINT_OF_SILENCE), |hint| {
            (Severity::Warning, hint)
        });
    (!why.is_empty()).then(|| {
        let message = format!(
            "{interface} {}: nothing could be sent to any server: {}",
            family.name(),
            why.join("; ")
        );
        Finding::new(Code::InterfaceWithoutWay, message, hint).severity(severity)
    })
}
