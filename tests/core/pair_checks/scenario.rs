//! What the simulated hosts, networks and relays are.

use std::net::SocketAddr;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};

use super::world::{Attach, with_external};
use crate::support::nat_config::{Hairpin, NatConfig};

pub const MAPPINGS: [Mapping; 3] = [
    Mapping::EndpointIndependent,
    Mapping::AddressDependent,
    Mapping::AddressAndPortDependent,
];
pub const FILTERINGS: [Filtering; 3] = [
    Filtering::EndpointIndependent,
    Filtering::AddressDependent,
    Filtering::AddressAndPortDependent,
];

/// External addresses of the two sides, and private ones.
pub const EXTERNAL: [&str; 2] = ["203.0.113.5", "198.51.100.7"];
const INSIDE: [&str; 2] = ["10.1.0.2:40001", "10.2.0.2:40002"];
const PUBLIC: [&str; 2] = ["203.0.113.50:40001", "198.51.100.70:40002"];
const PUBLIC_V6: [&str; 2] = ["[2001:db8:a::2]:40003", "[2001:db8:b::2]:40004"];

#[derive(Debug, Clone, Copy)]
pub enum Delay {
    Fixed(Duration),
    /// Each packet takes its own time, so they overtake each other.
    Between(Duration, Duration),
}

