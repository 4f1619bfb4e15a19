//! One round after the other, as `--repeat` and `--watch` ask for.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::watch;

use crate::fact::Reason;
use crate::net::clock::Clock;
use crate::net::driver::stopped;

/// When rounds begin, and when they end at the latest.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// How many; `None` until it is stopped.
    pub count: Option<u32>,
    /// From the beginning of a round to that of the next, unless the round takes longer.
    pub every: Duration,
    /// How long a round may take.
    pub limit: Duration,
}

/// A round that ran to its end.
#[derive(Debug)]
pub struct Finished<T> {
    /// When it began, since the start.
    pub began: Duration,
    /// What came of it.
    pub result: T,
    /// Whether the limit ended it.
    pub stopped: Option<Reason>,
}

/// How it all ended.
#[derive(Debug)]
pub struct Ended<T> {
    /// The round that was under way, if one was cut short.
    pub cut: Option<T>,
    /// Why it ended before the last round, if it did.
    pub stopped: Option<Reason>,
}

/// What ended a round.
enum RoundEnd {
    Itself,
    Limit,
    Outside(Reason),
}

/// Runs `round` again and again; it is told when to stop. `finished` is called for each round that
/// was not cut short from outside, and may end it all.
pub async fn run<T>(
    schedule: &Schedule,
    clock: &Clock,
    mut stop: watch::Receiver<Option<Reason>>,
    mut round: impl AsyncFnMut(watch::Receiver<Option<Reason>>) -> T,
    mut finished: impl FnMut(Finished<T>) -> ControlFlow<()>,
) -> Ended<T> {
    let mut due = clock.now();
    let mut done = 0;
    loop {
        let began = clock.now();
        let (result, end) = one(schedule.limit, &mut stop, &mut round).await;
        let reason = match end {
            RoundEnd::Itself => None,
            RoundEnd::Limit => Some(Reason::Timeout),
            RoundEnd::Outside(reason) => {
                return Ended {
                    cut: Some(result),
                    stopped: Some(reason),
                };
            }
        };
        done += 1;
        let over = finished(Finished {
            began,
            result,
            stopped: reason,
        });
        if over.is_break() || schedule.count.is_some_and(|count| done >= count) {
            return Ended {
                cut: None,
                stopped: None,
            };
        }
        // A round that took longer does not make the next ones come in a hurry.
        due = (due + schedule.every).max(clock.now());
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => return Ended {
                cut: None,
                stopped: Some(reason),
            },
            () = tokio::time::sleep_until(clock.instant(due)) => {}
        }
    }
}

async fn one<T>(
    limit: Duration,
    stop: &mut watch::Receiver<Option<Reason>>,
    round: &mut impl AsyncFnMut(watch::Receiver<Option<Reason>>) -> T,
) -> (T, RoundEnd) {
    let (sender, receiver) = watch::channel(None);
    let working = round(receiver);
    tokio::pin!(working);
    let (reason, end) = tokio::select! {
        biased;
        result = &mut working => return (result, RoundEnd::Itself),
        reason = stopped(stop) => (reason, RoundEnd::Outside(reason)),
        () = tokio::time::sleep(limit) => (Reason::Timeout, RoundEnd::Limit),
    };
    // It still has to say what it knows.
    let _ = sender.send(Some(reason));
    (working.await, end)
}
