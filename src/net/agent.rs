//! The ICE agent of `webrtc-ice`, which nominates, keeps and uses the pair that [`Checks`] chooses.
//!
//! It has one virtual local candidate, and each pair is a virtual remote address to it. So every
//! datagram of it passes through [`Checks`], whatever socket or relay the pair goes by. The agent's
//! own statistics are empty; nothing is taken from them.
//!
//! [`Checks`]: crate::proto::ice::checks::Checks

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};
use webrtc_ice::agent::Agent as IceAgent;
use webrtc_ice::agent::agent_config::AgentConfig;
use webrtc_ice::candidate::candidate_base::CandidateBaseConfig;
use webrtc_ice::candidate::candidate_host::CandidateHostConfig;
use webrtc_ice::candidate::{Candidate, CandidateType};
use webrtc_ice::mdns::MulticastDnsMode;
use webrtc_ice::network_type::NetworkType;
use webrtc_ice::udp_mux::UDPMux;
use webrtc_ice::udp_network::UDPNetwork;
use webrtc_util::vnet::net::{Net, NetConfig};
use webrtc_util::{Conn, Error as UtilError};

use crate::base::bounds;
use crate::proto::ice::checks::{Credentials, Role};

/// How often the agent checks the pairs that it has, until one is selected.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// How often it asks for consent afterwards (RFC 7675).
const CONSENT_INTERVAL: Duration = Duration::from_secs(2);
/// When to give up is decided elsewhere.
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// The longest datagram.
const BUFFER: usize = 2048;
/// The port of all virtual addresses.
const PORT: u16 = 9;

#[derive(Debug)]
pub enum AgentEvent {
    /// It sends a datagram by a pair.
    Transmit(usize, Vec<u8>),
    /// A pair is nominated and checked: data goes over it from now on.
    Selected(usize),
    Data(Vec<u8>),
    Failed(String),
}

pub struct Agent {
    inner: Arc<IceAgent>,
    wire: Arc<VirtualSocket>,
    events: mpsc::UnboundedReceiver<AgentEvent>,
    sender: mpsc::UnboundedSender<AgentEvent>,
    /// Datagrams among the events.
    data: Arc<AtomicUsize>,
    conn: Arc<Mutex<Option<Arc<dyn Conn + Send + Sync>>>>,
    is_started: bool,
    _cancel: mpsc::Sender<()>,
    cancelled: Option<mpsc::Receiver<()>>,
}

impl Agent {
    /// An agent with its virtual candidate, which checks nothing yet.
    pub async fn new(local: &Credentials) -> Result<Self, String> {
        let (sender, events) = mpsc::unbounded_channel();
        let (inbox, received) = mpsc::channel(bounds::AGENT_DATAGRAMS);
        let wire = Arc::new(VirtualSocket {
            events: sender.clone(),
            inbox,
            received: Mutex::new(received),
        });
        let config = AgentConfig {
            udp_network: UDPNetwork::Muxed(Arc::new(Mux(Arc::clone(&wire)))),
            local_ufrag: local.ufrag.clone(),
            local_pwd: local.password.clone(),
            multicast_dns_mode: MulticastDnsMode::Disabled,
            disconnected_timeout: Some(NEVER),
            failed_timeout: Some(NEVER),
            keepalive_interval: Some(CONSENT_INTERVAL),
            network_types: vec![NetworkType::Udp4],
            candidate_types: vec![CandidateType::Host],
            check_interval: CHECK_INTERVAL,
            max_binding_requests: Some(u16::MAX),
            host_acceptance_min_wait: Some(Duration::ZERO),
            srflx_acceptance_min_wait: Some(Duration::ZERO),
            prflx_acceptance_min_wait: Some(Duration::ZERO),
            relay_acceptance_min_wait: Some(Duration::ZERO),
            // Its interfaces are virtual too, so that it does not depend on those of this host.
            net: Some(Arc::new(Net::new(Some(NetConfig::default())))),
            include_loopback: true,
            ..AgentConfig::default()
        };
        let agent = Arc::new(IceAgent::new(config).await.map_err(|e| e.to_string())?);
        let (gathered, mut done) = mpsc::unbounded_channel();
        agent.on_candidate(Box::new(move |candidate| {
            let _ = gathered.send(candidate.is_some());
            Box::pin(async {})
        }));
        agent.gather_candidates().map_err(|e| e.to_string())?;
        if done.recv().await != Some(true) {
            return Err("the ICE agent has no candidate".to_owned());
        }
        let selections = sender.clone();
        agent.on_selected_candidate_pair_change(Box::new(move |_, remote| {
            if let Some(pair) = pair_of(remote.addr()) {
                let _ = selections.send(AgentEvent::Selected(pair));
            }
            Box::pin(async {})
        }));
        let (cancel, cancelled) = mpsc::channel(1);
        Ok(Self {
            inner: agent,
            wire,
            events,
            sender,
            data: Arc::default(),
            conn: Arc::default(),
            is_started: false,
            _cancel: cancel,
            cancelled: Some(cancelled),
        })
    }

    /// Lets it check a pair, and begins with the first one.
    pub fn add_pair(&mut self, pair: usize, role: Role, remote: &Credentials) {
        let candidate = CandidateHostConfig {
            base_config: CandidateBaseConfig {
                network: "udp".to_owned(),
                address: address_of(pair).ip().to_string(),
                port: PORT,
                component: 1,
                ..CandidateBaseConfig::default()
            },
            ..CandidateHostConfig::default()
        };
        let added = candidate.new_candidate_host().and_then(|candidate| {
            let candidate: Arc<dyn Candidate + Send + Sync> = Arc::new(candidate);
            self.inner.add_remote_candidate(&candidate)
        });
        if let Err(error) = added {
            let _ = self.sender.send(AgentEvent::Failed(error.to_string()));
        }
        if !self.is_started {
            self.is_started = true;
            self.start(role, remote);
        }
    }

