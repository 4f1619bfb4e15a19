//! The way to a client, as the `turn` crate wants it: datagrams, or a stream.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use webrtc_util::Conn;

use crate::base::bounds::RELAY_UNTAKEN;
use crate::net::servers::turn::relay::unsupported;

/// To one or all clients of a listener.
#[derive(Debug, Clone)]
pub(super) enum Wire {
    Datagrams(Arc<UdpSocket>),
    /// Into the queue of one connection; what finds it full is lost, as datagrams are.
    Stream(Queue),
}

/// What waits to be written to one connection, which is at this local address.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    sender: mpsc::Sender<Vec<u8>>,
    untaken: Arc<AtomicUsize>,
    local: SocketAddr,
}

/// The other end of a [`Queue`].
#[derive(Debug)]
pub(super) struct Waiting {
    receiver: mpsc::Receiver<Vec<u8>>,
    untaken: Arc<AtomicUsize>,
}

/// A queue for so many messages, and [`RELAY_UNTAKEN`] bytes.
pub(super) fn queue(messages: usize, local: SocketAddr) -> (Queue, Waiting) {
    let (sender, receiver) = mpsc::channel(messages);
    let untaken = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        sender,
        untaken: Arc::clone(&untaken),
        local,
    };
    (queue, Waiting { receiver, untaken })
}

impl Queue {
    fn put(&self, bytes: &[u8]) -> bool {
        let room = |untaken: usize| {
            let more = untaken + bytes.len();
            (more <= RELAY_UNTAKEN).then_some(more)
        };
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        if self.untaken.fetch_update(set, get, room).is_err() {
            return false;
        }
        let is_put = self.sender.try_send(bytes.to_vec()).is_ok();
        if !is_put {
            self.untaken.fetch_sub(bytes.len(), Ordering::AcqRel);
        }
        is_put
    }
}

impl Waiting {
    /// The next message, once there is one; `None` after the last.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let message = self.receiver.recv().await?;
        self.untaken.fetch_sub(message.len(), Ordering::AcqRel);
        Some(message)
    }
}

impl Wire {
    /// Sends a message, whose ChannelData is padded already if it needs to be.
    /// Whether it has left: who cannot be reached does not get it, nor does a client over UDP what is too
    /// large for a datagram.
    pub async fn deliver(&self, bytes: &[u8], client: SocketAddr) -> bool {
        match self {
            Self::Datagrams(socket) => socket.send_to(bytes, client).await.is_ok(),
            Self::Stream(queue) => queue.put(bytes),
        }
    }

    /// Whether ChannelData has to be padded (RFC 8656 12.5).
    pub const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(..))
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
            Self::Stream(queue) => Ok(queue.local),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages may be large: a client that reads nothing must not fill the memory with a few of them.
    #[test]
    fn what_a_client_does_not_take_is_bounded_in_bytes() {
        let local = SocketAddr::from(([127, 0, 0, 1], 3478));
        let (queue, mut waiting) = queue(256, local);
        let large = vec![0; 65_000];
        let taken = (0..256).filter(|_| queue.put(&large)).count();
        assert_eq!(taken, RELAY_UNTAKEN / large.len());
        // There is room for small ones still, and for as much as is read.
        assert!(queue.put(&[0; 100]));
        let read = futures_util::FutureExt::now_or_never(waiting.next());
        assert_eq!(read.flatten().map(|message| message.len()), Some(65_000));
        assert!(queue.put(&large) && !queue.put(&large));
    }
}
