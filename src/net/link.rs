//! A connection to a STUN or TURN server over UDP, TCP or TLS that carries whole frames.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UdpSocket};

use crate::base::codes::Code;
use crate::base::report::{ErrorReport, Millis};
use crate::base::stage::{Stage, StageTime};
use crate::base::tls::TlsReport;
use crate::net::clock::Clock;
use crate::net::drive::Sockets;
use crate::net::host::Source;
use crate::net::stream::{connect_error, io_error, local_error, network_unreachable};
use crate::net::{icmp, tls, whole};
use crate::proto::rejection::Rejection;
use crate::proto::stun::message::{self, BindingResponse, Change, TransactionId};
use crate::proto::stun::refused::OTHER_SERVICE;
use crate::proto::stun::uri::{Host, Transport};
use crate::proto::turn::frame::{Foreign, FrameReader};

/// The largest UDP payload, and a good size to read a stream by.
const BUFFER: usize = 65_536;

/// A stream that takes less than it is given is dead; nobody needs more than this in flight.
const MOST_UNSENT: usize = 4 << 20;

/// How many round trips a TLS handshake may take.
const HANDSHAKE: u32 = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub address: SocketAddr,
    /// The name that the certificate must have.
    pub host: Host,
    pub transport: Transport,
}

#[derive(Debug, Clone)]
pub struct ConnectError {
    pub stage: Stage,
    pub times: Vec<StageTime>,
    pub report: ErrorReport,
    pub tls: Option<TlsReport>,
}

pub struct Link {
    wire: Carrier,
    /// Where it was made from.
    pub local: SocketAddr,
    pub times: Vec<StageTime>,
    pub tls: Option<TlsReport>,
    buffer: Vec<u8>,
    /// What came over a stream last.
    frame: Vec<u8>,
    /// What somebody said by ICMP that may pass: over UDP it is waited for an answer all the same.
    rejection: Option<Rejection>,
}

