//! The way to a client, as the `turn` crate wants it: datagrams, or a stream.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use webrtc_util::Conn;

use super::relay::unsupported;

/// To one or all clients of a listener.
#[derive(Debug, Clone)]
pub(super) enum Wire {
    /// To whichever client is named.
    Datagrams(Arc<UdpSocket>),
    /// Into the queue of one connection; what finds it full is lost, as datagrams are.
    Stream(mpsc::Sender<Vec<u8>>, SocketAddr),
}

impl Wire {
    /// Sends a message, whose ChannelData is padded already if it needs to be.
    pub async fn deliver(&self, bytes: &[u8], client: SocketAddr) {
        match self {
            // Who cannot be reached does not get it.
            Self::Datagrams(socket) => _ = socket.send_to(bytes, client).await,
            Self::Stream(queue, _) => _ = queue.try_send(bytes.to_vec()),
        }
    }
}

#[async_trait]
impl Conn for Wire {
    async fn connect(&self, _: SocketAddr) -> webrtc_util::Result<()> {
        Err(unsupported())
    }

    async fn recv(&self, _: &mut [u8]) -> webrtc_util::Result<usize> {
        Err(unsupported())
    }

    async fn recv_from(&self, _: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
        Err(unsupported())
    }

    async fn send(&self, _: &[u8]) -> webrtc_util::Result<usize> {
        Err(unsupported())
    }

    async fn send_to(&self, bytes: &[u8], client: SocketAddr) -> webrtc_util::Result<usize> {
        self.deliver(bytes, client).await;
        Ok(bytes.len())
    }

    fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
        match self {
            Self::Datagrams(socket) => Ok(socket.local_addr()?),
            Self::Stream(_, local) => Ok(*local),
        }
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// The end of an allocation is not that of the listener or the connection.
    async fn close(&self) -> webrtc_util::Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}
