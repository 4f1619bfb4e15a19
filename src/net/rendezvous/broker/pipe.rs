//! The bytes of MQTT: on a TCP or TLS connection, or in the binary frames of a WebSocket (MQTT 6), whose
//! borders mean nothing.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::base::bounds;
use crate::net::rendezvous::broker::failure;
use crate::net::rendezvous::client::Way;
use crate::net::rendezvous::dial::{Stream, request, transport};
use crate::net::rendezvous::failure::Failure;
use crate::net::rendezvous::steps::{Step, Steps};
use crate::net::stream::io_error;
use crate::proto::signal::url::Service;

/// Read at a time. A frame of a WebSocket may have several packets.
const READ: usize = 4096;
const FRAME: usize = 16 * bounds::BROKER_PIECE;

pub(in crate::net) enum Pipe {
    Stream(Box<dyn Stream>),
    WebSocket(Box<WebSocketStream<Box<dyn Stream>>>),
}

pub(in crate::net) async fn open(
    way: &Way,
    by: Instant,
    steps: &Steps,
) -> Result<(Pipe, Vec<SocketAddr>), Failure> {
    let (stream, addresses) = transport(way, by, steps).await?;
    if way.url.service != Service::MqttWebSocket {
        return Ok((Pipe::Stream(stream), addresses));
    }
    let config = WebSocketConfig::default()
        .write_buffer_size(0)
        .max_write_buffer_size(bounds::BROKER_UNSENT)
        .max_message_size(Some(FRAME))
        .max_frame_size(Some(FRAME));
    steps.begin(Step::WebSocket);
    let request = request(&way.url)?;
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    match timeout_at(by, opened).await {
        Ok(Ok((socket, _))) => Ok((Pipe::WebSocket(Box::new(socket)), addresses)),
        Ok(Err(Error::Http(response))) => Err(failure::of_status(response.status())),
        Ok(Err(Error::Io(error))) => Err(Failure::passing(io_error(&error))),
        Ok(Err(_)) => Err(failure::no_websocket()),
        Err(_) => Err(failure::unanswered()),
    }
}

impl Pipe {
    /// What comes next. May be dropped and called again.
    pub(in crate::net) async fn read(&mut self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Stream(stream) => {
                let mut buffer = [0; READ];
                match stream.read(&mut buffer).await {
                    Ok(0) => Err(failure::closed()),
                    Ok(length) => Ok(buffer[..length].to_vec()),
                    Err(error) => Err(Failure::passing(io_error(&error))),
                }
            }
            Self::WebSocket(socket) => match socket.next().await {
                Some(Ok(Message::Binary(bytes))) => Ok(bytes.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Vec::new()),
                Some(Ok(Message::Text(_))) => Err(failure::no_websocket()),
                Some(Ok(Message::Close(_))) | None => Err(failure::closed()),
                Some(Err(error)) => Err(of_websocket(&error)),
            },
        }
    }

    pub(in crate::net) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stream(stream) => {
                let written = async {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                };
                let written = written.await;
                written.map_err(|error| Failure::passing(io_error(&error)))
            }
            Self::WebSocket(socket) => {
                let message = Message::Binary(Bytes::copy_from_slice(bytes));
                let sent = socket.send(message).await;
                sent.map_err(|error| of_websocket(&error))
            }
        }
    }

    /// Ends the connection, and reads until the broker has done so too: what is unread would reset it, and take
    /// what was written last with it.
    pub(in crate::net) async fn close(&mut self) {
        // A broker that is gone needs no good-bye.
        match self {
            Self::Stream(stream) => {
                let _ = stream.shutdown().await;
            }
            Self::WebSocket(socket) => {
                let _ = SinkExt::close(socket).await;
            }
        }
        while self.read().await.is_ok() {}
    }
}

fn of_websocket(error: &Error) -> Failure {
    match error {
        Error::Io(error) => Failure::passing(io_error(error)),
        Error::Capacity(_) => failure::no_websocket(),
        _ => failure::closed(),
    }
}
