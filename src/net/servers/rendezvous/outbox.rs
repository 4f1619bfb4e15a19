//! What waits for a client.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use crate::net::servers::rendezvous::budget::Share;
use crate::proto::signal::wire::Refusal;

/// What one message costs beside its bytes, so that empty ones are not free.
const OVERHEAD: usize = 64;

/// Messages for one client, and the end of its connection.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<OutboxState>,
    ready: Notify,
    ended: Notify,
    share: Share,
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.share.give(state.bytes);
    }
}

#[derive(Debug, Default)]
struct OutboxState {
    messages: VecDeque<Message>,
    bytes: usize,
    end: Option<Refusal>,
}

impl Outbox {
    /// An empty one. What waits counts as what the address of its client holds.
    pub(super) fn new(share: Share) -> Self {
        Self {
            state: Mutex::default(),
            ready: Notify::new(),
            ended: Notify::new(),
            share,
        }
    }

    /// Adds a message. A client that lets more wait than `limit` is dropped.
    pub(super) fn push(&self, message: Message, limit: usize) {
        let cost = message.len() + OVERHEAD;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.messages.is_empty() {
            // One message always has room, however low the limit is.
            self.share.take_anyway(cost);
        } else if state.bytes + cost > limit || !self.share.take(cost) {
            drop(state);
            self.end(Refusal::Slow);
            return;
        }
        state.bytes += cost;
        state.messages.push_back(message);
        drop(state);
        self.ready.notify_one();
    }

    /// Ends the connection. What waits is not sent any more. The first reason counts.
    pub(super) fn end(&self, refusal: Refusal) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.messages = VecDeque::new();
        self.share.give(std::mem::take(&mut state.bytes));
        state.end.get_or_insert(refusal);
        drop(state);
        self.ended.notify_one();
    }

    /// The next message. May be dropped and called again without loss.
    pub(super) async fn next(&self) -> Message {
        loop {
            if let Some(message) = self.pop() {
                return message;
            }
            self.ready.notified().await;
        }
    }

    pub(super) async fn ended(&self) -> Refusal {
        loop {
            if let Some(refusal) = self.end_reason() {
                return refusal;
            }
            self.ended.notified().await;
        }
    }

    fn end_reason(&self) -> Option<Refusal> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.end
    }

    fn pop(&self) -> Option<Message> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let message = state.messages.pop_front()?;
        let cost = message.len() + OVERHEAD;
        state.bytes = state.bytes.saturating_sub(cost);
        self.share.give(cost);
        if state.messages.is_empty() {
            // Most clients are idle most of the time: they keep no room for messages.
            state.messages = VecDeque::new();
        }
        Some(message)
    }
}
