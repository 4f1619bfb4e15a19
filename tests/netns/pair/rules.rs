//! nftables rules for pairs of hosts; those that one host alone can tell apart are in `nats` and `filters`.

/// One external port for each remote address: of the server's two, and of everybody else. A rule that names no port would not
/// do: the kernel would use the port that it gave the same socket before.
pub const BY_ADDRESS: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip daddr 203.0.113.10 ip protocol udp snat to 203.0.113.1 : udp sport ^ 0x1555
    oifname "wan" ip daddr 203.0.113.11 ip protocol udp snat to 203.0.113.1 : udp sport ^ 0x0aaa
    oifname "wan" ip protocol udp snat to 203.0.113.1 : udp sport ^ 0x0555
    oifname "wan" snat to 203.0.113.1
  }
}
"#;

/// Each destination has a port of its own, as far as there are different ones here, and whoever knows a port gets in.
pub const OPEN_SYMMETRIC: &str = r#"
table ip nat {
  map bindings {
    type inet_service : ipv4_addr . inet_service
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" ip daddr 203.0.113.10 udp dport 3478 snat to 203.0.113.1 : udp sport ^ 0x1800
    oifname "wan" ip daddr 203.0.113.10 udp dport 3479 snat to 203.0.113.1 : udp sport ^ 0x2800
    oifname "wan" ip daddr 203.0.113.11 udp dport 3478 snat to 203.0.113.1 : udp sport ^ 0x3800
    oifname "wan" ip daddr 203.0.113.11 udp dport 3479 snat to 203.0.113.1 : udp sport ^ 0x4800
    oifname "wan" ip protocol udp snat to 203.0.113.1 : udp sport ^ 0x5800
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

/// A full cone for two inner networks, which takes packets from its own inside and shows them with the sender's external
/// address.
pub const FULL_CONE_HAIRPIN_BOTH: &str = r#"
table ip nat {
  map bindings {
    type inet_service : ipv4_addr . inet_service
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to 203.0.113.1
    oifname { "lan", "lan2" } ct status dnat snat to 203.0.113.1
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

/// The two inner networks know nothing of each other, as with a guest network; what was translated passes.
pub const ISOLATED: &str = r#"
table inet isolated {
  chain forward {
    type filter hook forward priority filter;
    ct status dnat accept
    iifname "lan" oifname "lan2" drop
    iifname "lan2" oifname "lan" drop
  }
}
"#;
