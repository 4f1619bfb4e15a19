//! What the tests of earlier rounds have left behind in NATs and firewalls on the way.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::Time;
use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::behavior::used_ports::UsedPorts;
use crate::proto::nat::behavior::words::{Filtering, Mapping, PathFacts};

/// How long a firewall is taken to let in what the host has sent to: RFC 4787 REQ-5 wants mappings to
/// live for five minutes, and few live for ten.
const OPEN: Duration = Duration::from_secs(600);

/// Addresses that are remembered. A round asks a few dozen.
const MOST: usize = 1000;

/// What is remembered from round to round. It has a limit, however many rounds there are.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    pub ports: UsedPorts,
    /// By interface, whom this host has sent to while a filter may have been closed, and when last. A
    /// firewall that opens for the whole host would be found open.
    opened: BTreeMap<(Option<String>, IpAddr), Time>,
}

impl Earlier {
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

impl PathFacts {
    /// A port that an earlier round has used may have holes left, and a router may give it another
    /// one: only what that cannot have made is said.
    pub fn doubt_used_ports(&mut self) {
        let why: Fact<Infallible> = Fact::inconclusive(
            Reason::OtherTraffic,
            "this host had no local port left that no round of the last minutes had used; leave more time between rounds",
        );
        let filtering = self.filtering.value();
        if filtering.is_some_and(|f| *f != Filtering::AddressAndPortDependent) {
            self.filtering = why.unknown();
        }
        let mapping = self.mapping.value();
        if mapping.is_some_and(|m| *m != Mapping::EndpointIndependent) {
            self.mapping = why.unknown();
        }
    }
}
