//! What TCP means for ICE over TCP (RFC 6544) and for TURN over TCP.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::fact::{Fact, Reason};
use crate::nat::behavior::{Mapping, Udp};
use crate::report::nat::PathReport;
use crate::report::{Finding, Severity};

/// What is worth knowing of a path over TCP.
pub(super) fn of_path(path: &PathReport, findings: &mut Vec<Finding>) {
    let family = path.family.name();
    let tcp = &path.tcp;
    // Without UDP, TCP is all there is for a direct connection.
    let severity = if path.udp == Fact::Determined(Udp::Blocked) {
        Severity::Warning
    } else {
        Severity::Info
    };
    if tcp.open == Fact::Determined(false) {
        findings.push(Finding::new(
            "tcp-forbidden",
            Severity::Warning,
            format!("this machine forbids TCP over {family} to the servers"),
            "look at the rules of its firewall: TURN over TCP or TLS is the last resort where UDP is blocked",
        ));
    }
    if depends_on_endpoint(&tcp.mapping) {
        findings.push(Finding::new(
            "tcp-mapping-endpoint-dependent",
            severity,
            format!("over TCP the {family} mapping depends on the destination (RFC 5382 4.1 asks for endpoint-independent): ICE over TCP by simultaneous open (RFC 6544) will fail here"),
            "connections that this machine opens are not affected, TURN over TCP or TLS among them",
        ));
    }
    if tcp.servers.not_stun > 0 && tcp.servers.answered == 0 {
        findings.push(Finding::new(
            "tcp-accepted-without-stun",
            severity,
            format!(
                "{} server addresses accept TCP connections over {family} and do not answer STUN: another service may listen there, or a proxy in between accepts every connection",
                tcp.servers.not_stun
            ),
            "an accepted connection is no proof that TCP gets through; see with rtcdiag turn whether your TURN server answers over TCP or TLS",
        ));
    }
    if let Some((over_udp, over_tcp)) = other_address(path) {
        findings.push(Finding::new(
            "tcp-other-external-address",
            Severity::Info,
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
    let addresses =
        |seen: &[SocketAddr]| -> BTreeSet<IpAddr> { seen.iter().map(SocketAddr::ip).collect() };
    let (udp, tcp) = (
        addresses(&path.reflexive_addresses),
        addresses(&path.tcp.reflexive_addresses),
    );
    let several = matches!(
        path.address_pooling,
        Fact::Determined(crate::nat::behavior::AddressPooling::Arbitrary)
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
