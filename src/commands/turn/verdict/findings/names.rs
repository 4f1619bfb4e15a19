//! The name of the server and the addresses that it stands for.

use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::listed;
use crate::commands::dead_address::{self, Asked, DeadAddress};
use crate::commands::misdirected;
use crate::commands::reach;
use crate::commands::turn::report::{TransportStatus, TurnResult};
use crate::proto::stun::browsers;
use crate::proto::stun::uri::ServerUri;

/// Addresses at which nothing answers, though the other family works.
pub(in crate::commands::turn::verdict) fn dead_addresses(result: &TurnResult) -> Vec<DeadAddress> {
    let uri: Result<ServerUri, _> = result.uri.parse();
    let host = uri.map_or_else(|_| result.uri.clone(), |uri| uri.host.to_string());
    let asked = result.transports.iter().filter_map(|transport| {
        Some(Asked {
            host: &host,
            address: transport.address?.ip(),
            transport: transport.transport,
            error: transport.error.as_ref(),
        })
    });
    dead_address::all_of(&asked.collect::<Vec<_>>())
}

/// One finding for each of them.
pub(super) fn of_dead_addresses(result: &TurnResult, findings: &mut Vec<Finding>) -> Vec<IpAddr> {
    let dead = dead_addresses(result);
    for one in &dead {
        let mut there = result
            .transports
            .iter()
            .filter(|t| t.address.is_some_and(|a| a.ip() == one.address));
        let failed = there.any(|t| t.status == TransportStatus::Failed);
        let severity = if failed {
            Severity::Error
        } else {
            Severity::Warning
        };
        findings.push(one.finding().severity(severity));
    }
    dead.iter().map(|one| one.address).collect()
}

/// A server that browsers do not use as it is named.
pub(super) fn of_name(result: &TurnResult, findings: &mut Vec<Finding>) {
    let Ok(uri) = result.uri.parse::<ServerUri>() else {
        return;
    };
    // What does not answer here has other troubles.
    let answers = super::is_heard_of(result);
    findings.extend(
        browsers::refusal(true, uri.port)
            .filter(|_| answers)
            .map(|why| Finding::new(Code::BrowserRefusesPort, why, browsers::REMEDY)),
    );
    let first = result.transports.first();
    if let Some((tried, others)) = first.and_then(|t| Some((t.address?, &t.untried)))
        && !others.is_empty()
    {
        let names: Vec<String> = others.iter().map(ToString::to_string).collect();
        findings.push(Finding::new(
            Code::AddressesUntried,
            format!(
                "{} leads to {} too, and {} alone was tried: what is said holds for it",
                uri.host,
                listed(&names),
                tried.ip()
            ),
            "other addresses may be other machines, with another certificate or configuration: name each by its address, or have the name lead to it alone",
        ));
    }
    let addresses = result.transports.iter().map(|t| t.address);
    findings.extend(misdirected::private(
        addresses.map(|address| (&*result.uri, address)),
    ));
    let addresses = result.transports.iter().map(|t| t.address);
    findings.extend(misdirected::fake(
        addresses.map(|address| (&*result.uri, address)),
    ));
    let addresses = result.transports.iter().filter_map(|t| t.address);
    findings.extend(reach::finding(&result.uri, addresses));
}
