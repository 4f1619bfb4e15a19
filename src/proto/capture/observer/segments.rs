//! Messages of TURN over TCP, and data by channels.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::{Observer, is_media};
use crate::proto::capture::packet::Packet;
use crate::proto::capture::stun::{self, StunFrame};

/// Connections over TCP in which a message has begun: each at most as long as the longest message, 64 kB.
const MAX_BEGUN: usize = 200;

impl Observer {
    /// Messages over TCP (RFC 8656 12.4, 12.5). What a segment has the first part of goes on in the next one, as long
    /// as whole packets are captured.
    pub(super) fn segment(&mut self, at: f64, packet: Packet) {
        let is_whole = packet.payload.len() >= packet.length;
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
