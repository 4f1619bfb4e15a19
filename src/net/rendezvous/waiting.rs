//! Envelopes that wait to be sent: no more than [`bounds::RENDEZVOUS_UNSENT`], whoever makes this side say
//! more than the rendezvous takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::base::bounds;

#[derive(Debug)]
pub(super) struct Sender {
    envelopes: mpsc::UnboundedSender<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(super) struct Receiver {
    envelopes: mpsc::UnboundedReceiver<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
}

pub(super) fn channel() -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    let sender = Sender {
        envelopes: sender,
        bytes: Arc::clone(&bytes),
    };
    let receiver = Receiver {
        envelopes: receiver,
        bytes,
    };
    (sender, receiver)
}

impl Sender {
    /// Lets it wait. What there is no room for is lost: a rendezvous that takes nothing for so long is
    /// given up soon, and the next one is told everything again.
    pub(super) fn send(&self, envelope: Vec<u8>) {
        let length = envelope.len();
        if self.bytes.load(Ordering::Relaxed) + length > bounds::RENDEZVOUS_UNSENT {
            return;
        }
        self.bytes.fetch_add(length, Ordering::Relaxed);
        // After the end nothing is sent any more; the event has said so.
        let _ = self.envelopes.send(envelope);
    }
}

impl Receiver {
    /// The next one; `None` once nothing more will come. May be dropped and called again.
    pub(super) async fn recv(&mut self) -> Option<Vec<u8>> {
        let envelope = self.envelopes.recv().await?;
        self.bytes.fetch_sub(envelope.len(), Ordering::Relaxed);
        Some(envelope)
    }

    /// Forgets all that waits.
    pub(super) fn forget(&mut self) {
        while let Ok(envelope) = self.envelopes.try_recv() {
            self.bytes.fetch_sub(envelope.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_has_an_end_and_makes_room_when_it_is_taken() {
        let (sender, mut receiver) = channel();
        let most = bounds::RENDEZVOUS_UNSENT / 1024;
        for _ in 0..most + 10 {
            sender.send(vec![0; 1024]);
        }
        assert_eq!(receiver.envelopes.len(), most);
        assert!(receiver.recv().await.is_some());
        sender.send(vec![0; 1024]);
        assert_eq!(receiver.envelopes.len(), most);
        receiver.forget();
        sender.send(vec![0; 1024]);
        assert_eq!(receiver.envelopes.len(), 1);
    }
}
