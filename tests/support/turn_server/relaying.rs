//! Payload: Send and Data indications (RFC 8656 11) and ChannelData (12.4 to 12.7).

use std::net::SocketAddr;
use std::time::Duration;

use rand::RngCore;

use super::super::stun_wire::{Message, TransactionId};
use super::engine::{FiveTuple, Output, TurnCore};
use super::wire::{self, DATA, Incoming, Method, XOR_PEER_ADDRESS};

impl TurnCore {
    pub(super) fn send_indication(
        &mut self,
        from: FiveTuple,
        message: &Incoming<'_>,
    ) -> Vec<Output> {
        let (Some(peer), Some(payload)) =
            (message.xor_address(XOR_PEER_ADDRESS), message.get(DATA))
        else {
            self.violation(from, "a Send indication without peer or data");
            return Vec::new();
        };
        let permissions = self.allocations.get(&from).map(|a| &a.permissions);
        if !permissions.is_some_and(|p| p.contains_key(&peer.ip())) {
            self.violation(from, "data for a peer without permission");
            return Vec::new();
        }
        self.to_peer(from, peer, payload)
    }

    pub(super) fn channel_data_from_client(
        &mut self,
        from: FiveTuple,
        bytes: &[u8],
    ) -> Vec<Output> {
        let Some((number, payload)) = wire::parse_channel_data(bytes) else {
            self.violation(from, "ChannelData that is too short");
            return Vec::new();
        };
        let allocation = self.allocations.get(&from);
        let Some((peer, is_permitted)) = allocation.and_then(|allocation| {
            let (peer, _) = allocation.channels.get(&number)?;
            Some((*peer, allocation.permissions.contains_key(&peer.ip())))
        }) else {
            self.violation(from, "ChannelData on a channel that is not bound");
            return Vec::new();
        };
        if !is_permitted {
            self.violation(from, "ChannelData for a peer without permission");
            return Vec::new();
        }
        self.to_peer(from, peer, payload)
    }

    fn to_peer(&self, from: FiveTuple, peer: SocketAddr, payload: &[u8]) -> Vec<Output> {
        let relay = self.allocations.get(&from).and_then(|allocation| {
            let mut relays = allocation.relays.iter();
            relays.find(|relay| relay.is_ipv4() == peer.is_ipv4())
        });
        match relay {
            Some(relay) if !self.config.drop_relay => vec![Output::FromRelay {
                relay: *relay,
                peer,
                payload: payload.to_vec(),
            }],
            _ => Vec::new(),
        }
    }

    /// A datagram that arrived at a relayed address.
    pub fn relay_input(
        &mut self,
        now: Duration,
        relay: SocketAddr,
        from: SocketAddr,
        payload: &[u8],
    ) -> Vec<Output> {
        self.expire(now);
        if self.config.drop_relay || self.config.half_duplex {
            return Vec::new();
        }
        let mut allocations = self.allocations.iter();
        let Some((client, allocation)) = allocations.find(|(_, a)| a.relays.contains(&relay))
        else {
            return Vec::new();
        };
        if !allocation.permissions.contains_key(&from.ip()) {
            return Vec::new();
        }
        let to = *client;
        let mut channels = allocation.channels.iter();
        let bytes = match channels.find(|(_, (peer, _))| *peer == from) {
            Some((number, _)) => wire::channel_data(*number, payload, to.is_stream()),
            None => {
                let mut id: TransactionId = [0; 12];
                self.rng.fill_bytes(&mut id);
                Message::new(Method::Data.indication(), id)
                    .xor_address(XOR_PEER_ADDRESS, from)
                    .attribute(DATA, payload)
                    .finish()
            }
        };
        self.lose(vec![Output::ToClient { to, bytes }])
    }
}
