//! One connection: TLS, the HTTP requests, the WebSocket.
//!
//! The WebSocket is taken over from hyper here: the stream has to be read to its end for a client to
//! hear why it is closed.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

use crate::net::servers::rendezvous::Proxies;
use crate::net::servers::rendezvous::desk::Desk;
use crate::net::servers::rendezvous::frames::fragments;
use crate::net::servers::rendezvous::pages::{self, Left};
use crate::net::servers::rendezvous::shared::{Shared, Visit};
use crate::net::servers::rendezvous::stream::MaybeTls;
use crate::net::servers::rendezvous::unfinished::Unfinished;
use crate::proto::signal::wire::{Join, Notice, Refusal};

/// hyper's least; it is given back when the WebSocket begins.
const REQUEST_BUFFER: usize = 8192;
/// How many are read at a time. What they hold cannot be given back to the system while later connections lie between.
pub(super) const REQUESTING: usize = 4096;
/// How long one may take while others wait: a handshake of TLS and a request over a slow line, on a machine that is busy.
const TURN: Duration = Duration::from_secs(4);
/// Idle connections keep such a buffer each.
const READ_BUFFER: usize = 256;
/// Of what is read only to be thrown away, by as many as there are at the worst.
const LINGERING: usize = 1024;
/// Answers to pings that a client has not taken: the system has room for hundreds before.
const PONGS: usize = 4096;

type Socket = WebSocketStream<Unfinished<MaybeTls>>;

/// What comes before the WebSocket needs far more memory than that: it is given back.
pub(super) fn serve(
    visit: Visit,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
) -> impl Future<Output = ()> + Send {
    Box::pin(open(visit, stream, tls)).then(|opened| match opened {
        Some((desk, socket)) => converse(desk, socket).boxed(),
        None => std::future::ready(()).boxed(),
    })
}

/// What a proxy says, TLS, and the requests; a WebSocket if one of them asked for it.
async fn open(
    mut visit: Visit,
    mut stream: TcpStream,
    tls: Option<TlsAcceptor>,
) -> Option<(Desk, Box<Socket>)> {
    // Messages are small, and each is waited for.
    let _ = stream.set_nodelay(true);
    let mut patience = visit.shared.patience.request;
    if visit.is_of_proxy() {
        match timeout(patience, Proxies::begin(&mut stream)).await {
            Ok(Ok(Some(client))) if visit.shared.proxies.trusts(client.ip()) => {
                visit.address = client;
            }
            Ok(Ok(Some(client))) => {
                if !visit.is_of(client) {
                    return None;
                }
            }
            Ok(Ok(None)) => {}
            Ok(Err(_)) | Err(_) => return foreign(&visit),
        }
    }
    if visit.refusal.is_some() {
        // Few are told at a time: each is to make room for the next.
        patience = patience.min(visit.shared.patience.join);
    }
    // Until its client says something, a connection needs little.
    if !matches!(timeout(patience, stream.readable()).await, Ok(Ok(()))) {
        return foreign(&visit);
    }
    let Ok(Ok(turn)) = timeout(patience, visit.shared.requesting.acquire()).await else {
        return foreign(&visit);
    };
    let left = Left::default();
    let requests = requests(&visit, stream, tls, &left);
    let asked = tokio::select! {
        asked = Box::pin(timeout(patience, requests)) => asked,
        () = crowded(&visit.shared.requesting) => return foreign(&visit),
    };
    drop(turn);
    let upgraded = match asked {
        Ok(Ok(Some(upgraded))) => upgraded,
        Ok(Ok(None)) => return None,
        // A client that keeps a connection after its requests has done nothing wrong.
        Ok(Err(_)) | Err(_) if left.has_any() => return None,
        Ok(Err(_)) | Err(_) => return foreign(&visit),
    };
    if left.client().is_some_and(|client| !visit.is_of(client)) {
        return None;
    }
    let socket = websocket(upgraded, &visit).await;
    Some((Desk::open(visit), Box::new(socket)))
}

/// Nothing that is served here was asked for.
fn foreign<T>(visit: &Visit) -> Option<T> {
    visit.shared.was_foreign();
    None
}

/// When a request has to end for others that wait to be read.
async fn crowded(requesting: &Semaphore) {
    loop {
        tokio::time::sleep(TURN).await;
        if requesting.available_permits() == 0 {
            return;
        }
    }
}

