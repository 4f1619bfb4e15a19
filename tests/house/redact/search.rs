//! The search for addresses itself finds what it is for.

use std::net::IpAddr;

use rtcdiag::proto::ice::candidate::{CandidateType, foundation};

use crate::support::leaks::{known, parsable};

#[test]
fn the_search_finds_addresses_in_every_form() {
    let v4: IpAddr = "203.0.113.5".parse().expect("an address");
    let v6: IpAddr = "2001:db8::c0:5".parse().expect("an address");
    let all = [v4, v6];
    for text in [
        "203.0.113.5:40000",
        "(203.0.113.5)",
        "ip-203-0-113-5.example",
        "3405803781",
        "::ffff:cb00:7105",
        "[2001:DB8::C0:5]:3478",
        "2001:0db8:0000:0000:0000:0000:00c0:0005",
    ] {
        assert!(!known(text, &all).is_empty(), "{text}");
    }
    let hash = foundation(CandidateType::Host, v4, None, None);
    assert!(!known(&format!("candidate:{hash} 1 udp"), &all).is_empty());
    for text in [
        "turn:192.0.2.7:3478?transport=tcp",
        "[fe80::1%3]:5",
        "x=10.0.0.9,",
        "at 10.0.0.9.",
    ] {
        assert_eq!(parsable(text).len(), 1, "{text}");
        assert!(known(text, &all).is_empty(), "{text}");
    }
    for text in [
        "pub1:40000",
        "[::]:7880",
        "0.0.0.0",
        "RFC 8445 7.1.1",
        "10:00:00",
    ] {
        assert!(known(text, &all).is_empty(), "{text}");
        assert!(parsable(text).is_empty(), "{text}");
    }
}
