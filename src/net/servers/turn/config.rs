//! What a TURN server needs to know, and whether that fits together.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::base::family::Family;
use crate::net::clock::Clock;
use crate::net::servers::listen::ListenError;
use crate::proto::stun::server;
use crate::proto::stun::server::rate::Rate;
use crate::proto::turn::server::MOST_LIFETIME;
use crate::proto::turn::server::peers::Network;
use crate::proto::turn::server::users::Users;

/// Longest realm in bytes (RFC 8489 14.9: 128 characters).
const MOST_REALM: usize = 128;

#[derive(Debug, Clone, PartialEq)]
pub struct TurnLimits {
    pub allocations: usize,
    /// Allocations of one user; credentials minted for the same user count together.
    pub per_user: usize,
    /// The longest lifetime of an allocation without a refresh.
    pub lifetime: Duration,
    /// Bytes of application data a second, for each allocation and direction; `None` sets no limit.
    pub bytes_per_second: Option<u32>,
    /// Answers a second to one address that has not shown credentials.
    pub strangers: Rate,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            allocations: 100,
            per_user: 20,
            lifetime: MOST_LIFETIME,
            // 10 Mbit/s: a video call and some.
            bytes_per_second: Some(1_250_000),
            strangers: server::RATE,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen, over UDP and TCP; at most one address of each family. Port 0 lets the system
    /// choose.
    pub listen: Vec<SocketAddr>,
    /// The addresses that clients are told for their relays, at most one of each family, for a host
    /// behind a NAT that forwards; else those listened on.
    pub external: Vec<IpAddr>,
    pub realm: String,
    pub users: Users,
    /// Peers that may be reached beside those of the public internet.
    pub allow_peers: Vec<Network>,
    pub ports: RangeInclusive<u16>,
    pub limits: TurnLimits,
    pub clock: Clock,
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("a TURN server without users would relay for everybody: give it some, or a secret")]
    Nobody,
    #[error("no address to listen on")]
    NoAddress,
    #[error("{0} and {1} are of the same family: give one address of each")]
    TwoOfAFamily(IpAddr, IpAddr),
    /// 0.0.0.0 or ::, and no external address.
    #[error(
        "{0} cannot be given to clients as the address of their relays: listen on one address of this host, or name the external one"
    )]
    Unspecified(IpAddr),
    /// An external address that cannot be one.
    #[error("{0} cannot be the external address: it is not the address of one host")]
    NoHost(IpAddr),
    /// An external address of a family that is not listened on.
    #[error("the external address {0} has no address of its family to listen on")]
    NoFamily(IpAddr),
    #[error(
        "the realm must have 1 to {MOST_REALM} bytes and no quotation marks, backslashes or control characters"
    )]
    Realm,
    #[error("{}-{} is not a range of ports from 1024 up", .0.start(), .0.end())]
    Ports(RangeInclusive<u16>),
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl Config {
    /// For these addresses and users, with everything else as usual.
    pub fn new(listen: Vec<SocketAddr>, users: Users) -> Self {
        Self {
            listen,
            external: Vec::new(),
            realm: "rtcdiag".to_owned(),
            users,
            allow_peers: Vec::new(),
            ports: 49152..=65535,
            limits: TurnLimits::default(),
            clock: Clock::start(),
        }
    }

    pub fn check(&self) -> Result<(), BindError> {
        if self.users.is_nobody() {
            return Err(BindError::Nobody);
        }
        if self.listen.is_empty() {
            return Err(BindError::NoAddress);
        }
        let listen: Vec<IpAddr> = self.listen.iter().map(SocketAddr::ip).collect();
        for ips in [&listen, &self.external] {
            if let [a, b, ..] = ips[..]
                && (ips.len() > 2 || Family::of(a) == Family::of(b))
            {
                return Err(BindError::TwoOfAFamily(a, b));
            }
        }
        for ip in &self.external {
            if ip.is_unspecified() || ip.is_multicast() {
                return Err(BindError::NoHost(*ip));
            }
            if !listen.iter().any(|l| Family::of(*l) == Family::of(*ip)) {
                return Err(BindError::NoFamily(*ip));
            }
        }
        for ip in listen {
            if self.relayed(ip).is_unspecified() {
                return Err(BindError::Unspecified(ip));
            }
        }
        let is_odd = |c: char| c.is_control() || matches!(c, '"' | '\\');
        if self.realm.is_empty() || self.realm.len() > MOST_REALM || self.realm.contains(is_odd) {
            return Err(BindError::Realm);
        }
        if self.ports.is_empty() || *self.ports.start() < 1024 {
            return Err(BindError::Ports(self.ports.clone()));
        }
        let limits = &self.limits;
        for (limit, name) in [
            (limits.allocations, "the number of allocations"),
            (limits.per_user, "the number of allocations of a user"),
            (
                limits.bytes_per_second.map_or(1, |rate| rate as usize),
                "the rate",
            ),
            (
                usize::from(limits.lifetime >= Duration::from_secs(1)),
                "the lifetime in seconds",
            ),
        ] {
            if limit == 0 {
                return Err(BindError::Zero(name));
            }
        }
        Ok(())
    }

    /// The address that clients are told for relays on one that is listened on.
    pub(super) fn relayed(&self, listen: IpAddr) -> IpAddr {
        let same = |ip: &&IpAddr| Family::of(**ip) == Family::of(listen);
        self.external.iter().find(same).copied().unwrap_or(listen)
    }
}
