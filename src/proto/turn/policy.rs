//! Which peers a TURN server should not let its clients reach (RFC 8656 21.4), to be asked by
//! `CreatePermission` alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum PeerClass {
    /// `127.0.0.0/8`, `::1`: services of the server machine itself.
    Loopback,
    /// `0.0.0.0`, `::`, which many systems take for loopback.
    Unspecified,
    /// `::ffff:127.0.0.1`: loopback in another dress.
    V4MappedLoopback,
    /// `169.254.0.0/16`, `fe80::/10`: among them the metadata services of clouds.
    LinkLocal,
    /// `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// RFC 1918.
    Private,
    /// 100.64.0.0/10, RFC 6598.
    CarrierNat,
    /// `fc00::/7`, RFC 4193.
    UniqueLocal,
    OwnAddress,
}

/// What to think of a server that lets its clients reach a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Unsafe wherever the server stands.
    Unsafe,
    /// Of no use to a call, and in some networks a way in.
    Useless,
    /// Unsafe unless the peers are meant to be in that network.
    Depends,
    /// Useful: calls between two clients of this server need it.
    Useful,
}

impl PeerClass {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        self.into_str()
    }

    /// What it means if it is allowed.
    pub const fn concern(self) -> Concern {
        match self {
            Self::Loopback | Self::Unspecified => Concern::Unsafe,
            // A socket of IPv6 does not send to IPv4, unless the system maps one to the other.
            Self::V4MappedLoopback | Self::LinkLocal | Self::Multicast | Self::Broadcast => {
                Concern::Useless
            }
            Self::Private | Self::CarrierNat | Self::UniqueLocal => Concern::Depends,
            Self::OwnAddress => Concern::Useful,
        }
    }

    /// The coturn options that mend it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Loopback => {
                "coturn: remove allow-loopback-peers; add denied-peer-ip=127.0.0.0-127.255.255.255 and denied-peer-ip=::1"
            }
            Self::Unspecified => {
                "coturn: denied-peer-ip=0.0.0.0-0.255.255.255, and a version from 4.5.2 on, which refuses :: by itself"
            }
            Self::V4MappedLoopback => {
                "coturn: denied-peer-ip=::ffff:0.0.0.0-::ffff:255.255.255.255"
            }
            Self::LinkLocal => {
                "coturn: denied-peer-ip=169.254.0.0-169.254.255.255 and denied-peer-ip=fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
            }
            Self::Multicast => "coturn: no-multicast-peers",
            Self::Broadcast => "coturn: denied-peer-ip=255.255.255.255",
            Self::Private => {
                "coturn: denied-peer-ip=10.0.0.0-10.255.255.255, denied-peer-ip=172.16.0.0-172.31.255.255 and denied-peer-ip=192.168.0.0-192.168.255.255"
            }
            Self::CarrierNat => "coturn: denied-peer-ip=100.64.0.0-100.127.255.255",
            Self::UniqueLocal => {
                "coturn: denied-peer-ip=fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
            }
            Self::OwnAddress => {
                "coturn: allowed-peer-ip=ADDRESS, or leave it out of denied-peer-ip"
            }
        }
    }
}

/// The IPv4 peers to ask about, beside the server's own address.
const V4: [(PeerClass, Ipv4Addr); 9] = [
    (PeerClass::Loopback, Ipv4Addr::LOCALHOST),
    (PeerClass::Unspecified, Ipv4Addr::UNSPECIFIED),
    (PeerClass::LinkLocal, Ipv4Addr::new(169, 254, 169, 254)),
    (PeerClass::Multicast, Ipv4Addr::new(224, 0, 0, 1)),
    (PeerClass::Broadcast, Ipv4Addr::BROADCAST),
    (PeerClass::Private, Ipv4Addr::new(10, 0, 0, 1)),
    (PeerClass::Private, Ipv4Addr::new(172, 16, 0, 1)),
    (PeerClass::Private, Ipv4Addr::new(192, 168, 0, 1)),
    (PeerClass::CarrierNat, Ipv4Addr::new(100, 64, 0, 1)),
];

/// The IPv6 peers.
const V6: [(PeerClass, Ipv6Addr); 6] = [
    (PeerClass::Loopback, Ipv6Addr::LOCALHOST),
    (PeerClass::Unspecified, Ipv6Addr::UNSPECIFIED),
    (
        PeerClass::V4MappedLoopback,
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1),
    ),
    (
        PeerClass::LinkLocal,
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
    ),
    (
        PeerClass::Multicast,
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
    ),
    (
        PeerClass::UniqueLocal,
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1),
    ),
];

pub fn peers(server: IpAddr) -> Vec<(PeerClass, IpAddr)> {
    let v4 = V4.into_iter().map(|(class, ip)| (class, IpAddr::V4(ip)));
    let v6 = V6.into_iter().map(|(class, ip)| (class, IpAddr::V6(ip)));
    v4.chain(v6)
        .chain([(PeerClass::OwnAddress, server)])
        .collect()
}
