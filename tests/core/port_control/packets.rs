//! PCP and NAT-PMP packets, byte for byte as the RFCs have them, and whatever else may come.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use rtcdiag::proto::nat::router::{Granted, Meaning, nat_pmp, pcp};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const NONCE: pcp::Nonce = *b"abcdefghijkl";
const PCP_MAP: pcp::Map = pcp::Map {
    client: CLIENT,
    nonce: NONCE,
    port: 0x1234,
    lifetime_s: 120,
    suggested_port: 0x2345,
};
const PMP_MAP: nat_pmp::Map = nat_pmp::Map {
    port: 0x1234,
    lifetime_s: 120,
    suggested_port: 0x2345,
};

/// A PCP answer: RFC 6887 7.2.
fn pcp_answer(opcode: u8, result: u8, lifetime_s: u32, part: &[u8]) -> Vec<u8> {
    let mut packet = vec![2, 0x80 | opcode, 0, result];
    packet.extend(lifetime_s.to_be_bytes());
    packet.extend([0; 16]);
    packet.extend(part);
    packet
}

/// The part of MAP: RFC 6887 11.1.
fn map_part(nonce: pcp::Nonce, protocol: u8, inside: u16, external: u16) -> Vec<u8> {
    let mut part = nonce.to_vec();
    part.extend([protocol, 0, 0, 0]);
    part.extend(inside.to_be_bytes());
    part.extend(external.to_be_bytes());
    part.extend(Ipv4Addr::new(203, 0, 113, 5).to_ipv6_mapped().octets());
    part
}

#[test]
fn requests_are_those_of_the_rfcs() {
    assert_eq!(nat_pmp::external_address(), [0, 0]);
    assert_eq!(
        nat_pmp::map(&PMP_MAP),
        [0, 1, 0, 0, 0x12, 0x34, 0x23, 0x45, 0, 0, 0, 120]
    );
    let announce = pcp::announce(CLIENT);
    let mut header = vec![2, 0, 0, 0, 0, 0, 0, 0];
    header.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 2]);
    assert_eq!(announce, header);
    let map = pcp::map(&PCP_MAP);
    assert_eq!(map.len(), 60);
    assert_eq!(map[..8], [2, 1, 0, 0, 0, 0, 0, 120]);
    assert_eq!(map[24..36], NONCE);
    assert_eq!(map[36..44], [17, 0, 0, 0, 0x12, 0x34, 0x23, 0x45]);
    assert_eq!(
        map[44..],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0]
    );
    let six = pcp::map(&pcp::Map {
        client: "2001:db8::2".parse().expect("an address"),
        ..PCP_MAP
    });
    assert_eq!(six[44..], [0; 16]);
}

#[test]
fn answers_to_announce() {
    let answer = |code| pcp::read_announce(&pcp_answer(0, code, 0, &[]));
    assert_eq!(answer(0), Some(pcp::Answer::Success(None)));
    // A server that knows mappings only is one.
    assert_eq!(answer(4), Some(pcp::Answer::Success(None)));
    for (code, meaning) in [
        (2, Meaning::NotAuthorized),
        (7, Meaning::NotConnected),
        (8, Meaning::NoResources),
        (12, Meaning::AddressMismatch),
        (200, Meaning::Other),
    ] {
        let Some(pcp::Answer::Refused(refusal)) = answer(code) else {
            panic!("{code} is an error");
        };
        assert_eq!((refusal.code, refusal.meaning), (u16::from(code), meaning));
    }
    // RFC 6887 9: a NAT-PMP router, and another version of PCP.
    for (packet, version) in [
        (vec![0, 0x80, 0, 1, 0, 0, 0, 9], 0),
        (pcp_answer(0, 1, 0, &[]).tap(|p| p[0] = 1), 1),
    ] {
        assert_eq!(
            pcp::read_announce(&packet),
            Some(pcp::Answer::OtherVersion(version))
        );
    }
    // A request, another question's answer, a version that says no error, and half a header.
    for packet in [
        pcp::announce(CLIENT),
        pcp_answer(1, 0, 0, &[]),
        vec![0, 0x80, 0, 0, 0, 0, 0, 9, 192, 0, 2, 1],
        pcp_answer(0, 0, 0, &[])[..20].to_vec(),
        pcp_answer(0, 0, 0, &[0]),
        vec![2, 0x80],
        Vec::new(),
    ] {
        assert_eq!(pcp::read_announce(&packet), None, "{packet:?}");
    }
}