    fn start(&mut self, role: Role, remote: &Credentials) {
        let Some(cancelled) = self.cancelled.take() else {
            return;
        };
        let agent = Arc::clone(&self.inner);
        let (ufrag, password) = (remote.ufrag.clone(), remote.password.clone());
        let (sender, slot) = (self.sender.clone(), Arc::clone(&self.conn));
        let waiting = Arc::clone(&self.data);
        tokio::spawn(async move {
            let conn: Result<Arc<dyn Conn + Send + Sync>, _> = match role {
                Role::Controlling => agent
                    .dial(cancelled, ufrag, password)
                    .await
                    .map(|conn| conn as _),
                Role::Controlled => agent
                    .accept(cancelled, ufrag, password)
                    .await
                    .map(|conn| conn as _),
            };
            match conn {
                Ok(conn) => {
                    *slot.lock().await = Some(Arc::clone(&conn));
                    let mut buffer = vec![0; BUFFER];
                    while let Ok(length) = conn.recv(&mut buffer).await {
                        // What there is no room for is lost, as on the network.
                        if waiting.load(Ordering::Relaxed) >= bounds::AGENT_DATAGRAMS {
                            continue;
                        }
                        waiting.fetch_add(1, Ordering::Relaxed);
                        let _ = sender.send(AgentEvent::Data(buffer[..length].to_vec()));
                    }
                }
                Err(error) => {
                    let _ = sender.send(AgentEvent::Failed(error.to_string()));
                }
            }
        });
    }

    /// Gives it what came by a pair.
    pub fn deliver(&self, pair: usize, bytes: Vec<u8>) {
        // What it has no room for is lost, as on the network.
        let _ = self.wire.inbox.try_send((bytes, address_of(pair)));
    }

    /// Sends data over the selected pair; `false` if there is none yet.
    pub async fn send(&self, bytes: &[u8]) -> bool {
        match &*self.conn.lock().await {
            Some(conn) => conn.send(bytes).await.is_ok(),
            None => false,
        }
    }

    /// What it does next. May be dropped and called again.
    pub async fn next(&mut self) -> AgentEvent {
        match self.events.recv().await {
            Some(event) => {
                if matches!(event, AgentEvent::Data(_)) {
                    self.data.fetch_sub(1, Ordering::Relaxed);
                }
                event
            }
            // This side holds a sender too, so that the channel stays open.
            None => std::future::pending().await,
        }
    }

    pub async fn close(self) {
        // The crate can wait for its own tasks here; what it holds is only memory.
        let _ = tokio::time::timeout(Duration::from_millis(50), self.inner.close()).await;
    }
}

/// The virtual address of a pair, in the reserved block 240.0.0.0/4 (RFC 1112 4).
fn address_of(pair: usize) -> SocketAddr {
    let number = u16::try_from(pair).unwrap_or(u16::MAX);
    let [high, low] = number.to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(240, 0, high, low)), PORT)
}

fn pair_of(address: SocketAddr) -> Option<usize> {
    match address.ip() {
        IpAddr::V4(ip) => {
            let [240, 0, high, low] = ip.octets() else {
                return None;
            };
            Some(usize::from(u16::from_be_bytes([high, low])))
        }
        IpAddr::V6(_) => None,
    }
}

/// The agent's only socket.
struct VirtualSocket {
    events: mpsc::UnboundedSender<AgentEvent>,
    inbox: mpsc::Sender<(Vec<u8>, SocketAddr)>,
    received: Mutex<mpsc::Receiver<(Vec<u8>, SocketAddr)>>,
}

#[async_trait]
impl Conn for VirtualSocket {
    async fn connect(&self, _addr: SocketAddr) -> Result<(), UtilError> {
        Err(not_applicable())
    }

    async fn recv(&self, buf: &mut [u8]) -> Result<usize, UtilError> {
        self.recv_from(buf).await.map(|(length, _)| length)
    }

    async fn recv_from(&self, buf: &mut [u8]) -> Result<(usize, SocketAddr), UtilError> {
        match self.received.lock().await.recv().await {
            Some((bytes, source)) => {
                let length = bytes.len().min(buf.len());
                buf[..length].copy_from_slice(&bytes[..length]);
                Ok((length, source))
            }
            None => Err(not_applicable()),
        }
    }

    async fn send(&self, _buf: &[u8]) -> Result<usize, UtilError> {
        Err(not_applicable())
    }

    async fn send_to(&self, buf: &[u8], target: SocketAddr) -> Result<usize, UtilError> {
        if let Some(pair) = pair_of(target) {
            let _ = self.events.send(AgentEvent::Transmit(pair, buf.to_vec()));
        }
        Ok(buf.len())
    }

    fn local_addr(&self) -> Result<SocketAddr, UtilError> {
        Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT))
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> Result<(), UtilError> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}

fn not_applicable() -> UtilError {
    UtilError::Other("a virtual socket".to_owned())
}

struct Mux(Arc<VirtualSocket>);

#[async_trait]
impl UDPMux for Mux {
    async fn close(&self) -> Result<(), UtilError> {
        Ok(())
    }

    async fn get_conn(
        self: Arc<Self>,
        _ufrag: &str,
    ) -> Result<Arc<dyn Conn + Send + Sync>, UtilError> {
        Ok(Arc::clone(&self.0) as _)
    }

    async fn remove_conn_by_ufrag(&self, _ufrag: &str) {}
}
