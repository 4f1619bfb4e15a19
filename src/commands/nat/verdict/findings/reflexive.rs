//! Addresses that servers see, and that the internet cannot.

use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::commands::nat::report::PathReport;
use crate::proto::nat::address::is_global;

/// That a server sees an address that is not public: it is on this side of the internet, or its answers are changed.
pub(super) fn not_public(path: &PathReport) -> Option<Finding> {
    let mut seen = path.facts.reflexive_addresses.iter();
    let local = seen.find(|address| !is_global(address.ip()))?;
    let family = path.family_name();
    Some(if path.is_seen_as_itself() {
        Finding::new(
            Code::ReflexiveNotPublic,
            format!(
                "public servers see {local}, this host's own private address: something on the {family} path writes it into their answers (an application-level gateway) or answers in their name, or they are within this network; how the internet sees this host is not known"
            ),
            "ask over TCP or TLS, or a server on another port (-s): what such a gateway does not know it does not change",
        )
    } else {
        Finding::new(
            Code::ReflexiveNotPublic,
            format!(
                "a server sees {local}, which is not a public address: the server is on this side of the internet, and the {family} verdict reaches no further"
            ),
            "ask a server on the public internet with -s",
        )
    })
}