enum Carrier {
    Datagrams(UdpSocket),
    Stream {
        stream: Box<dyn Stream>,
        reader: FrameReader,
        unsent: Vec<u8>,
    },
    /// Somebody else has it now.
    Taken,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Link {
    /// Connects from a local address. Each stage may take `patience`.
    pub async fn connect(
        target: &Target,
        source: &Source,
        local: IpAddr,
        clock: &Clock,
        patience: Duration,
    ) -> Result<Self, ConnectError> {
        let mut times = Vec::new();
        let fail = |stage, times: &[StageTime], report, tls| ConnectError {
            stage,
            times: times.to_vec(),
            report,
            tls,
        };
        if target.transport == Transport::Udp {
            let socket = connected_udp(source, local, target.address)
                .await
                .map_err(|e| fail(Stage::Connect, &times, local_error(&e), None))?;
            let local = socket
                .local_addr()
                .map_err(|e| fail(Stage::Connect, &times, io_error(&e), None))?;
            return Ok(Self::new(Carrier::Datagrams(socket), local, times, None));
        }
        let began = clock.now();
        let connecting = async { source.tcp(local)?.connect(target.address).await };
        let connected = within(patience, connecting).await;
        times.push(time(Stage::Connect, clock, began));
        let stream = match connected {
            Ok(stream) => stream,
            Err(e) => {
                // Where this machine has a way, which costs no packet to see, somebody further on has said so.
                let is_from_outside = e.kind() == io::ErrorKind::NetworkUnreachable
                    && connected_udp(source, local, target.address).await.is_ok();
                let error = if is_from_outside {
                    network_unreachable()
                } else {
                    connect_error(&e, target.address)
                };
                return Err(fail(Stage::Connect, &times, error, None));
            }
        };
        Self::over(stream, times, target, clock, patience).await
    }

    /// On a TCP connection that stands, which took `times`. A TLS handshake may take `patience`.
    pub async fn over(
        stream: TcpStream,
        mut times: Vec<StageTime>,
        target: &Target,
        clock: &Clock,
        patience: Duration,
    ) -> Result<Self, ConnectError> {
        let fail = |stage, times: &[StageTime], report, tls| ConnectError {
            stage,
            times: times.to_vec(),
            report,
            tls,
        };
        let local = stream
            .set_nodelay(true)
            .and_then(|()| stream.local_addr())
            .map_err(|e| fail(Stage::Connect, &times, io_error(&e), None))?;
        if target.transport != Transport::Tls {
            return Ok(Self::new(Carrier::stream(stream), local, times, None));
        }
        let began = clock.now();
        // A handshake takes two or three of them.
        let patience = patience.max(round_trip(&times) * HANDSHAKE);
        let shaken = tokio::time::timeout(patience, tls::handshake(&target.host, stream)).await;
        times.push(time(Stage::Tls, clock, began));
        match shaken {
            Ok(Ok((stream, report))) => Ok(Self::new(
                Carrier::stream(stream),
                local,
                times,
                Some(report),
            )),
            Ok(Err((error, seen))) => Err(fail(Stage::Tls, &times, error, seen)),
            Err(_) => {
                let error = ErrorReport::new(Code::Timeout, "no answer to the TLS handshake")
                    .with_hint(
                        "check that this port speaks TLS, and that nothing in between filters it",
                    );
                Err(fail(Stage::Tls, &times, error, None))
            }
        }
    }

    /// One Binding request and its answer, with the round trip (RFC 8489 6.2.2: nothing is
    /// repeated on a stream).
    /// Fails if the connection ends or carries something else than STUN.
    pub async fn bind(
        &mut self,
        id: TransactionId,
        clock: &Clock,
    ) -> Result<(BindingResponse, Duration), ErrorReport> {
        if let Carrier::Stream { reader, .. } = &mut self.wire {
            *reader = FrameReader::of_stun();
        }
        let sent = clock.now();
        self.send((), &message::binding_request(id, Change::None))
            .await?;
        loop {
            let frame = self.next_frame().await?;
            if message::transaction_id(frame) == Some(id) {
                let response = message::decode_binding_response(frame)
                    .map_err(|e| ErrorReport::new(Code::Malformed, e.to_string()))?;
                return Ok((response, clock.now().saturating_sub(sent)));
            }
        }
    }

    fn new(
        wire: Carrier,
        local: SocketAddr,
        times: Vec<StageTime>,
        tls: Option<TlsReport>,
    ) -> Self {
        Self {
            wire,
            local,
            times,
            tls,
            buffer: vec![0; BUFFER],
            frame: Vec::new(),
            rejection: None,
        }
    }

    pub const fn is_stream(&self) -> bool {
        matches!(self.wire, Carrier::Stream { .. })
    }

    /// Bytes that a stream has not taken yet.
    pub const fn unsent(&self) -> usize {
        match &self.wire {
            Carrier::Datagrams(_) | Carrier::Taken => 0,
            Carrier::Stream { unsent, .. } => unsent.len(),
        }
    }

    /// Sends a frame, over UDP whole or not at all. `false` if it is larger than the system sends.
    pub async fn send_whole(&mut self, bytes: &[u8]) -> Result<bool, ErrorReport> {
        let Carrier::Datagrams(socket) = &self.wire else {
            return self.send((), bytes).await.map(|()| true);
        };
        match whole::send(socket, None, bytes).await {
            Ok(()) => Ok(true),
            Err(error) if whole::is_too_large(&error) => Ok(false),
            Err(error) => match lost(socket, &error) {
                Lost::Passing(rejection) => {
                    self.rejection = rejection;
                    Ok(true)
                }
                Lost::For(report) => Err(report),
            },
        }
    }

    /// Who has said that the server is not to be reached, while it was silent.
    pub fn rejection(&self) -> Option<ErrorReport> {
        let server = match &self.wire {
            Carrier::Datagrams(socket) => socket.peer_addr().ok()?,
            _ => return None,
        };
        self.rejection.map(|rejection| rejection.report(server))
    }

    /// The connection, for somebody who outlives this one; nothing works here any more.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self {
            wire: std::mem::replace(&mut self.wire, Carrier::Taken),
            local: self.local,
            times: std::mem::take(&mut self.times),
            tls: self.tls.take(),
            buffer: std::mem::take(&mut self.buffer),
            frame: std::mem::take(&mut self.frame),
            rejection: self.rejection,
        }
    }

    /// An error if the connection ends or carries something else than STUN and TURN.
    async fn next_frame(&mut self) -> Result<&[u8], ErrorReport> {
        let buffer = &mut self.buffer;
        match &mut self.wire {
            Carrier::Datagrams(socket) => loop {
                match socket.recv(buffer).await {
                    Ok(length) => return Ok(&buffer[..length]),
                    Err(error) => match lost(socket, &error) {
                        Lost::Passing(rejection) => {
                            self.rejection = rejection.or(self.rejection);
                        }
                        Lost::For(report) => return Err(report),
                    },
                }
            },
            Carrier::Stream {
                stream,
                reader,
                unsent,
            } => loop {
                let frame = reader.next_frame().map_err(foreign)?;
                if let Some(frame) = frame {
                    self.frame = frame;
                    return Ok(&self.frame);
                }
                let length = std::future::poll_fn(|context| pump(stream, unsent, buffer, context))
                    .await
                    .map_err(|e| io_error(&e))?;
                if length == 0 && reader.ends_foreign() {
                    return Err(foreign(Foreign::NotStun));
                } else if length == 0 {
                    return Err(closed(reader.has_partial()));
                }
                reader.push(&buffer[..length]);
            },
            Carrier::Taken => Err(closed(false)),
        }
    }
}

impl Sockets for Link {
    type Flow = ();
    type Error = ErrorReport;

