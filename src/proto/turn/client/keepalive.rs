//! What has to be asked for again before it ends: allocation, permissions, channels.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::time::Time;
use crate::proto::turn::message::Request;

/// A permission lasts 300 s (RFC 8656 9), and a channel's renewal renews its permission too, so
/// both are asked for again a minute before.
const PERMISSION: Life = Life {
    renew: Duration::from_secs(240),
    end: Duration::from_secs(300),
};

/// A channel lasts 600 s (RFC 8656 12), its permission 300.
const CHANNEL: Life = Life {
    renew: Duration::from_secs(240),
    end: Duration::from_secs(600),
};

/// An allocation is refreshed a minute before its end (RFC 8656 8), or in the middle of a short
/// lifetime.
const MARGIN: Duration = Duration::from_secs(60);

/// However short a lifetime a server grants, it is not asked without pause.
const SHORTEST: Duration = Duration::from_millis(500);

/// What was not renewed is asked for again after this, until it ends.
const AGAIN: Duration = Duration::from_secs(5);

/// How long something lasts, and when it is to be renewed.
#[derive(Debug, Clone, Copy)]
struct Life {
    renew: Duration,
    end: Duration,
}

/// When to ask next, and until when it makes sense.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Time,
    end: Time,
}

impl Due {
    fn new(now: Time, life: Life) -> Self {
        Self {
            at: now + life.renew,
            end: now + life.end,
        }
    }

    /// Whether to ask now; then also when to ask again, should there be no answer.
    fn take(&mut self, now: Time) -> bool {
        let is_due = self.at <= now;
        if is_due {
            self.at = now + AGAIN;
        }
        is_due
    }
}

#[derive(Debug, Default)]
pub(super) struct Keepalive {
    allocation: Option<(u32, Due)>,
    permissions: BTreeMap<IpAddr, Due>,
    channels: BTreeMap<u16, (SocketAddr, Due)>,
}

impl Keepalive {
    pub(super) fn is_bound(&self, number: u16) -> bool {
        self.channels.contains_key(&number)
    }

    pub(super) fn renewed(&mut self, now: Time, request: &Request, lifetime_s: u32) {
        match request {
            Request::Refresh(0) => self.clear(),
            Request::Allocate(_) | Request::Refresh(_) => {
                let end = Duration::from_secs(lifetime_s.into());
                let renew = (end / 2).max(end.saturating_sub(MARGIN));
                let life = Life {
                    renew: renew.max(SHORTEST),
                    end,
                };
                self.allocation = Some((lifetime_s, Due::new(now, life)));
            }
            Request::CreatePermission(peers) => {
                for peer in peers {
                    self.permissions.insert(*peer, Due::new(now, PERMISSION));
                }
            }
            Request::ChannelBind(number, peer) => {
                self.channels
                    .insert(*number, (*peer, Due::new(now, CHANNEL)));
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn due(&self) -> Option<Time> {
        let allocation = self.allocation.map(|(_, due)| due.at);
        let permissions = self.permissions.values().map(|due| due.at);
        let channels = self.channels.values().map(|(_, due)| due.at);
        allocation
            .into_iter()
            .chain(permissions)
            .chain(channels)
            .min()
    }

    /// The requests that are due. What has ended is forgotten.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<Request> {
        let mut requests = Vec::new();
        self.allocation = self.allocation.filter(|(_, due)| now < due.end);
        self.permissions.retain(|_, due| now < due.end);
        self.channels.retain(|_, (_, due)| now < due.end);
        if let Some((lifetime_s, due)) = &mut self.allocation
            && due.take(now)
        {
            requests.push(Request::Refresh(*lifetime_s));
        }
        let mut peers: Vec<IpAddr> = Vec::new();
        for (peer, due) in &mut self.permissions {
            if due.take(now) {
                peers.push(*peer);
            }
        }
        // One request for each family: a peer of the other would spoil it.
        let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = peers.into_iter().partition(IpAddr::is_ipv4);
        requests.extend(
            [v4, v6]
                .into_iter()
                .filter(|peers| !peers.is_empty())
                .map(Request::CreatePermission),
        );
        for (number, (peer, due)) in &mut self.channels {
            if due.take(now) {
                requests.push(Request::ChannelBind(*number, *peer));
            }
        }
        requests
    }
}
