//! What is tested beside the behaviour of the NAT: the router, TCP, collisions, lifetimes.

use std::net::{IpAddr, SocketAddr};

use super::collision::CollisionTest;
use super::fallback::Tried;
use super::surroundings::Surroundings;
use super::tcp::StreamTest;
use super::translation::Way;
use super::{collision, lifetime, port_mapping, tcp};
use crate::family::Family;
use crate::nat::discovery::Discovery;
use crate::nat::nat64::Prefix;
use crate::report::Finding;
use crate::report::nat::{LifetimeReport, PortMapping};

/// A path whose NAT has been tested.
#[derive(Clone, Copy)]
pub struct Tested<'a> {
    pub way: Way,
    /// The address that is sent from.
    pub local: IpAddr,
    pub interface: Option<&'a str>,
    /// What was found out, finished.
    pub discovery: &'a Discovery,
    /// TCP and TLS, tried when no server answered over UDP.
    pub fallback: &'a [Tried],
    pub around: &'a Surroundings,
}

impl Tested<'_> {
    /// Where to send for an address that a server tells: through a NAT64 servers tell IPv4 ones.
    pub fn reach(&self, told: SocketAddr) -> SocketAddr {
        match self.way.nat64 {
            Some(prefix) if told.is_ipv4() => prefix.reach(told),
            _ => told,
        }
    }

    /// Whether an address lies on this way: the same family, and through the same NAT64 or none.
    pub fn leads_to(&self, address: IpAddr) -> bool {
        let nat64 = self.way.nat64;
        let translated = nat64.unwrap_or(Prefix::WELL_KNOWN).covers(address);
        Family::of(address) == self.way.family && translated == nat64.is_some()
    }
}

/// What came of it.
pub struct Deeper {
    pub tcp: StreamTest,
    pub collision: CollisionTest,
    pub lifetime: LifetimeReport,
    pub port_mapping: PortMapping,
    /// Whether the servers are reached over the router that was asked.
    pub router_on_path: bool,
    /// What the facts do not show.
    pub findings: Vec<Finding>,
}

/// Tests what the options ask for. `asked` is what the router has said meanwhile. The lifetime is
/// measured last and alone: it takes long, and nothing else may touch its bindings.
pub async fn run(tested: Tested<'_>, asked: port_mapping::Asked) -> Deeper {
    let mut findings = Vec::new();
    let (tcp, router) = tokio::join!(tcp::run(tested), port_mapping::test(tested, asked));
    findings.extend(router.findings);
    let collision = collision::run(tested).await;
    let (lifetime, found) = lifetime::run(tested).await;
    findings.extend(found);
    Deeper {
        tcp,
        collision,
        lifetime,
        port_mapping: router.report,
        router_on_path: router.on_path,
        findings,
    }
}
