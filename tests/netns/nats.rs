//! nftables rules that translate, each in one known way. `lan` is the side of the client, `wan` that of the server.

/// Linux masquerade of both families. Alone, the router takes stray packets for itself and connection tracking remembers
/// them: a later packet *to* that peer from the same port gets another port. With `NO_STRAYS` that cannot happen.
pub const MASQUERADE: &str = r#"
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" masquerade
  }
}
"#;

pub const MASQUERADE_IPV4: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" masquerade
  }
}
"#;

/// Each destination gets a port of its own, at random.
pub const MASQUERADE_RANDOM: &str = r#"
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" masquerade random,fully-random
  }
}
"#;

/// A whole public address for the one client, in both directions.
pub const ONE_TO_ONE: &str = r#"
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "wan" ip daddr 203.0.113.20 dnat to 192.0.2.2
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip saddr 192.0.2.2 snat to 203.0.113.20
  }
}
"#;

/// The same for IPv6, as `NPTv6` does it: the address changes, no port does, everybody may come in.
pub const PREFIX_TRANSLATION: &str = r#"
table ip6 nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "wan" ip6 daddr 2001:db8:113::20 dnat to 2001:db8:1::2
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip6 saddr 2001:db8:1::2 snat to 2001:db8:113::20
  }
}
"#;

/// Endpoint-independent mapping and filtering. `bindings` learns the external port of each outgoing packet once it has been
/// chosen; whatever arrives there goes to its owner. From the wan side only: no hairpinning.
pub const FULL_CONE: &str = r#"
table ip nat {
  map bindings {
    type inet_service : ipv4_addr . inet_service
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to 203.0.113.1
  }
  chain learn {
    type filter hook postrouting priority srcnat + 10;
    oifname "wan" ct direction original ip protocol udp update @bindings { udp sport : ct original ip saddr . ct original proto-src }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "wan" ip daddr 203.0.113.1 ip protocol udp dnat to udp dport map @bindings
  }
}
"#;

/// The full cone that also takes packets from its own inside, and shows them with the sender's external address.
pub const FULL_CONE_HAIRPIN: &str = r#"
table ip nat {
  map bindings {
    type inet_service : ipv4_addr . inet_service
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to 203.0.113.1
    oifname "lan" ip saddr 192.0.2.0/24 snat to 203.0.113.1
  }
  chain learn {
    type filter hook postrouting priority srcnat + 10;
    oifname "wan" ct direction original ip protocol udp update @bindings { udp sport : ct original ip saddr . ct original proto-src }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr 203.0.113.1 ip protocol udp dnat to udp dport map @bindings
  }
}
"#;

/// As the full cone, but a remote address gets in only to a port that has sent something to that address.
pub const ADDRESS_RESTRICTED: &str = r#"
table ip nat {
  map bindings {
    type inet_service : ipv4_addr . inet_service
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  set permissions {
    type inet_service . ipv4_addr
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to 203.0.113.1
  }
  chain learn {
    type filter hook postrouting priority srcnat + 10;
    oifname "wan" ct direction original ip protocol udp update @bindings { udp sport : ct original ip saddr . ct original proto-src } update @permissions { udp sport . ip daddr }
  }
  chain restrict {
    type filter hook prerouting priority dstnat - 10;
    iifname "wan" ct state new ip protocol udp udp dport . ip saddr != @permissions drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "wan" ip daddr 203.0.113.1 ip protocol udp dnat to udp dport map @bindings
  }
}
"#;

/// Each destination gets a port of its own, yet whoever knows a port gets in: mapping and filtering are two things. No two
/// flows may share an external port, or the binding of one would hide that of the other; so each destination has a range of
/// its own, as wide as that of the client's ports (`CLIENT_PORTS` in `lab`).
pub const OPEN_PORT_PER_DESTINATION: &str = r#"
table ip nat {
  map bindings {
    type inet_service : ipv4_addr . inet_service
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip daddr 203.0.113.10 udp dport 3478 snat to 203.0.113.1 : udp sport ^ 0x1000
    oifname "wan" ip daddr 203.0.113.10 udp dport 3479 snat to 203.0.113.1 : udp sport ^ 0x2000
    oifname "wan" ip daddr 203.0.113.11 udp dport 3478 snat to 203.0.113.1 : udp sport ^ 0x3000
    oifname "wan" ip daddr 203.0.113.11 udp dport 3479 snat to 203.0.113.1 : udp sport ^ 0x4000
    oifname "wan" snat to 203.0.113.1
  }
  chain learn {
    type filter hook postrouting priority srcnat + 10;
    oifname "wan" ct direction original ip protocol udp update @bindings { udp sport : ct original ip saddr . ct original proto-src }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "wan" ip daddr 203.0.113.1 ip protocol udp dnat to udp dport map @bindings
  }
}
"#;

/// Endpoint-independent mapping that keeps no port: a bijection of ports, so that two sockets never collide.
pub const CHANGED_PORTS: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip protocol udp snat to 203.0.113.1 : udp sport ^ 0x1555
    oifname "wan" snat to 203.0.113.1
  }
}
"#;

/// One external port for each remote address, whatever the remote port.
pub const ADDRESS_DEPENDENT_MAPPING: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip daddr 203.0.113.10 ip protocol udp snat to 203.0.113.1 : udp sport ^ 0x1555
    oifname "wan" ip daddr 203.0.113.11 ip protocol udp snat to 203.0.113.1 : udp sport ^ 0x0aaa
    oifname "wan" snat to 203.0.113.1
  }
}
"#;