/// A connection to the address that has nothing but health and metrics.
pub(super) async fn serve_admin(shared: Arc<Shared>, stream: TcpStream) {
    let answered = service_fn(|request| {
        let page = pages::answer_admin(&shared, &request);
        std::future::ready(Ok::<_, Infallible>(page))
    });
    let requests = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.patience.request)
        .max_buf_size(REQUEST_BUFFER)
        .serve_connection(TokioIo::new(stream), answered);
    // Whoever watches asks again.
    let _ = timeout(shared.patience.silence, requests).await;
}

/// Anything that went wrong before there was a WebSocket.
struct Foreign;

/// Answers HTTP requests. Gives the stream if one of them asked for a WebSocket, and what came on it
/// already.
async fn requests(
    visit: &Visit,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    left: &Left,
) -> Result<Option<(MaybeTls, Bytes)>, Foreign> {
    let shared = &visit.shared;
    let wire = MaybeTls::open(stream, tls, visit.share());
    let wire = wire.await.map_err(|_| Foreign)?;
    let answered = service_fn(|request| {
        let page = pages::answer(shared, left, visit.address, request);
        std::future::ready(Ok::<_, Infallible>(page))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.patience.request)
        .max_buf_size(REQUEST_BUFFER)
        .serve_connection(TokioIo::new(wire), answered)
        .with_upgrades()
        .await
        .map_err(|_| Foreign)?;
    let Some(upgrade) = left.upgrade() else {
        return Ok(None);
    };
    let upgraded = upgrade.await.map_err(|_| Foreign)?;
    let parts = upgraded
        .downcast::<TokioIo<MaybeTls>>()
        .map_err(|_| Foreign)?;
    Ok(Some((parts.io.into_inner(), parts.read_buf)))
}

async fn websocket((wire, began): (MaybeTls, Bytes), visit: &Visit) -> Socket {
    let shared = &visit.shared;
    let message = shared.limits.message;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(message + PONGS + READ_BUFFER)
        .max_message_size(Some(message))
        .max_frame_size(Some(message));
    let patience = shared.patience.message;
    let wire = Unfinished::new((wire, &began), visit.share(), message, patience);
    WebSocketStream::from_raw_socket(wire, Role::Server, Some(config)).await
}

enum Disconnect {
    Gone,
    Refused(Refusal),
}

impl From<Refusal> for Disconnect {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What is needed once is boxed: most of the time a connection waits in [`forward`].
async fn converse(mut desk: Desk, mut socket: Box<Socket>) {
    let joined = Box::pin(join(&mut desk, &mut socket)).await;
    let end = match joined {
        Ok(()) => forward(&desk, &mut socket).await,
        Err(end) => end,
    };
    // The seat is free at once; saying good-bye may take a moment.
    desk.leave();
    Box::pin(part(&desk, socket, end)).await;
}

async fn part(desk: &Desk, mut socket: Box<Socket>, end: Disconnect) {
    let patience = desk.visit.shared.patience.linger;
    match end {
        Disconnect::Gone => {
            // The answer to a close frame, if there was one.
            let _ = timeout(patience, socket.flush()).await;
        }
        Disconnect::Refused(refusal) => {
            desk.refused(refusal);
            let _ = timeout(patience, say(&mut socket, refusal)).await;
            // What has come of a message is not kept for the good-bye.
            let mut wire = socket.into_inner();
            wire.ended();
            let _ = timeout(patience, linger(&mut wire.stream)).await;
        }
    }
}

/// The first frame.
async fn join(desk: &mut Desk, socket: &mut Socket) -> Result<(), Disconnect> {
    if let Some(refusal) = desk.visit.refusal {
        return Err(refusal.into());
    }
    let patience = desk.visit.shared.patience.join;
    let first = async {
        loop {
            match next(socket).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return other,
            }
        }
    };
    let came = tokio::select! {
        refusal = desk.outbox.ended() => return Err(refusal.into()),
        came = timeout(patience, first) => came.map_err(|_| Refusal::Silent)?,
    };
    match came {
        Some(Ok(Message::Text(text))) => Ok(desk.join(&Join::parse(&text)?)?),
        Some(Ok(Message::Close(_))) | None => Err(Disconnect::Gone),
        Some(Ok(_)) => Err(Refusal::BadJoin.into()),
        Some(Err(error)) => Err(broken(&error)),
    }
}

async fn forward(desk: &Desk, socket: &mut Socket) -> Disconnect {
    let shared = &desk.visit.shared;
    let (clock, patience) = (shared.clock, shared.patience);
    let mut heard = clock.now();
    let mut ping_at = heard + patience.ping;
    loop {
        let wake = ping_at.min(heard + patience.silence);
        let sent = tokio::select! {
            refusal = desk.outbox.ended() => return refusal.into(),
            message = desk.outbox.next() => Box::pin(send(desk, socket, message)).await,
            came = next(socket) => {
                heard = clock.now();
                match came {
                    Some(Ok(Message::Binary(message))) => match desk.forward(&message) {
                        Ok(()) => Ok(()),
                        Err(refusal) => return refusal.into(),
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Ok(Message::Close(_))) | None => return Disconnect::Gone,
                    Some(Ok(_)) => return Refusal::BadJoin.into(),
                    Some(Err(error)) => return broken(&error),
                }
            }
            () = tokio::time::sleep_until(clock.instant(wake)) => {
                let now = clock.now();
                if now >= heard + patience.silence {
                    return Refusal::Silent.into();
                }
                if now < ping_at {
                    continue;
                }
                ping_at = now + patience.ping;
                Box::pin(send(desk, socket, Message::Ping(Bytes::new()))).await
            }
        };
        if let Err(end) = sent {
            return end;
        }
    }
}

/// May be dropped and called again without loss. A client that pings and does not take the answers is an error.
async fn next(socket: &mut Socket) -> Option<Result<Message, tungstenite::Error>> {
    let came = socket.next().await;
    if let Some(Ok(message)) = &came {
        let wire = socket.get_mut();
        wire.finished(message);
        // While this side reads, nothing but such answers waits: a message is sent to its end first.
        if message.is_ping() && wire.untaken() > PONGS {
            let pong = Message::Pong(Bytes::new());
            return Some(Err(tungstenite::Error::WriteBufferFull(Box::new(pong))));
        }
    }
    came
}

/// Sends a message to a client that takes it in time.
async fn send(desk: &Desk, socket: &mut Socket, message: Message) -> Result<(), Disconnect> {
    let patience = desk.visit.shared.patience.write;
    let sending = async {
        match &message {
            Message::Binary(bytes) => {
                for frame in fragments(bytes) {
                    socket.send(Message::Frame(frame)).await?;
                }
                Ok(())
            }
            _ => socket.send(message).await,
        }
    };
    tokio::select! {
        refusal = desk.outbox.ended() => Err(refusal.into()),
        sent = timeout(patience, sending) => match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(tungstenite::Error::Io(error)))
                if error.kind() == io::ErrorKind::QuotaExceeded =>
            {
                Err(Refusal::Slow.into())
            }
            Ok(Err(_)) => Err(Disconnect::Gone),
            Err(_) => Err(Refusal::Slow.into()),
        },
    }
}

