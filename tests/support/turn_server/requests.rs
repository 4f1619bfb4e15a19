//! Allocate, Refresh, CreatePermission and ChannelBind (RFC 8656 7 to 12).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::stun_wire::Message;
use super::answers::reason;
use super::engine::{Allocation, FiveTuple, TurnCore};
use super::wire::{
    ADDITIONAL_ADDRESS_FAMILY, ADDRESS_ERROR_CODE, CHANNEL_NUMBER, Family, Incoming, LIFETIME,
    Method, REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT, UDP, XOR_PEER_ADDRESS,
    XOR_RELAYED_ADDRESS,
};

const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// An authenticated request.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) now: Duration,
    pub(super) from: FiveTuple,
    pub(super) request: &'a Incoming<'a>,
    pub(super) user: &'a str,
}

impl TurnCore {
    /// The answer to such a request.
    pub(super) fn granted(&mut self, method: Method, asked: Asked<'_>) -> Message {
        let request = asked.request;
        if method == Method::Allocate
            && let Some(error) = self.scripted_allocate_error(asked)
        {
            return error;
        }
        let success = || Message::new(method.success(), request.id);
        let answer = match method {
            Method::Allocate => self.allocated(asked),
            Method::Refresh => self
                .refreshed(asked)
                .map(|lifetime| success().attribute(LIFETIME, &lifetime.to_be_bytes())),
            Method::CreatePermission => self.permitted(asked).map(|()| success()),
            Method::ChannelBind => self.bound(asked).map(|()| success()),
            _ => Err(400),
        };
        answer.unwrap_or_else(|code| self.failure(method, request, code))
    }

    fn scripted_allocate_error(&mut self, asked: Asked<'_>) -> Option<Message> {
        let (code, reason) = self.config.error_on_allocate?;
        if self.allocate_errors >= self.config.error_on_allocate_times {
            return None;
        }
        self.allocate_errors += 1;
        let message = self.failure_saying(Method::Allocate, asked.request, code, reason);
        Some(match code {
            401 | 438 => self.challenge(asked.now, asked.from, message),
            _ => message,
        })
    }

    /// RFC 8656 7.2, or the code of the error.
    fn allocated(&mut self, asked: Asked<'_>) -> Result<Message, u16> {
        let Asked {
            now,
            from,
            request,
            user,
        } = asked;
        if let Some(code) = self.scripted_error(Method::Allocate) {
            return Err(code);
        }
        if self.allocations.contains_key(&from) {
            return Err(437);
        }
        let transport = request.get(REQUESTED_TRANSPORT).ok_or(400_u16)?;
        if transport.len() != 4 {
            return Err(400);
        }
        if transport[0] != UDP {
            return Err(442);
        }
        let requested = request.get(REQUESTED_ADDRESS_FAMILY);
        let family = requested.map_or(Ok(Family::V4), |v| Family::from_wire(v).ok_or(440_u16))?;
        let additional = request.get(ADDITIONAL_ADDRESS_FAMILY);
        if additional.is_some_and(|v| requested.is_some() || v.first() != Some(&2)) {
            return Err(400);
        }
        let own = self.allocations.values().filter(|a| a.username == user);
        let count = own.count();
        if self.config.quota.is_some_and(|quota| count >= quota) {
            return Err(486);
        }
        let first = self.relay(family)?;
        let mut relays = vec![first];
        let mut lacking = None;
        if additional.is_some() {
            match self.relay(Family::V6) {
                Ok(second) => relays.push(second),
                Err(code) => lacking = Some(code),
            }
        }
        let mut message = Message::new(Method::Allocate.success(), request.id);
        for relay in &relays {
            let ip = self.config.relayed_address_override.unwrap_or(relay.ip());
            let claimed = SocketAddr::new(ip, relay.port());
            message = message.xor_address(XOR_RELAYED_ADDRESS, claimed);
        }
        let lifetime = self.config.lifetime;
        message = message.attribute(LIFETIME, &lifetime.to_be_bytes());
        message = self.mapped(from, message);
        if let Some(code) = lacking {
            let [hundreds, rest] = [code / 100, code % 100].map(|n| n.to_be_bytes()[1]);
            let mut value = vec![Family::V6 as u8, 0, hundreds, rest];
            value.extend(reason(code).bytes());
            message = message.attribute(ADDRESS_ERROR_CODE, &value);
        }
        self.allocations_ever += 1;
        self.allocations.insert(
            from,
            Allocation {
                username: user.to_owned(),
                relays,
                expires: now + Duration::from_secs(lifetime.into()),
                permissions: BTreeMap::new(),
                channels: BTreeMap::new(),
            },
        );
        Ok(message)
    }