trait Tap: Sized {
    fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl Tap for Vec<u8> {}

#[test]
fn answers_to_map_belong_to_the_request() {
    let read = |packet: &[u8]| pcp::read_map(packet, &PCP_MAP);
    let own = map_part(NONCE, 17, 0x1234, 40000);
    let granted = Granted {
        port: 40000,
        address: Some(Ipv4Addr::new(203, 0, 113, 5).into()),
        lifetime_s: 90,
    };
    assert_eq!(
        read(&pcp_answer(1, 0, 90, &own)),
        Some(pcp::Answer::Success(Some(granted)))
    );
    for other in [
        map_part(*b"lkjihgfedcba", 17, 0x1234, 40000),
        map_part(NONCE, 6, 0x1234, 40000),
        map_part(NONCE, 17, 0x1235, 40000),
        // A mapping without a port is none.
        map_part(NONCE, 17, 0x1234, 0),
        own[..20].to_vec(),
    ] {
        assert_eq!(read(&pcp_answer(1, 0, 90, &other)), None, "{other:?}");
    }
    let refused = read(&pcp_answer(1, 2, 30, &own));
    assert!(
        matches!(refused, Some(pcp::Answer::Refused(r)) if r.meaning == Meaning::NotAuthorized)
    );
    let foreign = map_part(*b"lkjihgfedcba", 17, 0x1234, 40000);
    assert_eq!(read(&pcp_answer(1, 2, 30, &foreign)), None);
}

#[test]
fn answers_of_nat_pmp() {
    let address = [0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 5];
    assert_eq!(
        nat_pmp::read_external_address(&address),
        Some(nat_pmp::Answer::Address(Ipv4Addr::new(203, 0, 113, 5)))
    );
    for (code, meaning) in [
        (2, Meaning::NotAuthorized),
        (3, Meaning::NotConnected),
        (4, Meaning::NoResources),
        (5, Meaning::Unsupported),
        (999, Meaning::Other),
    ] {
        let mut packet = vec![0, 128];
        packet.extend(u16::to_be_bytes(code));
        let Some(nat_pmp::Answer::Refused(refusal)) = nat_pmp::read_external_address(&packet)
        else {
            panic!("{code} is an error");
        };
        assert_eq!((refusal.code, refusal.meaning), (code, meaning));
    }
    // A PCP router.
    assert_eq!(
        nat_pmp::read_external_address(&pcp_answer(0, 1, 0, &[])),
        Some(nat_pmp::Answer::OtherVersion(2))
    );
    for packet in [&address[..11], &[0, 129, 0, 0], &[0, 0], &[3, 128, 0, 0]] {
        assert_eq!(nat_pmp::read_external_address(packet), None, "{packet:?}");
    }
    let mapped = [
        0, 129, 0, 0, 0, 0, 0, 9, 0x12, 0x34, 0x9c, 0x40, 0, 0, 0, 60,
    ];
    let granted = Granted {
        port: 40000,
        address: None,
        lifetime_s: 60,
    };
    assert_eq!(
        nat_pmp::read_map(&mapped, &PMP_MAP),
        Some(nat_pmp::Answer::Mapped(granted))
    );
    let mut another = mapped;
    another[9] = 0x35;
    assert_eq!(nat_pmp::read_map(&another, &PMP_MAP), None);
    let mut without_port = mapped;
    without_port[10..12].copy_from_slice(&[0, 0]);
    assert_eq!(nat_pmp::read_map(&without_port, &PMP_MAP), None);
}

proptest! {
    /// Whatever comes, an answer that is believed is one to the request.
    #[test]
    fn nothing_hostile_is_believed(packet in prop::collection::vec(any::<u8>(), 0..1200)) {
        if pcp::read_announce(&packet).is_some() {
            prop_assert_eq!(packet[1], 0x80);
        }
        if let Some(pcp::Answer::Success(granted)) = pcp::read_map(&packet, &PCP_MAP) {
            prop_assert_eq!(&packet[24..36], &NONCE[..]);
            prop_assert!(granted.is_some_and(|g| g.port != 0 || g.lifetime_s == 0));
        }
        if nat_pmp::read_external_address(&packet).is_some() {
            prop_assert_eq!(packet[1], 128);
        }
        if let Some(nat_pmp::Answer::Mapped(_)) = nat_pmp::read_map(&packet, &PMP_MAP) {
            prop_assert_eq!(&packet[8..10], &[0x12, 0x34][..]);
        }
    }

    /// The same for packets that begin as answers do.
    #[test]
    fn nothing_nearly_right_is_believed(
        version in 0u8..4,
        opcode in 0x80u8..0x83,
        rest in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut packet = vec![version, opcode];
        packet.extend(rest);
        if let Some(pcp::Answer::Success(_)) = pcp::read_map(&packet, &PCP_MAP) {
            prop_assert_eq!((version, &packet[24..36]), (2, &NONCE[..]));
        }
        if let Some(nat_pmp::Answer::Address(_)) = nat_pmp::read_external_address(&packet) {
            prop_assert_eq!((version, opcode), (0, 128));
        }
    }
}
