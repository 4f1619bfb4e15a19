//! What has to be asked for again before it ends: allocation, permissions, channels.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::time::Time;
use crate::turn::message::Request;

/// A permission lasts 300 s (RFC 8656 9), and a channel's renewal renews its permission too, so
/// both are asked for again a minute before.
const PERMISSION: Duration = Duration::from_secs(240);

/// An allocation is refreshed a minute before its end (RFC 8656 8), or in the middle of a short
/// lifetime.
const MARGIN_S: u32 = 60;

/// When to ask for what.
#[derive(Debug, Default)]
pub(super) struct Keepalive {
    allocation: Option<(Time, u32)>,
    permissions: BTreeMap<IpAddr, Time>,
    channels: BTreeMap<u16, (SocketAddr, Time)>,
}

impl Keepalive {
    /// Whether a channel is bound.
    pub(super) fn is_bound(&self, number: u16) -> bool {
        self.channels.contains_key(&number)
    }

    /// A request has succeeded.
    pub(super) fn renewed(&mut self, now: Time, request: &Request, lifetime_s: u32) {
        match request {
            Request::Refresh(0) => self.clear(),
            Request::Allocate(_) | Request::Refresh(_) => {
                let wait = if lifetime_s > 2 * MARGIN_S {
                    lifetime_s - MARGIN_S
                } else {
                    (lifetime_s / 2).max(1)
                };
                let due = now + Duration::from_secs(wait.into());
                self.allocation = Some((due, lifetime_s));
            }
            Request::CreatePermission(peers) => {
                for peer in peers {
                    self.permissions.insert(*peer, now + PERMISSION);
                }
            }
            Request::ChannelBind(number, peer) => {
                self.channels.insert(*number, (*peer, now + PERMISSION));
            }
        }
    }

    /// Nothing is kept alive any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// When something is due.
    pub(super) fn due(&self) -> Option<Time> {
        let allocation = self.allocation.map(|(due, _)| due);
        let permissions = self.permissions.values().copied();
        let channels = self.channels.values().map(|(_, due)| *due);
        allocation
            .into_iter()
            .chain(permissions)
            .chain(channels)
            .min()
    }

    /// The requests that are due. Each is asked for once; its success puts it on the list again.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<Request> {
        let mut requests = Vec::new();
        if let Some((due, lifetime_s)) = self.allocation
            && due <= now
        {
            // Not again until the answer; failing that, the end is near anyway.
            self.allocation = None;
            requests.push(Request::Refresh(lifetime_s.max(1)));
        }
        let peers: Vec<IpAddr> = due_keys(&self.permissions, now);
        if !peers.is_empty() {
            self.permissions.retain(|_, due| *due > now);
            // One request for each family: a peer of the other would spoil it.
            let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = peers.into_iter().partition(IpAddr::is_ipv4);
            requests.extend(
                [v4, v6]
                    .into_iter()
                    .filter(|peers| !peers.is_empty())
                    .map(Request::CreatePermission),
            );
        }
        for (number, (peer, due)) in &mut self.channels {
            if *due <= now {
                // The binding itself lasts 600 s: it is still there while the answer is out.
                *due = now + PERMISSION;
                requests.push(Request::ChannelBind(*number, *peer));
            }
        }
        requests
    }
}

fn due_keys(times: &BTreeMap<IpAddr, Time>, now: Time) -> Vec<IpAddr> {
    times
        .iter()
        .filter(|(_, due)| **due <= now)
        .map(|(ip, _)| *ip)
        .collect()
}
