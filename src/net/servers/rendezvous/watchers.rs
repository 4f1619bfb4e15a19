//! Connections to the address that has nothing but health and metrics.

use std::collections::VecDeque;

use tokio::task::{AbortHandle, JoinSet};

/// Connections that look at health and metrics. The newest ones: whoever asks now is answered at once, and others
/// may have stayed for nothing.
#[derive(Default)]
pub(super) struct Watchers {
    tasks: JoinSet<()>,
    /// From the oldest.
    handles: VecDeque<AbortHandle>,
}

impl Watchers {
    pub(super) fn add(&mut self, watcher: impl Future<Output = ()> + Send + 'static, most: usize) {
        self.handles.retain(|handle| !handle.is_finished());
        while self.handles.len() >= most.max(1) {
            if let Some(oldest) = self.handles.pop_front() {
                oldest.abort();
            }
        }
        self.handles.push_back(self.tasks.spawn(watcher));
    }

    /// One has ended; `None` if there is none.
    pub(super) async fn join_next(&mut self) -> Option<()> {
        self.tasks.join_next().await.map(|_| ())
    }

    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Ended = tokio::sync::mpsc::UnboundedSender<u8>;

    /// Says its number when it ends, however it does.
    struct Says(u8, Ended);

    impl Drop for Says {
        fn drop(&mut self) {
            let _ = self.1.send(self.0);
        }
    }

    async fn stays(says: Says) {
        std::future::pending::<()>().await;
        drop(says);
    }

    #[tokio::test]
    async fn the_newest_ones_stay() {
        let mut watchers = Watchers::default();
        let (sender, mut ended) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..5 {
            watchers.add(stays(Says(number, sender.clone())), 2);
        }
        for oldest in 0..3 {
            assert!(watchers.join_next().await.is_some());
            assert_eq!(ended.recv().await, Some(oldest));
        }
        assert_eq!(watchers.handles.len(), 2);
        watchers.shutdown().await;
    }
}
