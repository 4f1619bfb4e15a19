//! Does what authenticated clients may have done.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use tokio::net::UdpSocket;
use turn::allocation::Allocation;
use turn::allocation::channel_bind::ChannelBind;
use turn::allocation::permission::Permission;
use turn::proto::channum::ChannelNumber;

use crate::base::family::Family;
use crate::net::servers::listen;
use crate::net::servers::turn::counters::add;
use crate::net::servers::turn::relay::{Owner, Relay};
use crate::net::servers::turn::{Client, Inner, lock};
use crate::proto::turn::server::Action;
use crate::proto::turn::server::answer::{Granted, Refusal, Reply};

/// RFC 8656 12: how long a channel lasts.
const CHANNEL: Duration = Duration::from_secs(600);
/// How often another port is tried when one is taken.
const PORT_TRIES: usize = 64;

impl Inner {
    /// Does what has been decided, and says so.
    pub(super) async fn act(
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
                let relay = self.relay(client, owner, family, even_port);
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
    fn relay(
        &self,
        client: &Client,
        owner: Owner,
        family: Family,
        even_port: bool,
    ) -> Result<Arc<Relay>, Refusal> {
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
        let relay = Relay::new(
            socket,
            relayed,
            client.clone(),
            owner,
            slot,
            Arc::clone(&self.shared),
        );
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
        // The number has another peer, or the peer another number (RFC 8656 12.2).
        let bind = ChannelBind::new(ChannelNumber(number), peer);
        let bound = allocation.add_channel_bind(bind, CHANNEL).await;
        bound.map_err(|_| Refusal::BadRequest)?;
        // A channel brings the permission with it.
        let relay = relay.filter(|relay| relay.permit(&[peer.ip()]));
        let relay = relay.ok_or(Refusal::InsufficientCapacity)?;
        relay.bind(peer, number, CHANNEL);
        Ok(reply.success(Granted::Done))
    }

    async fn allocation(&self, client: &Client) -> Result<Arc<Allocation>, Refusal> {
        let allocation = self.manager.get_allocation(&client.tuple).await;
        allocation.ok_or(Refusal::AllocationMismatch)
    }
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}
