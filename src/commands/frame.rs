//! What all commands do alike: runtime, signals, events, document.

use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::family::Family;
use crate::base::report::{Document, ErrorReport, Verdict};
use crate::commands::args::{Common, DIAGNOSIS_TIMEOUT};
use crate::commands::error_document;
use crate::commands::shortage;
use crate::commands::signals::{self, Slack};
use crate::net::clock::Clock;
use crate::net::descriptors;
use crate::net::host::Source;
use crate::ui::layout::Detail;
use crate::ui::output::{Output, PageFile};
use crate::ui::page;
use crate::ui::redact::Redaction;
use crate::ui::render;
use crate::ui::style::Style;

pub struct Frame<'a> {
    pub name: &'static str,
    pub common: &'a Common,
    /// `--timeout`, or what the command has instead; `None` if it runs until it is stopped.
    pub time_limit: Option<Duration>,
    /// What the way to the servers adds to that.
    pub slack: Slack,
    pub clock: Clock,
    pub output: &'a Output,
    /// Where `--html` wants the page.
    pub page: Option<&'a PageFile>,
}

/// Tells when and why to stop.
pub type Stop = watch::Receiver<Option<Reason>>;

impl Frame<'_> {
    /// Runs the work, and `show` for each of its events. Gives the result and why it was cut short,
    /// if it was.
    pub fn work<T, E>(
        &self,
        message: String,
        work: impl AsyncFnOnce(Stop, mpsc::UnboundedSender<E>) -> T,
        mut show: impl FnMut(E),
    ) -> anyhow::Result<(T, Option<Reason>)> {
        // Without them it would end in a panic of the runtime.
        descriptors::raise_limit();
        descriptors::are_there_some()
            .context("this machine lets the program open too few files (ulimit -n)")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let done = runtime.block_on(async {
            let mut stop =
                signals::listen(self.time_limit, self.slack.clone(), self.name != "serve")
                    .context("cannot catch signals")?;
            let (sender, mut receiver) = mpsc::unbounded_channel();
            self.output.start_progress(message);
            let events = async {
                while let Some(event) = receiver.recv().await {
                    show(event);
                }
            };
            let (result, ()) = tokio::join!(work(stop.clone(), sender), events);
            let stopped: Option<Reason> = *stop.borrow_and_update();
            anyhow::Ok((result, stopped))
        });
        // A name that hangs in the system's resolver must not hold up the end.
        runtime.shutdown_background();
        self.output.end_progress();
        done
    }

    pub fn event(&self, line: &impl Serialize) {
        if self.common.jsonl {
            // A full disk shows at the document; an event is not worth ending for.
            if let Ok(line) = render::json_line(line) {
                let _ = self.output.json(&line);
            }
        }
    }

    /// Prints a part of the result while the work goes on: an event for `--jsonl`, nothing for
    /// `--json`. Whether there still is a reader.
    pub fn part(
        &self,
        event: &impl Serialize,
        text: impl FnOnce(Style) -> String,
    ) -> anyhow::Result<bool> {
        let written = if self.common.jsonl {
            self.output.json_line(&render::json_line(event)?)
        } else if self.common.json {
            return Ok(true);
        } else {
            let style = Style::for_stdout(self.output.color()).redacted(self.output.redaction());
            // A pipe has no width; there, a round is a line.
            let width = if self.output.is_terminal() {
                style.width
            } else {
                u16::MAX
            };
            self.output.line(&text(Style { width, ..style }))
        };
        written.context("cannot write the result")
    }

    pub fn finish<R: Serialize>(
        &self,
        verdict: Verdict,
        result: R,
        text: impl Fn(&Document<R>, Style, Detail) -> String,
    ) -> anyhow::Result<Outcome> {
        let verdict = match self.name {
            // It lives on at its limit, and says itself what that does.
            "serve" => verdict,
            _ => shortage::judged(verdict, descriptors::ran_out()),
        };
        let document = self.document(self.name, verdict, result);
        let detail = Detail {
            verbose: self.common.verbose,
            terse: self.common.quiet,
        };
        let redaction = self.output.redaction();
        let written = if let Some(json) = self.json(&document)? {
            self.output.json(&json)
        } else {
            if redaction.is_on() {
                // So labels are given in the order of the document, whatever the text shows first.
                redaction.json(&render::json_line(&document)?);
            }
            let style = Style::for_stdout(self.output.color()).redacted(redaction);
            self.output.result(&text(&document, style, detail))
        };
        written.context("cannot write the result")?;
        save_page(self.page, redaction, &document, || {
            text(&document, Style::plain().redacted(redaction), detail)
        })?;
        Ok(document.outcome)
    }

    pub fn document<R>(&self, name: &'static str, verdict: Verdict, result: R) -> Document<R> {
        let times = (self.clock.started_at(), self.clock.now());
        Document {
            redacted: self.output.redaction().is_on(),
            ..Document::new(Some(name), times, verdict, Some(result))
        }
    }

    /// Says what is wrong before anything was sent.
    pub fn could_not_begin(&self, error: &anyhow::Error) -> anyhow::Result<Outcome> {
        let message = format!("{error:#}");
        self.output.error(&message, None);
        let is_redacted = self.output.redaction().is_on();
        let document = error_document(Some(self.name), self.clock, message, is_redacted);
        if let Some(json) = self.json(&document)? {
            self.output.json(&json).context("cannot write the result")?;
        }
        save_page(self.page, self.output.redaction(), &document, String::new)?;
        Ok(Outcome::Error)
    }

    /// Says that it was interrupted before there was a result.
    pub fn interrupted(&self, summary: &str) -> anyhow::Result<Outcome> {
        let verdict = Verdict {
            outcome: Outcome::Interrupted,
            caveat: None,
            findings: Vec::new(),
            summary: summary.to_owned(),
        };
        let times = (self.clock.started_at(), self.clock.now());
        let document: Document<()> = Document {
            redacted: self.output.redaction().is_on(),
            ..Document::new(Some(self.name), times, verdict, None)
        };
        if let Some(json) = self.json(&document)? {
            self.output.json(&json).context("cannot write the result")?;
        } else {
            self.output.error(summary, None);
        }
        Ok(document.outcome)
    }

    /// The same where the work itself could not begin.
    pub fn could_not_work(&self, error: &ErrorReport) -> anyhow::Result<Outcome> {
        let hint = error
            .hint
            .map_or_else(String::new, |hint| format!("; {hint}"));
        self.could_not_begin(&anyhow::anyhow!("{}{hint}", error.message))
    }

    fn json<R: Serialize>(&self, document: &Document<R>) -> anyhow::Result<Option<String>> {
        Ok(if self.common.jsonl {
            Some(render::json_line(document)?)
        } else if self.common.json {
            Some(render::json(document)?)
        } else {
            None
        })
    }

    /// How long a file may take to be read.
    pub fn patience(&self) -> Duration {
        self.time_limit.unwrap_or(DIAGNOSIS_TIMEOUT)
    }

    pub const fn chooses_source(&self) -> bool {
        self.common.interface.is_some() || self.common.local.is_some()
    }

    pub fn source(&self) -> anyhow::Result<Source> {
        let source = Source {
            interface: self.common.interface.clone(),
            local: self.common.local,
        };
        source.check()?;
        Ok(source)
    }

    pub fn families(&self) -> anyhow::Result<Vec<Family>> {
        let wanted = match (self.common.ipv4, self.common.ipv6) {
            (true, false) => vec![Family::Ipv4],
            (false, true) => vec![Family::Ipv6],
            _ => vec![Family::Ipv4, Family::Ipv6],
        };
        let Some(local) = self.common.local else {
            return Ok(wanted);
        };
        let of_local = Family::of(local);
        anyhow::ensure!(
            wanted.contains(&of_local),
            "--local {local} is not an {} address",
            wanted[0].name()
        );
        Ok(vec![of_local])
    }
}

/// Writes the page of a document, where one is wanted.
pub fn save_page<R: Serialize>(
    file: Option<&PageFile>,
    redaction: &Redaction,
    document: &Document<R>,
    text: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let Some(file) = file else {
        return Ok(());
    };
    let shown = redaction.json(&render::json_line(document)?).into_owned();
    let shown = serde_json::from_str(&shown).context("cannot make the page")?;
    let text = redaction.laid_out(&text()).into_owned();
    file.write(&page::page(&shown, document.caveat, &text))
        .with_context(|| format!("cannot write the page to {}", file.path().display()))
}
