//! What the scenarios share. A scenario says how the network is built and what is true of it. Most truths were measured with a
//! prober that shares no code with rtcdiag; where a prober cannot see the truth (a faulty or lone server, a pool) it follows
//! from how the lab is built. An expectation is never loosened to make a test pass.

use super::expect::Want::{AtMost, Is, No, NotYes, Yes};
use super::expect::{Expected, Path, Server, Want};
use super::lab::{Plan, Router, ServerKind};

pub struct Scenario {
    pub plan: Plan,
    pub args: &'static [&'static str],
    pub expected: Expected,
    /// Whether the client trusts the server's own certificate.
    pub trusting: bool,
    /// Run several times in the same lab: a main scenario, where a flake, or what an earlier run left behind, would show.
    pub repeated: bool,
}

pub type Rules = &'static [&'static str];
pub type Facts = &'static [(&'static str, Want)];

pub const IPV4: &[&str] = &["-s", "stun:203.0.113.10"];
pub const IPV6: &[&str] = &["-s", "stun:[2001:db8:113::10]"];
pub const BOTH: &[&str] = &["-s", "stun:203.0.113.10", "-s", "stun:[2001:db8:113::10]"];

pub const EIM: (&str, Want) = ("mapping", Is("endpoint-independent"));
pub const ADM: (&str, Want) = ("mapping", Is("address-dependent"));
pub const APDM: (&str, Want) = ("mapping", Is("address-and-port-dependent"));
pub const EIF: (&str, Want) = ("filtering", Is("endpoint-independent"));
pub const ADF: (&str, Want) = ("filtering", Is("address-dependent"));
pub const APDF: (&str, Want) = ("filtering", Is("address-and-port-dependent"));
pub const OPEN: (&str, Want) = ("udp", Is("open"));
pub const BLOCKED: (&str, Want) = ("udp", Is("blocked"));
pub const NAT: (&str, Want) = ("nat", Yes);
pub const NO_NAT: (&str, Want) = ("nat", No);
pub const HAIRPIN: (&str, Want) = ("hairpinning", Yes);
pub const NO_HAIRPIN: (&str, Want) = ("hairpinning", No);
pub const HAIRPIN_UNSEEN: (&str, Want) = ("hairpinning", NotYes);
pub const PORT_KEPT: (&str, Want) = ("port_preservation", Yes);
pub const PORT_CHANGED: (&str, Want) = ("port_preservation", No);
pub const PRESERVED: (&str, Want) = ("port_assignment", Is("preserved"));
pub const RANDOM: (&str, Want) = ("port_assignment", Is("random"));
/// One external address; but with two server addresses the program cannot know that.
pub const PAIRED: (&str, Want) = ("address_pooling", AtMost("paired"));

/// The server, without a fault.
pub const SERVER4: Server = answered("203.0.113.10:3478");
pub const SERVER6: Server = answered("[2001:db8:113::10]:3478");
/// The server at its second address. How far it supports behaviour discovery there depends on coturn's version.
pub const SECOND_ADDRESS: Server = Server {
    behavior_discovery: None,
    ..answered("203.0.113.11:3478")
};
/// The router's public address, which is that of everybody behind a masquerade.
pub const ROUTER4: &[&str] = &["203.0.113.1"];
pub const ROUTER6: &[&str] = &["2001:db8:113::1"];

/// Public addresses that are the router's own, so that it answers for them on the wan side.
pub const POOL_ADDRESSES: &[(&str, &str)] = &[
    ("r0", "addr add 203.0.113.20/32 dev wan"),
    ("r0", "addr add 203.0.113.21/32 dev wan"),
    ("r0", "addr add 203.0.113.22/32 dev wan"),
    ("r0", "addr add 203.0.113.23/32 dev wan"),
];

pub const fn answered(address: &'static str) -> Server {
    Server {
        transport: "udp",
        address,
        errors: &[],
        behavior_discovery: Some("supported"),
    }
}

pub const fn failed(address: &'static str, errors: &'static [&'static str]) -> Server {
    Server {
        transport: "udp",
        address,
        errors,
        behavior_discovery: None,
    }
}

pub const fn behind(routers: &'static [Router]) -> Plan {
    Plan {
        routers,
        server: ServerKind::Coturn,
        client_rules: &[],
        server_rules: &[],
        ip: &[],
    }
}

/// The client's network is private: nobody outside knows the way to it.
pub const fn private4(rules: Rules) -> Router {
    Router {
        lan4: Some("192.0.2"),
        lan6: None,
        rules,
        routed: false,
    }
}

/// The client's network is public: the router only forwards.
pub const fn public4(rules: Rules) -> Router {
    Router {
        lan4: Some("198.51.100"),
        lan6: None,
        rules,
        routed: true,
    }
}

pub const fn private6(rules: Rules) -> Router {
    Router {
        lan4: None,
        lan6: Some("2001:db8:1"),
        rules,
        routed: false,
    }
}

pub const fn public6(rules: Rules) -> Router {
    Router {
        lan4: None,
        lan6: Some("2001:db8:1"),
        rules,
        routed: true,
    }
}

/// A path of a client in a private network, and under which addresses it is seen.
pub const fn seen4(
    reflexive: &'static [&'static str],
    facts: Facts,
    legacy_name: &'static str,
) -> Path {
    Path {
        family: "ipv4",
        local: "192.0.2.2",
        reflexive,
        facts,
        legacy_name: Some(legacy_name),
    }
}

/// A path of a client with a public address.
pub const fn direct4(facts: Facts, legacy_name: &'static str) -> Path {
    Path {
        family: "ipv4",
        local: "198.51.100.2",
        reflexive: &["198.51.100.2"],
        facts,
        legacy_name: Some(legacy_name),
    }
}

pub const fn seen6(
    reflexive: &'static [&'static str],
    facts: Facts,
    legacy_name: &'static str,
) -> Path {
    Path {
        family: "ipv6",
        local: "2001:db8:1::2",
        reflexive,
        facts,
        legacy_name: Some(legacy_name),
    }
}

/// A diagnosis that succeeds.
pub const fn good(paths: &'static [Path], servers: &'static [Server]) -> Expected {
    Expected {
        outcomes: &[(0, "good")],
        paths,
        servers,
    }
}
