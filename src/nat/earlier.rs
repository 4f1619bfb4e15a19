//! What the tests of earlier rounds have left behind in NATs and firewalls on the way.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::Time;
use super::behavior::Filtering;
use super::discovery::Discovery;
use super::used_ports::UsedPorts;
use crate::fact::{Fact, Reason};

/// How long a firewall is taken to let in what the host has sent to: RFC 4787 REQ-5 wants mappings to
/// live for five minutes, and few live for ten.
const OPEN: Duration = Duration::from_secs(600);

/// Addresses that are remembered. A round asks a few dozen.
const MOST: usize = 1000;

/// What is remembered from round to round. It has a limit, however many rounds there are.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    /// Local ports.
    pub ports: UsedPorts,
    /// Whom a local address has sent to while a filter was closed, and when last. A firewall that
    /// opens for the whole host would be found open.
    opened: BTreeMap<(IpAddr, IpAddr), Time>,
}

impl Earlier {
    /// Tests from a local address are over.
    pub fn add(&mut self, now: Time, local: IpAddr, discovery: &Discovery) {
        for (socket, travelled) in discovery.used_sockets() {
            self.ports.add(now, socket.port(), travelled);
        }
        if is_closed(&discovery.facts().filtering) {
            let visited = discovery.visited();
            self.opened
                .extend(visited.map(|address| ((local, address), now)));
        }
        self.opened.retain(|_, at| now < *at + OPEN);
        while self.opened.len() > MOST {
            self.opened.pop_first();
        }
    }

    /// Whom a firewall may have opened for since.
    pub fn opened(&self, now: Time, local: IpAddr) -> impl Iterator<Item = IpAddr> + '_ {
        let of_local = self
            .opened
            .iter()
            .filter(move |((from, _), _)| *from == local);
        let lately = of_local.filter(move |(_, at)| now < **at + OPEN);
        lately.map(|((_, address), _)| *address)
    }
}

/// Whether there is a filter, or was one before it opened. Where there is none, an answer from another
/// address never needs a hole.
fn is_closed(filtering: &Fact<Filtering>) -> bool {
    match filtering {
        Fact::Determined(filtering) => *filtering != Filtering::EndpointIndependent,
        Fact::Inconclusive { reason, .. } => *reason == Reason::AlternateVisited,
        Fact::NotTested { .. } => false,
    }
}
