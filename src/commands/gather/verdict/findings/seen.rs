//! What servers see of this host, where it is not what it should be.

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::commands::gather::report::GatherResult;
use crate::commands::gather::verdict::use_of::has_useful;
use crate::commands::nat::verdict::v4_mapped;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::nat::address::Rewritten;
use crate::proto::stun::uri::Transport;

/// One finding for each server, be it asked from several local addresses.
pub(super) fn of_result(result: &GatherResult, findings: &mut Vec<Finding>) {
    let mut known = BTreeSet::new();
    for server in &result.servers {
        let uri = server.uri.as_str();
        if server.is_v4_mapped && known.insert((uri, None)) {
            findings.push(v4_mapped(uri));
        }
        // Over a stream a TURN server gives no reflexive candidate.
        if server.is_turn && server.transport != Transport::Udp {
            continue;
        }
        let Some((seen, how)) = server.sees_otherwise() else {
            continue;
        };
        let Some(local) = server.local_address else {
            continue;
        };
        let cause = how.cause(local);
        if server.rewritten().is_none() {
            // Where another sees it too, it is this network's.
            let is_shared = result.servers.iter().any(|other| {
                other.address.map(|a| a.ip()) != server.address.map(|a| a.ip())
                    && other.reflexive_address.map(|a| a.ip()) == Some(seen)
            });
            if !is_shared && known.insert((uri, Some(seen))) {
                findings.push(Finding::new(
                    Code::ServerSourceRewritten,
                    format!("{uri} sees {seen}, {}: {cause}; where something rewrites, its reflexive candidate is none of this host's", how.text()),
                    "ask another server on the internet as well: if it sees the same address, there is one NAT before both",
                ).severity(Severity::Warning));
            }
            continue;
        }
        if known.insert((uri, Some(seen))) {
            findings.push(Finding::new(
                Code::ServerSourceRewritten,
                format!("{uri} sees {seen}, {}: {cause}, so its reflexive candidate is none of this host's, and no peer can use it", how.text()),
                if how == Rewritten::Neighbour {
                    "gather from outside this network to see the server as others do"
                } else {
                    "have what stands before the server keep the source address (Kubernetes: externalTrafficPolicy: Local), or use another server"
                },
            ).severity(severity(result)));
        }
    }
}

/// It hurts where no other server tells better.
fn severity(result: &GatherResult) -> Severity {
    let mut reflexive = result
        .candidates
        .iter()
        .filter(|c| c.kind == CandidateType::Srflx);
    let is_alone = reflexive.all(|candidate| result.is_elsewhere(candidate));
    let has_no_nat = result
        .redundant
        .iter()
        .any(|r| r.kind == CandidateType::Srflx);
    if is_alone && !has_no_nat && !has_useful(result, CandidateType::Relay) {
        Severity::Error
    } else {
        Severity::Warning
    }
}
