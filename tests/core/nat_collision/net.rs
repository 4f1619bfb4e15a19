//! Two hosts, a NAT that does something particular when their ports clash, and a STUN server with
//! four addresses. Written from what RFC 4787 4.2.1 says of such NATs, and from what Linux does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtcdiag::proto::machine::{self, Machine as _};
use rtcdiag::proto::nat::collision::{Collision, Pair, ROUNDS};

use crate::support::stun_wire::{self, BINDING_SUCCESS, Message, XOR_MAPPED_ADDRESS};

pub const EXTERNAL: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
const HOST: [u8; 4] = [192, 0, 2, 2];
const SECOND: [u8; 4] = [192, 0, 2, 3];
const ONE_WAY: Duration = Duration::from_millis(20);
const FIRST_PORT: u16 = 40_000;

/// What the NAT does when the external port that a host would get is another host's. Without a
/// clash it keeps the port, except for `Never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// Another port, for all destinations.
    AnotherPort,
    /// The same port all the same (port overloading); answers go to who has sent last.
    SamePort,
    /// Another port for each destination address.
    PortPerAddress,
    /// Another port for each destination address and port.
    PortPerEndpoint,
    /// Linux: the port that is free towards the first destination, kept wherever it is free.
    FreeTowardsFirst,
    /// The old port towards each destination where it is free, else another one.
    FreeTowardsEach,
    /// Packets that clash are dropped.
    Dropped,
    /// Ports are never kept, so they do not clash.
    Never,
    /// The second host has an external address of its own.
    OtherExternalAddress,
    /// The second host is not translated.
    SecondUntranslated,
    /// The second host's packets get lost.
    SecondMute,
}

#[derive(Debug, Clone, Copy)]
struct Flow {
    local: SocketAddr,
    external: SocketAddr,
    destination: SocketAddr,
}

/// A datagram that arrives: at the server, or at the NAT from outside.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    AtServer {
        to: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    AtNat {
        to: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
}

/// The network.
pub struct Net {
    clash: Clash,
    loss: f64,
    rng: StdRng,
    now: Duration,
    flows: Vec<Flow>,
    queue: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    sequence: u64,
    sent: usize,
}

pub fn destinations() -> Vec<SocketAddr> {
    [(1, 3478), (2, 3478), (2, 3479), (1, 3479)]
        .map(|(host, port)| SocketAddr::from(([198, 51, 100, host], port)))
        .to_vec()
}

pub fn pairs() -> Vec<Pair> {
    (FIRST_PORT..)
        .take(ROUNDS)
        .map(|port| Pair {
            holder: SocketAddr::from((SECOND, port)),
            second: SocketAddr::from((HOST, port)),
        })
        .collect()
}

/// The server's answer to a request.
pub fn answer(request: &[u8], reflexive: SocketAddr) -> Vec<u8> {
    let id = stun_wire::transaction_id(request).expect("a request has one");
    Message::new(BINDING_SUCCESS, id)
        .xor_address(XOR_MAPPED_ADDRESS, reflexive)
        .finish()
}

impl Net {
    pub fn new(clash: Clash, loss: f64, seed: u64) -> Self {
        Self {
            clash,
            loss,
            rng: StdRng::seed_from_u64(seed),
            now: Duration::ZERO,
            flows: Vec::new(),
            queue: BinaryHeap::new(),
            sequence: 0,
            sent: 0,
        }
    }

    pub fn now(&self) -> Duration {
        self.now
    }

    /// How many datagrams the hosts have sent.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Runs the machine to its end.
    pub fn run(&mut self, machine: &mut Collision) {
        let sockets: Vec<SocketAddr> = pairs().iter().flat_map(|p| [p.holder, p.second]).collect();
        while !machine.is_finished() {
            assert!(self.sent < 5000 && self.now < Duration::from_secs(60));
            while let Some(transmit) = machine.poll_transmit() {
                self.sent += 1;
                let (local, to) = (sockets[transmit.flow.socket], transmit.flow.remote);
                if let Some(external) = self.outbound(local, to) {
                    self.post(Event::AtServer {
                        to,
                        from: external,
                        bytes: transmit.payload,
                    });
                }
            }
            let due = machine.poll_timeout().expect("it is not finished");
            let next = self.queue.peek().map(|Reverse((at, ..))| *at);
            match next {
                Some(at) if at <= due => self.arrive(machine, &sockets),
                _ => {
                    self.now = due;
                    machine.handle_timeout(due);
                }
            }
        }
    }