impl Delay {
    pub fn draw(self, rng: &mut StdRng) -> Duration {
        match self {
            Self::Fixed(delay) => delay,
            Self::Between(least, most) => rng.random_range(least..=most),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// One way.
    pub delay: Delay,
    pub loss: f64,
    pub duplication: f64,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct RelaySpec {
    /// Its server is talked to by TCP: in order, without loss, also where UDP is blocked.
    pub tcp: bool,
    /// It forbids all peers.
    pub forbidden: bool,
    pub v6: bool,
}

#[derive(Debug, Clone)]
pub struct BaseSpec {
    pub address: SocketAddr,
    pub attach: Attach,
    pub extra: Duration,
}

#[derive(Debug, Clone)]
pub struct SideSpec {
    pub name: String,
    pub bases: Vec<BaseSpec>,
    pub relay: Option<RelaySpec>,
    pub udp_blocked: bool,
}

#[derive(Debug, Clone)]
pub struct Scenario {
    pub name: String,
    pub sides: [SideSpec; 2],
    pub shared: Option<NatConfig>,
    pub link: Link,
    /// How long a message to the other side takes.
    pub signalling: Duration,
    /// Both sides had gathered everything before they learned of each other.
    pub gathered: bool,
    /// How much later the second side sends its description.
    pub gap: Duration,
    pub seed: u64,
}

/// The nine kinds of RFC 4787.
pub fn nine() -> Vec<(Mapping, Filtering)> {
    MAPPINGS
        .into_iter()
        .flat_map(|m| FILTERINGS.into_iter().map(move |f| (m, f)))
        .collect()
}

pub fn short(mapping: Mapping, filtering: Filtering) -> String {
    let m = ["EIM", "ADM", "APDM"][MAPPINGS.iter().position(|x| *x == mapping).expect("one")];
    let f = ["EIF", "ADF", "APDF"][FILTERINGS
        .iter()
        .position(|x| *x == filtering)
        .expect("one")];
    format!("{m}+{f}")
}

fn base(address: &str, attach: Attach) -> BaseSpec {
    BaseSpec {
        address: address.parse().expect("valid"),
        attach,
        extra: Duration::ZERO,
    }
}

fn side(name: impl Into<String>, bases: Vec<BaseSpec>) -> SideSpec {
    SideSpec {
        name: name.into(),
        bases,
        relay: Some(RelaySpec::default()),
        udp_blocked: false,
    }
}

impl SideSpec {
    pub fn with_relay(mut self, relay: Option<RelaySpec>) -> Self {
        self.relay = relay;
        self
    }
}

pub fn behind(which: usize, name: &str, config: NatConfig) -> SideSpec {
    let boxes = vec![with_external(config, EXTERNAL[which])];
    side(name, vec![base(INSIDE[which], Attach::Behind(boxes))])
}

pub fn nat(which: usize, kind: (Mapping, Filtering)) -> SideSpec {
    behind(
        which,
        &short(kind.0, kind.1),
        NatConfig::nat(kind.0, kind.1),
    )
}

pub fn open(which: usize) -> SideSpec {
    side("open", vec![base(PUBLIC[which], Attach::Behind(vec![]))])
}

pub fn firewall(which: usize, filtering: Filtering) -> SideSpec {
    let boxes = vec![NatConfig::firewall(filtering)];
    let name = format!("firewall {}", &short(MAPPINGS[0], filtering)[4..]);
    side(name, vec![base(PUBLIC[which], Attach::Behind(boxes))])
}

pub fn linux(which: usize) -> SideSpec {
    behind(which, "linux", NatConfig::linux())
}

pub fn double(which: usize, inner: (Mapping, Filtering), outer: (Mapping, Filtering)) -> SideSpec {
    let boxes = vec![
        with_external(NatConfig::nat(inner.0, inner.1), "100.64.0.9"),
        with_external(NatConfig::nat(outer.0, outer.1), EXTERNAL[which]),
    ];
    let name = format!(
        "double {} in {}",
        short(inner.0, inner.1),
        short(outer.0, outer.1)
    );
    side(name, vec![base(INSIDE[which], Attach::Behind(boxes))])
}

pub fn blocked(which: usize, relay: Option<RelaySpec>) -> SideSpec {
    let mut config = NatConfig::nat(MAPPINGS[0], FILTERINGS[0]);
    config.blocked = true;
    let mut side = behind(which, "blocked", config).with_relay(relay);
    side.udp_blocked = true;
    side
}

pub fn v6_only(which: usize) -> SideSpec {
    side("v6 only", vec![v6_base(which)])
}

fn v6_base(which: usize) -> BaseSpec {
    let boxes = vec![NatConfig::firewall(FILTERINGS[2])];
    base(PUBLIC_V6[which], Attach::Behind(boxes))
}

pub fn dual(which: usize, kind: (Mapping, Filtering)) -> SideSpec {
    let mut dual = nat(which, kind);
    dual.name = format!("dual {}", dual.name);
    dual.bases.insert(0, v6_base(which));
    dual
}

/// A container bridge that leads nowhere, with the same address on both hosts, and a VPN that does
/// lead to the Internet, but slowly.
pub fn several(which: usize, kind: (Mapping, Filtering)) -> SideSpec {
    let mut several = nat(which, kind);
    several.name = format!("several {}", several.name);
    several
        .bases
        .insert(0, base("172.17.0.1:40005", Attach::Dead));
    several.bases.push(base("172.18.0.1:40006", Attach::Dead));
    let vpn = ["203.0.113.200", "198.51.100.200"][which];
    let config = NatConfig::nat(Mapping::AddressAndPortDependent, FILTERINGS[2]);
    let inside = ["10.8.0.2:40007", "10.9.0.2:40008"][which];
    let mut tunnel = base(inside, Attach::Behind(vec![with_external(config, vpn)]));
    tunnel.extra = Duration::from_millis(15);
    several.bases.push(tunnel);
    several
}

/// Both hosts in one network behind one NAT, or each behind a NAT of its own in a carrier's.
pub fn shared(
    carrier: bool,
    kind: (Mapping, Filtering),
    hairpin: Hairpin,
) -> ([SideSpec; 2], NatConfig) {
    let mut outer = with_external(NatConfig::nat(kind.0, kind.1), EXTERNAL[0]);
    outer.hairpin = hairpin;
    let of = |which: usize| {
        let inside = if carrier {
            ["192.168.1.2:40001", "192.168.1.2:40002"][which]
        } else {
            ["10.1.0.2:40001", "10.1.0.3:40002"][which]
        };
        let boxes = if carrier {
            let own = ["100.64.0.8", "100.64.0.9"][which];
            vec![with_external(NatConfig::nat(kind.0, kind.1), own)]
        } else {
            vec![]
        };
        let name = format!(
            "{} {} {hairpin:?}",
            if carrier { "carrier" } else { "same" },
            short(kind.0, kind.1)
        );
        side(name, vec![base(inside, Attach::Shared(boxes))])
    };
    ([of(0), of(1)], outer)
}

pub fn scenario(sides: [SideSpec; 2], link: Link, seed: u64) -> Scenario {
    Scenario {
        name: format!("{} / {}", sides[0].name, sides[1].name),
        sides,
        shared: None,
        link,
        signalling: Duration::from_millis(3),
        gathered: true,
        gap: Duration::ZERO,
        seed,
    }
}

/// No loss, this much one way.
pub fn clean(one_way: Duration) -> Link {
    Link {
        delay: Delay::Fixed(one_way),
        loss: 0.0,
        duplication: 0.0,
    }
}
