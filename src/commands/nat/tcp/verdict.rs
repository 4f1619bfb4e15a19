//! What TCP means for ICE over TCP (RFC 6544) and for TURN over TCP.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::report::{Finding, Severity};
use crate::commands::nat::report::PathReport;
use crate::proto::nat::behavior::words::{AddressPooling, Mapping, Udp};

pub fn of_path(path: &PathReport, findings: &mut Vec<Finding>) {
    let family = path.family.name();
    let tcp = &path.tcp;
    // Without UDP, TCP is all there is for a direct connection.
    let severity = if path.facts.udp == Fact::Determined(Udp::Blocked) {
        Severity::Warning
    } else {
        Severity::Info
    };
    if tcp.open == Fact::Determined(false) {
        findings.push(Finding::new(
            Code::TcpForbidden,
            format!("this machine forbids TCP over {family} to the servers"),
            "look at the rules of its firewall: TURN over TCP or TLS is the last resort where UDP is blocked",
        ));
    }
    if depends_on_endpoint(&tcp.mapping) {
        findings.push(Finding::new(
            Code::TcpMappingEndpointDependent,
            format!("over TCP the {family} mapping depends on the destination (RFC 5382 4.1 asks for endpoint-independent): ICE over TCP by simultaneous open (RFC 6544) will fail here"),
            "connections that this machine opens are not affected, TURN over TCP or TLS among them",
        ).severity(severity));
    }
    if tcp.servers.not_stun > 0 && tcp.servers.answered == 0 {
        findings.push(Finding::new(
            Code::TcpAcceptedWithoutStun,
            format!(
                "of the servers' addresses, {} accepted a TCP connection over {family} without answering STUN: another service may listen there, or a proxy in between accepts every connection",
                tcp.servers.not_stun
            ),
            "an accepted connection is no proof that TCP gets through; check with rtcdiag turn whether your TURN server answers over TCP or TLS",
        ).severity(severity));
    }
    if let Some((over_udp, over_tcp)) = other_address(path) {
        findings.push(Finding::new(
            Code::TcpOtherExternalAddress,
            format!("over TCP this machine is seen as {over_tcp}, over UDP as {over_udp}: TCP takes another way, through a proxy, a VPN or a second uplink"),
            "expect that filters and speed differ too; servers that bind a session to one address may refuse the other",
        ));
    }
}

fn depends_on_endpoint(mapping: &Fact<Mapping>) -> bool {
    matches!(
        mapping,
        Fact::Determined(Mapping::AddressDependent | Mapping::AddressAndPortDependent)
            | Fact::Inconclusive {
                reason: Reason::EndpointDependent,
                ..
            }
    )
}

/// The external addresses over UDP and TCP, where they have none in common. With a pool the same may
/// come of chance.
fn other_address(path: &PathReport) -> Option<(IpAddr, IpAddr)> {
    let over_tcp = path.tcp.reflexive_addresses.iter().map(SocketAddr::ip);
    let (udp, tcp): (_, BTreeSet<IpAddr>) = (path.external(), over_tcp.collect());
    let several = matches!(
        path.facts.address_pooling,
        Fact::Determined(AddressPooling::Arbitrary)
            | Fact::Inconclusive {
                reason: Reason::Contradiction | Reason::MappingChanged,
                ..
            }
    );
    match (udp.len(), tcp.len()) {
        (1, 1) if !several && udp != tcp => Some((*udp.first()?, *tcp.first()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::nat::behavior::words::PathFacts;
    use crate::proto::nat::tcp::StreamCounts;

    fn codes(change: impl FnOnce(&mut PathReport)) -> Vec<(Code, Severity)> {
        let local = "192.0.2.2".parse().expect("an address");
        let mut path = PathReport::new(local, None, PathFacts::not_tested(Reason::LeftOut));
        path.facts.udp = Fact::Determined(Udp::Open);
        path.facts.reflexive_addresses = vec!["203.0.113.1:1".parse().expect("an address")];
        change(&mut path);
        let mut findings = Vec::new();
        of_path(&path, &mut findings);
        findings.into_iter().map(|f| (f.code, f.severity)).collect()
    }

    #[test]
    fn a_dependent_mapping_matters_more_where_there_is_no_udp() {
        let code = Code::TcpMappingEndpointDependent;
        let dependent = |p: &mut PathReport| {
            p.tcp.mapping = Fact::Determined(Mapping::AddressAndPortDependent);
        };
        assert_eq!(codes(dependent), [(code, Severity::Info)]);
        let unknown_kind = |p: &mut PathReport| {
            p.facts.udp = Fact::Determined(Udp::Blocked);
            p.tcp.mapping = Fact::inconclusive(Reason::EndpointDependent, "on something");
        };
        assert_eq!(codes(unknown_kind), [(code, Severity::Warning)]);
        let independent =
            |p: &mut PathReport| p.tcp.mapping = Fact::Determined(Mapping::EndpointIndependent);
        assert_eq!(codes(independent), []);
    }

    #[test]
    fn another_external_address_is_named_unless_there_may_be_several() {
        let other = |p: &mut PathReport| {
            p.tcp.reflexive_addresses = vec!["203.0.113.2:1".parse().expect("an address")];
        };
        assert_eq!(
            codes(other),
            [(Code::TcpOtherExternalAddress, Severity::Info)]
        );
        let pooled = |p: &mut PathReport| {
            other(p);
            p.facts.address_pooling = Fact::Determined(AddressPooling::Arbitrary);
        };
        assert_eq!(codes(pooled), []);
    }

    #[test]
    fn servers_that_only_accept_are_named_if_none_answers() {
        let accepting = |p: &mut PathReport| {
            p.tcp.servers = StreamCounts {
                not_stun: 2,
                ..StreamCounts::default()
            };
        };
        let code = Code::TcpAcceptedWithoutStun;
        assert_eq!(codes(accepting), [(code, Severity::Info)]);
        let answering = |p: &mut PathReport| {
            accepting(p);
            p.tcp.servers.answered = 1;
        };
        assert_eq!(codes(answering), []);
        let forbidden = |p: &mut PathReport| p.tcp.open = Fact::Determined(false);
        assert_eq!(codes(forbidden), [(Code::TcpForbidden, Severity::Warning)]);
    }
}
