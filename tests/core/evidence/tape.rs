//! Writes captures of made-up calls: raw IPv4 (link type 101), as tcpdump does on a tunnel.

use std::net::SocketAddrV4;

use rtcdiag::proto::evidence::{self, Record};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

pub const USERNAME: u16 = 0x0006;
pub const ERROR_CODE: u16 = 0x0009;
pub const USE_CANDIDATE: u16 = 0x0025;
pub const XOR_PEER_ADDRESS: u16 = 0x0012;
pub const DATA: u16 = 0x0013;
pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Of TCP.
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

pub fn at(text: &str) -> SocketAddrV4 {
    text.parse().expect("an address")
}

/// A message of STUN whose number is made of one.
pub fn stun(kind: u16, number: u32, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        let length = u16::try_from(value.len()).expect("it is short");
        body.extend(kind.to_be_bytes());
        body.extend(length.to_be_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let length = u16::try_from(body.len()).expect("it is short");
    [
        &kind.to_be_bytes()[..],
        &length.to_be_bytes(),
        &COOKIE,
        &[9; 8],
        &number.to_be_bytes(),
        &body,
    ]
    .concat()
}

/// An address as STUN has it.
pub fn xored(address: &str) -> Vec<u8> {
    let address = at(address);
    let port = address.port() ^ 0x2112;
    let ip = address
        .ip()
        .octets()
        .into_iter()
        .zip(COOKIE)
        .map(|(one, mask)| one ^ mask);
    [&[0, 1][..], &port.to_be_bytes(), &ip.collect::<Vec<u8>>()].concat()
}

pub fn check(number: u32, names: &str, nominates: bool) -> Vec<u8> {
    let all: [(u16, &[u8]); 2] = [(USERNAME, names.as_bytes()), (USE_CANDIDATE, b"")];
    stun(0x0001, number, &all[..=usize::from(nominates)])
}

pub fn answer(number: u32, mapped: &str) -> Vec<u8> {
    stun(0x0101, number, &[(XOR_MAPPED_ADDRESS, &xored(mapped))])
}

pub fn error(kind: u16, number: u32, code: u16) -> Vec<u8> {
    let [class, rest] = [code / 100, code % 100].map(|part| u8::try_from(part).expect("small"));
    stun(kind, number, &[(ERROR_CODE, &[0, 0, class, rest])])
}

/// A packet of audio with 20 ms.
pub fn rtp(sequence: u16, source: u32) -> Vec<u8> {
    let time = u32::from(sequence) * 960;
    [
        &[0x80, 111][..],
        &sequence.to_be_bytes(),
        &time.to_be_bytes(),
        &source.to_be_bytes(),
        &[0; 40],
    ]
    .concat()
}

#[derive(Clone)]
pub struct Tape {
    bytes: Vec<u8>,
    hops: u8,
    /// How much of a packet is kept.
    most: u32,
}

impl Tape {
    pub fn new() -> Self {
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101] {
            bytes.extend(word.to_le_bytes());
        }
        Self {
            bytes,
            hops: 64,
            most: u32::MAX,
        }
    }

    /// What is sent with so many routers left to pass.
    pub fn hops(&mut self, hops: u8) {
        self.hops = hops;
    }

    /// Keeps so many bytes of each packet from here on, as with tcpdump -s.
    pub fn cuts(&mut self, most: u32) {
        self.most = most;
    }

    fn packet(&mut self, ms: u32, protocol: u8, (from, to): (&str, &str), inner: &[u8]) {
        let (from, to) = (at(from), at(to));
        let total = u16::try_from(inner.len() + 20).expect("it is short");
        let head = [
            &[0x45, 0][..],
            &total.to_be_bytes(),
            &[0, 0, 0, 0, self.hops, protocol, 0, 0],
            &from.ip().octets(),
            &to.ip().octets(),
        ]
        .concat();
        let length = u32::from(total);
        let kept = length.min(self.most);
        let second = 1_795_917_971 + ms / 1000;
        for word in [second, ms % 1000 * 1000, kept, length] {
            self.bytes.extend(word.to_le_bytes());
        }
        let whole = [&head[..], inner].concat();
        self.bytes.extend(whole.iter().take(kept as usize));
    }

    pub fn udp(&mut self, ms: u32, (from, to): (&str, &str), payload: &[u8]) {
        let length = u16::try_from(payload.len() + 8).expect("it is short");
        let inner = [
            &at(from).port().to_be_bytes()[..],
            &at(to).port().to_be_bytes(),
            &length.to_be_bytes(),
            &[0, 0],
            payload,
        ]
        .concat();
        self.packet(ms, 17, (from, to), &inner);
    }

    pub fn tcp(
        &mut self,
        ms: u32,
        (from, to): (&str, &str),
        (sequence, flags): (u32, u8),
        payload: &[u8],
    ) {
        let inner = [
            &at(from).port().to_be_bytes()[..],
            &at(to).port().to_be_bytes(),
            &sequence.to_be_bytes(),
            &[0; 4],
            &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
            payload,
        ]
        .concat();
        self.packet(ms, 6, (from, to), &inner);
    }

    pub fn record(&self) -> Record {
        evidence::read(&self.bytes)
    }
}