    fn arrive(&mut self, machine: &mut Collision, sockets: &[SocketAddr]) {
        let Some(Reverse((at, _, event))) = self.queue.pop() else {
            return;
        };
        self.now = at;
        match event {
            Event::AtServer { to, from, bytes } => self.post(Event::AtNat {
                to: from,
                from: to,
                bytes: answer(&bytes, from),
            }),
            Event::AtNat { to, from, bytes } => {
                let fits = |f: &&Flow| f.external == to && f.destination == from;
                let Some(local) = self.flows.iter().rev().find(fits).map(|f| f.local) else {
                    return;
                };
                let socket = sockets.iter().position(|s| *s == local);
                let flow = machine::Flow {
                    socket: socket.expect("it is one of them"),
                    remote: from,
                };
                machine.handle_input(at, flow, &bytes);
            }
        }
    }

    fn post(&mut self, event: Event) {
        if !self.rng.random_bool(self.loss) {
            self.sequence += 1;
            self.queue
                .push(Reverse((self.now + ONE_WAY, self.sequence, event)));
        }
    }

    /// The external address of a packet; `None` if it is dropped.
    fn outbound(&mut self, local: SocketAddr, destination: SocketAddr) -> Option<SocketAddr> {
        let is_second = local.ip() == IpAddr::from(SECOND);
        if is_second && self.clash == Clash::SecondMute {
            return None;
        }
        let same = |f: &&Flow| f.local == local && f.destination == destination;
        let known = self.flows.iter().find(same).map(|f| f.external);
        let external = match known {
            Some(external) => external,
            None => self.choose(local, destination, is_second)?,
        };
        // The last one to send is the last of the list.
        self.flows
            .retain(|f| f.local != local || f.destination != destination);
        self.flows.push(Flow {
            local,
            external,
            destination,
        });
        Some(external)
    }

    fn choose(
        &mut self,
        local: SocketAddr,
        destination: SocketAddr,
        is_second: bool,
    ) -> Option<SocketAddr> {
        let kept = SocketAddr::new(EXTERNAL, local.port());
        let of_host = |f: &&Flow| f.local == local;
        let first = self.flows.iter().find(of_host).map(|f| f.external);
        let others = |f: &&Flow| f.local != local && f.external == kept;
        let clashes = self.flows.iter().any(|f| others(&f));
        let is_free = |external: SocketAddr| {
            !self
                .flows
                .iter()
                .any(|f| f.external == external && f.destination == destination)
        };
        match self.clash {
            Clash::SecondUntranslated if is_second => Some(local),
            Clash::OtherExternalAddress if is_second => {
                Some(SocketAddr::from(([203, 0, 113, 2], local.port())))
            }
            Clash::Never => first.or_else(|| Some(self.another())),
            Clash::SamePort => Some(kept),
            Clash::FreeTowardsFirst => {
                match first.into_iter().chain([kept]).find(|e| is_free(*e)) {
                    Some(external) => Some(external),
                    None => Some(self.another()),
                }
            }
            Clash::FreeTowardsEach if is_free(kept) => Some(kept),
            _ if !clashes => Some(kept),
            Clash::Dropped => None,
            Clash::PortPerEndpoint | Clash::FreeTowardsEach => Some(self.another()),
            Clash::PortPerAddress => {
                let known = self
                    .flows
                    .iter()
                    .find(|f| f.local == local && f.destination.ip() == destination.ip());
                match known.map(|f| f.external) {
                    Some(external) => Some(external),
                    None => Some(self.another()),
                }
            }
            _ => first.or_else(|| Some(self.another())),
        }
    }

    /// A port that no host has asked for.
    fn another(&mut self) -> SocketAddr {
        SocketAddr::new(EXTERNAL, self.rng.random_range(10_000..30_000))
    }
}
