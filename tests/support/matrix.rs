//! The matrix of scenarios: what is a dimension of its own is a field of [`Cell`]; the rest is
//! drawn from the run's number.

use std::net::IpAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};

use super::nat_model::{Hairpin, Kind, NatConfig, Pooling, Ports};
use super::scenario::{Delay, Link, Listed, Scenario, server_v4, server_v6};
use super::sim_server::{Change, ServerConfig};

/// How many kinds of path [`cells`] goes through.
pub const TOPOLOGIES: usize = 15;

/// What lies between the client and the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    Nat(Mapping, Filtering),
    Linux,
    Open,
    Firewall(Filtering),
    HostFirewall,
    /// Two NATs in a row, of any kind.
    Double,
}

/// What the link does besides losing packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkMode {
    Plain,
    Reorder,
    Duplicates,
    Strays,
}

/// The delay of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkDelay {
    /// A fixed round trip.
    RoundTrip(Duration),
    /// 1 to 300 ms one way, each packet for itself.
    Wild,
}

/// One cell of the matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub index: usize,
    pub topology: Topology,
    pub loss_percent: u32,
    pub mode: LinkMode,
    pub delay: LinkDelay,
}

/// All cells, always in the same order.
pub fn cells() -> Vec<Cell> {
    let mut topologies = vec![
        Topology::Linux,
        Topology::Open,
        Topology::Firewall(Filtering::AddressDependent),
        Topology::Firewall(Filtering::AddressAndPortDependent),
        Topology::HostFirewall,
        Topology::Double,
    ];
    for mapping in MAPPINGS {
        topologies.extend(FILTERINGS.map(|filtering| Topology::Nat(mapping, filtering)));
    }
    let delays = [
        LinkDelay::RoundTrip(Duration::from_millis(1)),
        LinkDelay::RoundTrip(Duration::from_millis(40)),
        LinkDelay::Wild,
    ];
    let modes = [
        LinkMode::Plain,
        LinkMode::Reorder,
        LinkMode::Duplicates,
        LinkMode::Strays,
    ];
    let mut cells = Vec::new();
    for topology in topologies {
        for loss_percent in [0, 5, 20] {
            for mode in modes {
                for delay in delays {
                    cells.push(Cell {
                        index: cells.len(),
                        topology,
                        loss_percent,
                        mode,
                        delay,
                    });
                }
            }
        }
    }
    cells
}

/// One of each length.
const PREFIXES: [&str; 6] = [
    "64:ff9b::/96",
    "2001:db8::/32",
    "2001:db8:100::/40",
    "2001:db8:122::/48",
    "2001:db8:122:300::/56",
    "2001:db8:122:344::/64",
];

const MAPPINGS: [Mapping; 3] = [
    Mapping::EndpointIndependent,
    Mapping::AddressDependent,
    Mapping::AddressAndPortDependent,
];
const FILTERINGS: [Filtering; 3] = [
    Filtering::EndpointIndependent,
    Filtering::AddressDependent,
    Filtering::AddressAndPortDependent,
];

impl Cell {
    pub fn name(&self) -> String {
        format!(
            "{:?}, {} % loss, {:?}, {}",
            self.topology,
            self.loss_percent,
            self.mode,
            self.delay_name()
        )
    }

    pub fn delay_name(&self) -> String {
        match self.delay {
            LinkDelay::RoundTrip(rtt) => format!("{} ms RTT", rtt.as_millis()),
            LinkDelay::Wild => "1-300 ms 1-way".to_owned(),
        }
    }

    /// The scenario of one run in this cell.
    pub fn scenario(&self, run: u64) -> Scenario {
        let seed = (self.index as u64) << 32 | run;
        let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
        let rng = &mut rng;
        let ipv4 = rng.random_bool(0.75);
        let path = self.path(rng, ipv4);
        let client: IpAddr = match (path[0].kind == Kind::Nat, ipv4) {
            (true, true) => [192, 168, 1, 10].into(),
            (false, true) => [203, 0, 113, 77].into(),
            (true, false) => [0xfd00, 0, 0, 0, 0, 0, 0, 0x10].into(),
            (false, false) => [0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x77].into(),
        };
        let (servers, listed) = draw_servers(rng, ipv4);
        Scenario {
            seed,
            client,
            path,
            servers,
            listed,
            unreachable: Vec::new(),
            link: self.link(rng),
            released_at: None,
            earlier: Vec::new(),
            nat64: None,
        }
    }

    /// The scenario of one run through a NAT64 that behaves like the NATs of this cell.
    pub fn nat64_scenario(&self, run: u64) -> Scenario {
        let mut draws = (0..).map(|n| self.scenario(run + (n << 16)));
        let mut scenario = draws
            .find(|s| s.client.is_ipv4())
            .expect("three in four are IPv4")
            .through_nat64(PREFIXES[(self.index + run as usize) % PREFIXES.len()]);
        for nat in &mut scenario.path {
            // Rewriting an IPv4 address to an IPv6 one is beyond the model.
            nat.alg = false;
        }
        scenario
    }