    /// At once over UDP; a stream takes it while [`Link::receive`] is polled.
    async fn send(&mut self, (): (), bytes: &[u8]) -> Result<(), ErrorReport> {
        match &mut self.wire {
            Carrier::Datagrams(socket) => match socket.send(bytes).await {
                Ok(_) => Ok(()),
                Err(error) => match lost(socket, &error) {
                    Lost::Passing(rejection) => {
                        self.rejection = rejection.or(self.rejection);
                        Ok(())
                    }
                    Lost::For(report) => Err(report),
                },
            },
            Carrier::Stream { unsent, .. } if unsent.len() + bytes.len() > MOST_UNSENT => Err(
                ErrorReport::new(Code::Timeout, "the connection no longer accepts data"),
            ),
            Carrier::Stream { unsent, .. } => {
                unsent.extend_from_slice(bytes);
                Ok(())
            }
            Carrier::Taken => Err(closed(false)),
        }
    }

    async fn receive(&mut self) -> ((), Result<&[u8], ErrorReport>) {
        ((), self.next_frame().await)
    }
}

impl Carrier {
    fn stream(stream: impl Stream + 'static) -> Self {
        Self::Stream {
            stream: Box::new(stream),
            reader: FrameReader::default(),
            unsent: Vec::new(),
        }
    }
}

/// Writes what is waiting, and reads.
fn pump(
    stream: &mut Box<dyn Stream>,
    unsent: &mut Vec<u8>,
    buffer: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if let Poll::Ready(Err(error)) = write_all(stream, unsent, context) {
        return Poll::Ready(Err(error));
    }
    let mut read = ReadBuf::new(buffer);
    Pin::new(&mut **stream)
        .poll_read(context, &mut read)
        .map_ok(|()| read.filled().len())
}

fn write_all(
    stream: &mut Box<dyn Stream>,
    unsent: &mut Vec<u8>,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !unsent.is_empty() {
        match Pin::new(&mut **stream).poll_write(context, unsent) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(count)) => {
                unsent.drain(..count);
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
    }
    Pin::new(&mut **stream).poll_flush(context)
}

async fn connected_udp(
    source: &Source,
    local: IpAddr,
    address: SocketAddr,
) -> io::Result<UdpSocket> {
    let socket = source.udp(local)?;
    // A connected socket hears of ICMP errors, and of nobody but the server.
    icmp::watch(&socket, true);
    socket.connect(address).await?;
    Ok(socket)
}

async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What the connection took to come about, which is a round trip.
pub fn round_trip(times: &[StageTime]) -> Duration {
    let connect = times.iter().find(|time| time.stage == Stage::Connect);
    connect.map_or(Duration::ZERO, |time| time.elapsed_ms.0)
}

fn time(stage: Stage, clock: &Clock, began: Duration) -> StageTime {
    StageTime {
        stage,
        elapsed_ms: Millis(clock.now().saturating_sub(began)),
    }
}

/// What an error of a connected socket means for it.
enum Lost {
    /// That datagram, or an earlier one, is lost, and no more.
    Passing(Option<Rejection>),
    /// Nothing will get there.
    For(ErrorReport),
}

fn lost(socket: &UdpSocket, error: &io::Error) -> Lost {
    let server = socket.peer_addr().ok();
    let rejection = server.and_then(|server| Some((server, icmp::take(socket, server)?)));
    match rejection {
        // The path did not carry an earlier one.
        _ if whole::is_too_large(error) => Lost::Passing(None),
        Some((_, rejection)) if rejection.may_pass() => Lost::Passing(Some(rejection)),
        Some((server, rejection)) => Lost::For(rejection.report(server)),
        None => Lost::For(datagram_error(error)),
    }
}

/// ICMP errors show as errors of a connected socket.
fn datagram_error(error: &io::Error) -> ErrorReport {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        ErrorReport::new(Code::Refused, "port unreachable (ICMP)")
            .with_hint("nothing listens there over UDP, or a firewall refuses this host: check the port, and that the server runs")
    } else {
        match io_error(error) {
            report if report.code == Code::Unreachable => ErrorReport::new(
                Code::Unreachable,
                "a router or firewall on the way rejects it, or nobody has that address (ICMP)",
            )
            .with_hint("check the address; on a network that blocks UDP, TURN over TLS on port 443 often gets through"),
            report => report,
        }
    }
}

fn foreign(what: Foreign) -> ErrorReport {
    ErrorReport::new(Code::NotStun, what.to_string()).with_hint(OTHER_SERVICE)
}

fn closed(in_a_frame: bool) -> ErrorReport {
    if in_a_frame {
        ErrorReport::new(
            Code::Closed,
            "the server closed the connection in the middle of an answer",
        )
    } else {
        ErrorReport::new(
            Code::Closed,
            "the server closed the connection without an answer",
        )
    }
    .with_hint("look at the server's log; a proxy or firewall in between may also close it")
}
