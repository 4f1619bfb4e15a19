//! A TURN server for small use (RFC 8656), over UDP and TCP.
//!
//! The allocations with their timers, permissions and channels, and the way from peers to clients, are
//! those of the `turn` crate. Its request handling is not used: it knows no policy and no quotas,
//! answers wrong passwords with 400, remembers every nonce that anybody makes it give, reads only the
//! first of several peers, takes any realm, lets any user act on any allocation, and does not answer
//! at all without one. [`crate::turn::server`] decides instead.

mod config;
mod counters;
mod quota;
mod relay;
mod stream;
mod wire;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use turn::allocation::Allocation;
use turn::allocation::allocation_manager::{Manager, ManagerConfig};
use turn::allocation::channel_bind::ChannelBind;
use turn::allocation::five_tuple::FiveTuple;
use turn::allocation::permission::Permission;
use turn::proto::channum::ChannelNumber;
use turn::proto::{PROTO_TCP, PROTO_UDP, Protocol};

pub use config::{BindError, Config, Limits};
pub use counters::Counters;
use counters::{Counting, add};
use quota::Quota;
use relay::{Owner, Prepared, Relay, Shared};
use wire::Wire;

use super::clock::Clock;
use super::listen::{self, Connections};
use crate::family::Family;
use crate::stun::server::rate::Rate;
use crate::stun::server::{self as stun_server, Addresses, Place, Responder};
use crate::turn::server::answer::{Granted, Refusal, Reply};
use crate::turn::server::peers::PeerPolicy;
use crate::turn::server::{Action, Decision, Gate, Received, Rules};

/// RFC 8656 12: how long a channel lasts.
const CHANNEL: Duration = Duration::from_secs(600);
/// Longest datagram.
const LARGEST: usize = 65_536;
/// After an error that will come again at once.
const BREATHER: Duration = Duration::from_millis(100);
/// How often another port is tried when one is taken.
const PORT_TRIES: usize = 64;
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

