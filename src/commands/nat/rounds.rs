//! `rtcdiag nat --repeat` and `--watch`.

pub mod render;
pub mod report;
pub mod run;
pub mod verdict;

use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::report::{Finding, Verdict};
use crate::commands::args::DIAGNOSIS_TIMEOUT;
use crate::commands::frame::Stop;
use crate::commands::nat::args::{NatArgs, SHORTEST_INTERVAL};
use crate::commands::nat::report::NatResult;
use crate::commands::nat::run::{EarlierRounds, Event, Options};
use crate::commands::nat::verdict::Context;
use crate::commands::nat::{self, Frame};
use crate::ui::style::Style;
use report::{PathSeen, RoundReport};
use run::{FinishedRound, RoundsEnd, Schedule};
use verdict::{Remarks, Totals};

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum RoundLine<'a> {
    Round {
        #[serde(flatten)]
        round: &'a RoundReport,
    },
}

/// All that is kept from round to round: of a fixed size.
struct RoundsState<'a> {
    frame: &'a Frame<'a>,
    args: &'a NatArgs,
    /// Findings of the command line, which each round has.
    given: &'a [Finding],
    totals: Totals,
    remarks: Remarks,
    last: Option<(NatResult, Verdict)>,
    /// Why stdout cannot be written to.
    failed: Option<anyhow::Error>,
}

pub fn run(
    frame: &Frame,
    args: &NatArgs,
    options: &Options,
    given: &[Finding],
) -> anyhow::Result<Outcome> {
    let schedule = Schedule {
        count: args.depth.repeat,
        every: args.depth.watch.unwrap_or(SHORTEST_INTERVAL),
        limit: DIAGNOSIS_TIMEOUT,
    };
    let mut kept = RoundsState {
        frame,
        args,
        given,
        totals: Totals::new(options.depth.all_interfaces),
        remarks: Remarks::default(),
        last: None,
        failed: None,
    };
    let (ended, _) = frame.work(
        "round 1".to_owned(),
        async |stop, _: mpsc::UnboundedSender<()>| {
            let earlier = EarlierRounds::default();
            let mut number = 0u64;
            let round = async |stop| {
                number += 1;
                one(frame, options, &earlier, number, stop).await
            };
            let finished = |done| kept.take(done);
            run::run(&schedule, &frame.clock, stop, round, finished).await
        },
        |()| {},
    )?;
    kept.finish(&schedule, ended)
}

/// A round: when it began by the calendar, and what came of it.
type Round = (String, (NatResult, Vec<Finding>));

async fn one(
    frame: &Frame<'_>,
    options: &Options,
    earlier: &EarlierRounds,
    number: u64,
    stop: Stop,
) -> Round {
    let at = frame.clock.wall_time();
    let options = Options {
        seed: rand::random(),
        ..options.clone()
    };
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let events = async {
        let mut tests = 0;
        while let Some(event) = receiver.recv().await {
            tests += usize::from(matches!(event, Event::Observation(_)));
            frame
                .output
                .progress(format!("round {number}: {tests} tests done"));
            if frame.common.verbose {
                frame.event(&event);
            }
        }
    };
    frame.output.progress(format!("round {number}"));
    let work = nat::run::run_after(&options, earlier, frame.clock, stop, sender);
    let (came, ()) = tokio::join!(work, events);
    (at, came)
}

fn took_too_long() -> Finding {
    Finding::new(
        Code::Timeout,
        format!(
            "a round took longer than {} s, and was ended before everything was tested",
            DIAGNOSIS_TIMEOUT.as_secs()
        ),
        "ask fewer servers with -s, or servers that answer",
    )
}

impl RoundsState<'_> {
    fn verdict(&self, result: &NatResult, found: Vec<Finding>, stopped: Option<Reason>) -> Verdict {
        let context = Context {
            expectations: self.args.expect.clone(),
            stopped,
            findings: self.given.iter().cloned().chain(found).collect(),
        };
        nat::verdict::verdict(result, context)
    }

    fn take(&mut self, done: FinishedRound<Round>) -> ControlFlow<()> {
        let (at, (result, mut found)) = done.result;
        found.extend(done.stopped.map(|_| took_too_long()));
        let verdict = self.verdict(&result, found, None);
        let paths = PathSeen::of(&result);
        let mut report = self.totals.add(done.began, at, verdict.outcome, paths);
        self.totals.qualify(&mut report, verdict.caveat);
        self.totals.add_servers(&result.servers);
        self.remarks.add(report.round, &verdict);
        self.last = Some((result, verdict));
        let line = RoundLine::Round { round: &report };
        let several = self.args.depth.all_interfaces;
        let text = |style: Style<'_>| render::line(&report, several, style);
        match self.frame.part(&line, text) {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn finish(mut self, schedule: &Schedule, ended: RoundsEnd<Round>) -> anyhow::Result<Outcome> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let cut_short = ended.cut.is_some();
        let last = self.last.take().or_else(|| {
            let (_, (result, found)) = ended.cut?;
            let verdict = self.verdict(&result, found, ended.stopped);
            Some((result, verdict))
        });
        let (mut result, last) = last.unwrap_or_else(|| {
            let nothing = NatResult::default();
            let verdict = self.verdict(&nothing, Vec::new(), ended.stopped);
            (nothing, verdict)
        });
        let every: Duration = schedule.every;
        let rounds = self.totals.report(schedule.count, every, cut_short);
        result.rounds = Some(Box::new(rounds));
        let how = verdict::Ending {
            planned: schedule.count,
            stopped: ended.stopped,
        };
        let verdict = verdict::verdict(&self.totals, &self.remarks, last, how);
        self.frame.finish(verdict, result, nat::render::text)
    }
}
