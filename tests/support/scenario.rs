//! What one simulated run consists of.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rtcdiag::proto::nat::SendError;
use rtcdiag::proto::nat::nat64::Prefix;

use super::nat_model::NatConfig;
use super::sim_server::ServerConfig;

/// The time of one packet one way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    Fixed(Duration),
    /// Uniform between the two, for each packet anew, so packets overtake each other.
    Uniform(Duration, Duration),
}

impl Delay {
    pub fn draw(self, rng: &mut StdRng) -> Duration {
        match self {
            Self::Fixed(delay) => delay,
            Self::Uniform(from, to) => rng.random_range(from..=to),
        }
    }
}

/// The way between the client's box and the servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub delay: Delay,
    /// The probability that one packet is lost, in each direction.
    pub loss: f64,
    /// The probability that a packet arrives twice, in each direction.
    pub duplication: f64,
    /// The probability that a packet of the client provokes a stray datagram.
    pub strays: f64,
    /// The clock of the client's timers is late by up to this.
    pub timer_lag: Duration,
}

impl Link {
    /// Perfect, with this round-trip time.
    pub fn perfect(rtt: Duration) -> Self {
        Self {
            delay: Delay::Fixed(rtt / 2),
            loss: 0.0,
            duplication: 0.0,
            strays: 0.0,
            timer_lag: Duration::ZERO,
        }
    }
}

/// A server address that the user gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    pub address: SocketAddr,
    /// When name resolution has found it.
    pub at: Duration,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub seed: u64,
    /// The client's address; ports are drawn.
    pub client: IpAddr,
    /// The boxes on the way, the innermost first.
    pub path: Vec<NatConfig>,
    pub servers: Vec<ServerConfig>,
    /// What the client is told.
    pub listed: Vec<Listed>,
    /// Addresses at which sending fails, how, and whether at once or after a round trip.
    pub unreachable: Vec<(SocketAddr, SendError)>,
    pub link: Link,
    /// Until when the servers' other addresses must not be visited, if that is held up.
    pub released_at: Option<Duration>,
    /// What was sent earlier from the local port that this socket has now.
    pub earlier: Vec<(usize, SocketAddr)>,
    /// The outermost box is a NAT64: the client is an IPv6 host, and every other address here is
    /// what lies behind the translator.
    pub nat64: Option<Nat64>,
}

/// How a client reaches IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nat64 {
    pub prefix: Prefix,
    /// Whether the client knows the prefix.
    pub told: bool,
}

impl Scenario {
    /// A client at 192.168.1.10 behind one box, with a round-trip time of 40 ms, that is told the
    /// primary address of every server.
    pub fn new(nat: NatConfig, servers: Vec<ServerConfig>) -> Self {
        let client = if nat.kind == super::nat_model::Kind::Nat {
            IpAddr::from([192, 168, 1, 10])
        } else {
            IpAddr::from([203, 0, 113, 77])
        };
        Self {
            seed: 1,
            client,
            path: vec![nat],
            listed: servers.iter().map(|s| listed(s.primary)).collect(),
            servers,
            unreachable: Vec::new(),
            link: Link::perfect(Duration::from_millis(40)),
            released_at: None,
            earlier: Vec::new(),
            nat64: None,
        }
    }

    /// The same NAT as a NAT64, with an IPv6 host behind it.
    pub fn through_nat64(&self, prefix: &str) -> Self {
        Self {
            client: [0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x10].into(),
            nat64: Some(Nat64 {
                prefix: prefix.parse().expect("a prefix"),
                told: true,
            }),
            ..self.clone()
        }
    }

    /// The same with another seed.
    pub fn seeded(&self, seed: u64) -> Self {
        Self {
            seed,
            ..self.clone()
        }
    }
}

/// A server address known from the start.
pub fn listed(address: SocketAddr) -> Listed {
    Listed {
        address,
        at: Duration::ZERO,
    }
}

/// `198.51.100.<host>:<port>`, where the simulated servers live.
pub fn server_v4(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, host], port))
}

/// `[2001:db8:5::<host>]:<port>`.
pub fn server_v6(host: u16, port: u16) -> SocketAddr {
    SocketAddr::from(([0x2001, 0xdb8, 5, 0, 0, 0, 0, host], port))
}

/// The usual RFC 5780 server of the tests.
pub fn discovery_server() -> ServerConfig {
    ServerConfig::discovery(server_v4(1, 3478), server_v4(2, 3479))
}

/// A plain server.
pub fn plain_server(host: u8) -> ServerConfig {
    ServerConfig::plain(server_v4(host, 3478))
}
