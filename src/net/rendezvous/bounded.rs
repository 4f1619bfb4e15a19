//! How much may come of one message, with the heads of its frames: empty frames have no other end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Message;

/// The heads of the frames of a message, as a part of its payload, as if each frame had some thirty bytes; and what
/// every message may have.
const HEADS: usize = 4;
const FREE: usize = 4096;

/// The heads of control frames (RFC 6455 5.2), which have at most 125 bytes of payload: of a server, and of a client,
/// which masks them.
const HEAD_OF_SERVER: usize = 2;
const HEAD_OF_CLIENT: usize = 6;

/// Bytes that have come since the last whole message.
#[derive(Debug)]
pub(in crate::net) struct Coming {
    most: usize,
    come: usize,
    control_head: usize,
}

impl Coming {
    pub(in crate::net) const fn of_client(message: usize) -> Self {
        Self::new(message, HEAD_OF_CLIENT)
    }

    const fn new(message: usize, control_head: usize) -> Self {
        Self {
            most: message.saturating_add(message / HEADS).saturating_add(FREE),
            come: 0,
            control_head,
        }
    }

    pub(in crate::net) const fn bytes(&self) -> usize {
        self.come
    }

    /// Fails with `FileTooLarge` where it is more than a message may have, be it in heads of empty frames.
    pub(in crate::net) fn note(&mut self, bytes: usize) -> io::Result<()> {
        self.come += bytes;
        if self.come > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    }

    /// So much has come of the next message.
    pub(in crate::net) const fn begin(&mut self, bytes: usize) {
        self.come = bytes;
    }

    /// A message is whole. Control frames may come amid another message, and leave that unfinished.
    pub(in crate::net) fn finished(&mut self, message: &Message) {
        self.come = match message {
            Message::Ping(_) | Message::Pong(_) => {
                self.come.saturating_sub(message.len() + self.control_head)
            }
            _ => 0,
        };
    }
}

/// A stream of which reading fails with `FileTooLarge` where a message does not end.
#[derive(Debug)]
pub(in crate::net) struct Bounded<S> {
    stream: S,
    coming: Coming,
}

impl<S> Bounded<S> {
    /// `message` is how many bytes of payload may come before a message is looked at.
    pub(super) const fn new(stream: S, message: usize) -> Self {
        Self {
            stream,
            coming: Coming::new(message, HEAD_OF_SERVER),
        }
    }

    /// See [`Coming::finished`].
    pub(super) fn finished(&mut self, message: &Message) {
        self.coming.finished(message);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut own.stream).poll_read(context, buffer);
        read.map(|read| read.and_then(|()| own.coming.note(buffer.filled().len() - before)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio::io::{AsyncWriteExt as _, duplex};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::{Error, protocol::Role};

    use super::*;

    #[tokio::test]
    async fn empty_frames_have_an_end() {
        let (mut server, client) = duplex(1000);
        let flood = tokio::spawn(async move {
            let _ = server.write_all(&[0x02, 0]).await;
            // Until nobody reads it.
            while server.write_all(&[0; 1000]).await.is_ok() {}
        });
        let mut socket =
            WebSocketStream::from_raw_socket(Bounded::new(client, 10_000), Role::Client, None)
                .await;
        let came = socket.next().await.expect("an end has a reason");
        assert!(
            matches!(&came, Err(Error::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge),
            "{came:?}"
        );
        drop(socket);
        flood.await.expect("it ends");
    }

    #[tokio::test]
    async fn messages_that_end_may_follow_each_other() {
        let (mut server, client) = duplex(1000);
        let talk = tokio::spawn(async move {
            for _ in 0..100 {
                let _ = server.write_all(&[0x82, 126, 3, 0xe8]).await;
                let _ = server.write_all(&[7; 1000]).await;
                // A ping.
                let _ = server.write_all(&[0x89, 0]).await;
            }
            server
        });
        let mut socket =
            WebSocketStream::from_raw_socket(Bounded::new(client, 2000), Role::Client, None).await;
        let mut come = 0;
        while come < 100_000 {
            let message = socket.next().await.expect("more").expect("a message");
            socket.get_mut().finished(&message);
            come += message.len();
        }
        assert_eq!(come, 100_000);
        drop(talk.await.expect("it ends"));
    }
}
