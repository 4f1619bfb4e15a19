//! STUN over TCP and TLS for `nat`: one Binding request, one answer, and whether the host is up.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio_rustls::rustls;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::net::descriptors;
use crate::net::host::Source;
use crate::net::link::Link;
pub use crate::net::link::Target as Attempt;
use crate::proto::machine::SendError;
use crate::proto::stun::message::{BindingResponse, TransactionId};

/// Whether the system had no room for what was to be sent (ENOBUFS).
fn is_full(error: &io::Error) -> bool {
    const ENOBUFS: i32 = 105;
    cfg!(any(target_os = "linux", target_os = "android")) && error.raw_os_error() == Some(ENOBUFS)
}

/// What to look at where this machine itself lets nothing out.
const LOCAL_HINT: &str = "look at this machine's routes and rules (ip rule, ip route get ADDRESS, nft list ruleset): a VPN with a kill switch sets such";

/// Connecting, handshake and answer together. UDP waits about as long for a first answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub struct StreamAnswer {
    pub response: BindingResponse,
    /// From the request to the answer, without connecting.
    pub rtt: Duration,
    /// The address and port that the connection was made from.
    pub local: SocketAddr,
}

#[derive(Debug, Clone)]
pub struct StreamError {
    pub report: ErrorReport,
    /// Whether the host itself was heard of: it accepted the connection or refused it.
    pub host_is_up: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct StreamPatience {
    /// Until the connection stands.
    pub connect: Duration,
    pub whole: Duration,
}

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
        report: local_error(&e),
        host_is_up: false,
    })?;
    let patience = StreamPatience {
        connect: PATIENCE,
        whole: PATIENCE,
    };
    ask_from(socket, attempt, clock, id, patience).await
}

/// The same from a socket that is bound already.
pub async fn ask_from(
    socket: TcpSocket,
    attempt: &Attempt,
    clock: &Clock,
    id: TransactionId,
    patience: StreamPatience,
) -> Result<StreamAnswer, StreamError> {
    let mut is_connected = false;
    let connect_and_ask = async {
        let connecting = socket.connect(attempt.address);
        let stream = tokio::time::timeout(patience.connect, connecting)
            .await
            .map_err(|_| silence())?
            .map_err(|e| connect_error(&e, attempt.address))?;
        is_connected = true;
        let mut link = Link::over(stream, Vec::new(), attempt, clock, patience.whole)
            .await
            .map_err(|error| summed_up(error.report))?;
        let (response, rtt) = link.bind(id, clock).await?;
        Ok(StreamAnswer {
            response,
            rtt,
            local: link.local,
        })
    };
    let answer = tokio::time::timeout(patience.whole, connect_and_ask)
        .await
        .unwrap_or_else(|_| Err(silence()));
    answer.map_err(|report| StreamError {
        host_is_up: is_connected || report.code == Code::Refused,
        report,
    })
}

fn silence() -> ErrorReport {
    ErrorReport::new(Code::Timeout, "no answer")
}

/// `nat` asks whether TLS gets through, not what is wrong with the certificate: one code.
fn summed_up(error: ErrorReport) -> ErrorReport {
    if error.code.is_of_certificate() {
        ErrorReport::new(Code::Tls, error.message)
    } else {
        error
    }
}

/// Whether the other side ended TLS with an alert.
fn is_alert(error: &io::Error) -> bool {
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}

/// Whether it is what Linux makes of "administratively prohibited" over IPv6 (EACCES); its own rules give EPERM.
fn is_prohibited(error: &io::Error) -> bool {
    const EACCES: i32 = 13;
    cfg!(any(target_os = "linux", target_os = "android")) && error.raw_os_error() == Some(EACCES)
}

