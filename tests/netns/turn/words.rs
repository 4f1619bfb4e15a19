//! What many reports have in common.

/// What a coturn that nobody told otherwise lets its clients reach, with relayed addresses of IPv4 alone.
pub const STOCK_FINDINGS: &[&str] = &[
    "warning useless-peers-allowed x3",
    "warning private-peers-allowed x2",
];

/// The same, peer by peer.
pub const STOCK: &[&str] = &[
    "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 no",
    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255",
    "family-not-relayed :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
    "refuses 0.0.0.0 127.0.0.1",
];

/// The same of a coturn with relayed addresses of both families. The relay socket is bound to an IPv6 address, and with such
/// a socket Linux sends nothing to an IPv4 address in the dress of IPv6, whatever the permission.
pub const STOCK_DUAL_FINDINGS: &[&str] = &[
    "warning useless-peers-allowed x4",
    "warning private-peers-allowed x3",
];

/// The same, peer by peer.
pub const STOCK_DUAL: &[&str] = &[
    "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 yes",
    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
    "refuses 0.0.0.0 127.0.0.1 :: ::1",
];

/// The same of a coturn that is asked for IPv4 alone.
pub const STOCK_ONLY_4: &[&str] = &[
    "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 left-out",
    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255",
    "left-out :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
    "refuses 0.0.0.0 127.0.0.1",
];

/// No transport came as far as an allocation.
pub const NOTHING_KNOWN: &[&str] = &[
    "asks for credentials earlier-failure, refuses wrong ones earlier-failure, relays ipv4 earlier-failure, ipv6 earlier-failure",
    "earlier-failure 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
];

/// The server refused, with a challenge.
pub const REFUSED: &[&str] = &[
    "asks for credentials yes, refuses wrong ones earlier-failure, relays ipv4 earlier-failure, ipv6 earlier-failure",
    "earlier-failure 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
];

/// All is well over this transport.
pub const UDP: &[&str] = &["udp 203.0.113.10:3478 relays by 203.0.113.10 for 203.0.113.1"];
pub const TCP: &[&str] = &["tcp 203.0.113.10:3478 relays by 203.0.113.10 for 203.0.113.1"];
pub const TLS: &[&str] = &["tls 203.0.113.10:5349 relays by 203.0.113.10 for 203.0.113.1"];

/// Candidates of a client with the private address 192.0.2.2 behind 203.0.113.1.
pub const HOST: &[&str] = &["host 192.0.2.2 eth0"];
pub const SRFLX: &[&str] = &["srflx 203.0.113.1 of 192.0.2.2 eth0 by turn:203.0.113.10:3478"];
pub const RELAY_UDP: &[&str] =
    &["relay 203.0.113.10 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0"];
pub const RELAY_TCP: &[&str] = &[
    "relay 203.0.113.10 over tcp by turn:203.0.113.10:3478?transport=tcp, for 203.0.113.1 at 192.0.2.2 eth0",
];
pub const RELAY_TLS: &[&str] =
    &["relay 203.0.113.10 over tls by turns:203.0.113.10:5349, for 203.0.113.1 at 192.0.2.2 eth0"];

/// What the server itself gave to that client.
pub const BY_UDP: &[&str] = &[
    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
    "- sees 203.0.113.1",
    "- ipv4: 203.0.113.10 relays",
    "- ipv6: address-family-not-supported",
];
pub const BY_TCP: &[&str] = &[
    "tcp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
    "- sees 203.0.113.1",
    "- ipv4: 203.0.113.10 relays",
    "- ipv6: address-family-not-supported",
];
pub const BY_TLS: &[&str] = &[
    "tls 203.0.113.10:5349 from 192.0.2.2: ok at relay",
    "- sees 203.0.113.1",
    "- ipv4: 203.0.113.10 relays",
    "- ipv6: address-family-not-supported",
];
