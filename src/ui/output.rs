//! The only module that writes to the terminal. stdout is for the result, stderr for everything
//! else. So this is where `--redact` is obeyed: nothing gets out without a [`Redaction`].

mod log;
mod narrow;
mod page_file;

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use narrow::Narrow;

pub use log::Log;
pub use page_file::PageFile;

use crate::base::words::{escaped, escaped_in_json, escaped_in_layout};
use crate::ui::qr;
use crate::ui::redact::Redaction;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The length of a bar: finer than any terminal shows it.
const BAR_STEPS: u64 = 1000;
/// What stands before a message of progress, and room behind it.
const PROGRESS_MARGIN: usize = 4;

/// What stands above and below a QR code: what to type, the link, progress.
const LINES_BESIDE: usize = 7;

#[derive(Debug)]
pub struct Output {
    color: bool,
    color_stderr: bool,
    quiet: bool,
    progress: ProgressBar,
    redaction: Redaction,
}

/// Before what stays as it is.
const NOT_REDACTED: &str =
    "note: --redact does not change what has to be typed or given to the other host";

impl Output {
    pub fn new(color: ColorChoice, quiet: bool, redaction: Redaction) -> Self {
        let decide = |terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => wants_color(terminal, |name| std::env::var(name).ok()),
        };
        let terminal = io::stderr().is_terminal();
        let progress = if terminal && !quiet && !is_dumb() {
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
            redaction,
        }
    }

    /// What `--redact` does to all that is written here.
    pub const fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// Writes text to stdout; see [`result`].
    pub fn result(&self, text: &str) -> io::Result<()> {
        result(&self.redaction, text)
    }

    /// Writes JSON to stdout; see [`result`].
    pub fn json(&self, text: &str) -> io::Result<()> {
        json(&self.redaction, text)
    }

    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    pub const fn color(&self) -> bool {
        self.color
    }

    pub fn start_progress(&self, message: String) {
        let message = self.redacted(message);
        if is_dumb() && io::stderr().is_terminal() && !self.quiet {
            return stderr_line(&message);
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

    /// Whether progress is drawn, again and again at one place of a terminal.
    pub fn is_watched(&self) -> bool {
        !self.progress.is_hidden() && !is_dumb()
    }

    /// How many columns a line of progress may have, behind the first one.
    pub fn progress_width(&self) -> usize {
        usize::from(console::Term::stderr().size().1).saturating_sub(PROGRESS_MARGIN)
    }

    pub fn progress(&self, message: String) {
        self.progress.set_message(self.redacted(message));
    }

    /// Says how far something is that takes long: `done` is between 0 and 1.
    pub fn progress_bar(&self, done: f64, message: &str) {
        // A narrow terminal has no room for a bar, nor for what stands behind the semicolon.
        let short = message.split(';').next().unwrap_or_default();
        let (room, message) = match console::Term::stderr().size().1 {
            0..72 => ("", short),
            72..100 => ("[{bar:8}] ", message),
            _ => ("[{bar:20}] ", message),
        };
        let template = if self.color_stderr {
            format!("{{spinner:.cyan}} {{elapsed:.dim}} {room}{{msg}}")
        } else {
            format!("{{spinner}} {{elapsed}} {room}{{msg}}")
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.progress.set_style(style.progress_chars("=> "));
        }
        self.progress.set_length(BAR_STEPS);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "between 0 and the length"
        )]
        let position = (done.clamp(0.0, 1.0) * BAR_STEPS as f64) as u64;
        self.progress.set_position(position);
        self.progress.set_message(self.redacted(message.to_owned()));
    }

    /// Something that the user has to read and do, on stderr; also with `--quiet`. With `--redact` it
    /// stays whole too: it would be of no use otherwise.
    pub fn instruct(&self, text: &str) {
        if self.redaction.is_on() {
            self.say(NOT_REDACTED);
        }
        let text = harmless(text);
        self.progress.suspend(|| stderr_line(&text));
    }

    /// The same text for a telephone: a QR code, where stderr is a terminal that has room and colours for it.
    pub fn picture(&self, text: &str) {
        let (rows, columns) = console::Term::stderr().size();
        let rows = usize::from(rows).saturating_sub(LINES_BESIDE);
        if !self.is_watched() || !self.color_stderr || self.redaction.is_on() {
            return;
        }
        if let Some(picture) = qr::picture(text, columns.into(), rows) {
            self.progress.suspend(|| stderr_line(&picture));
        }
    }

    /// What a person at the terminal is asked for, before any progress is shown.
    pub fn ask(&self, text: &str) {
        stderr_line(&harmless(text));
    }

    pub fn end_progress(&self) {
        self.progress.finish_and_clear();
    }

    /// Writes a line to stdout while the work goes on. Whether there still is a reader.
    pub fn line(&self, text: &str) -> io::Result<bool> {
        let text = self.redaction.laid_out(text);
        self.progress
            .suspend(|| to_stdout(&escaped_in_layout(&text)))
    }

    /// The same for JSON.
    pub fn json_line(&self, text: &str) -> io::Result<bool> {
        let text = self.redaction.json(text);
        self.progress.suspend(|| to_stdout(&escaped_in_json(&text)))
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
            self.progress.suspend(|| stderr_line(&self.clean(text)));
        }
    }

    /// The same with commands for other hosts, the lines that begin with `command`. They stay whole.
    pub fn say_with_commands(&self, text: &str, command: &str) {
        if !self.redaction.is_on() {
            return self.say(text);
        }
        self.say(NOT_REDACTED);
        if !self.quiet {
            let lines = text.lines().map(|line| {
                if line.starts_with(command) {
                    harmless(line)
                } else {
                    self.clean(line)
                }
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            self.progress.suspend(|| stderr_line(&text));
        }
    }

    pub fn error(&self, message: &str, hint: Option<&str>) {
        self.to_stderr("error", "31", message, hint);
    }

    fn to_stderr(&self, label: &str, code: &str, message: &str, hint: Option<&str>) {
        let label = if self.color_stderr {
            format!("\u{1b}[1;{code}m{label}:\u{1b}[0m")
        } else {
            format!("{label}:")
        };
        let hint = hint.map_or_else(String::new, |hint| {
            format!("\n  hint: {}", self.clean(hint))
        });
        let message = self.clean(message);
        stderr_line(&format!("{label} {message}{hint}"));
    }

    fn redacted(&self, text: String) -> String {
        let shown = match escaped_in_layout(&self.redaction.laid_out(&text)) {
            Cow::Borrowed(shown) if shown == text => None,
            shown => Some(shown.into_owned()),
        };
        shown.unwrap_or(text)
    }

    fn clean(&self, text: &str) -> String {
        harmless(&self.redaction.text(text))
    }
}

/// Writes text to stdout. A reader that has gone away is no error: it has what it wanted.
///
/// # Errors
///
/// Any other error of stdout, such as a full disk.
pub fn result(redaction: &Redaction, text: &str) -> io::Result<()> {
    to_stdout(&escaped_in_layout(&redaction.laid_out(text))).map(drop)
}

/// Writes JSON to stdout, as [`result`].
pub fn json(redaction: &Redaction, text: &str) -> io::Result<()> {
    to_stdout(&escaped_in_json(&redaction.json(text))).map(drop)
}

fn to_stdout(text: &str) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

fn stderr_line(text: &str) {
    stderr(&format!("{text}\n"));
}

fn stderr(text: &str) {
    // Nothing can be done about one that is closed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Text from files, servers and the command line must not draw on the terminal, or hide there.
fn harmless(text: &str) -> String {
    escaped(text).into_owned()
}

/// A terminal that cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// What the environment says about color: <https://no-color.org> (set and not empty) before
/// `FORCE_COLOR` and `CLICOLOR_FORCE` (set, not empty and not 0), and these before what the
/// terminal is.
fn wants_color(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).filter(|value| !value.is_empty());
    if is_set("NO_COLOR").is_some() {
        return false;
    }
    let forces = |name| is_set(name).is_some_and(|value| value != "0");
    let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
    forces("FORCE_COLOR") || forces("CLICOLOR_FORCE") || (terminal && !is_dumb)
}

/// Text that is a message already, before the flags are known.
pub fn early_text(redaction: &Redaction, text: &str) {
    stderr(&harmless(&redaction.text(text)));
}

/// An error before the flags are known.
pub fn early_error(redaction: &Redaction, message: &str) {
    stderr_line(&format!("error: {}", harmless(&redaction.text(message))));
}

#[cfg(test)]
mod tests {
    use super::wants_color;

    #[test]
    fn color_is_as_the_environment_wants_it() {
        for (terminal, set, wanted) in [
            (true, &[][..], true),
            (false, &[], false),
            (true, &[("NO_COLOR", "1")], false),
            (true, &[("NO_COLOR", "")], true),
            (true, &[("TERM", "dumb")], false),
            (false, &[("FORCE_COLOR", "1")], true),
            (false, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true),
            (false, &[("FORCE_COLOR", "0")], false),
            (false, &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false),
        ] {
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(wants_color(terminal, variable), wanted, "{set:?}");
        }
    }
}
