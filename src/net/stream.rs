//! STUN over TCP and TLS (RFC 8489 6.2.2): one Binding request, one answer.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::clock::Clock;
use super::host::Source;
use super::tls;
use crate::report::ErrorReport;
use crate::stun::message::{self, BindingResponse, Change, HEADER_LEN, TransactionId};
use crate::stun::uri::{Host, Transport};

/// Connecting, handshake and answer together. UDP waits about as long for a first answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What to try.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Where to.
    pub address: SocketAddr,
    /// The name that the certificate must have.
    pub host: Host,
    /// TCP or TLS.
    pub transport: Transport,
}

/// An answer over a stream.
#[derive(Debug, Clone)]
pub struct StreamAnswer {
    /// What came.
    pub response: BindingResponse,
    /// From the request to the answer, without connecting.
    pub rtt: Duration,
    /// The address and port that the connection was made from.
    pub local: SocketAddr,
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub struct StreamError {
    /// As a report has it.
    pub report: ErrorReport,
    /// Whether the host itself was heard of: it accepted the connection or refused it.
    pub host_is_up: bool,
}

/// How long the parts of an attempt may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the connection stands.
    pub connect: Duration,
    /// All of it.
    pub whole: Duration,
}

/// Connects, asks and reads the answer.
///
/// # Errors
///
/// What went wrong, and whether the host is up.
pub async fn ask(
    attempt: &Attempt,
    source: &Source,
    clock: &Clock,
    id: TransactionId,
) -> Result<StreamAnswer, StreamError> {
    let opened = source
        .local_address_to(attempt.address)
        .and_then(|local| source.tcp(local));
    let socket = opened.map_err(|e| StreamError {
        report: io_error(&e),
        host_is_up: false,
    })?;
    let patience = Patience {
        connect: PATIENCE,
        whole: PATIENCE,
    };
    ask_from(socket, attempt, clock, id, patience).await
}

/// The same from a socket that is bound already.
///
/// # Errors
///
/// As [`ask`].
pub async fn ask_from(
    socket: TcpSocket,
    attempt: &Attempt,
    clock: &Clock,
    id: TransactionId,
    patience: Patience,
) -> Result<StreamAnswer, StreamError> {
    let connected = AtomicBool::new(false);
    let connect_and_ask = async {
        let connecting = socket.connect(attempt.address);
        let stream = tokio::time::timeout(patience.connect, connecting)
            .await
            .map_err(|_| silence())?
            .map_err(|e| io_error(&e))?;
        connected.store(true, Ordering::Relaxed);
        let local = stream.local_addr().map_err(|e| io_error(&e))?;
        if attempt.transport == Transport::Tls {
            let stream = tls::handshake(&attempt.host, stream)
                .await
                .map_err(|(error, _)| summed_up(error))?
                .0;
            exchange(stream, local, clock, id).await
        } else {
            exchange(stream, local, clock, id).await
        }
    };
    let answer = tokio::time::timeout(patience.whole, connect_and_ask)
        .await
        .unwrap_or_else(|_| Err(silence()));
    answer.map_err(|report| StreamError {
        host_is_up: connected.load(Ordering::Relaxed) || report.code == "refused",
        report,
    })
}

fn silence() -> ErrorReport {
    ErrorReport::new("timeout", "no answer")
}

/// `nat` asks whether TLS gets through, not what is wrong with the certificate: one code.
fn summed_up(error: ErrorReport) -> ErrorReport {
    if error.code.starts_with("certificate-") {
        ErrorReport::new("tls", error.message)
    } else {
        error
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    local: SocketAddr,
    clock: &Clock,
    id: TransactionId,
) -> Result<StreamAnswer, ErrorReport> {
    let sent = clock.now();
    stream
        .write_all(&message::binding_request(id, Change::None))
        .await
        .map_err(|e| io_error(&e))?;
    stream.flush().await.map_err(|e| io_error(&e))?;
    loop {
        let frame = read_frame(&mut stream).await?;
        let response = message::decode_binding_response(&frame)
            .map_err(|e| ErrorReport::new("malformed", e.to_string()))?;
        if response.transaction_id == id {
            return Ok(StreamAnswer {
                response,
                rtt: clock.now().saturating_sub(sent),
                local,
            });
        }
    }
}

/// One STUN message; its header says how long it is, and the type of the length bounds it.
async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, ErrorReport> {
    let mut frame = vec![0; HEADER_LEN];
    let closed = |e: io::Error| {
        if e.kind() == io::ErrorKind::UnexpectedEof {
            ErrorReport::new(
                "closed",
                "the server closed the connection without an answer",
            )
        } else {
            io_error(&e)
        }
    };
    // Something that is not STUN may be shorter than a header, so look at what comes first.
    let mut filled = 0;
    while filled < HEADER_LEN {
        match stream.read(&mut frame[filled..]).await {
            Ok(0) if filled == 0 => return Err(closed(io::ErrorKind::UnexpectedEof.into())),
            Ok(0) => return Err(not_stun(&frame[..filled])),
            Ok(count) => filled += count,
            Err(e) => return Err(closed(e)),
        }
        let wrong_start = frame[0] & 0xc0 != 0;
        if wrong_start {
            return Err(not_stun(&frame[..filled]));
        }
    }
    if !message::looks_like_stun(&frame) {
        return Err(not_stun(&frame));
    }
    let length = usize::from(u16::from_be_bytes([frame[2], frame[3]]));
    frame.resize(HEADER_LEN + length, 0);
    stream
        .read_exact(&mut frame[HEADER_LEN..])
        .await
        .map_err(closed)?;
    Ok(frame)
}

fn not_stun(bytes: &[u8]) -> ErrorReport {
    let what = if bytes.starts_with(b"HTTP/") {
        "an HTTP server answers there, not STUN"
    } else {
        "what answers there is not STUN"
    };
    ErrorReport::new("not-stun", what)
}

/// An I/O error as a report has it.
pub fn io_error(error: &io::Error) -> ErrorReport {
    use crate::nat::SendError;
    match super::driver::send_error(error) {
        SendError::Refused => ErrorReport::new("refused", "connection refused")
            .with_hint("nothing listens there: check address and port, and that the server runs"),
        SendError::Unreachable => ErrorReport::new("unreachable", "no route to it")
            .with_hint("check that this machine has a network of that family, and the address"),
        SendError::Forbidden => ErrorReport::new("forbidden", "a local firewall forbids it")
            .with_hint("look at the rules of this machine's firewall"),
        SendError::Other => match error.kind() {
            io::ErrorKind::TimedOut => ErrorReport::new("timeout", "no answer").with_hint(
                "check address and port, that the server runs, and that no firewall is in between",
            ),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => ErrorReport::new(
                "closed",
                "the server closed the connection without an answer",
            )
            .with_hint(
                "look at the server's log; a proxy or firewall in between may also close it",
            ),
            io::ErrorKind::AddrNotAvailable => {
                ErrorReport::new("unreachable", "no local address of that family")
            }
            // EMFILE and ENFILE.
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => ErrorReport::new(
                "local-limit",
                "this machine lets the program open no more sockets",
            )
            .with_hint("raise the limit (ulimit -n), or name fewer servers or one --interface"),
            _ => ErrorReport::new("io", error.to_string()),
        },
    }
}
