//! What has come of a message that is not whole yet: for how long, and how much of it in all.
//!
//! The WebSocket keeps it until its last byte, and answers pings meanwhile, so neither its size nor its pings end it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_tungstenite::tungstenite::Message;

/// Of all connections together: what has come and is not delivered.
const IN_ALL: usize = 48 << 20;

/// What each connection may have of an unfinished message that does not count, so that honest clients get through while
/// others use up what there is: most messages of a pair are smaller.
const FREE: usize = 4096;

/// The head of a control frame of a client (RFC 6455 5.2), which has at most 125 bytes of payload.
const CONTROL_HEAD: usize = 6;

/// Bytes that all connections of a server share.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// Takes so much, if there is so much.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let taken = self.0.fetch_add(bytes, Ordering::Relaxed);
        let fits = taken.saturating_add(bytes) <= IN_ALL;
        if !fits {
            self.give(bytes);
        }
        fits
    }

    /// Takes what has to be there in any case.
    pub(super) fn take_anyway(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A stream of which is known how much of the message in progress has come.
///
/// Reading fails with `TimedOut` where that takes longer than it may, with `QuotaExceeded` where there is no room for it.
#[derive(Debug)]
pub(super) struct Unfinished<S> {
    pub(super) stream: S,
    budget: Budget,
    patience: Duration,
    /// Bytes since the last message.
    come: usize,
    /// Of these, what is taken from the budget.
    taken: usize,
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Unfinished<S> {
    /// `patience` is how long a message may take from its first byte to its last.
    pub(super) fn new(stream: S, budget: Budget, patience: Duration) -> Self {
        Self {
            stream,
            budget,
            patience,
            come: 0,
            taken: 0,
            end: None,
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
        let owed = self.come.saturating_sub(FREE);
        if owed < self.taken {
            self.budget.give(self.taken - owed);
            self.taken = owed;
        }
        if self.come == 0 {
            self.end = None;
        }
    }

    fn note(&mut self, bytes: usize) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        self.come += bytes;
        let more = self.come.saturating_sub(FREE).saturating_sub(self.taken);
        if !self.budget.take(more) {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.taken += more;
        let patience = self.patience;
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(patience)));
        if end.deadline() <= Instant::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

impl<S> Drop for Unfinished<S> {
    fn drop(&mut self) {
        self.budget.give(self.taken);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unfinished<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut own.stream).poll_read(context, buffer) {
            return Poll::Ready(read.and_then(|()| own.note(buffer.filled().len() - before)));
        }
        match &mut own.end {
            Some(end) => end
                .as_mut()
                .poll(context)
                .map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unfinished<S> {
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
