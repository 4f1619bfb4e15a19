//! What has come of a message that is not whole yet: for how long, and how much of it in all. And what is written
//! and not taken.
//!
//! The WebSocket keeps both, the one until its last byte, and answers pings meanwhile, so neither its size nor its
//! pings end it.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_tungstenite::tungstenite::Message;

use crate::net::rendezvous::bounded::Coming;
use crate::net::servers::rendezvous::budget::Share;
use crate::net::servers::rendezvous::frames::Frames;

/// Read at a time: most messages at once.
const PIECE: usize = 2048;
/// What each connection may have of an unfinished message that does not count, so that honest clients get through while
/// others use up what there is: most messages of a pair are smaller. The same of what is not taken.
const FREE: usize = 2048;

/// A stream of which is known how much of the message in progress has come, and how much waits to be taken.
///
/// Reading fails with `TimedOut` where a message takes longer than it may, with `FileTooLarge` where it has more
/// than it may, be it in heads of empty frames; both ways fail with `QuotaExceeded` where there is no room for it.
#[derive(Debug)]
pub(super) struct Unfinished<S> {
    pub(super) stream: S,
    share: Share,
    patience: Duration,
    coming: Coming,
    frames: Frames,
    /// Bytes that were to be written and have found no room.
    untaken: usize,
    /// What of [`Self::coming`] and of [`Self::untaken`] is taken from the share.
    taken: [usize; 2],
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Unfinished<S> {
    /// `came` is what has been read of the stream, `message` how many bytes a message may have, `patience` how long it
    /// may take from its first byte to its last.
    pub(super) fn new(
        (stream, came): (S, &[u8]),
        share: Share,
        message: usize,
        patience: Duration,
    ) -> Self {
        let mut own = Self {
            stream,
            share,
            patience,
            coming: Coming::of_client(message),
            frames: Frames::new(message, came),
            untaken: 0,
            taken: [0; 2],
            end: None,
        };
        own.begin();
        own
    }

    /// See [`Coming::finished`].
    pub(super) fn finished(&mut self, message: &Message) {
        self.coming.finished(message);
        if self.coming.bytes() == 0 {
            self.begin();
        }
        self.give_back();
    }

    /// A message of which may have come something already.
    fn begin(&mut self) {
        self.coming.begin(self.frames.held());
        self.end = None;
        self.time();
    }

    /// Nothing is kept of it any more.
    pub(super) fn ended(&mut self) {
        self.frames = Frames::new(0, &[]);
        self.share.give(self.taken.iter().sum());
        self.taken = [0; 2];
    }

    /// Bytes that wait for the client to take them.
    pub(super) const fn untaken(&self) -> usize {
        self.untaken
    }

    const fn owed(&self) -> [usize; 2] {
        [
            self.coming.bytes().saturating_sub(FREE),
            self.untaken.saturating_sub(FREE),
        ]
    }

    fn give_back(&mut self) {
        let owed = self.owed();
        for (taken, owed) in self.taken.iter_mut().zip(owed) {
            if owed < *taken {
                self.share.give(*taken - owed);
                *taken = owed;
            }
        }
    }

    fn take(&mut self) -> io::Result<()> {
        let owed = self.owed();
        for (taken, owed) in self.taken.iter_mut().zip(owed) {
            let more = owed.saturating_sub(*taken);
            if !self.share.take(more) {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            *taken += more;
        }
        Ok(())
    }

    fn note(&mut self, bytes: usize) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        self.coming.note(bytes)?;
        self.take()?;
        self.time();
        if self
            .end
            .as_ref()
            .is_some_and(|end| end.deadline() <= Instant::now())
        {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// Ready when the message has taken as long as it may.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.end {
            Some(end) => end
                .as_mut()
                .poll(context)
                .map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }

    /// Its time begins with its first byte.
    fn time(&mut self) {
        if self.coming.bytes() > 0 {
            let patience = self.patience;
            self.end.get_or_insert_with(|| Box::pin(sleep(patience)));
        }
    }
}

impl<S> Drop for Unfinished<S> {
    fn drop(&mut self) {
        self.share.give(self.taken.iter().sum());
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unfinished<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        while !own.frames.give(buffer) {
            let mut space = [MaybeUninit::uninit(); PIECE];
            let mut piece = ReadBuf::uninit(&mut space);
            match Pin::new(&mut own.stream).poll_read(context, &mut piece) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return own.poll_end(context),
            }
            if piece.filled().is_empty() {
                own.frames.end();
                own.frames.give(buffer);
                return Poll::Ready(Ok(()));
            }
            own.note(piece.filled().len())?;
            own.frames.add(piece.filled());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unfinished<S> {
    /// The WebSocket gives all that waits, each time.
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let own = self.get_mut();
        let written = Pin::new(&mut own.stream).poll_write(context, bytes);
        match &written {
            Poll::Pending => {
                own.untaken = bytes.len();
                if let Err(error) = own.take() {
                    return Poll::Ready(Err(error));
                }
            }
            Poll::Ready(Ok(length)) => own.untaken = bytes.len().saturating_sub(*length),
            Poll::Ready(Err(_)) => {}
        }
        own.give_back();
        written
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
    use crate::net::servers::rendezvous::budget::Budget;
    use crate::proto::signal::visitors::Network;

    const MESSAGE: usize = 100_000;

    fn share() -> Share {
        Budget::default().share(Network::of([192, 0, 2, 1].into()))
    }

    /// Reads what is sent until there is no more, or an error: its kind, or the length of the message.
    async fn read(sent: Vec<u8>) -> Result<usize, io::ErrorKind> {
        let (mut client, server) = duplex(1000);
        let writing = tokio::spawn(async move {
            // The server may have had enough before the end.
            let _ = client.write_all(&sent).await;
            client
        });
        let wire = Unfinished::new((server, &[]), share(), MESSAGE, Duration::from_secs(60));
        let mut socket = WebSocketStream::from_raw_socket(wire, Role::Server, None).await;
        let came = socket.next().await.expect("an end has a reason");
        writing.abort();
        match came {
            Ok(message) => Ok(message.len()),
            Err(Error::Io(error)) => Err(error.kind()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Frames of a client, masked with zeroes: the first of a binary message, then others.
    fn fragments(number: usize, each: u8) -> Vec<u8> {
        let mut sent = Vec::new();
        for at in 0..number {
            let is_last = at + 1 == number;
            sent.push(if is_last { 0x80 } else { 0 } | if at == 0 { 2 } else { 0 });
            sent.extend([0x80 | each, 0, 0, 0, 0]);
            sent.resize(sent.len() + usize::from(each), 7);
        }
        sent
    }

    #[tokio::test]
    async fn heads_of_empty_frames_have_an_end() {
        assert_eq!(read(fragments(2000, 50)).await, Ok(MESSAGE));
        let many = read(fragments(1_000_000, 0)).await;
        assert_eq!(many, Err(io::ErrorKind::FileTooLarge));
    }

    #[tokio::test]
    async fn what_is_not_taken_counts_until_it_is() {
        let (client, server) = duplex(1000);
        let share = share();
        let patience = Duration::from_secs(60);
        let mut wire = Unfinished::new((server, &[]), share.clone(), MESSAGE, patience);
        let mut rest = vec![1; 1 << 20];
        let mut context = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(written) = Pin::new(&mut wire).poll_write(&mut context, &rest) {
            rest.drain(..written.expect("it is open"));
        }
        assert_eq!(wire.untaken(), (1 << 20) - 1000);
        assert_eq!(wire.taken, [0, (1 << 20) - 1000 - FREE]);
        // Where others of this address hold all that it may.
        while share.take(4096) {}
        rest.resize(2 << 20, 1);
        let written = Pin::new(&mut wire).poll_write(&mut context, &rest);
        assert!(
            matches!(&written, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::QuotaExceeded),
            "{written:?}"
        );
        drop((wire, client));
        assert!(share.take(1 << 19), "it is given back");
    }
}
