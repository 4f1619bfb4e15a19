//! One round after the other, as `--repeat` and `--watch` ask for.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::fact::Reason;
use crate::net::clock::Clock;
use crate::net::drive::stopped;

#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// How many; `None` until it is stopped.
    pub count: Option<u32>,
    /// From the beginning of a round to that of the next, unless the round takes longer.
    pub every: Duration,
    pub limit: Duration,
}

#[derive(Debug)]
pub struct FinishedRound<T> {
    /// When it began, since the start.
    pub began: Duration,
    pub result: T,
    /// Whether the limit ended it.
    pub stopped: Option<Reason>,
}

#[derive(Debug)]
pub struct RoundsEnd<T> {
    /// The round that was under way, if one was cut short.
    pub cut: Option<T>,
    /// Why it ended before the last round, if it did.
    pub stopped: Option<Reason>,
}

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
    mut finished: impl FnMut(FinishedRound<T>) -> ControlFlow<()>,
) -> RoundsEnd<T> {
    let mut due = clock.now();
    let mut done = 0;
    loop {
        let began = clock.now();
        let (result, end) = one(schedule.limit, &mut stop, &mut round).await;
        let reason = match end {
            RoundEnd::Itself => None,
            RoundEnd::Limit => Some(Reason::Timeout),
            RoundEnd::Outside(reason) => {
                return RoundsEnd {
                    cut: Some(result),
                    stopped: Some(reason),
                };
            }
        };
        done += 1;
        let over = finished(FinishedRound {
            began,
            result,
            stopped: reason,
        });
        if over.is_break() || schedule.count.is_some_and(|count| done >= count) {
            return RoundsEnd {
                cut: None,
                stopped: None,
            };
        }
        // A round that took longer does not make the next ones come in a hurry.
        due = (due + schedule.every).max(clock.now());
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => return RoundsEnd {
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
