//! How much may come of one message, with the heads of its frames: empty frames have no other end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Message;

/// Heads of frames, as a part of the payload; and what every message may have.
const HEADS: usize = 4;
const FREE: usize = 4096;
/// The head of a control frame of a server (RFC 6455 5.2), which has at most 125 bytes of payload.
const CONTROL_HEAD: usize = 2;

/// A stream of which reading fails with `FileTooLarge` where a message does not end.
#[derive(Debug)]
pub(in crate::net) struct Bounded<S> {
    stream: S,
    most: usize,
    /// Bytes since the last message.
    come: usize,
}

impl<S> Bounded<S> {
    /// `message` is how many bytes of payload may come before a message is looked at.
    pub(super) const fn new(stream: S, message: usize) -> Self {
        Self {
            stream,
            most: message + message / HEADS + FREE,
            come: 0,
        }
    }

    /// A message is whole. Control frames may come amid another message, and leave that unfinished.
    pub(super) fn finished(&mut self, message: &Message) {
        self.come = match message {
            Message::Ping(_) | Message::Pong(_) => {
                self.come.saturating_sub(message.len() + CONTROL_HEAD)
            }
            _ => 0,
        };
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
        if let Poll::Ready(Ok(())) = read {
            own.come += buffer.filled().len() - before;
            if own.come > own.most {
                return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
            }
        }
        read
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