impl TurnServer {
    /// Listens; nothing is answered before [`TurnServer::run`]. Must be called in a tokio runtime.
    ///
    /// # Errors
    ///
    /// Says what in the configuration cannot be, or names the address that cannot be listened on.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        config.check()?;
        let listeners: Vec<Listener> = config
            .listen
            .iter()
            .map(|address| listen_on(*address, config))
            .collect::<Result<_, _>>()?;
        let policy = PeerPolicy {
            opened: config.allow_peers.clone(),
            own: listeners.iter().map(|l| l.relayed).collect(),
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
                clock: Clock::start(),
                policy,
                listening: listeners.iter().flat_map(Listener::own_addresses).collect(),
                relays: Mutex::default(),
                counting: Counting::default(),
                rate,
            }),
            listeners,
            connections: Connections::new(most.saturating_mul(CONNECTIONS_PER_ALLOCATION), most),
        })))
    }

    /// Where it listens, with the ports that the system chose, in the order of the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.listeners.iter().map(|l| l.address).collect()
    }

    /// What it has done so far.
    pub fn counters(&self) -> Counters {
        let mut stun = stun_server::Counters::default();
        for listener in &self.0.listeners {
            stun += lock(&listener.responder).counters();
        }
        let now = self.0.quota.count();
        self.0.shared.counting.read(now, stun)
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
    let udp = listen::udp(address)?;
    let address = udp.local_addr().map_err(|source| listen::ListenError {
        address,
        transport: "UDP",
        source,
    })?;
    let addresses = Addresses {
        primary: address,
        alternate: None,
    };
    Ok(Listener {
        address,
        relayed: config.relayed(address.ip()),
        udp: Arc::new(udp),
        tcp: listen::tcp(address)?,
        responder: Mutex::new(Responder::new(addresses, stun_server::RATE)),
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
            unix_now: clock.unix_start() + clock.now().as_secs(),
            source,
            bytes,
        };
        let held = relay.as_ref().map(|relay| relay.held());
        let decision = lock(&self.gate).decide(received, held);
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

    /// Does what has been decided, and says so.
    async fn act(
        &self,
        client: &Client,
        relay: Option<Arc<Relay>>,
        action: Action,
        reply: &Reply,
    ) -> Option<Vec<u8>> {
        let done = match action {
            Action::Allocate {
                username,
                family,
                even_port,
                lifetime,
            } => {
                let owner = Owner {
                    username,
                    id: reply.id,
                };
                let relay = self.relay(owner, family, even_port);
                match relay {
                    Ok(relay) => self.allocate(client, relay, lifetime, reply).await,
                    Err(refusal) => Err(refusal),
                }
            }
            Action::Refresh(lifetime) => self.refresh(client, lifetime, reply).await,
            Action::Permit(peers) => self.permit(client, relay, &peers, reply).await,
            Action::Bind(number, peer) => {
                self.bind_channel(client, relay, number, peer, reply).await
            }
        };
        match done {
            Ok(answer) => answer,
            Err(refusal) => {
                self.shared.counting.refuse(refusal);
                reply.refusal(refusal, &[])
            }
        }
    }

    /// A relayed address for somebody, if there may be one more.
    fn relay(&self, owner: Owner, family: Family, even_port: bool) -> Result<Arc<Relay>, Refusal> {
        let account = {
            let gate = lock(&self.gate);
            gate.rules().users.account(&owner.username).to_owned()
        };
        let slot = self.quota.admit(&account)?;
        let listener = self
            .listeners
            .iter()
            .find(|l| Family::of(l.relayed) == family)
            .ok_or(Refusal::FamilyNotSupported)?;
        let socket = self.relay_socket(listener.address.ip(), even_port)?;
        let port = socket
            .local_addr()
            .map_err(|_| Refusal::InsufficientCapacity)?
            .port();
        let relayed = SocketAddr::new(listener.relayed, port);
        let relay = Relay::new(socket, relayed, owner, slot, Arc::clone(&self.shared));
        Ok(Arc::new(relay))
    }

    async fn allocate(
        &self,
        client: &Client,
        relay: Arc<Relay>,
        lifetime: Duration,
        reply: &Reply,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let relayed = relay.relayed;
        self.prepared.put(&relay);
        #[expect(
            clippy::default_trait_access,
            reason = "the type's crate is none of ours"
        )]
        let made = self
            .manager
            .create_allocation(
                client.tuple,
                Arc::new(client.wire.clone()),
                relayed.port(),
                lifetime,
                // The crate needs no name: whose it is, is known here.
                Default::default(),
                relayed.is_ipv4(),
            )
            .await;
        if made.is_err() {
            self.prepared.take(relayed.is_ipv4(), relayed.port());
            return Err(Refusal::InsufficientCapacity);
        }
        add(&self.shared.counting.allocations, 1);
        let mapped = client.tuple.src_addr;
        let answer = reply.success(Granted::Allocated(relayed, mapped, seconds(lifetime)));
        if let Some(answer) = &answer {
            let _ = relay.answer.set(answer.clone());
        }
        let mut clients = lock(&self.clients);
        // Those whose time has come, and who never asked again.
        clients.retain(|_, relay| relay.is_open());
        clients.insert(client.tuple, relay);
        Ok(answer)
    }

    /// A socket on a random port: who could guess the next one could wait for it (RFC 8656 21.1.2).
    fn relay_socket(&self, ip: IpAddr, even: bool) -> Result<UdpSocket, Refusal> {
        (0..PORT_TRIES)
            .find_map(|_| {
                let port = rand::rng().random_range(self.ports.clone());
                if even && !port.is_multiple_of(2) {
                    return None;
                }
                listen::udp(SocketAddr::new(ip, port)).ok()
            })
            .ok_or(Refusal::InsufficientCapacity)
    }

    async fn refresh(
        &self,
        client: &Client,
        lifetime: Duration,
        reply: &Reply,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        if lifetime.is_zero() {
            lock(&self.clients).remove(&client.tuple);
            self.manager.delete_allocation(&client.tuple).await;
        } else {
            self.allocation(client).await?.refresh(lifetime).await;
        }
        Ok(reply.success(Granted::Refreshed(seconds(lifetime))))
    }

    async fn permit(
        &self,
        client: &Client,
        relay: Option<Arc<Relay>>,
        peers: &[IpAddr],
        reply: &Reply,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let allocation = self.allocation(client).await?;
        if !relay.is_some_and(|relay| relay.permit(peers)) {
            return Err(Refusal::InsufficientCapacity);
        }
        for peer in peers {
            let permission = Permission::new(SocketAddr::new(*peer, 0));
            allocation.add_permission(permission).await;
        }
        Ok(reply.success(Granted::Done))
    }

    async fn bind_channel(
        &self,
        client: &Client,
        relay: Option<Arc<Relay>>,
        number: u16,
        peer: SocketAddr,
        reply: &Reply,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let allocation = self.allocation(client).await?;
        if !relay.is_some_and(|relay| relay.permit(&[peer.ip()])) {
            return Err(Refusal::InsufficientCapacity);
        }
        // The number has another peer, or the peer another number (RFC 8656 12.2).
        let bind = ChannelBind::new(ChannelNumber(number), peer);
        let bound = allocation.add_channel_bind(bind, CHANNEL).await;
        bound.map_err(|_| Refusal::BadRequest)?;
        Ok(reply.success(Granted::Done))
    }

    async fn allocation(&self, client: &Client) -> Result<Arc<Allocation>, Refusal> {
        let allocation = self.manager.get_allocation(&client.tuple).await;
        allocation.ok_or(Refusal::AllocationMismatch)
    }
}

fn five_tuple(protocol: Protocol, src_addr: SocketAddr, dst_addr: SocketAddr) -> FiveTuple {
    FiveTuple {
        protocol,
        src_addr,
        dst_addr,
    }
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}
