//! A connection to a TURN server over UDP, TCP or TLS that carries whole frames.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UdpSocket;

use super::clock::Clock;
use super::host::Source;
use super::stream::io_error;
use super::tls;
use crate::report::stage::{Stage, StageTime};
use crate::report::tls::TlsReport;
use crate::report::{ErrorReport, Millis};
use crate::stun::uri::{Host, Transport};
use crate::turn::frame::FrameReader;

/// The largest UDP payload, and a good size to read a stream by.
const BUFFER: usize = 65_536;

/// A stream that takes less than it is given is dead; nobody needs more than this in flight.
const MOST_UNSENT: usize = 4 << 20;

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address.
    pub address: SocketAddr,
    /// The name that the certificate must have.
    pub host: Host,
    /// How.
    pub transport: Transport,
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub struct ConnectError {
    /// The stage that failed.
    pub stage: Stage,
    /// How long each stage took.
    pub times: Vec<StageTime>,
    /// What went wrong.
    pub report: ErrorReport,
    /// What is known of the certificates.
    pub tls: Option<TlsReport>,
}

/// A connection.
pub struct Link {
    wire: Wire,
    /// Where it was made from.
    pub local: SocketAddr,
    /// How long each stage took.
    pub times: Vec<StageTime>,
    /// The TLS connection, if it is one.
    pub tls: Option<TlsReport>,
    buffer: Vec<u8>,
}

enum Wire {
    Datagrams(UdpSocket),
    Stream {
        stream: Box<dyn Stream>,
        reader: FrameReader,
        unsent: Vec<u8>,
    },
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Link {
    /// Connects from a local address. Each stage may take `patience`.
    ///
    /// # Errors
    ///
    /// The stage that failed, and why.
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
                .map_err(|e| fail(Stage::Connect, &times, io_error(&e), None))?;
            let local = socket
                .local_addr()
                .map_err(|e| fail(Stage::Connect, &times, io_error(&e), None))?;
            return Ok(Self::new(Wire::Datagrams(socket), local, times, None));
        }
        let began = clock.now();
        let connecting = connect_tcp(source, local, target.address);
        let connected = within(patience, connecting).await;
        times.push(time(Stage::Connect, clock, began));
        let stream = connected.map_err(|e| fail(Stage::Connect, &times, io_error(&e), None))?;
        let local = stream
            .local_addr()
            .map_err(|e| fail(Stage::Connect, &times, io_error(&e), None))?;
        if target.transport == Transport::Tcp {
            return Ok(Self::new(Wire::stream(stream), local, times, None));
        }
        let began = clock.now();
        let shaken = tokio::time::timeout(patience, tls::handshake(&target.host, stream)).await;
        times.push(time(Stage::Tls, clock, began));
        let (stream, report) = match shaken {
            Ok(Ok(done)) => done,
            Ok(Err((error, seen))) => return Err(fail(Stage::Tls, &times, error, seen)),
            Err(_) => {
                let error = ErrorReport::new("timeout", "no answer to the TLS handshake")
                    .with_hint(
                        "check that this port speaks TLS, and that nothing in between filters it",
                    );
                return Err(fail(Stage::Tls, &times, error, None));
            }
        };
        Ok(Self::new(Wire::stream(stream), local, times, Some(report)))
    }

    fn new(wire: Wire, local: SocketAddr, times: Vec<StageTime>, tls: Option<TlsReport>) -> Self {
        Self {
            wire,
            local,
            times,
            tls,
            buffer: vec![0; BUFFER],
        }
    }

    /// Whether it is a stream.
    pub const fn is_stream(&self) -> bool {
        matches!(self.wire, Wire::Stream { .. })
    }

    /// Sends a message: at once over UDP; a stream takes it while [`Link::receive`] is polled.
    ///
    /// # Errors
    ///
    /// From the system, and if a stream takes nothing any more.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), ErrorReport> {
        match &mut self.wire {
            Wire::Datagrams(socket) => socket
                .send(bytes)
                .await
                .map(drop)
                .map_err(|e| datagram_error(&e)),
            Wire::Stream { unsent, .. } if unsent.len() + bytes.len() > MOST_UNSENT => Err(
                ErrorReport::new("timeout", "the connection takes nothing any more"),
            ),
            Wire::Stream { unsent, .. } => {
                unsent.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// The next datagram or frame. May be dropped and called again without loss.
    ///
    /// # Errors
    ///
    /// If the connection ends or carries something else than STUN and TURN.
    pub async fn receive(&mut self) -> Result<Vec<u8>, ErrorReport> {
        let buffer = &mut self.buffer;
        match &mut self.wire {
            Wire::Datagrams(socket) => {
                let length = socket.recv(buffer).await.map_err(|e| datagram_error(&e))?;
                Ok(buffer[..length].to_vec())
            }
            Wire::Stream {
                stream,
                reader,
                unsent,
            } => loop {
                let frame = reader.next_frame().map_err(|e| {
                    ErrorReport::new("not-stun", e.to_string()).with_hint(
                        "another service listens on this port; check address, port and transport",
                    )
                })?;
                if let Some(frame) = frame {
                    return Ok(frame);
                }
                let length = std::future::poll_fn(|context| pump(stream, unsent, buffer, context))
                    .await
                    .map_err(|e| io_error(&e))?;
                if length == 0 {
                    return Err(closed(reader.has_partial()));
                }
                reader.push(&buffer[..length]);
            },
        }
    }

    /// Lets a stream take what is still to be sent, for a moment.
    pub async fn flush(&mut self, patience: Duration) {
        if let Wire::Stream { stream, unsent, .. } = &mut self.wire {
            // What cannot be sent now does not matter any more.
            let _ = tokio::time::timeout(
                patience,
                std::future::poll_fn(|context| write_all(stream, unsent, context)),
            )
            .await;
        }
    }
}

impl Wire {
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
    socket.connect(address).await?;
    Ok(socket)
}

async fn connect_tcp(
    source: &Source,
    local: IpAddr,
    address: SocketAddr,
) -> io::Result<tokio::net::TcpStream> {
    let stream = source.tcp(local)?.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn time(stage: Stage, clock: &Clock, began: Duration) -> StageTime {
    StageTime {
        stage,
        elapsed_ms: Millis(clock.now().saturating_sub(began)),
    }
}

/// ICMP errors show as errors of a connected socket.
fn datagram_error(error: &io::Error) -> ErrorReport {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        ErrorReport::new("refused", "port unreachable (ICMP)")
            .with_hint("nothing listens there over UDP: check the port, or that the server runs")
    } else {
        io_error(error)
    }
}

fn closed(in_a_frame: bool) -> ErrorReport {
    if in_a_frame {
        ErrorReport::new(
            "closed",
            "the server closed the connection in the middle of an answer",
        )
    } else {
        ErrorReport::new(
            "closed",
            "the server closed the connection without an answer",
        )
    }
    .with_hint("look at the server's log; a proxy or firewall in between may also close it")
}
