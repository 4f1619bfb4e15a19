//! nftables rules that let something through or not, each in one known way; a namespace may have several. On a router `lan` is
//! the side of the client and `wan` that of the server.

/// A stateful filter for both families: what goes out comes back, nothing else comes in.
pub const STATEFUL_FILTER: &str = r#"
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname { "lan", "lan2" } accept
  }
}
"#;

/// Packets for the router itself that nobody asked for are dropped, and so connection tracking forgets them.
pub const NO_STRAYS: &str = r#"
table inet strays {
  chain input {
    type filter hook input priority filter;
    iifname "wan" meta l4proto { tcp, udp } ct state new drop
  }
}
"#;

/// A stateful filter on the host itself. `ICMPv6` stays open, or neighbour discovery would end.
pub const HOST_FIREWALL: &str = r#"
table inet host {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    meta l4proto { icmp, ipv6-icmp } accept
    ct state established,related accept
  }
}
"#;

/// No UDP on this path, in silence.
pub const UDP_DROPPED: &str = r"
table inet no_udp {
  chain forward {
    type filter hook forward priority filter;
    meta l4proto udp drop
  }
}
";

pub const UDP_DROPPED_IPV6: &str = r"
table inet no_udp {
  chain forward {
    type filter hook forward priority filter;
    meta nfproto ipv6 meta l4proto udp drop
  }
}
";

/// No UDP on this path, and the sender is told by ICMP: nobody is at that port.
pub const UDP_REJECTED: &str = r"
table inet no_udp {
  chain forward {
    type filter hook forward priority filter;
    meta l4proto udp reject with icmpx port-unreachable
  }
}
";

/// No UDP on this path, and the sender is told by ICMP: it is forbidden.
pub const UDP_PROHIBITED: &str = r"
table inet no_udp {
  chain forward {
    type filter hook forward priority filter;
    meta l4proto udp reject with icmpx admin-prohibited
  }
}
";

/// Nothing gets through.
pub const ALL_DROPPED: &str = r"
table inet nothing {
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
}
";

/// Only the well-known STUN port is let out: the server's alternate port is out of reach.
pub const ONLY_PORT_3478: &str = r#"
table inet only {
  chain forward {
    type filter hook forward priority filter;
    iifname "lan" meta l4proto { tcp, udp } th dport != 3478 drop
  }
}
"#;

/// Nothing gets to this one address.
pub const DEAD_ADDRESS: &str = r"
table inet dead {
  chain forward {
    type filter hook forward priority filter;
    ip daddr 203.0.113.99 drop
  }
}
";

/// The host's own policy; the sender is told at once (EPERM).
pub const OUTPUT_DROPPED: &str = r#"
table inet output {
  chain output {
    type filter hook output priority filter;
    oifname "eth0" meta l4proto udp drop
  }
}
"#;

/// The same with an ICMP error to the host itself.
pub const OUTPUT_REJECTED: &str = r#"
table inet output {
  chain output {
    type filter hook output priority filter;
    oifname "eth0" meta l4proto udp reject
  }
}
"#;

/// On the server: its second address is dead in both directions.
pub const ALTERNATE_DEAD: &str = r"
table inet alternate {
  chain input {
    type filter hook input priority filter;
    ip daddr 203.0.113.11 drop
  }
  chain output {
    type filter hook output priority filter;
    ip saddr 203.0.113.11 drop
  }
}
";

/// On the server: nothing comes *from* its second address, as when the operator's own filter knows only the first.
pub const ALTERNATE_MUTE: &str = r"
table inet alternate {
  chain output {
    type filter hook output priority filter;
    ip saddr 203.0.113.11 drop
  }
}
";

/// A filter without translation that lets an address in at all its ports, once something was sent to it.
pub const STATEFUL_BY_ADDRESS: &str = r#"
table inet filter {
  set permissions {
    type inet_service . ipv4_addr
    flags dynamic,timeout; timeout 5m; size 65535;
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "lan" meta l4proto udp update @permissions { udp sport . ip daddr }
    iifname "lan" accept
    meta l4proto udp udp dport . ip saddr @permissions accept
  }
}
"#;

/// One packet in ten is lost, at random, in each direction.
pub const LOSSY: &str = r"
table inet lossy {
  chain forward {
    type filter hook forward priority filter;
    meta l4proto udp numgen random mod 10 0 drop
  }
}
";

/// Nothing gets out but HTTPS.
pub const ONLY_TCP_443: &str = r#"
table inet only {
  chain forward {
    type filter hook forward priority filter;
    iifname "lan" meta l4proto udp drop
    iifname "lan" tcp dport != 443 drop
  }
}
"#;

pub const TCP_RESET: &str = r"
table inet no_tcp {
  chain forward {
    type filter hook forward priority filter;
    meta l4proto tcp reject with tcp reset
  }
}
";

pub const TCP_REJECTED: &str = r"
table inet no_tcp {
  chain forward {
    type filter hook forward priority filter;
    meta l4proto tcp reject with icmpx admin-prohibited
  }
}
";

pub const TCP_DROPPED: &str = r"
table inet no_tcp {
  chain forward {
    type filter hook forward priority filter;
    meta l4proto tcp drop
  }
}
";

/// Nothing gets to a relayed address, not even from the server itself.
pub const RELAY_PORTS_CLOSED: &str = r"
table inet relay {
  chain input {
    type filter hook input priority filter;
    udp dport 49152-65535 drop
  }
}
";

/// The same, but what the server sends to itself passes, as with most firewalls.
pub const RELAY_PORTS_CLOSED_OUTSIDE: &str = r#"
table inet relay {
  chain input {
    type filter hook input priority filter;
    iifname "eth0" udp dport 49152-65535 drop
  }
}
"#;

/// As the last one, but answers come in.
pub const RELAY_PORTS_STATEFUL: &str = r#"
table inet relay {
  chain input {
    type filter hook input priority filter;
    ct state established accept
    iifname "eth0" udp dport 49152-65535 drop
  }
}
"#;

pub const SECOND_UPLINK_DEAD: &str = r#"
table inet dead {
  chain forward {
    type filter hook forward priority filter;
    iifname "lan2" drop
  }
}
"#;

/// One address of the client is not let out.
pub const SECOND_DEAD: &str = r"
table inet dead {
  chain forward {
    type filter hook forward priority filter;
    ip saddr 192.0.2.3 drop
  }
}
";
