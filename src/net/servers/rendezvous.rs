//! The server: one task for each connection, one table of rooms.

mod broker;
mod budget;
mod certificate;
mod connection;
mod desk;
mod frames;
mod listen;
mod outbox;
mod page;
mod pages;
mod proxied;
mod shared;
mod stream;
mod totals;
mod unfinished;
mod watchers;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use broker::Broker;
pub use certificate::{CertificateFiles, CertificateFilesError};
pub use listen::{BindError, DEFAULT_PORT, Listen};
pub use proxied::Proxies;
pub use totals::Totals;

use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::proto::signal::seal::MAX_ENVELOPE;
use crate::proto::signal::wire::Refusal;
use crate::proto::signal::{rooms, visitors};
use certificate::Stamp;
use shared::Shared;
use watchers::Watchers;

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub listen: Listen,
    /// Certificate and key, for `wss://`.
    pub tls: Option<CertificateFiles>,
    pub limits: Limits,
    pub patience: Patience,
    pub proxies: Proxies,
    /// Where `/health` and `/metrics` are, over plain HTTP; with the rendezvous if nowhere else.
    pub admin: Option<SocketAddr>,
    /// Where rooms are shared with other processes.
    pub broker: Option<Broker>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub visitors: visitors::VisitorLimits,
    pub rooms: rooms::RoomLimits,
    /// Bytes of one message.
    pub message: usize,
    /// Bytes that may wait for one client.
    pub queue: usize,
    /// Connections beyond the limits that are told so, at one time. More are closed without a word.
    pub told: usize,
    /// Connections that look at health and metrics at a time, if these have an address of their own; the newest ones.
    pub watchers: usize,
}

impl Default for Limits {
    /// For a small machine on the open Internet. An office behind one address may have some dozens
    /// of pairs at a time; a pair sends some dozens of messages of a few kilobytes.
    fn default() -> Self {
        Self {
            visitors: visitors::VisitorLimits {
                connections: 20_000,
                connections_per_address: 200,
                joins_per_second: 20,
            },
            rooms: rooms::RoomLimits {
                rooms: 10_000,
                lifetime: Duration::from_secs(86_400),
                messages_per_second: 200,
                bytes_per_second: 1 << 20,
            },
            message: MAX_ENVELOPE,
            queue: 1 << 20,
            told: 64,
            watchers: 64,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the connection to the end of the HTTP request and its answer, TLS handshake included:
    /// neither slow writers nor foreign protocols hold a connection for longer.
    pub request: Duration,
    pub join: Duration,
    /// Between two pings: shorter than the half minute after which some proxies and NATs forget
    /// a silent connection.
    pub ping: Duration,
    /// Silence until a client is given up: three pings.
    pub silence: Duration,
    /// For a client to take what it is sent.
    pub write: Duration,
    /// From the first byte of a message to its last.
    pub message: Duration,
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
            message: Duration::from_secs(20),
            linger: Duration::from_secs(1),
            stop: Duration::from_secs(2),
        }
    }
}

/// Something that happens, for a log. Room names are shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Joined {
        address: SocketAddr,
        room: String,
        peer: bool,
    },
    Left {
        address: SocketAddr,
        room: String,
    },
    Refused {
        address: SocketAddr,
        refusal: Refusal,
    },
    /// Certificate and key were read again; with the problem for which the old ones stay.
    Certificate {
        problem: Option<String>,
    },
    /// Rooms are shared with other processes, again or for the first time.
    BrokerReached,
    /// They are not shared; the broker is being tried again.
    BrokerLost(ErrorReport),
    /// So many other processes share them.
    Siblings(usize),
}

/// How long nothing is accepted after the system had no descriptor or memory left: trying again at
/// once would keep a processor busy.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// How often the certificate files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often rooms and clients are looked through.
const TIDY_EVERY: Duration = Duration::from_secs(1);

pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    admin: Option<TcpListener>,
    tls: Option<Tls>,
    /// What came of the first try to reach the broker.
    reached: Option<Result<broker::Connection, ErrorReport>>,
    shared: Arc<Shared>,
}

/// The certificate in use, and the files that it came from.
struct Tls {
    files: CertificateFiles,
    acceptor: TlsAcceptor,
    stamp: Stamp,
}

impl Tls {
    fn read(files: &CertificateFiles) -> Result<Self, CertificateFilesError> {
        let stamp = files.stamp();
        let acceptor = files.acceptor()?;
        Ok(Self {
            files: files.clone(),
            acceptor,
            stamp,
        })
    }

    /// Reads the files again; the problem for which the old ones stay.
    fn renew(&mut self) -> Result<(), CertificateFilesError> {
        // A bad file is not tried again until it changes.
        self.stamp = self.files.stamp();
        self.acceptor = self.files.acceptor()?;
        Ok(())
    }
}

