//! Which peers a TURN server lets its clients reach.

use std::net::IpAddr;

use rtcdiag::proto::turn::policy;
use rtcdiag::proto::turn::server::peers::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn network(text: &str) -> Network {
    text.parse().expect("a network")
}

#[test]
fn only_the_public_internet_is_open() {
    let closed = PeerPolicy::default();
    // What `rtcdiag turn` asks about, and the server's own address, which is private here.
    for (class, peer) in policy::peers(ip("192.168.7.1")) {
        assert_eq!(closed.of(peer), Peer::Forbidden, "{class} {peer}");
    }
    for bad in [
        "198.19.255.1",
        "192.0.0.9",
        "192.88.99.1",
        "::ffff:0:7f00:1",
        "2001:db8::5efe:7f00:1",
        "2001:db8::200:5efe:7f00:1",
        "100::1",
        "2001:2::1",
        "4000::1",
        "5f00::1",
        "0.1.2.3",
        "240.0.0.1",
        "::ffff:192.0.2.1",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "fec0::1",
    ] {
        assert_eq!(closed.of(ip(bad)), Peer::Forbidden, "{bad}");
    }
    for good in ["192.0.2.1", "203.0.113.7", "8.8.8.8", "2001:db8::1"] {
        assert_eq!(closed.of(ip(good)), Peer::Allowed, "{good}");
    }
}

#[test]
fn what_is_opened_is_open() {
    let policy = PeerPolicy {
        opened: [
            "127.0.0.0/8",
            "10.1.2.3",
            "fd00:7::/64",
            "::1",
            "0.0.0.0/0",
            "::/0",
        ]
        .map(network)
        .to_vec(),
        relayed: vec![],
        own: vec![],
    };
    for good in ["127.0.0.1", "10.1.2.3", "fd00:7::9", "::1", "192.168.0.1"] {
        assert_eq!(policy.of(ip(good)), Peer::Allowed, "{good}");
    }
    for never in [
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "::ffff:127.0.0.1",
    ] {
        assert_eq!(policy.of(ip(never)), Peer::Forbidden, "{never}");
    }
    let little = PeerPolicy {
        opened: vec![network("10.1.2.0/23")],
        relayed: vec![ip("10.9.9.9")],
        own: vec![ip("10.9.9.9")],
    };
    assert_eq!(little.of(ip("10.1.3.255")), Peer::Allowed);
    assert_eq!(little.of(ip("10.1.4.0")), Peer::Forbidden);
    assert_eq!(little.of(ip("10.9.9.9")), Peer::OwnRelays);
    let public = PeerPolicy {
        opened: vec![],
        relayed: vec![ip("203.0.113.10")],
        own: vec![ip("203.0.113.10"), ip("203.0.113.12")],
    };
    assert_eq!(public.of(ip("203.0.113.12")), Peer::Forbidden);
    assert_eq!(public.of(ip("203.0.113.10")), Peer::OwnRelays);
    assert_eq!(public.of(ip("203.0.113.11")), Peer::Allowed);
}

#[test]
fn networks_that_are_none() {
    let error = |text: &str| text.parse::<Network>().expect_err(text).to_string();
    assert!(error("ten/8").contains("ten/8"));
    for prefix in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "::/129"] {
        assert!(error(prefix).contains("prefix length"), "{prefix}");
    }
    assert!(error("10.0.0.1/8").contains("bits set"));
    assert_eq!(network("::1").to_string(), "::1/128");
}
