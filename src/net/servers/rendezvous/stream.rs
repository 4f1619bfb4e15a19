//! The stream below HTTP and the WebSocket: TCP, with TLS or without.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::net::servers::rendezvous::budget::Share;

/// What a client may send until the TLS handshake is done: its first message has some two kilobytes with a
/// post-quantum key, and TLS keeps it until it is whole.
const HANDSHAKE: usize = 16 << 10;
/// What does not count of that: so much the honest need.
const FREE: usize = 4096;
/// What TLS keeps of what the client has not taken: all that is written is copied.
const UNTAKEN: usize = 4096;

pub(super) enum MaybeTls {
    Plain(TcpStream),
    Tls(Box<TlsStream<Opening<TcpStream>>>),
}

impl MaybeTls {
    /// The TLS handshake, where there is one. `share` is for what comes of it.
    pub(super) async fn open(
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        share: Share,
    ) -> io::Result<Self> {
        let Some(tls) = tls else {
            return Ok(Self::Plain(stream));
        };
        let mut stream = tls.accept(Opening::new(stream, share)).await?;
        let (opening, session) = stream.get_mut();
        opening.is_done();
        session.set_buffer_limit(Some(UNTAKEN));
        Ok(Self::Tls(Box::new(stream)))
    }
}

/// A stream of which no more than a handshake is read until that is done.
pub(super) struct Opening<S> {
    stream: S,
    /// `None` when it is done.
    handshake: Option<Handshake>,
}

struct Handshake {
    share: Share,
    come: usize,
    /// Of this, what is taken from the share.
    taken: usize,
}

impl<S> Opening<S> {
    const fn new(stream: S, share: Share) -> Self {
        Self {
            stream,
            handshake: Some(Handshake {
                share,
                come: 0,
                taken: 0,
            }),
        }
    }

    fn is_done(&mut self) {
        self.handshake = None;
    }
}

impl Handshake {
    fn note(&mut self, bytes: usize) -> io::Result<()> {
        self.come += bytes;
        if self.come > HANDSHAKE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let more = self.come.saturating_sub(FREE).saturating_sub(self.taken);
        if !self.share.take(more) {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.taken += more;
        Ok(())
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.share.give(self.taken);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opening<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut own.stream).poll_read(context, buffer);
        match (&read, &mut own.handshake) {
            (Poll::Ready(Ok(())), Some(handshake)) => {
                Poll::Ready(handshake.note(buffer.filled().len() - before))
            }
            _ => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opening<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl AsyncRead for MaybeTls {
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

impl AsyncWrite for MaybeTls {
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

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    /// Without it, hyper copies each page for each client that has not taken it.
    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::net::servers::rendezvous::budget::Budget;
    use crate::proto::signal::visitors::Network;

    fn share() -> Share {
        Budget::default().share(Network::of([192, 0, 2, 1].into()))
    }

    #[tokio::test]
    async fn a_handshake_that_does_not_end_is_not_read_on() {
        let endless = || tokio::io::repeat(7);
        let mut opening = Opening::new(endless(), share());
        let mut buffer = vec![0; HANDSHAKE];
        let whole = opening.read_exact(&mut buffer).await;
        assert_eq!(whole.expect("so much it may have"), HANDSHAKE);
        let error = opening.read(&mut buffer).await.expect_err("no more");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        // What follows the handshake is no part of it.
        let mut done = Opening::new(endless(), share());
        done.is_done();
        let mut buffer = vec![0; 10 * HANDSHAKE];
        assert!(done.read_exact(&mut buffer).await.is_ok());
    }

    #[tokio::test]
    async fn handshakes_share_what_there_is() {
        let share = share();
        while share.take(FREE) {}
        let mut opening = Opening::new(tokio::io::repeat(7), share);
        let mut buffer = vec![0; FREE];
        let small = opening.read_exact(&mut buffer).await;
        assert!(small.is_ok(), "honest ones get through");
        let error = opening.read(&mut buffer).await.expect_err("no more");
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    }

    #[tokio::test]
    async fn pages_are_written_as_they_are() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("it listens");
        let stream = TcpStream::connect(address).await.expect("it listens");
        let open = MaybeTls::open(stream, None, share()).await;
        assert!(open.expect("there is no handshake").is_write_vectored());
    }
}
