//! Servers that answer here, and that browsers do not use as they are named.

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::commands::gather::report::{GatherResult, Status};
use crate::commands::reach;
use crate::proto::stun::browsers;
use crate::proto::stun::uri::ServerUri;

pub(super) fn of_servers(result: &GatherResult) -> Vec<Finding> {
    let uris: BTreeSet<&str> = result.servers.iter().map(|s| s.uri.as_str()).collect();
    let mut findings = Vec::new();
    for uri in uris {
        let Ok(parsed) = uri.parse::<ServerUri>() else {
            continue;
        };
        let of_uri = || result.servers.iter().filter(|s| s.uri == uri);
        // What does not answer here has other troubles.
        let answers = of_uri().any(|s| s.status == Status::Ok || s.realm.is_some());
        let refusal = browsers::refusal(parsed.is_turn(), parsed.port).filter(|_| answers);
        findings.extend(refusal.map(|why| {
            Finding::new(
                Code::BrowserRefusesPort,
                format!("{uri}: {why}"),
                browsers::REMEDY,
            )
        }));
        findings.extend(reach::finding(uri, of_uri().filter_map(|s| s.address)));
    }
    findings
}
