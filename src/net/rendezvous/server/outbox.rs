//! What waits for a client.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use crate::signal::wire::{Notice, Refusal};

/// What one message costs beside its bytes, so that empty ones are not free.
const OVERHEAD: usize = 64;
/// What may wait for all clients together; one that lets anything wait beyond it is dropped.
const IN_ALL: usize = 128 << 20;

/// Messages for one client, and the end of its connection.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    ready: Notify,
    ended: Notify,
    /// The bytes that wait for all clients.
    waiting: Arc<AtomicUsize>,
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(state.bytes, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Message>,
    bytes: usize,
    end: Option<Refusal>,
}

impl Outbox {
    /// An empty one. All of a server share the count of what waits.
    pub(super) fn new(waiting: Arc<AtomicUsize>) -> Self {
        Self {
            state: Mutex::default(),
            ready: Notify::new(),
            ended: Notify::new(),
            waiting,
        }
    }

    /// Adds a message. A client that lets more wait than `limit` is dropped.
    pub(super) fn push(&self, message: Message, limit: usize) {
        let cost = message.len() + OVERHEAD;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // One message always has room, however low the limit is.
        let in_all = self.waiting.load(Ordering::Relaxed);
        if !state.messages.is_empty() && (state.bytes + cost > limit || in_all + cost > IN_ALL) {
            drop(state);
            self.end(Refusal::Slow);
            return;
        }
        state.bytes += cost;
        self.waiting.fetch_add(cost, Ordering::Relaxed);
        state.messages.push_back(message);
        drop(state);
        self.ready.notify_one();
    }

    /// Adds something that the server says.
    pub(super) fn tell(&self, notice: &Notice, limit: usize) {
        self.push(Message::text(notice.to_text()), limit);
    }

    /// Ends the connection. What waits is not sent any more. The first reason counts.
    pub(super) fn end(&self, refusal: Refusal) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.messages = VecDeque::new();
        self.waiting
            .fetch_sub(std::mem::take(&mut state.bytes), Ordering::Relaxed);
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

    /// Waits until the connection is to end.
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
        self.waiting.fetch_sub(cost, Ordering::Relaxed);
        if state.messages.is_empty() {
            // Most clients are idle most of the time: they keep no room for messages.
            state.messages = VecDeque::new();
        }
        Some(message)
    }
}
