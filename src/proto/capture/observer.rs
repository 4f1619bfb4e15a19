//! Counts what went on each path.

mod segments;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;

use super::dtls::{self, Flight};
use super::file::Frame;
use super::flows::Flows;
use super::packet::{Content, Packet};
use super::paths::{Asked, Mark, Path, PathKey};
use super::rtp::{RtpHeader, RtpStream};
use super::stun::{self, Class, StunFrame};
use super::{link, packet};
use segments::Streamed;

/// Paths and servers of one capture; scans of ports make more, and say nothing.
const MAX_PATHS: usize = 20_000;
/// Transactions that wait for their answer: more than browsers have within some seconds.
const MAX_WAITING: usize = 20_000;

/// As long as most checks are.
const WHOLE_CHECK: usize = 120;

/// An alert of DTLS 1.3 alone in its datagram: header, two bytes, their type, and a tag (RFC 9147 4, RFC 8446 5.2).
const SEALED_ALERT: std::ops::RangeInclusive<usize> = 23..=24;

/// Packet type of RTCP BYE (RFC 3550 12.1).
const RTCP_BYE: u8 = 203;

/// All that is remembered of a capture, however long it is.
#[derive(Debug, Default)]
pub struct Observer {
    pub paths: BTreeMap<PathKey, Path>,
    /// By client and server, and whether over TCP.
    pub servers: BTreeMap<(SocketAddr, SocketAddr, bool), Asked>,
    /// By path, the end that sends, and source.
    pub streams: BTreeMap<(PathKey, usize, u32), RtpStream>,
    /// Connections over TCP that were tried, by client and server: how often, and whether anything came back.
    pub tried: BTreeMap<(SocketAddr, SocketAddr), (u32, bool)>,
    /// Connections over TCP, by sender and receiver, of which segments were kept in part.
    pub torn: BTreeSet<(SocketAddr, SocketAddr)>,
    pub flows: Flows,
    /// Packets with STUN, TURN, DTLS or RTP of a known path.
    pub packets: u64,
    pub fragments: u64,
    /// Packets that were kept in part.
    pub cut: u64,
    /// Kinds of links whose frames cannot be read.
    pub unknown_links: Vec<u32>,
    /// The first and the last frame.
    pub span: Option<(f64, f64)>,
    /// Of the packet at hand.
    mark: Mark,
    waiting: HashMap<Transaction, Waiting>,
    order: VecDeque<Transaction>,
    channels: HashMap<(SocketAddr, SocketAddr, u16), SocketAddr>,
    /// By sender and receiver, what there is of a message over TCP that is longer than its segment.
    begun: HashMap<(SocketAddr, SocketAddr), Vec<u8>>,
    /// By sender and receiver, how far a stream of TCP has come.
    streamed: HashMap<(SocketAddr, SocketAddr), Streamed>,
}

/// A request's number, and for checks its path: at a TURN server each is seen on both legs.
type Transaction = ([u8; 12], Option<PathKey>);

#[derive(Debug, Clone, Copy)]
enum Waiting {
    /// A check of the end with this index.
    Check {
        sender: usize,
        at: f64,
        nominates: bool,
    },
    Server {
        client: SocketAddr,
        server: SocketAddr,
        is_tcp: bool,
        peer: Option<SocketAddr>,
        is_signed: bool,
    },
}

/// Where a payload was on its way.
#[derive(Debug, Clone, Copy)]
struct Route {
    path: PathKey,
    sender: usize,
}

impl Observer {
    pub fn take(&mut self, frame: Frame) {
        let span = self.span.get_or_insert((frame.at, frame.at));
        *span = (span.0.min(frame.at), span.1.max(frame.at));
        self.flows.frame(frame.link, frame.bytes);
        if !link::is_known(frame.link) {
            if !self.unknown_links.contains(&frame.link) && self.unknown_links.len() < 16 {
                self.unknown_links.push(frame.link);
            }
            return;
        }
        let content = link::network(frame.link, frame.bytes).and_then(packet::content);
        let inner = match &content {
            Some(Content::Packet(packet)) if !packet.is_tcp => {
                link::in_vxlan(packet.to.port(), packet.payload).and_then(packet::content)
            }
            _ => None,
        };
        match inner.or(content) {
            Some(Content::Packet(packet)) => {
                self.mark = Mark {
                    hops: packet.hops,
                    is_outgoing: link::is_outgoing(frame.link, frame.bytes),
                };
                // Media is often cut on purpose.
                let is_cut = packet.payload.len() < packet.length.min(WHOLE_CHECK);
                let inner = || stun::channel_data(packet.payload).map(|(_, data, _)| data);
                let is_check = is_cut && !is_media(inner().unwrap_or(packet.payload));
                self.cut += u64::from(is_check);
                self.flows.packet(&packet);
                if packet.is_tcp {
                    self.segment(frame.at, packet);
                } else {
                    self.datagram(frame.at, packet);
                }
            }
            Some(Content::Undelivered { from, to }) => self.undelivered(from, to),
            Some(Content::Fragment) => self.fragments += 1,
            None => {}
        }
    }

