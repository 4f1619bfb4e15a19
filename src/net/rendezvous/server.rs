//! The server: one task for each connection, one table of rooms.

mod certificate;
mod connection;
mod listen;
mod outbox;
mod pages;
mod shared;
mod totals;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use certificate::{CertificateFiles, CertificateFilesError};
pub use listen::{BindError, DEFAULT_PORT, Listen};
pub use totals::Totals;

use super::super::clock::Clock;
use crate::signal::seal::MAX_ENVELOPE;
use crate::signal::wire::Refusal;
use crate::signal::{rooms, visitors};
use shared::Shared;

/// What the server is to be like.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where to listen.
    pub listen: Listen,
    /// Certificate and key, for `wss://`.
    pub tls: Option<CertificateFiles>,
    /// What clients may cost.
    pub limits: Limits,
    /// How long things may take.
    pub patience: Patience,
}

/// What clients may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections and joins.
    pub visitors: visitors::Limits,
    /// Rooms.
    pub rooms: rooms::Limits,
    /// Bytes of one message.
    pub message: usize,
    /// Bytes that may wait for one client.
    pub queue: usize,
}

impl Default for Limits {
    /// For a small machine on the open Internet. An office behind one address may have some dozens
    /// of pairs at a time; a pair sends some dozens of messages of a few kilobytes.
    fn default() -> Self {
        Self {
            visitors: visitors::Limits {
                connections: 20_000,
                connections_per_address: 200,
                joins_per_second: 20,
            },
            rooms: rooms::Limits {
                rooms: 10_000,
                lifetime: Duration::from_secs(86_400),
                messages_per_second: 200,
                bytes_per_second: 1 << 20,
            },
            message: MAX_ENVELOPE,
            queue: 1 << 20,
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the connection to the end of the HTTP request and its answer, TLS handshake included:
    /// neither slow writers nor foreign protocols hold a connection for longer.
    pub request: Duration,
    /// From there to the join.
    pub join: Duration,
    /// Between two pings: shorter than the half minute after which some proxies and NATs forget
    /// a silent connection.
    pub ping: Duration,
    /// Silence until a client is given up: three pings.
    pub silence: Duration,
    /// For a client to take what it is sent.
    pub write: Duration,
    /// For a client to read why the connection ends: a socket that is closed with unread input
    /// resets the connection, and the reason is lost.
    pub linger: Duration,
    /// For everybody to be told that the server stops.
    pub stop: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            join: Duration::from_secs(5),
            ping: Duration::from_secs(20),
            silence: Duration::from_secs(60),
            write: Duration::from_secs(10),
            linger: Duration::from_secs(1),
            stop: Duration::from_secs(2),
        }
    }
}

/// Something that happens, for a log. Room names are shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A client has joined a room.
    Joined {
        /// The client.
        address: SocketAddr,
        /// The room.
        room: String,
        /// Whether the other member is there.
        peer: bool,
    },
    /// Its connection has ended.
    Left {
        /// The client.
        address: SocketAddr,
        /// The room.
        room: String,
    },
    /// A connection was ended by the server.
    Refused {
        /// The client.
        address: SocketAddr,
        /// Why.
        refusal: Refusal,
    },
}

/// How long nothing is accepted after the system had no descriptor or memory left: trying again at
/// once would keep a processor busy.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// How often rooms and clients are looked through.
const TIDY_EVERY: Duration = Duration::from_secs(1);

type Service = TowerToHyperService<Router>;

/// A server that listens.
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens; connections are accepted by [`Server::run`]. Needs a tokio runtime around it.
    ///
    /// # Errors
    ///
    /// Which address cannot be listened on, or which file cannot be used, and why.
    pub fn bind(options: &Options, clock: Clock) -> Result<Self, BindError> {
        let tls = options.tls.as_ref().map(CertificateFiles::acceptor);
        let tls = tls.transpose()?;
        let listeners = options.listen.bind()?;
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<Vec<_>>>()
            .map_err(BindError::System)?;
        Ok(Self {
            listeners,
            addresses,
            tls,
            shared: Arc::new(Shared::new(options, clock)),
        })
    }

    /// Where it listens, ports filled in.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether clients have to use `wss://`.
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Says from now on what happens.
    pub fn log_to(&self, log: mpsc::UnboundedSender<Event>) {
        self.shared.log_to(log);
    }

    /// Adds the metrics of services beside this one to `/metrics`: lines that end, in the text format
    /// of Prometheus ([`crate::net::metrics`]). To be called once.
    pub fn add_metrics(&self, more: impl Fn() -> String + Send + Sync + 'static) {
        self.shared.add_metrics(Box::new(more));
    }

    /// Serves until `stop` is done and members have been told, [`Patience::stop`] at most. Dropping
    /// it ends all connections at once.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Totals {
        let Self {
            listeners,
            tls,
            shared,
            ..
        } = self;
        let clock = shared.clock;
        let service = TowerToHyperService::new(pages::router(&shared));
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let mut stop_by = None;
        let mut accept_from = clock.now();
        let mut tidy_at = clock.now() + TIDY_EVERY.min(shared.limits.rooms.lifetime);
        let mut next = 0;
        loop {
            let now = clock.now();
            if tidy_at <= now {
                tidy_at = now + TIDY_EVERY.min(shared.limits.rooms.lifetime);
                shared.tidy();
            }
            if stop_by.is_some_and(|by| by <= now || shared.members_are_gone()) {
                break;
            }
            let wake = stop_by.map_or(tidy_at, |by| tidy_at.min(by));
            let paused = accept_from > now;
            let wake = if paused { wake.min(accept_from) } else { wake };
            tokio::select! {
                () = &mut stop, if stop_by.is_none() => {
                    stop_by = Some(clock.now() + shared.patience.stop);
                    shared.stop();
                }
                Some(_) = connections.join_next() => {}
                () = tokio::time::sleep_until(clock.instant(wake)) => {}
                accepted = accept(&listeners, &mut next), if !paused => match accepted {
                    Ok((stream, address)) => {
                        if let Some(visit) = Shared::arrive(&shared, address) {
                            let tls = tls.clone();
                            connections.spawn(connection::serve(
                                visit, stream, tls, service.clone(),
                            ));
                        }
                    }
                    Err(error) if belongs_to_a_client(&error) => {}
                    Err(_) => {
                        shared.accept_failed();
                        accept_from = clock.now() + ACCEPT_AGAIN;
                    }
                },
            }
        }
        connections.shutdown().await;
        shared.totals()
    }
}

/// The next connection of any listener; each gets its turn.
async fn accept(
    listeners: &[TcpListener],
    next: &mut usize,
) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        for turn in 0..listeners.len() {
            let index = (*next + turn) % listeners.len();
            if let Poll::Ready(accepted) = listeners[index].poll_accept(context) {
                *next = index + 1;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Errors of one connection that broke before it was accepted (accept(2)).
fn belongs_to_a_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::Interrupted
    )
}
