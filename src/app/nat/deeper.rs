//! What is tested beside the behaviour of the NAT: the router, TCP, collisions, lifetimes.

use std::net::IpAddr;

use super::surroundings::Surroundings;
use super::{collision, lifetime, port_mapping, tcp};
use crate::fact::Fact;
use crate::family::Family;
use crate::nat::behavior::Mapping;
use crate::nat::discovery::Discovery;
use crate::nat::nat64::Prefix;
use crate::report::Finding;
use crate::report::nat::{LifetimeReport, PortMapping, TcpReport};

/// A path whose NAT has been tested.
#[derive(Clone, Copy)]
pub struct Tested<'a> {
    pub family: Family,
    /// The prefix of the NAT64 on the way, by which an IPv4 address is reached.
    pub nat64: Option<Prefix>,
    /// The address that is sent from.
    pub local: IpAddr,
    pub interface: Option<&'a str>,
    /// What was found out, finished.
    pub discovery: &'a Discovery,
    pub around: &'a Surroundings,
}

/// What came of it.
pub struct Deeper {
    pub tcp: TcpReport,
    pub collision: Fact<Mapping>,
    pub lifetime: LifetimeReport,
    pub port_mapping: PortMapping,
    /// What the facts do not show.
    pub findings: Vec<Finding>,
}

/// Tests what the options ask for. `asked` is what the router has said meanwhile. The lifetime is
/// measured last and alone: it takes long, and nothing else may touch its bindings.
pub async fn run(tested: Tested<'_>, asked: port_mapping::Asked) -> Deeper {
    let mut findings = Vec::new();
    let ((tcp, found), (port_mapping, told)) =
        tokio::join!(tcp::run(tested), port_mapping::test(tested, asked),);
    findings.extend(found);
    findings.extend(told);
    let (collision, found) = collision::run(tested).await;
    findings.extend(found);
    let (lifetime, found) = lifetime::run(tested).await;
    findings.extend(found);
    Deeper {
        tcp,
        collision,
        lifetime,
        port_mapping,
        findings,
    }
}
