//! What a capture has of whatever kind: whether both directions are in it, whether messages are whole, and with
//! whom datagrams were exchanged.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use crate::proto::capture::packet::Packet;
use crate::proto::capture::paths::PathKey;
use crate::proto::capture::stun::{Class, StunFrame};
use crate::proto::nat::address::is_global;

/// Flows of one capture; scans of ports make more.
const MAX_FLOWS: usize = 20_000;
/// DNS and NTP, which pass where nothing else of UDP does.
const LET_OUT: [u16; 2] = [53, 123];

/// Packets that are no chance.
pub const SEVERAL: u32 = 10;

/// Senders that are told apart.
const MAX_SENDERS: usize = 64;
/// The header of a STUN message (RFC 8489 5).
const HEADER: usize = 20;

#[derive(Debug, Default)]
pub struct Flows {
    /// Which ends have sent.
    seen: HashMap<PathKey, [bool; 2]>,
    /// Who has sent anything, on Ethernet and beyond.
    stations: BTreeSet<[u8; 6]>,
    senders: BTreeSet<IpAddr>,
    /// STUN messages that are whole, and those of which a part was captured.
    whole: u64,
    cut: u64,
    /// Whether UDP was captured at all.
    pub has_udp: bool,
    /// Answers to requests that are not in the capture.
    pub orphans: u64,
    /// Data by channels that were bound before the capture was begun.
    unbound: u64,
    /// Packets of DTLS and RTP before the first check of their path, of both ends.
    early: HashMap<PathKey, [u32; 2]>,
    /// Whether any of them was DTLS, and whether there is SIP (RFC 3261).
    has_dtls: bool,
    has_sip: bool,
}

impl Flows {
    /// A frame, whatever is in it.
    pub fn frame(&mut self, link: u32, frame: &[u8]) {
        const ETHERNET: u32 = 1;
        let station = frame.get(6..12).and_then(|station| station.try_into().ok());
        if let Some(station) = station.filter(|_| link == ETHERNET)
            && self.stations.len() < MAX_SENDERS
        {
            self.stations.insert(station);
        }
    }

    pub fn packet(&mut self, packet: &Packet<'_>) {
        let ip = packet.from.ip();
        let is_link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        if !is_link_local && self.senders.len() < MAX_SENDERS {
            self.senders.insert(ip);
        }
        let text = packet.payload;
        let first = text.split(|byte| *byte == b'\r').next().unwrap_or_default();
        self.has_sip |= first.starts_with(b"SIP/2.0 ") || first.ends_with(b" SIP/2.0");
        let message = StunFrame::read(packet.payload);
        let is_whole = packet.payload.len() >= packet.length;
        match message {
            // What carries data (RFC 8656 11) is as long as that, and nothing else of it is asked for.
            Some(message) if message.class == Class::Indication => {}
            Some(message) if !is_whole && message.length > packet.payload.len() => self.cut += 1,
            Some(_) => self.whole += 1,
            // Over TCP not even a header is there.
            None if packet.is_tcp && !is_whole && packet.payload.len() < HEADER => self.cut += 1,
            None => {}
        }
        if !packet.is_tcp {
            self.has_udp = true;
            self.saw(packet.from, packet.to);
        }
    }

    /// What may be DTLS or RTP on a path that has not been checked.
    pub fn unchecked(&mut self, key: PathKey, sender: usize, is_dtls: bool) {
        self.has_dtls |= is_dtls;
        if self.early.len() < MAX_FLOWS || self.early.contains_key(&key) {
            let counts = self.early.entry(key).or_default();
            counts[sender] = counts[sender].saturating_add(1);
        }
    }

    /// What looks like ChannelData (RFC 8656 12.4) of a channel that nobody was seen to bind.
    pub const fn unbound(&mut self) {
        self.unbound += 1;
    }

    /// Whether data went by channels that were bound before the capture was begun.
    pub const fn has_unbound(&self) -> bool {
        self.unbound >= SEVERAL as u64
    }

    /// Paths that looked to be in use, both ways, before their first check.
    pub fn in_use(&self) -> impl Iterator<Item = &PathKey> {
        let both = |sent: &[u32; 2]| sent.iter().all(|count| *count >= SEVERAL);
        self.early
            .iter()
            .filter_map(move |(key, sent)| both(sent).then_some(key))
    }

    /// RTP without DTLS and without ICE, as phones have it: the busiest path, with what both ends sent over it.
    pub fn of_phones(&self) -> Option<(&PathKey, [u32; 2])> {
        let several = self
            .early
            .iter()
            .filter(|(_, sent)| sent.iter().any(|count| *count >= SEVERAL));
        let most =
            several.max_by_key(|(key, sent)| (sent[0].max(sent[1]), std::cmp::Reverse(**key)));
        most.map(|(key, sent)| (key, *sent))
            .filter(|_| !self.has_dtls)
    }

    /// Whether there is SIP.
    pub const fn has_sip(&self) -> bool {
        self.has_sip
    }

    /// Whether nobody but these hosts has sent anything, or only answers came: one direction was captured, or one
    /// direction is all that there was.
    pub fn is_one_way(&self, hosts: &BTreeSet<IpAddr>) -> bool {
        let is_alone = self.stations.len() < 2 && self.senders.is_subset(hosts);
        is_alone || self.orphans > 3
    }

    /// Whether messages are mostly cut, so that what they say is not known.
    pub const fn is_shallow(&self) -> bool {
        self.cut > self.whole
    }

    fn saw(&mut self, from: SocketAddr, to: SocketAddr) {
        let is_far = |at: SocketAddr| is_global(at.ip()) && !LET_OUT.contains(&at.port());
        if !is_far(from) && !is_far(to) {
            return;
        }
        let (key, sender) = PathKey::direct(from, to);
        if self.seen.len() < MAX_FLOWS || self.seen.contains_key(&key) {
            self.seen.entry(key).or_default()[sender] = true;
        }
    }

    /// Somebody far away who has answered one of these hosts, or whom one of them has answered.
    pub fn partner(&self, is_here: impl Fn(&IpAddr) -> bool) -> Option<SocketAddr> {
        let both = self.seen.iter().filter(|(_, sent)| sent[0] && sent[1]);
        let far = both.filter_map(|(key, _)| {
            let here = [0, 1].map(|end| is_here(&key.ends[end].ip()));
            let far = match here {
                [true, false] => key.ends[1],
                [false, true] => key.ends[0],
                _ => return None,
            };
            (is_global(far.ip()) && !LET_OUT.contains(&far.port())).then_some(far)
        });
        far.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of a type, of which so much is captured.
    fn seen(kind: u16, length: u16, captured: usize) -> Flows {
        let mut bytes = vec![0; usize::from(length) + HEADER];
        bytes[..2].copy_from_slice(&kind.to_be_bytes());
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        let at = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let mut flows = Flows::default();
        flows.packet(&Packet {
            from: at(1000),
            to: at(3478),
            is_tcp: false,
            length: bytes.len(),
            payload: &bytes[..captured],
            hops: 64,
            sequence: 0,
            flags: 0,
        });
        flows
    }

    #[test]
    fn media_that_is_cut_in_an_indication_hides_no_check() {
        assert!(seen(0x0001, 200, 100).is_shallow(), "a request");
        assert!(!seen(0x0001, 80, 100).is_shallow());
        assert!(!seen(0x0016, 1000, 100).is_shallow(), "Send indication");
        assert!(!seen(0x0017, 1000, 100).is_shallow(), "Data indication");
    }
}