/// A port counter: every new flow gets the next external port. The lab fills `@@SEQUENCE@@` in.
pub const SEQUENTIAL_PORTS: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip protocol udp snat to 203.0.113.1 : numgen inc mod 2000 map { @@SEQUENCE@@ }
    oifname "wan" snat to 203.0.113.1
  }
}
"#;

/// Several public addresses. For a socket's first destination the kernel takes one by a hash of the client's and the server's
/// address, and keeps to it for all destinations of that socket.
pub const POOL: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to 203.0.113.20-203.0.113.23
  }
}
"#;

/// The same, with one address for each client.
pub const POOL_PERSISTENT: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to 203.0.113.20-203.0.113.23 persistent
  }
}
"#;

/// Another public address for each server, the port kept: what a pool does at its worst, whatever the kernel's hash.
pub const POOL_BY_SERVER: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip daddr 203.0.113.10 snat to 203.0.113.20
    oifname "wan" ip daddr 203.0.113.11 snat to 203.0.113.21
  }
}
"#;

/// A full cone of the inner of two routers: everything that reaches its outer address goes to the client.
pub const FULL_CONE_INNER: &str = r#"
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "wan" ip daddr 198.51.100.2 dnat to 192.0.2.2
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" masquerade
  }
}
"#;

/// Two ways out of one host: the network at `lan` is masqueraded, the one at `lan2` is not.
pub const TWO_UPLINKS: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip saddr 192.0.2.0/24 masquerade
  }
}
"#;

/// Hairpinning with filtering: a packet from inside to an external port gets in once that port's owner has sent something to
/// the external address and port of the sender. `asked` holds those pairs (ports are kept, so inner and outer ones are equal).
/// From outside only answers come in.
pub const HAIRPIN_FILTERED: &str = r#"
table ip nat {
  map bindings {
    type inet_service : ipv4_addr . inet_service
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  set asked {
    type inet_service . inet_service
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to 203.0.113.1
    oifname "lan" ip saddr 192.0.2.0/24 snat to 203.0.113.1
  }
  chain learn {
    type filter hook postrouting priority srcnat + 10;
    oifname "wan" ct direction original ip protocol udp update @bindings { udp sport : ct original ip saddr . ct original proto-src }
  }
  chain ask {
    type filter hook prerouting priority dstnat - 10;
    iifname "lan" ip daddr 203.0.113.1 ip protocol udp update @asked { udp sport . udp dport }
    iifname "lan" ip daddr 203.0.113.1 ct state new ip protocol udp udp dport . udp sport != @asked drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "lan" ip daddr 203.0.113.1 ip protocol udp dnat to udp dport map @bindings
  }
}
"#;

/// An application layer gateway that means well: wherever an answer holds the external address in MAPPED-ADDRESS, the internal
/// one is written. In coturn's answer that is 40 bytes into the STUN message; a checksum of 0 says that there is none.
pub const ALG: &str = r#"
table inet alg {
  chain forward {
    type filter hook forward priority filter;
    oifname "lan" udp sport { 3478, 3479 } @th,384,32 0xcb007101 @th,384,32 set 0xc0000202 udp checksum set 0
  }
}
"#;

/// Within the server's machine, what clouds do in front of it: relayed addresses are bound to a private address, and seen
/// as the public one.
pub const CLOUD: &str = r#"
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr 203.0.113.10 udp dport 49152-65535 dnat to 10.9.8.7
  }
  chain output {
    type nat hook output priority -100;
    ip daddr 203.0.113.10 udp dport 49152-65535 dnat to 10.9.8.7
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "eth0" ip saddr 10.9.8.7 snat to 203.0.113.10
  }
}
"#;

/// Over TCP one external port for each remote address, whatever the remote port.
pub const TCP_BY_ADDRESS: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip daddr 203.0.113.10 ip protocol tcp snat to 203.0.113.1 : tcp sport ^ 0x1555
    oifname "wan" ip daddr 203.0.113.11 ip protocol tcp snat to 203.0.113.1 : tcp sport ^ 0x0aaa
    oifname "wan" snat to 203.0.113.1
  }
}
"#;

/// Over TCP each destination gets a port of its own, over UDP ports are kept.
pub const TCP_RANDOM: &str = r#"
table inet nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" meta l4proto tcp masquerade random,fully-random
    oifname "wan" masquerade
  }
}
"#;

/// TCP leaves by an external address of its own.
pub const TCP_OTHER_ADDRESS: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip protocol tcp snat to 203.0.113.20
    oifname "wan" snat to 203.0.113.1
  }
}
"#;

/// Masquerade for private addresses only.
pub const MASQUERADE_PRIVATE: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip saddr 192.0.2.0/24 masquerade
  }
}
"#;

/// The first host keeps its ports, the second one gets others; in both cases endpoint-independent.
pub const PORTS_BY_HOST: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip saddr 192.0.2.3 ip protocol udp snat to 203.0.113.1 : udp sport ^ 0x1555
    oifname "wan" snat to 203.0.113.1
  }
}
"#;

/// What does not get its own port is dropped behind the translation.
pub const CLASH_DROPPED: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to 203.0.113.1
  }
  chain drop_changed {
    type filter hook postrouting priority srcnat + 10;
    oifname "wan" ip protocol udp udp sport < 0x8000 drop
    oifname "wan" ip protocol udp udp sport > 0x8fff drop
  }
}
"#;
