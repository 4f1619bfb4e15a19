//! Clients that come over TCP (RFC 8656 3.1).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use turn::proto::PROTO_TCP;

use crate::net::servers::turn::wire::{Waiting, Wire, queue};
use crate::net::servers::turn::{BREATHER, Client, Inner, five_tuple};
use crate::proto::turn::frame::FrameReader;

/// A connection without an allocation is closed after so long without a whole message, and one that
/// takes nothing.
const IDLE: Duration = Duration::from_secs(30);
/// Messages that may wait for a slow client; the rest is lost.
const QUEUE: usize = 256;
/// Read at once.
const READ: usize = 16_384;

impl Inner {
    pub(super) async fn accept(self: Arc<Self>, index: usize) {
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listeners[index].tcp.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
            };
            let Ok((stream, source)) = accepted else {
                tokio::time::sleep(BREATHER).await;
                continue;
            };
            // Beyond the limit it is closed at once.
            if let Some(counted) = self.connections.admit(source.ip()) {
                // Without it data waits for more; that would only be slower.
                let _ = stream.set_nodelay(true);
                let inner = Arc::clone(&self);
                tasks.spawn(async move {
                    inner.connection(index, stream, source).await;
                    drop(counted);
                });
            }
        }
    }

    /// Until it is closed, idle without an allocation, or carries something else. Its allocation ends
    /// with it.
    async fn connection(
        &self,
        index: usize,
        stream: impl AsyncRead + AsyncWrite,
        source: SocketAddr,
    ) {
        let local = self.listeners[index].address;
        let (queue, waiting) = queue(QUEUE, local);
        let client = Client {
            tuple: five_tuple(PROTO_TCP, source, local),
            wire: Wire::Stream(queue),
        };
        let (input, output) = tokio::io::split(stream);
        tokio::select! {
            () = self.read(index, &client, input) => {}
            () = write(waiting, output) => {}
        }
        self.clients
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .remove(&client.tuple);
        self.manager.delete_allocation(&client.tuple).await;
    }

    async fn read(&self, index: usize, client: &Client, input: impl AsyncRead) {
        let mut input = std::pin::pin!(input);
        let mut reader = FrameReader::of_client();
        let mut buffer = vec![0; READ];
        // Bytes without a whole message do not count: somebody could send one a minute for ever.
        let mut patience = tokio::time::Instant::now() + IDLE;
        loop {
            let Ok(frame) = reader.next_frame() else {
                return;
            };
            if let Some(frame) = frame {
                patience = tokio::time::Instant::now() + IDLE;
                if !self.handle(index, client, &frame).await {
                    return;
                }
                continue;
            }
            match tokio::time::timeout_at(patience, input.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return,
                // Without an allocation there are no channels; what looks like one is another
                // protocol, such as HTTP.
                Ok(Ok(_))
                    if !reader.has_partial()
                        && buffer[0] & 0xc0 != 0
                        && self.relay_of(&client.tuple).is_none() =>
                {
                    return;
                }
                Ok(Ok(length)) => reader.push(&buffer[..length]),
                Err(_) if self.relay_of(&client.tuple).is_none() => return,
                Err(_) => patience = tokio::time::Instant::now() + IDLE,
            }
        }
    }
}

async fn write(mut waiting: Waiting, output: impl AsyncWrite) {
    let mut output = std::pin::pin!(output);
    while let Some(message) = waiting.next().await {
        let written = tokio::time::timeout(IDLE, output.write_all(&message)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}
