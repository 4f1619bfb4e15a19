//! Messages of TURN over TCP, and data by channels.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::{Observer, is_media};
use crate::proto::capture::packet::Packet;
use crate::proto::capture::stun::{self, StunFrame};

/// Connections over TCP in which a message has begun: each at most as long as the longest message, 64 kB.
const MAX_BEGUN: usize = 200;

/// Connections over TCP whose course is followed.
const MAX_STREAMED: usize = 2000;

/// Parts of one direction that are missing so far: a capture at its receiver has losses.
const MAX_MISSING: usize = 16;

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    /// The number of the byte that comes next, once there was any.
    next: Option<u32>,
    /// From where to where others were left out.
    missing: Vec<(u32, u32)>,
    has_ended: bool,
}

impl Streamed {
    /// Whether bytes have not been seen before: TCP sends again what is not acknowledged (RFC 9293 3.8).
    fn take(&mut self, from: u32, length: u32) -> bool {
        let is_ahead = |one: u32, two: u32| one.wrapping_sub(two).cast_signed() > 0;
        let to = from.wrapping_add(length);
        let next = self.next.unwrap_or(from);
        if self.next.is_none() || is_ahead(to, next) {
            if is_ahead(from, next) && self.missing.len() < MAX_MISSING {
                self.missing.push((next, from));
            }
            self.next = Some(to);
            return true;
        }
        let gap = self.missing.iter().position(|(begins, ends)| {
            !is_ahead(*begins, from) && !is_ahead(to, *ends) && length > 0
        });
        let Some(gap) = gap else {
            return false;
        };
        let (begins, ends) = self.missing.swap_remove(gap);
        let rest = [(begins, from), (to, ends)];
        self.missing
            .extend(rest.into_iter().filter(|(one, two)| one != two));
        true
    }
}

impl Observer {
    /// Whether a segment brings anything new. Who does not know that the connection is over goes on.
    fn is_new(&mut self, at: f64, packet: &Packet) -> bool {
        let (one, two) = ((packet.from, packet.to), (packet.to, packet.from));
        self.tried(packet);
        let asked = self.servers.get_mut(&(packet.to, packet.from, true));
        let has_left = |key| {
            self.streamed
                .get(key)
                .is_some_and(|stream| stream.has_ended)
        };
        let is_over = has_left(&one) || has_left(&two);
        if let Some(asked) = asked.filter(|_| packet.ends() && !is_over) {
            asked.ended_at.get_or_insert(at);
        }
        if packet.begins() {
            self.begun.remove(&one);
            self.streamed.remove(&one);
            self.streamed.remove(&two);
            return false;
        }
        if !self.streamed.contains_key(&one) && self.streamed.len() >= MAX_STREAMED {
            return true;
        }
        let length = u32::try_from(packet.length).unwrap_or(u32::MAX);
        let stream = self.streamed.entry(one).or_default();
        let is_new = stream.take(packet.sequence, length) && !stream.has_ended;
        stream.has_ended |= packet.ends();
        if packet.resets() {
            self.streamed.entry(two).or_default().has_ended = true;
        }
        is_new
    }

    /// Takes notice of attempts to connect.
    fn tried(&mut self, packet: &Packet) {
        if let Some((_, is_answered)) = self.tried.get_mut(&(packet.to, packet.from)) {
            *is_answered = true;
        } else if packet.begins()
            && (self.tried.len() < MAX_STREAMED
                || self.tried.contains_key(&(packet.from, packet.to)))
        {
            let tried = self.tried.entry((packet.from, packet.to)).or_default();
            tried.0 = tried.0.saturating_add(1);
        }
    }

    /// Messages over TCP (RFC 8656 12.4, 12.5). What a segment has the first part of goes on in the next one, as long
    /// as whole packets are captured.
    pub(super) fn segment(&mut self, at: f64, packet: Packet) {
        if !self.is_new(at, &packet) || packet.length == 0 {
            return;
        }
        let is_whole = packet.payload.len() >= packet.length;
        if !is_whole && self.torn.len() < MAX_STREAMED {
            self.torn.insert((packet.from, packet.to));
        }
        let begun = self.begun.remove(&(packet.from, packet.to));
        let goes_on = begun.is_some();
        let bytes = begun.map_or(Cow::Borrowed(packet.payload), |mut begun| {
            begun.extend_from_slice(packet.payload);
            Cow::Owned(begun)
        });
        let mut rest: &[u8] = &bytes;
        while !rest.is_empty() {
            let route = (packet.from, packet.to, true);
            let is_known = self.server_of(route).is_some();
            let message = StunFrame::read(rest);
            let data = stun::channel_data(rest);
            let length = match (&message, data) {
                (Some(message), _) => message.length,
                (None, Some((.., length))) => length.next_multiple_of(4),
                (None, None) => return,
            };
            // Bytes that only look like a head would swallow what comes behind them.
            let is_expected = message.is_some()
                || data.is_some_and(|(channel, ..)| self.peer_of(route, channel).is_some());
            let is_part = is_expected && is_whole && length > rest.len();
            if is_known && is_part && self.begun.len() < MAX_BEGUN {
                self.begun.insert((packet.from, packet.to), rest.to_vec());
                return;
            }
            match (message, data) {
                (Some(message), _) => self.message(at, route, &message),
                (None, Some((channel, data, _))) => {
                    // Alone in its segment: bytes of anything else are rarely so.
                    let is_alone = length == packet.length && !goes_on;
                    if !is_known && !is_alone {
                        return;
                    }
                    // What goes on from an earlier segment may look like the head of another message.
                    self.channel(at, route, channel, data, is_alone);
                }
                (None, None) => return,
            }
            rest = rest.get(length..).unwrap_or_default();
        }
    }

    /// Which of two ends is the client of a TURN server that the other one is.
    fn server_of(
        &self,
        (from, to, is_tcp): (SocketAddr, SocketAddr, bool),
    ) -> Option<(SocketAddr, SocketAddr, bool)> {
        if self.servers.contains_key(&(from, to, is_tcp)) {
            Some((from, to, true))
        } else if self.servers.contains_key(&(to, from, is_tcp)) {
            Some((to, from, false))
        } else {
            None
        }
    }

    /// Client, server and peer of a channel that was bound, and whether the client sends.
    fn peer_of(
        &self,
        route: (SocketAddr, SocketAddr, bool),
        channel: u16,
    ) -> Option<(SocketAddr, SocketAddr, bool, SocketAddr)> {
        let (client, server, is_sent) = self.server_of(route)?;
        let peer = self.channels.get(&(client, server, channel)).copied()?;
        Some((client, server, is_sent, peer))
    }

    pub(super) fn channel(
        &mut self,
        at: f64,
        route: (SocketAddr, SocketAddr, bool),
        channel: u16,
        data: &[u8],
        is_whole: bool,
    ) {
        let known = self.peer_of(route, channel);
        if known.is_none() && is_whole && is_media(data) {
            self.flows.unbound();
        }
        if let Some((client, server, is_sent, peer)) = known {
            self.relayed(at, (client, server, route.2), (is_sent, peer), data);
        }
    }
}
