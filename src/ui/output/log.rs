//! Lines on stderr for a reader that may stall (a full pipe, a terminal that was stopped): written by a thread of their own, so
//! that a server goes on meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use indicatif::ProgressBar;

use super::{Output, stderr_line};

/// Lines that wait for the reader; more are dropped and counted.
const MOST: usize = 1024;

/// How long the end of a run waits for the reader to take what is left.
const PATIENCE: Duration = Duration::from_millis(500);

pub struct Log<'a> {
    output: &'a Output,
    /// `None` with `--quiet`.
    lines: Option<SyncSender<String>>,
    dropped: Arc<AtomicU64>,
    written: Receiver<()>,
}

impl<'a> Log<'a> {
    /// Begins the thread.
    pub fn start(output: &'a Output) -> Self {
        let (lines, waiting) = sync_channel(MOST);
        let (done, written) = sync_channel(1);
        let dropped = Arc::default();
        let (lost, progress) = (Arc::clone(&dropped), output.progress.clone());
        std::thread::spawn(move || {
            write(&waiting, &lost, &progress);
            // Nobody waits any more if that took too long.
            let _ = done.try_send(());
        });
        Self {
            output,
            lines: (!output.quiet).then_some(lines),
            dropped,
            written,
        }
    }

    /// Adds a line, or drops it where too many wait. Never blocks.
    pub fn line(&self, text: &str) {
        let Some(lines) = &self.lines else {
            return;
        };
        if lines.try_send(self.output.clean(text)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Log<'_> {
    fn drop(&mut self) {
        self.lines = None;
        let _ = self.written.recv_timeout(PATIENCE);
    }
}

fn write(lines: &Receiver<String>, dropped: &AtomicU64, progress: &ProgressBar) {
    // Without a terminal there is nothing to suspend, and whoever does it keeps all others out until the line is written.
    let say = |line: &str| {
        if progress.is_hidden() {
            stderr_line(line);
        } else {
            progress.suspend(|| stderr_line(line));
        }
    };
    for line in lines {
        say(&line);
        let count = dropped.swap(0, Ordering::Relaxed);
        if count > 0 {
            let note = format!("({count} lines of this log were dropped: its reader was too slow)");
            say(&note);
        }
    }
}
