//! One connection: TLS, the HTTP requests, the WebSocket.
//!
//! The WebSocket is taken over from hyper here: axum's has a task of its own and hides the stream,
//! which has to be read to its end for a client to hear why it is closed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

use super::Service;
use super::pages::Left;
use super::shared::{Desk, Shared, Visit};
use crate::signal::wire::{Join, Notice, Refusal};

/// hyper's least; it is given back when the WebSocket begins.
const REQUEST_BUFFER: usize = 8192;
/// Idle connections keep such a buffer each.
const READ_BUFFER: usize = 1024;

type Socket = WebSocketStream<Wire>;

/// Serves a connection to its end.
pub(super) async fn serve(
    visit: Visit,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    service: Service,
) {
    // Messages are small, and each is waited for.
    let _ = stream.set_nodelay(true);
    let patience = visit.shared.patience.request;
    // The request needs far more memory than the WebSocket that follows: it is boxed and freed.
    let left = Left::default();
    let requests = requests(stream, tls, service, &left, patience);
    let upgraded = match Box::pin(timeout(patience, requests)).await {
        Ok(Ok(Some(upgraded))) => upgraded,
        Ok(Ok(None)) => return,
        // A client that keeps a connection after its requests has done nothing wrong.
        Ok(Err(_)) | Err(_) if left.has_any() => return,
        Ok(Err(_)) | Err(_) => return visit.shared.was_foreign(),
    };
    drop(left);
    let socket = websocket(upgraded, &visit.shared).await;
    let desk = Desk::open(visit);
    converse(desk, socket).await;
}

/// Anything that went wrong before there was a WebSocket.
struct Foreign;

/// Answers HTTP requests. Gives the stream if one of them asked for a WebSocket, and what came on it
/// already.
async fn requests(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    service: Service,
    left: &Left,
    patience: Duration,
) -> Result<Option<(Wire, Bytes)>, Foreign> {
    let wire = match tls {
        None => Wire::Plain(stream),
        Some(tls) => {
            let stream = tls.accept(stream).await.map_err(|_| Foreign)?;
            Wire::Tls(Box::new(stream))
        }
    };
    let noted = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
        left.note();
        request.extensions_mut().insert(left.clone());
        service.call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(REQUEST_BUFFER)
        .serve_connection(TokioIo::new(wire), noted)
        .with_upgrades()
        .await
        .map_err(|_| Foreign)?;
    let Some(upgrade) = left.upgrade() else {
        return Ok(None);
    };
    let upgraded = upgrade.await.map_err(|_| Foreign)?;
    let parts = upgraded.downcast::<TokioIo<Wire>>().map_err(|_| Foreign)?;
    Ok(Some((parts.io.into_inner(), parts.read_buf)))
}

async fn websocket((wire, began): (Wire, Bytes), shared: &Shared) -> Socket {
    let message = shared.limits.message;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * message + READ_BUFFER)
        .max_message_size(Some(message))
        .max_frame_size(Some(message));
    WebSocketStream::from_partially_read(wire, began.to_vec(), Role::Server, Some(config)).await
}

/// Why a conversation ends.
enum End {
    /// The client has closed it, or it broke.
    Gone,
    /// The server ends it.
    Refused(Refusal),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

async fn converse(mut desk: Desk, mut socket: Socket) {
    let end = match join(&mut desk, &mut socket).await {
        Ok(()) => forward(&desk, &mut socket).await,
        Err(end) => end,
    };
    // The seat is free at once; saying good-bye may take a moment.
    desk.leave();
    let patience = desk.visit.shared.patience.linger;
    match end {
        End::Gone => {
            // The answer to a close frame, if there was one.
            let _ = timeout(patience, socket.flush()).await;
        }
        End::Refused(refusal) => {
            desk.refused(refusal);
            let _ = timeout(patience, say(&mut socket, refusal)).await;
            let _ = timeout(patience, linger(socket.get_mut())).await;
        }
    }
}

/// The first frame.
async fn join(desk: &mut Desk, socket: &mut Socket) -> Result<(), End> {
    if let Some(refusal) = desk.visit.refusal {
        return Err(refusal.into());
    }
    let patience = desk.visit.shared.patience.join;
    let first = async {
        loop {
            match socket.next().await {
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
        Some(Ok(Message::Close(_))) | None => Err(End::Gone),
        Some(Ok(_)) => Err(Refusal::BadJoin.into()),
        Some(Err(error)) => Err(broken(&error)),
    }
}

/// Passes messages on, both ways, until the end.
async fn forward(desk: &Desk, socket: &mut Socket) -> End {
    let shared = &desk.visit.shared;
    let (clock, patience) = (shared.clock, shared.patience);
    let mut heard = clock.now();
    let mut ping_at = heard + patience.ping;
    loop {
        let wake = ping_at.min(heard + patience.silence);
        let sent = tokio::select! {
            refusal = desk.outbox.ended() => return refusal.into(),
            message = desk.outbox.next() => send(desk, socket, message).await,
            came = socket.next() => {
                heard = clock.now();
                match came {
                    Some(Ok(Message::Binary(message))) => match desk.forward(message) {
                        Ok(()) => Ok(()),
                        Err(refusal) => return refusal.into(),
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Ok(Message::Close(_))) | None => return End::Gone,
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
                send(desk, socket, Message::Ping(Bytes::new())).await
            }
        };
        if let Err(end) = sent {
            return end;
        }
    }
}

/// Sends a message to a client that takes it in time.
async fn send(desk: &Desk, socket: &mut Socket, message: Message) -> Result<(), End> {
    let patience = desk.visit.shared.patience.write;
    tokio::select! {
        refusal = desk.outbox.ended() => Err(refusal.into()),
        sent = timeout(patience, socket.send(message)) => match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(Refusal::Slow.into()),
        },
    }
}

fn broken(error: &tungstenite::Error) -> End {
    use tungstenite::Error as E;
    match error {
        E::Capacity(CapacityError::MessageTooLong { .. }) => Refusal::TooLarge.into(),
        E::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Gone,
        // Not UTF-8, or not WebSocket at all.
        E::Utf8(_) | E::Capacity(_) | E::Protocol(_) => Refusal::BadJoin.into(),
        _ => End::Gone,
    }
}

/// Says why the connection ends.
async fn say(socket: &mut Socket, refusal: Refusal) -> Result<(), tungstenite::Error> {
    let notice = Notice::refusal(refusal).to_text();
    socket.send(Message::text(notice)).await?;
    let frame = CloseFrame {
        code: CloseCode::from(refusal.close_code()),
        reason: refusal.code().into(),
    };
    socket.send(Message::Close(Some(frame))).await
}

/// Waits until the client has closed the connection too, and reads what it still sends.
async fn linger(wire: &mut Wire) {
    if wire.shutdown().await.is_err() {
        return;
    }
    let mut buffer = vec![0; 16_384];
    while matches!(wire.read(&mut buffer).await, Ok(1..)) {}
}

/// A connection with or without TLS.
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
