//! Hairpinning (RFC 4787 6): packets to external addresses of the same NAT.
//!
//! Two pairs of sockets at the same time. In one pair both sockets send, so that a filter which
//! looks at hairpinned packets too is open; in the other one only, which shows whether there is
//! such a filter.

use std::net::SocketAddr;

use crate::proto::machine::Flow;
use crate::proto::nat::Time;
use crate::proto::nat::address::is_global;
use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::behavior::classify::HairpinSeen;
use crate::proto::nat::behavior::probe::{End, Pace, Test};
use crate::proto::stun::message::Change;

/// Which of the samples' sockets take part: those before them test filtering.
const MUTUAL: [usize; 2] = [3, 4];
const ONE_WAY: [usize; 2] = [5, 6];

/// The hairpin probes, each with the socket that it has to come back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hairpin {
    mutual: [Towards; 2],
    one_way: Towards,
}

#[derive(Debug, Clone, Copy)]
struct Towards {
    probe: usize,
    socket: usize,
}

impl Hairpin {
    fn all(self) -> [Towards; 3] {
        [self.mutual[0], self.mutual[1], self.one_way]
    }
}

impl Discovery {
    /// Starts the probes once the external addresses of the four sockets are known.
    pub(super) fn step_hairpin(&mut self) {
        if self.hairpin.is_some() || self.nat_fact().value() != Some(&true) {
            return;
        }
        let Some([a, b]) = self.mapped_pair(MUTUAL) else {
            return;
        };
        let Some([c, d]) = self.mapped_pair(ONE_WAY) else {
            return;
        };
        self.hairpin = Some(Hairpin {
            mutual: [self.send_around(a, b), self.send_around(b, a)],
            one_way: self.send_around(c, d),
        });
    }

    /// Two of the samples' sockets with their external addresses, if they can be sent to: behind a
    /// NAT64 they are IPv4, and reached by its prefix (RFC 6146 3.8).
    fn mapped_pair(&self, samples: [usize; 2]) -> Option<[(usize, SocketAddr); 2]> {
        let mapped = |sample: usize| {
            let probe = &self.probes[*self.samples.get(sample)?];
            let reflexive = probe.reflexive()?;
            // A server on the internet must not make us send to addresses of our own network.
            let server = self.behind(probe.destination);
            let inward = is_global(server.ip()) && !is_global(reflexive.ip());
            let external = self.reach(reflexive);
            let sendable = !inward && external.is_ipv4() == self.sockets[probe.socket].is_ipv4();
            sendable.then_some((probe.socket, external))
        };
        Some([mapped(samples[0])?, mapped(samples[1])?])
    }

    fn send_around(
        &mut self,
        (from, _): (usize, SocketAddr),
        (socket, external): (usize, SocketAddr),
    ) -> Towards {
        let probe = self.ask(Test::Hairpin, from, external, Change::None, Pace::Silence);
        Towards { probe, socket }
    }

    /// A request of our own came back in.
    pub(super) fn hairpin_arrival(&mut self, now: Time, probe: usize, flow: Flow) {
        let Flow {
            socket,
            remote: source,
        } = flow;
        let all = self.hairpin.iter().flat_map(|h| h.all());
        let known = all
            .into_iter()
            .any(|t| t.probe == probe && t.socket == socket);
        // A server that was named as the external address could send the request back itself.
        if !known || self.listed_for(source).is_some() {
            self.note_foreign(flow);
            return;
        }
        if self.probes[probe].arrival.is_none() {
            self.probes[probe].arrival = Some((now, source));
        }
        self.settle(probe, End::Answered);
    }

    pub(super) fn hairpin_settled(&self) -> bool {
        // It waits for samples, so once those are settled it will not come.
        self.hairpin
            .is_none_or(|h| h.all().iter().all(|t| !self.probes[t.probe].is_open()))
    }

    pub(super) fn hairpin_seen(&self) -> HairpinSeen {
        let Some(hairpin) = self.hairpin else {
            return if self.is_hairpin_out_of_reach() {
                HairpinSeen::OutOfReach
            } else {
                HairpinSeen::Pending
            };
        };
        if hairpin.all().iter().any(|t| self.came_back(*t)) {
            return HairpinSeen::Arrived;
        }
        match hairpin.mutual.map(|t| self.probes[t.probe].end) {
            [Some(End::Silent), Some(End::Silent)] => HairpinSeen::Silent,
            [
                Some(End::Silent | End::Unproven),
                Some(End::Silent | End::Unproven),
            ] => HairpinSeen::Unproven,
            _ => HairpinSeen::Pending,
        }
    }

    /// Whether all external addresses are of a family that the sockets do not have.
    fn is_hairpin_out_of_reach(&self) -> bool {
        let mut mapped = self.samples.iter().filter_map(|sample| {
            let probe = &self.probes[*sample];
            let external = self.reach(probe.reflexive()?);
            Some(external.is_ipv4() != self.sockets[probe.socket].is_ipv4())
        });
        self.samples_settled()
            && mapped
                .next()
                .is_some_and(|first| first && mapped.all(|m| m))
    }

    /// Whether hairpinned packets arrive only where the receiver has sent to the sender: the NAT
    /// filters them too.
    pub fn filters_hairpins(&self) -> bool {
        self.hairpin.is_some_and(|hairpin| {
            hairpin.mutual.iter().any(|t| self.came_back(*t))
                && self.probes[hairpin.one_way.probe].end == Some(End::Silent)
                && !self.came_back(hairpin.one_way)
        })
    }

    fn came_back(&self, towards: Towards) -> bool {
        self.probes[towards.probe].arrival.is_some()
    }
}
