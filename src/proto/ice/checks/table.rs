//! Bases, the other side's candidates, and the pairs that they make (RFC 8445 6.1.2).

use std::net::{IpAddr, SocketAddr};

use crate::base::time::Time;
use crate::proto::ice::candidate::{COMPONENT, Candidate, CandidateType, MAX_CANDIDATES};
use crate::proto::ice::checks::pair::{Pair, Permission};
use crate::proto::ice::checks::{Base, Checks, Event};
use crate::proto::nat::SendError;
use crate::proto::stun::address::is_address;
use crate::proto::stun::message::ErrorResponse;

/// The most pairs that are checked; more are left out, those of the lowest priority first in the
/// order of coming (RFC 8445 6.1.2.5).
pub use crate::base::bounds::PAIRS as MAX_PAIRS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unusable {
    /// Multicast, broadcast, unspecified, port 0, IPv4 in IPv6.
    #[error("that is {}, not the address of a host", .0.name())]
    NoHost(NoHost),
    /// It needs a zone, which only the other host knows.
    #[error("a link-local address means nothing to another host")]
    LinkLocal,
    #[error("that is an address of this side")]
    Own,
    /// Of another component than the first.
    #[error("only component 1 is used")]
    Component,
    #[error("there are too many candidates")]
    TooMany,
}

/// What an address is that no host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoHost {
    Unspecified,
    Multicast,
    Broadcast,
    PortZero,
    /// `::ffff:0:0/96`, which is not sent over IPv6.
    MappedIpv4,
}

impl NoHost {
    const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "no address yet (unspecified)",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::PortZero => "port 0",
            Self::MappedIpv4 => "IPv4 within IPv6",
        }
    }

    fn of(address: SocketAddr) -> Self {
        let ip = address.ip();
        if ip.is_unspecified() {
            Self::Unspecified
        } else if ip.is_multicast() {
            Self::Multicast
        } else if ip.is_ipv4() && address.port() != 0 {
            Self::Broadcast
        } else if address.port() == 0 {
            Self::PortZero
        } else {
            Self::MappedIpv4
        }
    }
}

impl Checks {
    /// One more base. Gives its number.
    pub fn add_base(&mut self, now: Time, base: Base) -> usize {
        let index = self.bases.len();
        // A hostile candidate may have named it before.
        self.remotes.retain(|remote| remote.address != base.address);
        self.bases.push(base);
        for remote in self.remotes.clone() {
            self.add_pair(now, index, remote.address, remote.kind, remote.priority);
        }
        index
    }

    pub fn base(&self, index: usize) -> &Base {
        &self.bases[index]
    }

    /// A relayed address has ended: its pairs can do no more, and are not chosen.
    pub fn end_base(&mut self, index: usize) {
        for pair in self.pairs.iter_mut().filter(|pair| pair.base == index) {
            pair.is_ended = true;
        }
        self.ended.insert(index);
    }

    pub fn add_remote(&mut self, now: Time, candidate: Candidate) -> Result<(), Unusable> {
        let address = candidate.address;
        if !is_address(address) {
            return Err(Unusable::NoHost(NoHost::of(address)));
        }
        if candidate.component != COMPONENT {
            return Err(Unusable::Component);
        }
        if is_link_local(address.ip()) {
            return Err(Unusable::LinkLocal);
        }
        if self.bases.iter().any(|base| base.address == address) {
            return Err(Unusable::Own);
        }
        if self.remotes.iter().any(|known| known.address == address) {
            return Ok(());
        }
        if self.remotes.len() >= MAX_CANDIDATES {
            return Err(Unusable::TooMany);
        }
        for index in 0..self.bases.len() {
            self.add_pair(now, index, address, candidate.kind, candidate.priority);
        }
        self.remotes.push(candidate);
        Ok(())
    }

    pub fn remotes(&self) -> &[Candidate] {
        &self.remotes
    }

    /// Makes a pair, or tells a peer-reflexive one its real name. Gives its number, if there is room.
    pub(super) fn add_pair(
        &mut self,
        now: Time,
        base: usize,
        remote: SocketAddr,
        kind: CandidateType,
        priority: u32,
    ) -> Option<usize> {
        let own = &self.bases[base];
        let (local, is_relay_base) = (own.address.ip(), own.is_relay);
        if local.is_ipv4() != remote.is_ipv4() || local.is_loopback() != remote.ip().is_loopback() {
            return None;
        }
        let own_priority = own.priority;
        if let Some(index) = self.find(base, remote) {
            let pair = &mut self.pairs[index];
            if pair.remote_kind == CandidateType::Prflx {
                pair.remote_kind = kind;
                pair.remote_priority = priority;
                pair.set_priority(own_priority, self.role);
            }
            return Some(index);
        }
        if self.pairs.len() >= MAX_PAIRS {
            self.left_out += 1;
            return None;
        }
        let permission = self.permission(base, remote.ip());
        let mut pair = Pair {
            base,
            is_relay_base,
            remote,
            remote_kind: kind,
            remote_priority: priority,
            priority: 0,
            permission,
            sent: 0,
            answered: 0,
            requests_in: 0,
            answers_out: 0,
            rtts: Vec::new(),
            first_sent: None,
            last_sent: None,
            first_answered: None,
            mapped: None,
            send_error: None,
            error: None,
            answered_elsewhere: None,
            nominated: false,
            due: now,
            triggered: false,
            is_engaged: false,
            is_ended: self.ended.contains(&base),
            is_refused: false,
            chances: Vec::new(),
            first_heard: None,
        };
        pair.set_priority(own_priority, self.role);
        self.pairs.push(pair);
        Some(self.pairs.len() - 1)
    }

    pub(super) fn find(&self, base: usize, remote: SocketAddr) -> Option<usize> {
        self.pairs
            .iter()
            .position(|pair| pair.base == base && pair.remote == remote)
    }

    fn permission(&mut self, base: usize, peer: IpAddr) -> Permission {
        if !self.bases[base].is_relay {
            return Permission::NotNeeded;
        }
        if let Some(known) = self.permissions.get(&(base, peer)) {
            return known.clone();
        }
        self.permissions.insert((base, peer), Permission::Pending);
        self.events.push_back(Event::Permit { base, peer });
        Permission::Pending
    }

    /// A TURN server has answered to [`Event::Permit`]; `Err(None)` if it has not.
    pub fn permitted(
        &mut self,
        now: Time,
        base: usize,
        peer: IpAddr,
        outcome: Result<(), Option<ErrorResponse>>,
    ) {
        let permission = match outcome {
            Ok(()) => Permission::Granted,
            Err(error) => Permission::Refused(error),
        };
        self.permissions.insert((base, peer), permission.clone());
        for pair in &mut self.pairs {
            if pair.base == base && pair.remote.ip() == peer {
                pair.permission = permission.clone();
                pair.due = now;
            }
        }
    }

    pub fn handle_send_error(&mut self, base: usize, destination: SocketAddr, error: SendError) {
        if let Some(index) = self.find(base, destination) {
            self.pairs[index].send_error.get_or_insert(error);
        }
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