    fn relay(&mut self, family: Family) -> Result<SocketAddr, u16> {
        if !self.config.families.contains(&family) {
            return Err(440);
        }
        self.relays.allocate(family).ok_or(508)
    }

    fn refreshed(&mut self, asked: Asked<'_>) -> Result<u32, u16> {
        let Asked {
            now,
            from,
            request,
            user,
        } = asked;
        let granted = self.config.lifetime;
        let allocation = self.allocation_for(Method::Refresh, from, user)?;
        let family = request.get(REQUESTED_ADDRESS_FAMILY);
        let family = match family {
            None => None,
            Some(value) => Some(Family::from_wire(value).ok_or(400_u16)?),
        };
        let is_meant = |relay: &SocketAddr| family.is_none_or(|f| f == Family::of(relay.ip()));
        if !allocation.relays.iter().any(is_meant) {
            return Err(443);
        }
        if request.u32(LIFETIME) != Some(0) {
            allocation.expires = now + Duration::from_secs(granted.into());
            return Ok(granted);
        }
        let relays = std::mem::take(&mut allocation.relays);
        let (over, kept): (Vec<SocketAddr>, _) = relays.into_iter().partition(is_meant);
        let is_over = kept.is_empty();
        allocation.relays = kept;
        for relay in over {
            self.relays.release(relay);
        }
        if is_over {
            self.drop_allocation(from);
        }
        Ok(0)
    }

    /// RFC 8656 10.2: all of them or none.
    fn permitted(&mut self, asked: Asked<'_>) -> Result<(), u16> {
        let Asked {
            now,
            from,
            request,
            user,
        } = asked;
        self.allocation_for(Method::CreatePermission, from, user)?;
        let peers = request.xor_addresses(XOR_PEER_ADDRESS).ok_or(400_u16)?;
        self.judge(from, &peers)?;
        let until = now + self.config.permission_lifetime;
        let allocation = self.allocations.get_mut(&from).ok_or(437_u16)?;
        let permissions = peers.iter().map(|peer| (peer.ip(), until));
        allocation.permissions.extend(permissions);
        Ok(())
    }

    /// RFC 8656 12.2: a number is for one peer, and a peer has one number.
    fn bound(&mut self, asked: Asked<'_>) -> Result<(), u16> {
        let Asked {
            now,
            from,
            request,
            user,
        } = asked;
        let channels = &self
            .allocation_for(Method::ChannelBind, from, user)?
            .channels;
        let number = request.u16(CHANNEL_NUMBER).ok_or(400_u16)?;
        let peer = request.xor_address(XOR_PEER_ADDRESS).ok_or(400_u16)?;
        let is_taken =
            |(n, (p, _)): (&u16, &(SocketAddr, Duration))| (*n == number) != (*p == peer);
        if !CHANNELS.contains(&number) || channels.iter().any(is_taken) {
            return Err(400);
        }
        self.judge(from, &[peer])?;
        let channel = (peer, now + self.config.channel_lifetime);
        let permission = now + self.config.permission_lifetime;
        let allocation = self.allocations.get_mut(&from).ok_or(437_u16)?;
        allocation.channels.insert(number, channel);
        allocation.permissions.insert(peer.ip(), permission);
        Ok(())
    }

    /// The client's allocation: 437 without one, 441 with another user's.
    fn allocation_for(
        &mut self,
        method: Method,
        from: FiveTuple,
        user: &str,
    ) -> Result<&mut Allocation, u16> {
        if let Some(code) = self.scripted_error(method) {
            return Err(code);
        }
        let allocation = self.allocations.get_mut(&from).ok_or(437_u16)?;
        if allocation.username == user {
            Ok(allocation)
        } else {
            Err(441)
        }
    }

    fn judge(&self, from: FiveTuple, peers: &[SocketAddr]) -> Result<(), u16> {
        let allocation = self.allocations.get(&from).ok_or(437_u16)?;
        let has = |peer: &SocketAddr| {
            let mut relays = allocation.relays.iter();
            relays.any(|relay| relay.is_ipv4() == peer.is_ipv4())
        };
        if !peers.iter().all(has) {
            return Err(443);
        }
        if peers.iter().any(|peer| self.config.refuses(peer.ip())) {
            return Err(403);
        }
        Ok(())
    }
}