fn broken(error: &tungstenite::Error) -> Disconnect {
    use tungstenite::Error as E;
    match error {
        E::Capacity(CapacityError::MessageTooLong { .. }) => Refusal::TooLarge.into(),
        E::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => Refusal::TooLarge.into(),
        E::WriteBufferFull(_) => Refusal::Slow.into(),
        E::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Disconnect::Gone,
        // Not UTF-8, or not WebSocket at all.
        E::Utf8(_) | E::Capacity(_) | E::Protocol(_) => Refusal::BadJoin.into(),
        E::Io(error)
            if matches!(
                error.kind(),
                io::ErrorKind::TimedOut | io::ErrorKind::QuotaExceeded
            ) =>
        {
            Refusal::Unfinished.into()
        }
        _ => Disconnect::Gone,
    }
}

async fn say(socket: &mut Socket, refusal: Refusal) -> Result<(), tungstenite::Error> {
    let notice = Notice::refusal(refusal).to_text();
    socket.send(Message::text(notice)).await?;
    let frame = CloseFrame {
        code: CloseCode::from(refusal.close_code()),
        reason: refusal.code().name().into(),
    };
    socket.send(Message::Close(Some(frame))).await
}

/// Waits until the client has closed the connection too, and reads what it still sends.
async fn linger(wire: &mut MaybeTls) {
    if wire.shutdown().await.is_err() {
        return;
    }
    let mut buffer = vec![0; LINGERING];
    while matches!(wire.read(&mut buffer).await, Ok(1..)) {}
}