/// An error of a call that sends nothing, or that nobody outside can have answered yet: this machine's own doing.
pub fn local_error(error: &io::Error) -> ErrorReport {
    match SendError::from(error) {
        SendError::Forbidden => ErrorReport::new(
            Code::Forbidden,
            "this machine's own routing or firewall forbids it",
        )
        .with_hint(LOCAL_HINT),
        SendError::Unreachable if error.kind() == io::ErrorKind::HostUnreachable => {
            ErrorReport::new(
                Code::Unreachable,
                "this machine's own routing leads nowhere (an unreachable route)",
            )
            .with_hint(LOCAL_HINT)
        }
        _ => io_error(error),
    }
}

/// Why a connection does not come about. Over IPv4 nothing that comes from outside gives EACCES, and whatever keeps
/// a datagram socket from being connected, which sends nothing, is of this machine.
pub fn connect_error(error: &io::Error, server: SocketAddr) -> ErrorReport {
    let doubtful = is_prohibited(error) || error.kind() == io::ErrorKind::HostUnreachable;
    if doubtful && (is_prohibited(error) && server.is_ipv4() || has_no_way(server)) {
        return local_error(error);
    }
    io_error(error)
}

/// This machine has a way, and a router on it has none.
pub fn network_unreachable() -> ErrorReport {
    ErrorReport::new(
        Code::Unreachable,
        "a router on the way says network unreachable (ICMP): it has no way to that address, or rejects TCP so",
    )
    .with_hint("check the address; where the name has others that work, have this record taken out of DNS, else tell whoever runs that router")
}

/// Whether this machine's own routing lets nothing out to an address.
fn has_no_way(server: SocketAddr) -> bool {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    UdpSocket::bind(any)
        .and_then(|socket| socket.connect(server))
        .is_err()
}

pub fn io_error(error: &io::Error) -> ErrorReport {
    if error.kind() == io::ErrorKind::AddrNotAvailable {
        return ErrorReport::new(Code::Unreachable, "no local address of that family");
    }
    match SendError::from(error) {
        SendError::Refused => ErrorReport::new(Code::Refused, "connection refused")
            .with_hint("nothing listens there, or a firewall refuses this host: check address and port, and that the server runs"),
        SendError::Unreachable if error.kind() == io::ErrorKind::HostUnreachable => ErrorReport::new(
            Code::Unreachable,
            "host unreachable: a router or firewall rejects it by ICMP, or nobody answers at that address",
        )
        .with_hint("check the address, and the firewalls on the way, the server's own included (firewalld answers so)"),
        SendError::Unreachable => ErrorReport::new(Code::Unreachable, "no route to it")
            .with_hint("check the address, and that this machine has a network of that family"),
        SendError::Forbidden if is_prohibited(error) => ErrorReport::new(
            Code::Rejected,
            "a firewall rejects it (administratively prohibited), on the way or at the server",
        )
        .with_hint("have it let through there; TURN over TLS on port 443 often gets through"),
        SendError::Forbidden => ErrorReport::new(Code::Forbidden, "a local firewall forbids it")
            .with_hint("look at the rules of this machine's firewall"),
        SendError::Broadcast | SendError::Rejected(_) | SendError::Other => match error.kind() {
            io::ErrorKind::TimedOut => ErrorReport::new(Code::Timeout, "no answer").with_hint(
                "check address and port, that the server runs, and that no firewall is in between",
            ),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => ErrorReport::new(
                Code::Closed,
                "the server closed the connection without an answer",
            )
            .with_hint(
                "look at the server's log; a proxy or firewall in between may also close it",
            ),
            _ if descriptors::is_shortage(error) => ErrorReport::new(
                Code::LocalLimit,
                "this machine lets the program open no more sockets (file descriptors)",
            )
            .with_hint("raise the limit (ulimit -n), or name fewer servers or one --interface"),
            _ if is_full(error) => ErrorReport::new(
                Code::LocalLimit,
                format!("this machine itself did not send it: {error}"),
            )
            .with_hint("look at this machine's interface: its queue is full, or its MTU is too small for IPv6 (1280 bytes)"),
            _ if is_alert(error) => ErrorReport::new(Code::Tls, error.to_string()),
            _ => ErrorReport::new(Code::Io, error.to_string()),
        },
    }
}