    fn undelivered(&mut self, from: SocketAddr, to: SocketAddr) {
        let (key, sender) = PathKey::direct(from, to);
        if let Some(path) = self.paths.get_mut(&key) {
            path.sent[sender].undelivered = path.sent[sender].undelivered.saturating_add(1);
        }
    }

    fn datagram(&mut self, at: f64, packet: Packet) {
        let Packet {
            from,
            to,
            payload,
            length,
            ..
        } = packet;
        if let Some(message) = StunFrame::read(payload) {
            return self.message(at, (from, to, false), &message);
        }
        if let Some((channel, data, whole)) = stun::channel_data(payload) {
            let is_channel = whole == length || whole.next_multiple_of(4) == length;
            return self.channel(at, (from, to, false), channel, data, is_channel);
        }
        let (path, sender) = PathKey::direct(from, to);
        self.payload(at, Route { path, sender }, payload, length);
    }

    /// What a client sent to a peer by its relay, or got.
    fn relayed(
        &mut self,
        at: f64,
        (client, server, is_tcp): (SocketAddr, SocketAddr, bool),
        (is_sent, peer): (bool, SocketAddr),
        data: &[u8],
    ) {
        let path = PathKey::relayed(client, server, is_tcp, peer);
        let sender = usize::from(!is_sent);
        self.inner(at, Route { path, sender }, data);
    }

    /// What went through a relay.
    fn inner(&mut self, at: f64, route: Route, payload: &[u8]) {
        match StunFrame::read(payload) {
            Some(message) if message.method == stun::BINDING => self.binding(at, route, &message),
            Some(_) => {}
            None => self.payload(at, route, payload, payload.len()),
        }
    }

    fn message(&mut self, at: f64, route: (SocketAddr, SocketAddr, bool), message: &StunFrame) {
        let (from, to, is_tcp) = route;
        let is_check = message.class == Class::Request && message.fragments().is_some();
        let (path, sender) = PathKey::direct(from, to);
        let answers_check = self.waiting.contains_key(&(message.id, Some(path)));
        if message.method == stun::BINDING && (is_check || answers_check) {
            return self.binding(at, Route { path, sender }, message);
        }
        match (message.method, message.class) {
            (stun::SEND | stun::DATA, Class::Indication) => self.indication(at, route, message),
            (_, Class::Request) => self.asks(at, (from, to, is_tcp), message),
            (_, Class::Success | Class::Error) => self.answers(at, message),
            _ => {}
        }
    }

    fn indication(&mut self, at: f64, route: (SocketAddr, SocketAddr, bool), message: &StunFrame) {
        let is_sent = message.method == stun::SEND;
        let (client, server) = if is_sent {
            (route.0, route.1)
        } else {
            (route.1, route.0)
        };
        let data = message.attribute(stun::DATA_ATTRIBUTE);
        if let (Some(peer), Some(data)) = (message.address(stun::XOR_PEER_ADDRESS), data) {
            self.relayed(at, (client, server, route.2), (is_sent, peer), data);
        }
    }

    fn asks(
        &mut self,
        at: f64,
        (client, server, is_tcp): (SocketAddr, SocketAddr, bool),
        message: &StunFrame,
    ) {
        let key = (client, server, is_tcp);
        if !self.servers.contains_key(&key) && self.servers.len() >= MAX_PATHS {
            return;
        }
        let asked = self.servers.entry(key).or_default();
        asked.requests = asked.requests.saturating_add(1);
        asked.is_turn |= message.method != stun::BINDING;
        asked.first.get_or_insert(at);
        asked.last = Some(at);
        asked.hops = Some(self.mark.hops);
        let lifetime = message.attribute(stun::LIFETIME);
        asked.is_given_back |= message.method == stun::REFRESH && lifetime == Some(&[0; 4]);
        self.packets += 1;
        let peer = message.address(stun::XOR_PEER_ADDRESS);
        if let (stun::CHANNEL_BIND, Some(peer), Some(channel)) =
            (message.method, peer, message.channel())
            && self.channels.len() < MAX_PATHS
        {
            self.channels.insert((client, server, channel), peer);
        }
        let is_signed = message.attribute(stun::USERNAME).is_some();
        self.wait(
            (message.id, None),
            Waiting::Server {
                client,
                server,
                is_tcp,
                peer,
                is_signed,
            },
        );
    }

