//! Clients that come over TCP (RFC 8656 3.1).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::Instant;
use turn::proto::PROTO_TCP;

use crate::net::servers::connections::Counted;
use crate::net::servers::turn::wire::{Waiting, Wire, queue};
use crate::net::servers::turn::{BREATHER, Client, Inner, five_tuple};
use crate::proto::turn::frame::FrameReader;

/// A connection without an allocation is closed after so long without a whole message, and one that
/// takes nothing.
const IDLE: Duration = Duration::from_secs(30);
/// And after so long in all, whatever it sends: Binding requests are answered to anybody.
const WITHOUT_ALLOCATION: Duration = Duration::from_secs(60);
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
            // Beyond the limit it is closed at once, or another one gives way.
            if let Some(counted) = self.connections.admit(source.ip()) {
                // Without it data waits for more; that would only be slower.
                let _ = stream.set_nodelay(true);
                let inner = Arc::clone(&self);
                tasks.spawn(async move {
                    inner.connection(index, stream, source, &counted).await;
                });
            }
        }
    }

    /// Until it is closed, idle or old without an allocation, has to give way, or carries something else.
    /// Its allocation ends with it.
    async fn connection(
        &self,
        index: usize,
        stream: impl AsyncRead + AsyncWrite,
        source: SocketAddr,
        counted: &Counted,
    ) {
        let local = self.listeners[index].address;
        let (queue, waiting) = queue(QUEUE, local);
        let client = Client {
            tuple: five_tuple(PROTO_TCP, source, local),
            wire: Wire::Stream(queue),
        };
        let (input, output) = tokio::io::split(stream);
        tokio::select! {
            () = self.read(index, &client, input, counted) => {}
            () = write(waiting, output) => {}
            () = counted.ended() => {}
        }
        self.clients
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .remove(&client.tuple);
        self.manager.delete_allocation(&client.tuple).await;
    }

    async fn read(&self, index: usize, client: &Client, input: impl AsyncRead, counted: &Counted) {
        let mut input = std::pin::pin!(input);
        let mut reader = FrameReader::of_client();
        let mut buffer = vec![0; READ];
        // Bytes without a whole message do not count: somebody could send one a minute for ever.
        let mut patience = Instant::now() + IDLE;
        // Until when it may be without an allocation.
        let mut unproven_until = Instant::now() + WITHOUT_ALLOCATION;
        loop {
            let Ok(frame) = reader.next_frame() else {
                return;
            };
            if let Some(frame) = frame {
                patience = Instant::now() + IDLE;
                if !self.handle(index, client, &frame).await {
                    return;
                }
                // Data changes nothing; requests may.
                if is_stun(frame[0]) {
                    let is_proven = self.relay_of(&client.tuple).is_some();
                    counted.is_proven(is_proven);
                    if is_proven {
                        unproven_until = Instant::now() + WITHOUT_ALLOCATION;
                    } else if Instant::now() >= unproven_until {
                        return;
                    }
                }
                continue;
            }
            let until = patience.min(unproven_until);
            match tokio::time::timeout_at(until, input.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return,
                // Without an allocation there are no channels; what looks like one is another
                // protocol, such as HTTP.
                Ok(Ok(_))
                    if !reader.has_partial()
                        && !is_stun(buffer[0])
                        && self.relay_of(&client.tuple).is_none() =>
                {
                    return;
                }
                Ok(Ok(length)) => reader.push(&buffer[..length]),
                Err(_) if self.relay_of(&client.tuple).is_none() => return,
                Err(_) => {
                    patience = Instant::now() + IDLE;
                    unproven_until = Instant::now() + WITHOUT_ALLOCATION;
                }
            }
        }
    }
}

/// Whether a message that begins so is none of a channel (RFC 8656 11).
const fn is_stun(first: u8) -> bool {
    first & 0xc0 == 0
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
