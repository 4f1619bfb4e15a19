//! What is tested beside the behaviour of the NAT: the router, TCP, collisions, lifetimes.

use std::net::{IpAddr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::commands::nat::collision::run::CollisionTest;
use crate::commands::nat::nat64::run::Route;
use crate::commands::nat::router::run::{RouterAnswers, RouterTest};
use crate::commands::nat::run::fallback::StreamResult;
use crate::commands::nat::run::surroundings::Surroundings;
use crate::commands::nat::tcp::run::StreamTest;
use crate::commands::nat::{collision, lifetime, router};
use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::lifetime::LifetimeFacts;
use crate::proto::nat::nat64::Prefix;

/// A path whose NAT has been tested.
#[derive(Clone, Copy)]
pub struct TestedPath<'a> {
    pub route: Route,
    pub local: IpAddr,
    pub interface: Option<&'a str>,
    /// What was found out, finished.
    pub discovery: &'a Discovery,
    /// TCP and TLS, tried when no server answered over UDP.
    pub fallback: &'a [StreamResult],
    pub around: &'a Surroundings,
}

impl TestedPath<'_> {
    /// Where to send for an address that a server tells: through a NAT64 servers tell IPv4 ones.
    pub fn reach(&self, told: SocketAddr) -> SocketAddr {
        match self.route.nat64 {
            Some(prefix) if told.is_ipv4() => prefix.reach(told),
            _ => told,
        }
    }

    /// Whether an address lies on this way: the same family, through the same NAT64 or none, from the
    /// same address of this host.
    pub fn leads_to(&self, address: IpAddr) -> bool {
        let nat64 = self.route.nat64;
        let local = self.around.local_to(SocketAddr::new(address, 9)).ok();
        let translated = nat64.unwrap_or(Prefix::WELL_KNOWN).covers(address);
        Family::of(address) == self.route.family
            && translated == nat64.is_some()
            && local == self.route.local
    }
}

pub struct DepthResults {
    pub tcp: StreamTest,
    pub collision: CollisionTest,
    pub lifetime: LifetimeFacts,
    pub router: RouterTest,
}

impl DepthResults {
    /// What is known before the router has answered.
    pub fn so_far(tcp: StreamTest) -> Self {
        Self {
            tcp,
            collision: CollisionTest::without(&Fact::not_tested(Reason::NotAskedFor)),
            lifetime: LifetimeFacts::not_tested(Reason::NotAskedFor),
            router: RouterTest::not_asked(),
        }
    }
}

/// Tests what else the options ask for, now that `asked` is what the router has said. The lifetime is
/// measured last and alone: it takes long, and nothing else may touch its bindings.
pub async fn run(tested: TestedPath<'_>, tcp: StreamTest, asked: RouterAnswers) -> DepthResults {
    let router = router::run::test(tested, asked).await;
    let collision = collision::run::run(tested).await;
    let lifetime = lifetime::run::run(tested).await;
    DepthResults {
        tcp,
        collision,
        lifetime,
        router,
    }
}
