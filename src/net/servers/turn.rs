//! A TURN server for small use (RFC 8656), over UDP and TCP.
//!
//! The allocations with their timers, permissions and channels, and the way from peers to clients, are
//! those of the `turn` crate. Its request handling is not used: it knows no policy and no quotas,
//! answers wrong passwords with 400, remembers every nonce that anybody makes it give, reads only the
//! first of several peers, takes any realm, lets any user act on any allocation, and does not answer
//! at all without one. [`crate::proto::turn::server`] decides instead.

mod config;
mod counters;
mod quota;
mod relay;
mod requests;
mod stream;
mod wire;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use turn::allocation::allocation_manager::{Manager, ManagerConfig};
use turn::allocation::five_tuple::FiveTuple;
use turn::proto::channum::ChannelNumber;
use turn::proto::{PROTO_TCP, PROTO_UDP, Protocol};

pub use config::{BindError, Config, TurnLimits};
pub use counters::Counters;
use counters::{Counting, add};
use quota::Quota;
use relay::{Prepared, Relay, Shared};
use wire::Wire;

use crate::base::family::Family;
use crate::net::servers::connections::Connections;
use crate::net::servers::listen;
use crate::proto::stun::server as stun_server;
use crate::proto::stun::server::rate::Rate;
use crate::proto::stun::server::{Addresses, Place, Responder};
use crate::proto::turn::server::peers::PeerPolicy;
use crate::proto::turn::server::{Decision, Gate, Guess, Received, Rules};

/// Longest datagram.
const LARGEST: usize = 65_536;
/// After an error that will come again at once.
const BREATHER: Duration = Duration::from_millis(100);
/// Data that may come at once, in seconds of the rate and at least in bytes.
const BURST: (f64, f64) = (1.0, 65_536.0);
/// TCP connections for each allocation that there may be; some are about to have one.
const CONNECTIONS_PER_ALLOCATION: usize = 2;

/// A TURN server that listens. Copies are handles of the same one.
#[derive(Debug, Clone)]
pub struct TurnServer(Arc<Inner>);

struct Inner {
    listeners: Vec<Listener>,
    gate: Mutex<Gate>,
    quota: Quota,
    ports: RangeInclusive<u16>,
    manager: Manager,
    prepared: Prepared,
    /// Who has an allocation, or had one until a moment ago.
    clients: Mutex<HashMap<FiveTuple, Arc<Relay>>>,
    shared: Arc<Shared>,
    connections: Connections,
    /// Where wrong passwords are told.
    log: OnceLock<mpsc::UnboundedSender<Guess>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    /// Where relays are bound, and what clients are told.
    relayed: IpAddr,
    udp: Arc<UdpSocket>,
    tcp: TcpListener,
    responder: Mutex<Responder>,
}

impl Listener {
    /// As this host knows it, and as others do.
    fn own_addresses(&self) -> [SocketAddr; 2] {
        let told = SocketAddr::new(self.relayed, self.address.port());
        [self.address, told]
    }
}

/// A client: where its messages come from and how it is answered.
#[derive(Debug, Clone)]
struct Client {
    tuple: FiveTuple,
    wire: Wire,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything by which this machine could be reached, with the broadcast addresses of its networks.
/// Addresses that it gets later are not known.
fn own_addresses(listeners: &[Listener]) -> Vec<IpAddr> {
    let mut own: Vec<IpAddr> = listeners.iter().map(|l| l.address.ip()).collect();
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        own.push(interface.ip());
        if let if_addrs::IfAddr::V4(v4) = interface.addr {
            own.extend(v4.broadcast.map(IpAddr::V4));
        }
    }
    own
}

impl TurnServer {
    /// Listens; nothing is answered before [`TurnServer::run`]. Must be called in a tokio runtime.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        config.check()?;
        let listeners: Vec<Listener> = config
            .listen
            .iter()
            .map(|address| listen_on(*address, config))
            .collect::<Result<_, _>>()?;
        let policy = PeerPolicy {
            opened: config.allow_peers.clone(),
            relayed: listeners
                .iter()
                .map(|l| l.relayed)
                .chain(config.external.iter().copied())
                .collect(),
            own: own_addresses(&listeners),
        };
        let rules = Rules {
            realm: config.realm.clone(),
            users: config.users.clone(),
            peers: policy.clone(),
            families: listeners.iter().map(|l| Family::of(l.relayed)).collect(),
            most_lifetime: config.limits.lifetime,
        };
        let seed: [u8; 32] = rand::rng().random();
        let prepared = Prepared::default();
        let most = config.limits.allocations;
        let rate = config.limits.bytes_per_second.map(|bytes| Rate {
            per_second: bytes.into(),
            burst: (f64::from(bytes) * BURST.0).max(BURST.1),
        });
        Ok(Self(Arc::new(Inner {
            gate: Mutex::new(Gate::with_rate(rules, &seed, config.limits.strangers)),
            quota: Quota::new(most, config.limits.per_user),
            ports: config.ports.clone(),
            manager: Manager::new(ManagerConfig {
                relay_addr_generator: Box::new(prepared.clone()),
                alloc_close_notify: None,
            }),
            prepared,
            clients: Mutex::default(),
            shared: Arc::new(Shared {
                clock: config.clock,
                policy,
                listening: listeners.iter().flat_map(Listener::own_addresses).collect(),
                relays: Mutex::default(),
                counting: Counting::default(),
                rate,
            }),
            listeners,
            log: OnceLock::new(),
            connections: Connections::new(most.saturating_mul(CONNECTIONS_PER_ALLOCATION), most),
        })))
    }

    /// Where it listens, with the ports that the system chose, in the order of the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.listeners.iter().map(|l| l.address).collect()
    }

    /// Where clients reach it: the same, with the external addresses where there are any.
    pub fn public_addresses(&self) -> Vec<SocketAddr> {
        let told = |l: &Listener| SocketAddr::new(l.relayed, l.address.port());
        self.0.listeners.iter().map(told).collect()
    }

    pub fn counters(&self) -> Counters {
        let mut stun = stun_server::Counters::default();
        for listener in &self.0.listeners {
            stun += lock(&listener.responder).counters();
        }
        let now = self.0.quota.count();
        self.0.shared.counting.read(now, stun)
    }

    /// Tells wrong users and passwords from now on. To be called once.
    pub fn log_to(&self, log: mpsc::UnboundedSender<Guess>) {
        // The first one counts.
        let _ = self.0.log.set(log);
    }

    /// Serves until `stop` comes; then all allocations and connections end.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        for index in 0..self.0.listeners.len() {
            tasks.spawn(Arc::clone(&self.0).datagrams(index));
            tasks.spawn(Arc::clone(&self.0).accept(index));
        }
        stop.await;
        tasks.shutdown().await;
        let clients: Vec<FiveTuple> = lock(&self.0.clients).drain().map(|(t, _)| t).collect();
        for tuple in clients {
            self.0.manager.delete_allocation(&tuple).await;
        }
    }
}

