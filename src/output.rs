//! The only module that writes to the terminal. stdout is for the result, stderr for everything
//! else.

mod narrow;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use narrow::Narrow;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where output goes, and how.
#[derive(Debug)]
pub struct Output {
    color: bool,
    color_stderr: bool,
    quiet: bool,
    progress: ProgressBar,
}

impl Output {
    /// As the flags say.
    pub fn new(color: ColorChoice, quiet: bool) -> Self {
        let decide = |terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // <https://no-color.org>: set and not empty.
            ColorChoice::Auto => {
                terminal
                    && !is_dumb()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        let terminal = io::stderr().is_terminal();
        let progress = if terminal && !quiet {
            let target = ProgressDrawTarget::term_like(Box::new(Narrow::stderr()));
            ProgressBar::with_draw_target(None, target)
        } else {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        };
        Self {
            color: decide(io::stdout().is_terminal()),
            color_stderr: decide(terminal),
            quiet,
            progress,
        }
    }

    /// Whether stdout gets colour.
    pub const fn color(&self) -> bool {
        self.color
    }

    /// Shows that work has begun.
    pub fn start_progress(&self, message: String) {
        if is_dumb() && io::stderr().is_terminal() && !self.quiet {
            // Nothing can be done about a stderr that is closed.
            let _ = writeln!(io::stderr().lock(), "{message}");
            return;
        }
        let template = if self.color_stderr {
            "{spinner:.cyan} {elapsed:.dim} {msg}"
        } else {
            "{spinner} {elapsed} {msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.progress.set_style(style);
        }
        self.progress.set_message(message);
        self.progress.tick();
        self.progress.enable_steady_tick(Duration::from_millis(80));
    }

    /// Says what is being done now.
    pub fn progress(&self, message: String) {
        self.progress.set_message(message);
    }

    /// Something that the user has to read and do, on stderr; also with `--quiet`.
    pub fn instruct(&self, text: &str) {
        let text = harmless(text);
        self.progress.suspend(|| {
            // Nothing can be done about a stderr that is closed.
            let _ = writeln!(io::stderr().lock(), "{text}");
        });
    }

    /// Takes the progress line away.
    pub fn end_progress(&self) {
        self.progress.finish_and_clear();
    }

    /// A hint on stderr, unless `--quiet`.
    pub fn warning(&self, message: &str, hint: Option<&str>) {
        if !self.quiet {
            self.to_stderr("warning", "33", message, hint);
        }
    }

    /// Something on stderr that a person waits for, unless `--quiet`.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.progress.suspend(|| {
                // Nothing can be done about a stderr that is closed.
                let _ = writeln!(io::stderr().lock(), "{}", harmless(text));
            });
        }
    }

    /// An error on stderr.
    pub fn error(&self, message: &str, hint: Option<&str>) {
        self.to_stderr("error", "31", message, hint);
    }

    fn to_stderr(&self, label: &str, code: &str, message: &str, hint: Option<&str>) {
        let label = if self.color_stderr {
            format!("\u{1b}[1;{code}m{label}:\u{1b}[0m")
        } else {
            format!("{label}:")
        };
        let hint = hint.map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
        let message = harmless(message);
        // Nothing can be done about a stderr that is closed.
        let _ = writeln!(io::stderr().lock(), "{label} {message}{hint}");
    }
}

/// Writes to stdout. A reader that has gone away is no error: it has what it wanted.
///
/// # Errors
///
/// Any other error of stdout, such as a full disk.
pub fn result(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Text from files and servers must not draw on the terminal.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// A terminal that cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Text that is a message already, before the flags are known.
pub fn early_text(text: &str) {
    // Nothing can be done about a stderr that is closed.
    let _ = write!(io::stderr().lock(), "{}", harmless(text));
}

/// An error before the flags are known.
pub fn early_error(message: &str, hint: Option<&str>) {
    let hint = hint.map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
    // Nothing can be done about a stderr that is closed.
    let _ = writeln!(io::stderr().lock(), "error: {}{hint}", harmless(message));
}