    fn wait(&mut self, id: Transaction, waiting: Waiting) {
        if self.waiting.insert(id, waiting).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > MAX_WAITING
            && let Some(oldest) = self.order.pop_front()
        {
            self.waiting.remove(&oldest);
        }
    }

    fn answers(&mut self, at: f64, message: &StunFrame) {
        let Some(Waiting::Server {
            client,
            server,
            is_tcp,
            peer,
            is_signed,
        }) = self.waiting.get(&(message.id, None)).copied()
        else {
            self.flows.orphans += 1;
            return;
        };
        let Some(asked) = self.servers.get_mut(&(client, server, is_tcp)) else {
            return;
        };
        self.packets += 1;
        asked.answers = asked.answers.saturating_add(1);
        if message.class == Class::Error {
            match message.error() {
                // The server's nonce is asked for with the first request (RFC 8489 9.2).
                Some(401) if !is_signed => {}
                Some(401) => asked.refusals += 1,
                Some(438) => {}
                Some(403) if peer.is_some() => {
                    let path = peer.map(|peer| PathKey::relayed(client, server, is_tcp, peer));
                    self.forbid(path);
                }
                code => asked.error = code,
            }
            return;
        }
        if let Some(mapped) = message.address(stun::XOR_MAPPED_ADDRESS) {
            asked.mapped = Some(mapped);
            asked.mapped_at.get_or_insert(at);
        }
        if let Some(relayed) = message.address(stun::XOR_RELAYED_ADDRESS) {
            asked.relayed = Some(relayed);
            asked.relayed_at.get_or_insert(at);
            asked.error = None;
        }
    }

    fn forbid(&mut self, key: Option<PathKey>) {
        if let Some(path) = key.and_then(|key| self.path(key)) {
            path.sent[0].is_forbidden = true;
        }
    }

    fn path(&mut self, key: PathKey) -> Option<&mut Path> {
        if !self.paths.contains_key(&key) && self.paths.len() >= MAX_PATHS {
            return None;
        }
        Some(self.paths.entry(key).or_default())
    }

    /// A check or its answer (RFC 8445 7).
    fn binding(&mut self, at: f64, Route { path: key, sender }: Route, message: &StunFrame) {
        match message.class {
            Class::Request => self.check(at, Route { path: key, sender }, message),
            Class::Success => self.answer(at, Route { path: key, sender }, message),
            Class::Error => self.refusal(Route { path: key, sender }, message),
            Class::Indication => {}
        }
    }

    fn check(&mut self, at: f64, Route { path: key, sender }: Route, message: &StunFrame) {
        let Some((receiver, own)) = message.fragments() else {
            return;
        };
        let mut fragments = [receiver.to_owned(), own.to_owned()];
        if sender == 0 {
            fragments.swap(0, 1);
        }
        let nominates = message.attribute(stun::USE_CANDIDATE).is_some();
        let is_controlling = message.attribute(stun::ICE_CONTROLLING).is_some();
        let mark = self.mark;
        let Some(path) = self.path(key) else {
            return;
        };
        path.fragments = Some(fragments);
        let sent = &mut path.sent[sender];
        sent.mark(mark);
        sent.requests = sent.requests.saturating_add(1);
        sent.asking.ask(at);
        sent.first_request.get_or_insert(at);
        sent.is_controlling |= is_controlling;
        path.saw(sender, at);
        self.packets += 1;
        self.wait(
            (message.id, Some(key)),
            Waiting::Check {
                sender,
                at,
                nominates,
            },
        );
    }

    /// An error response to a check (RFC 8445 7.2.5.2.3).
    fn refusal(&mut self, route: Route, message: &StunFrame) {
        const ROLE_CONFLICT: u16 = 487;
        let transaction = (message.id, Some(route.path));
        let Some(Waiting::Check { sender, .. }) = self.waiting.get(&transaction).copied() else {
            return;
        };
        let code = message.error().filter(|code| *code != ROLE_CONFLICT);
        if sender != route.sender
            && let Some(path) = self.path(route.path)
        {
            path.sent[sender].refused = code.or(path.sent[sender].refused);
        }
    }