fn listen_on(address: SocketAddr, config: &Config) -> Result<Listener, BindError> {
    let (udp, tcp, address) = listen::udp_and_tcp(address)?;
    let addresses = Addresses {
        primary: address,
        alternate: None,
    };
    Ok(Listener {
        address,
        relayed: config.relayed(address.ip()),
        udp: Arc::new(udp),
        tcp,
        responder: Mutex::new(
            Responder::new(addresses, stun_server::RATE).with_seed(rand::rng().random()),
        ),
    })
}

impl Inner {
    async fn datagrams(self: Arc<Self>, index: usize) {
        let listener = &self.listeners[index];
        let mut buffer = vec![0; LARGEST];
        loop {
            let Ok((length, source)) = listener.udp.recv_from(&mut buffer).await else {
                tokio::time::sleep(BREATHER).await;
                continue;
            };
            let client = Client {
                tuple: five_tuple(PROTO_UDP, source, listener.address),
                wire: Wire::Datagrams(Arc::clone(&listener.udp)),
            };
            self.handle(index, &client, &buffer[..length]).await;
        }
    }

    /// Handles a message; false if a client that means well would not have sent it.
    async fn handle(&self, index: usize, client: &Client, bytes: &[u8]) -> bool {
        let source = client.tuple.src_addr;
        // Binding requests are the one message that STUN and TURN servers share.
        if bytes.starts_with(&[0, 1]) {
            let answer = lock(&self.listeners[index].responder).handle(
                self.shared.clock.now(),
                stun_server::Received {
                    at: Place::PRIMARY,
                    stream: client.tuple.protocol == PROTO_TCP,
                    source,
                    bytes,
                },
            );
            if let Some(answer) = &answer {
                client.wire.deliver(&answer.bytes, answer.to).await;
            }
            return answer.is_some();
        }
        let relay = self.relay_of(&client.tuple);
        let clock = &self.shared.clock;
        let received = Received {
            now: clock.now(),
            unix_now: clock.unix_now(),
            source,
            bytes,
        };
        let held = relay.as_ref().map(|relay| relay.held());
        let (decision, guesses) = {
            let mut gate = lock(&self.gate);
            let decision = gate.decide(received, held);
            (decision, gate.take_guesses())
        };
        for guess in guesses {
            // Nobody reads the log any more when the server is being stopped.
            let _ = self.log.get().map(|log| log.send(guess));
        }
        match decision {
            Decision::Answer(answer, refusal) => {
                if let Some(refusal) = refusal {
                    self.shared.counting.refuse(refusal);
                }
                client.wire.deliver(&answer, source).await;
            }
            Decision::Do(action, reply) => {
                if let Some(answer) = self.act(client, relay, action, &reply).await {
                    client.wire.deliver(&answer, source).await;
                }
            }
            Decision::Send(peer, payload) => {
                if let Some(relay) = relay {
                    relay.send(payload, peer).await;
                }
            }
            Decision::Channel(number, payload) => {
                let allocation = self.manager.get_allocation(&client.tuple).await;
                if let (Some(relay), Some(allocation)) = (relay, allocation)
                    && let Some(peer) = allocation.get_channel_addr(&ChannelNumber(number)).await
                {
                    relay.send(payload, peer).await;
                }
            }
            Decision::Malformed => {
                add(&self.shared.counting.malformed, 1);
                return false;
            }
            Decision::Limited => {
                add(&self.shared.counting.limited, 1);
                return false;
            }
        }
        true
    }

    /// The allocation of a client, unless it has ended.
    fn relay_of(&self, tuple: &FiveTuple) -> Option<Arc<Relay>> {
        let mut clients = lock(&self.clients);
        let relay = clients.get(tuple).map(Arc::clone)?;
        if relay.is_open() {
            return Some(relay);
        }
        clients.remove(tuple);
        None
    }
}

fn five_tuple(protocol: Protocol, src_addr: SocketAddr, dst_addr: SocketAddr) -> FiveTuple {
    FiveTuple {
        protocol,
        src_addr,
        dst_addr,
    }
}
