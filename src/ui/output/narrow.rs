//! A terminal whose last line does not reach the edge. indicatif fills each line with spaces up to
//! there; the `^C` that the terminal shows when somebody interrupts would then break into the next
//! line, and the progress would be cleared one line too low.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use console::Term;
use indicatif::TermLike;

/// Room for `^C` and the like.
const FREE: usize = 4;

/// stderr, where the spaces at the end of a line wait until it is known whether another one follows.
#[derive(Debug)]
pub struct Narrow {
    term: Term,
    waiting: AtomicUsize,
}

impl Narrow {
    pub fn stderr() -> Self {
        Self {
            term: Term::buffered_stderr(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Writes the spaces that wait, but for the last few.
    fn fill(&self, leave: usize) -> io::Result<()> {
        let spaces = self.waiting.swap(0, Ordering::Relaxed);
        self.term
            .write_str(&" ".repeat(spaces.saturating_sub(leave)))
    }
}

impl TermLike for Narrow {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.fill(0)?;
        self.term.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.fill(0)?;
        if text.bytes().all(|byte| byte == b' ') {
            self.waiting.store(text.len(), Ordering::Relaxed);
            return Ok(());
        }
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.term.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.fill(FREE)?;
        self.term.flush()
    }
}