    /// The longest virtual time allowed, and why. Only where the link is fixed and loses nothing.
    pub fn time_limit(&self, scenario: &Scenario) -> Option<(Duration, &'static str)> {
        let LinkDelay::RoundTrip(rtt) = self.delay else {
            return None;
        };
        if self.loss_percent > 0 || self.mode == LinkMode::Reorder {
            return None;
        }
        let all_alive = scenario.listed.iter().all(|l| {
            let mut servers = scenario.servers.iter();
            servers.any(|s| s.addresses().contains(&l.address))
        });
        let all_answered = match self.topology {
            Topology::Open => true,
            Topology::Nat(mapping, filtering) => {
                mapping == Mapping::EndpointIndependent
                    && filtering == Filtering::EndpointIndependent
                    && scenario.path[0].hairpin != Hairpin::Off
            }
            _ => false,
        };
        if all_alive && all_answered {
            let limit = rtt * 10 + Duration::from_millis(200);
            return Some((limit, "every probe is answered: 10 RTT + 200 ms"));
        }
        if self.mode == LinkMode::Strays {
            // A stray in place of an answer costs one more try.
            return Some((Duration::from_millis(1700), "strays, without loss: 1.7 s"));
        }
        if rtt <= Duration::from_millis(1) {
            return Some((Duration::from_millis(1000), "1 ms RTT without loss: 1.0 s"));
        }
        Some((Duration::from_millis(1500), "40 ms RTT without loss: 1.5 s"))
    }

    fn path(&self, rng: &mut StdRng, ipv4: bool) -> Vec<NatConfig> {
        match self.topology {
            Topology::Nat(mapping, filtering) => vec![draw_nat(rng, mapping, filtering, ipv4)],
            Topology::Linux => vec![NatConfig {
                externals: externals(ipv4, 1),
                alg: rng.random_bool(0.1),
                ..NatConfig::linux()
            }],
            Topology::Open => vec![NatConfig::open()],
            Topology::Firewall(filtering) => vec![NatConfig::firewall(filtering)],
            Topology::HostFirewall => vec![NatConfig::host_firewall()],
            Topology::Double => (0..2)
                .map(|i| {
                    let mapping = MAPPINGS[rng.random_range(0..3)];
                    let filtering = FILTERINGS[rng.random_range(0..3)];
                    let mut nat = draw_nat(rng, mapping, filtering, ipv4);
                    if i == 0 {
                        nat.pooling = Pooling::Paired;
                        nat.externals = vec![if ipv4 {
                            [100, 64, 3, 7].into()
                        } else {
                            [0xfd00, 0, 0, 1, 0, 0, 0, 7].into()
                        }];
                    }
                    nat
                })
                .collect(),
        }
    }

    fn link(&self, rng: &mut StdRng) -> Link {
        let delay = match (self.delay, self.mode) {
            (LinkDelay::Wild, _) => {
                Delay::Uniform(Duration::from_millis(1), Duration::from_millis(300))
            }
            (LinkDelay::RoundTrip(rtt), LinkMode::Reorder) => Delay::Uniform(rtt / 20, rtt),
            (LinkDelay::RoundTrip(rtt), _) => Delay::Fixed(rtt / 2),
        };
        Link {
            delay,
            loss: f64::from(self.loss_percent) / 100.0,
            duplication: if self.mode == LinkMode::Duplicates {
                0.3
            } else {
                0.0
            },
            strays: if self.mode == LinkMode::Strays {
                0.5
            } else {
                0.0
            },
            timer_lag: Duration::from_micros(rng.random_range(0..1500)),
        }
    }
}

fn draw_nat(rng: &mut StdRng, mapping: Mapping, filtering: Filtering, ipv4: bool) -> NatConfig {
    let ports = match rng.random_range(0..3) {
        0 => Ports::Preserve,
        1 => Ports::Sequential([1, 2, -1, 4, 16][rng.random_range(0..5)]),
        _ => Ports::Random,
    };
    let (pooling, pool) = match rng.random_range(0..10) {
        0 => (Pooling::Paired, 3),
        1 => (Pooling::Arbitrary, 4),
        _ => (Pooling::Paired, 1),
    };
    let hairpins = [
        Hairpin::Off,
        Hairpin::ExternalSource,
        Hairpin::InternalSource,
    ];
    NatConfig {
        ports,
        pooling,
        externals: externals(ipv4, pool),
        hairpin: hairpins[rng.random_range(0..3)],
        hairpin_filtering: rng.random_bool(0.5),
        filter_per_endpoint: rng.random_bool(0.25),
        alg: rng.random_bool(0.15),
        ..NatConfig::nat(mapping, filtering)
    }
}

fn externals(ipv4: bool, count: u8) -> Vec<IpAddr> {
    (5..5 + count)
        .map(|host| -> IpAddr {
            if ipv4 {
                [203, 0, 113, host].into()
            } else {
                [0x2001, 0xdb8, 0xff, 0, 0, 0, 0, u16::from(host)].into()
            }
        })
        .collect()
}

/// One RFC 5780 server alone, with plain ones, with dead ones too, and listed twice.
fn draw_servers(rng: &mut StdRng, ipv4: bool) -> (Vec<ServerConfig>, Vec<Listed>) {
    let address = |host: u8, port: u16| {
        if ipv4 {
            server_v4(host, port)
        } else {
            server_v6(u16::from(host), port)
        }
    };
    let primary = address(1, 3478);
    let alternate = address(2, [3479, 19302][rng.random_range(0..2)]);
    let mut servers = vec![ServerConfig::discovery(primary, alternate)];
    let mut told = vec![primary];
    match rng.random_range(0..4) {
        0 => {}
        1 => told.push(alternate),
        kind => {
            for host in [3, 4] {
                servers.push(ServerConfig::plain(address(host, 3478)));
                told.push(address(host, 3478));
            }
            if kind == 3 {
                told.extend([address(5, 3478), address(6, 3478)]);
            }
        }
    }
    for server in &mut servers {
        server.sends_mapped = rng.random_bool(0.7);
        server.sends_origin = rng.random_bool(0.7);
        if server.alternate.is_none() && rng.random_bool(0.5) {
            server.change = Change::Ignore;
        }
    }
    if rng.random_bool(0.5) {
        told.shuffle(rng);
    }
    let listed = told.into_iter().map(super::scenario::listed).collect();
    (servers, listed)
}
