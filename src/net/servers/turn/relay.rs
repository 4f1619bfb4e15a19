//! The relayed address of one allocation: a socket that lets through what policy, permissions and
//! rate allow, both ways.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::Rng as _;
use tokio::net::UdpSocket;
use turn::relay::RelayAddressGenerator;
use webrtc_util::Conn;

use crate::net::clock::Clock;
use crate::net::servers::turn::counters::{Counting, add};
use crate::net::servers::turn::quota::Slot;
use crate::net::servers::turn::{Client, LARGEST};
use crate::proto::stun::message::TransactionId;
use crate::proto::stun::server::rate::{Bucket, Rate};
use crate::proto::turn::server::Held;
use crate::proto::turn::server::peers::{Peer, PeerPolicy};
use crate::proto::turn::{frame, message};

/// RFC 8656 9: how long a permission lasts. The crate has the same.
const PERMISSION: Duration = Duration::from_secs(300);
/// Permissions of one allocation at a time: several times what an ICE agent has remote candidates.
const MOST_PERMISSIONS: usize = 256;

#[derive(Debug)]
pub(super) struct Shared {
    pub clock: Clock,
    pub policy: PeerPolicy,
    /// Where the server itself listens: no relay sends there, or it could be made to talk to itself.
    pub listening: Vec<SocketAddr>,
    pub relays: Mutex<BTreeSet<SocketAddr>>,
    pub counting: Counting,
    /// Bytes of each allocation and direction; `None`: as many as come.
    pub rate: Option<Rate>,
}

/// For whom a relay is.
#[derive(Debug)]
pub(super) struct Owner {
    pub username: String,
    pub id: TransactionId,
}

#[derive(Debug)]
pub(super) struct Relay {
    pub relayed: SocketAddr,
    /// To the Allocate request.
    pub answer: OnceLock<Vec<u8>>,
    owner: Owner,
    client: Client,
    socket: UdpSocket,
    shared: Arc<Shared>,
    /// To peers, from peers.
    buckets: Mutex<[Bucket; 2]>,
    /// Until when they last.
    permissions: Mutex<BTreeMap<IpAddr, Duration>>,
    /// The channels of peers, and until when they last.
    channels: Mutex<BTreeMap<SocketAddr, (u16, Duration)>>,
    slot: Mutex<Option<Slot>>,
    closed: AtomicBool,
}

#[derive(Clone, Copy)]
enum Direction {
    ToPeers,
    FromPeers,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Relay {
    pub fn new(
        socket: UdpSocket,
        relayed: SocketAddr,
        client: Client,
        owner: Owner,
        slot: Slot,
        shared: Arc<Shared>,
    ) -> Self {
        let rate = shared.rate.unwrap_or(Rate {
            per_second: 0.0,
            burst: 0.0,
        });
        lock(&shared.relays).insert(relayed);
        Self {
            relayed,
            answer: OnceLock::new(),
            owner,
            client,
            socket,
            buckets: Mutex::new([Bucket::full(rate, shared.clock.now()); 2]),
            shared,
            permissions: Mutex::default(),
            channels: Mutex::default(),
            slot: Mutex::new(Some(slot)),
            closed: AtomicBool::new(false),
        }
    }

    /// The allocation as those see it who decide.
    pub fn held(&self) -> Held<'_> {
        Held {
            username: &self.owner.username,
            relayed: self.relayed,
            id: self.owner.id,
            answer: self.answer.get().map_or(&[], Vec::as_slice),
        }
    }

    pub fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// Remembers permissions; false if there would be too many.
    pub fn permit(&self, peers: &[IpAddr]) -> bool {
        let now = self.shared.clock.now();
        let mut permissions = lock(&self.permissions);
        permissions.retain(|_, until| *until > now);
        let new = peers.iter().filter(|ip| !permissions.contains_key(ip));
        if permissions.len() + new.count() > MOST_PERMISSIONS {
            return false;
        }
        permissions.extend(peers.iter().map(|ip| (*ip, now + PERMISSION)));
        true
    }

    /// Remembers a channel, which has been bound.
    pub fn bind(&self, peer: SocketAddr, number: u16, lasts: Duration) {
        let now = self.shared.clock.now();
        let mut channels = lock(&self.channels);
        channels.retain(|_, (_, until)| *until > now);
        channels.insert(peer, (number, now + lasts));
    }

    /// Sends a peer's data to the client, by its channel if there is one.
    async fn pass_on(&self, payload: &[u8], peer: SocketAddr) {
        let now = self.shared.clock.now();
        let channel = lock(&self.channels)
            .get(&peer)
            .filter(|(_, until)| *until > now)
            .map(|(number, _)| *number);
        let bytes = match channel {
            Some(number) => frame::channel_data(number, payload, self.client.wire.is_stream()),
            None => message::encode_data(rand::rng().random(), peer, payload),
        };
        let Some(bytes) = bytes else {
            return;
        };
        let client = self.client.tuple.src_addr;
        // What cannot be sent is lost, as datagrams are.
        if self.client.wire.deliver(&bytes, client).await {
            add(&self.shared.counting.bytes_from_peers, payload.len());
        }
    }