impl Server {
    /// Listens; connections are accepted by [`Server::run`]. Needs a tokio runtime around it.
    /// Which address cannot be listened on, or which file cannot be used, and why.
    pub fn bind(options: &Options, clock: Clock) -> Result<Self, BindError> {
        let tls = options.tls.as_ref().map(Tls::read).transpose()?;
        let listeners = options.listen.bind()?;
        let admin = options.admin.map(listen::listen).transpose()?;
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<Vec<_>>>()
            .map_err(BindError::System)?;
        Ok(Self {
            listeners,
            addresses,
            admin,
            tls,
            reached: None,
            shared: Arc::new(Shared::new(options, clock)),
        })
    }

    /// Tries to reach the broker, if there is one, for some seconds. A problem that may pass is given, and it is
    /// tried again while the server runs; one that will not, such as a wrong password, is the error.
    pub async fn reach_broker(&mut self) -> Result<Option<ErrorReport>, ErrorReport> {
        let Some(broker) = &self.shared.broker else {
            return Ok(None);
        };
        match broker.reach(&self.shared).await {
            Ok(connection) => {
                self.reached = Some(Ok(connection));
                Ok(None)
            }
            Err(failure) if failure.is_final => Err(failure.report),
            Err(failure) => {
                self.reached = Some(Err(failure.report.clone()));
                Ok(Some(failure.report))
            }
        }
    }

    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where `/health` and `/metrics` are, if not with the rendezvous.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }

    /// Whether clients have to use `wss://`.
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Says from now on what happens; what clients do only if `everything` is asked for.
    pub fn log_to(&self, log: mpsc::UnboundedSender<Event>, everything: bool) {
        self.shared.log_to(log, everything);
    }

    /// Adds the metrics of services beside this one to `/metrics`: lines that end, in the text format
    /// of Prometheus ([`crate::net::servers::metrics`]). To be called once.
    pub fn add_metrics(&self, more: impl Fn() -> String + Send + Sync + 'static) {
        self.shared.add_metrics(Box::new(more));
    }

    /// Serves until `stop` is done and members have been told, [`Patience::stop`] at most. Dropping
    /// it ends all connections at once.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Totals {
        let (_, renew) = mpsc::channel(1);
        self.run_and_renew(stop, renew).await
    }

    /// The same. Each message of `renew` has it read certificate and key again, as it does when the files change.
    pub async fn run_and_renew(
        self,
        stop: impl Future<Output = ()>,
        mut renew: mpsc::Receiver<()>,
    ) -> Totals {
        let Self {
            listeners,
            admin,
            mut tls,
            reached,
            shared,
            ..
        } = self;
        let clock = shared.clock;
        let mut beside = JoinSet::new();
        if shared.broker.is_some() {
            beside.spawn(broker::stay(Arc::clone(&shared), reached));
        }
        let mut connections = JoinSet::new();
        let mut watchers = Watchers::default();
        let mut stop = std::pin::pin!(stop);
        let mut stop_by = None;
        let mut accept_from = clock.now();
        let mut tidy_at = clock.now() + TIDY_EVERY.min(shared.limits.rooms.lifetime);
        let mut next = 0;
        let mut look_at = clock.now() + LOOK_EVERY;
        loop {
            let now = clock.now();
            if tidy_at <= now {
                tidy_at = now + TIDY_EVERY.min(shared.limits.rooms.lifetime);
                shared.tidy();
            }
            if look_at <= now {
                look_at = now + LOOK_EVERY;
                if let Some(tls) = tls.as_mut().filter(|tls| tls.files.stamp() != tls.stamp) {
                    shared.certificate_read(tls.renew());
                }
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
                Some(()) = watchers.join_next() => {}
                Ok((stream, _)) = accept_admin(admin.as_ref()), if !paused => {
                    watchers.add(connection::serve_admin(Arc::clone(&shared), stream), shared.limits.watchers);
                }
                Some(()) = renew.recv() => {
                    if let Some(tls) = &mut tls {
                        shared.certificate_read(tls.renew());
                    }
                }
                () = tokio::time::sleep_until(clock.instant(wake)) => {}
                accepted = accept(&listeners, &mut next), if !paused => match accepted {
                    Ok((stream, address)) => {
                        if let Some(visit) = Shared::arrive(&shared, address) {
                            let tls = tls.as_ref().map(|tls| tls.acceptor.clone());
                            connections.spawn(connection::serve(visit, stream, tls));
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
        watchers.shutdown().await;
        // The broker tells the others.
        beside.shutdown().await;
        shared.totals()
    }
}

/// An error has nobody who could hear of it; the next one may be better.
async fn accept_admin(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
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
