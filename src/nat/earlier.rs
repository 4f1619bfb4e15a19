//! What the tests of earlier rounds have left behind in NATs and firewalls on the way.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::Time;
use super::discovery::Discovery;
use super::used_ports::UsedPorts;

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
    /// By interface, whom this host has sent to while a filter may have been closed, and when last. A
    /// firewall that opens for the whole host would be found open.
    opened: BTreeMap<(Option<String>, IpAddr), Time>,
}

impl Earlier {
    /// Tests over an interface are over.
    pub fn add(&mut self, now: Time, interface: Option<&str>, discovery: &Discovery) {
        for (socket, travelled) in discovery.used_sockets() {
            self.ports.add(now, socket.port(), travelled);
        }
        // Where strangers are let in, no answer ever needs a hole.
        if !discovery.has_let_strangers_in() {
            for address in discovery.visited() {
                let key = (interface.map(str::to_owned), address);
                self.opened.insert(key, now);
            }
        }
        self.opened.retain(|_, at| now < *at + OPEN);
        while self.opened.len() > MOST {
            self.opened.pop_first();
        }
    }

    /// Whom a firewall may have opened for since.
    pub fn opened(&self, now: Time, interface: Option<&str>) -> Vec<IpAddr> {
        self.opened
            .iter()
            .filter(|((by, _), at)| by.as_deref() == interface && now < **at + OPEN)
            .map(|((_, address), _)| *address)
            .collect()
    }
}