    /// Sends a client's data to a peer, if it may go there.
    pub async fn send(&self, payload: &[u8], peer: SocketAddr) {
        if !self.is_permitted(peer) {
            add(&self.shared.counting.not_permitted, 1);
        } else if self.is_within_rate(Direction::ToPeers, payload.len()) {
            // What cannot be sent is lost, as datagrams are.
            if self.socket.send_to(payload, peer).await.is_ok() {
                add(&self.shared.counting.bytes_to_peers, payload.len());
            }
        }
    }

    fn is_permitted(&self, peer: SocketAddr) -> bool {
        let now = self.shared.clock.now();
        let lasts = |until: &Duration| *until > now;
        let may = match self.shared.policy.of(peer.ip()) {
            Peer::Allowed => !self.shared.listening.contains(&peer),
            Peer::OwnRelays => lock(&self.shared.relays).contains(&peer),
            Peer::Forbidden => false,
        };
        may && peer.port() != 0 && lock(&self.permissions).get(&peer.ip()).is_some_and(lasts)
    }

    fn is_within_rate(&self, way: Direction, bytes: usize) -> bool {
        let Some(rate) = self.shared.rate else {
            return true;
        };
        let mut buckets = lock(&self.buckets);
        let bucket = match way {
            Direction::ToPeers => &mut buckets[0],
            Direction::FromPeers => &mut buckets[1],
        };
        let bytes = u32::try_from(bytes).map_or(f64::MAX, f64::from);
        let within = bucket.take(rate, self.shared.clock.now(), bytes);
        if !within {
            add(&self.shared.counting.over_rate, 1);
        }
        within
    }

    /// Whatever ends the allocation ends here.
    fn end(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            lock(&self.shared.relays).remove(&self.relayed);
            lock(&self.slot).take();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.end();
    }
}

#[async_trait]
impl Conn for Relay {
    async fn connect(&self, _: SocketAddr) -> webrtc_util::Result<()> {
        Err(unsupported())
    }

    async fn recv(&self, _: &mut [u8]) -> webrtc_util::Result<usize> {
        Err(unsupported())
    }

    /// Passes on what may go to the client, for as long as the crate waits for something to pass on
    /// itself: its buffer is too small for large datagrams. Never an error, which would end the allocation.
    async fn recv_from(&self, _: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
        let mut buffer = vec![0; LARGEST];
        loop {
            let Ok((length, peer)) = self.socket.recv_from(&mut buffer).await else {
                tokio::time::sleep(crate::net::servers::turn::BREATHER).await;
                continue;
            };
            if !self.is_open() {
                // Those who read here are told to stop in another way.
                std::future::pending::<()>().await;
            }
            if !self.is_permitted(peer) {
                add(&self.shared.counting.not_permitted, 1);
            } else if self.is_within_rate(Direction::FromPeers, length) {
                self.pass_on(&buffer[..length], peer).await;
            }
        }
    }

    async fn send(&self, _: &[u8]) -> webrtc_util::Result<usize> {
        Err(unsupported())
    }

    async fn send_to(&self, payload: &[u8], peer: SocketAddr) -> webrtc_util::Result<usize> {
        Relay::send(self, payload, peer).await;
        Ok(payload.len())
    }

    fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> webrtc_util::Result<()> {
        self.end();
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

pub(super) fn unsupported() -> webrtc_util::Error {
    io::Error::from(io::ErrorKind::Unsupported).into()
}

/// Sockets that are bound, by family (whether IPv4) and port: the crate asks for the one whose port it
/// is told, since it would not say for whom it asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Prepared(Arc<Mutex<FreeSockets>>);

type FreeSockets = HashMap<(bool, u16), Arc<Relay>>;

impl Prepared {
    pub fn put(&self, relay: &Arc<Relay>) {
        let key = (relay.relayed.is_ipv4(), relay.relayed.port());
        lock(&self.0).insert(key, Arc::clone(relay));
    }

    pub fn take(&self, ipv4: bool, port: u16) -> Option<Arc<Relay>> {
        lock(&self.0).remove(&(ipv4, port))
    }
}

#[async_trait]
impl RelayAddressGenerator for Prepared {
    fn validate(&self) -> Result<(), turn::Error> {
        Ok(())
    }

    async fn allocate_conn(
        &self,
        ipv4: bool,
        port: u16,
    ) -> Result<(Arc<dyn Conn + Send + Sync>, SocketAddr), turn::Error> {
        let relay = self
            .take(ipv4, port)
            .ok_or(turn::Error::ErrRelayAddressInvalid)?;
        let relayed = relay.relayed;
        Ok((relay, relayed))
    }
}