    fn answer(&mut self, at: f64, route: Route, message: &StunFrame) {
        // From where the request went (RFC 8445 7.2.5.2.1).
        let transaction = (message.id, Some(route.path));
        let Some(Waiting::Check {
            sender,
            at: asked,
            nominates,
        }) = self.waiting.get(&transaction).copied()
        else {
            return;
        };
        if sender == route.sender {
            return;
        }
        let mapped = message.address(stun::XOR_MAPPED_ADDRESS);
        let mark = self.mark;
        let Some(path) = self.path(route.path) else {
            return;
        };
        path.saw(1 - sender, at);
        let other = &mut path.sent[1 - sender];
        other.mark(mark);
        other.answers = other.answers.saturating_add(1);
        let own = &mut path.sent[sender];
        own.first_answer.get_or_insert(at);
        own.asking.answer(at);
        own.rtt = Some(at - asked);
        own.mapped = mapped.or(own.mapped);
        if nominates {
            own.nominations = own.nominations.saturating_add(1);
            own.first_nomination.get_or_insert(at);
        }
        self.packets += 1;
        self.waiting.remove(&transaction);
    }

    /// DTLS and RTP, on paths that checks have gone before.
    fn payload(
        &mut self,
        at: f64,
        Route { path: key, sender }: Route,
        payload: &[u8],
        length: usize,
    ) {
        let is_checked = self
            .paths
            .get(&key)
            .is_some_and(|path| path.fragments.is_some());
        if !is_checked && is_media(payload) {
            let is_dtls = payload.first().is_some_and(|first| *first < 64);
            self.flows.unchecked(key, sender, is_dtls);
        }
        let Some(path) = self.paths.get_mut(&key) else {
            return;
        };
        let sealed_before = path.sent[0].sealed.saturating_add(path.sent[1].sealed);
        let sent = &mut path.sent[sender];
        // RFC 7983 7.
        match payload.first() {
            Some(20..=63) => match dtls::flight(payload) {
                Some(flight) => {
                    sent.last_dtls = Some(at);
                    if flight.is_handshake() {
                        sent.flights.add(length);
                    }
                    match flight {
                        Flight::ClientHello => sent.hellos = sent.hellos.saturating_add(1),
                        Flight::ServerHello => {
                            sent.server_hellos = sent.server_hellos.saturating_add(1);
                        }
                        Flight::Handshake => sent.handshake = sent.handshake.saturating_add(1),
                        Flight::Alert(alert) => sent.alert = Some(alert),
                        Flight::Data => sent.data = sent.data.saturating_add(1),
                        Flight::Sealed => {
                            if SEALED_ALERT.contains(&length) {
                                sent.sealed_alert.get_or_insert(sealed_before);
                                sent.closing = Some(at);
                            }
                            sent.sealed = sent.sealed.saturating_add(1);
                        }
                        Flight::Closing => sent.closing = Some(at),
                    }
                }
                None => return,
            },
            // In the clear of RTCP is the kind of the first packet alone (RFC 3711 3.4): one that is BYE by itself.
            Some(128..=191) if payload.get(1) == Some(&RTCP_BYE) => sent.closing = Some(at),
            Some(128..=191) => {
                sent.rtp += 1;
                sent.first_rtp.get_or_insert(at);
                if let Some(header) = RtpHeader::read(payload) {
                    media(&mut self.streams, (key, sender, header.ssrc), at, header);
                }
            }
            _ => return,
        }
        sent.last_data = Some(at);
        sent.packets += 1;
        sent.bytes += length as u64;
        path.saw(sender, at);
        self.packets += 1;
    }
}

/// Whether it may be DTLS or RTP (RFC 7983 7).
const fn is_media(payload: &[u8]) -> bool {
    matches!(payload.first(), Some(20..=63 | 128..=191))
}

fn media(
    streams: &mut BTreeMap<(PathKey, usize, u32), RtpStream>,
    source: (PathKey, usize, u32),
    at: f64,
    header: RtpHeader,
) {
    if let Some(stream) = streams.get_mut(&source) {
        stream.saw(at, header);
    } else if streams.len() < MAX_PATHS {
        streams.entry(source).or_default().saw(at, header);
    }
}
