//! When rounds begin and end.

use std::cell::RefCell;
use std::ops::ControlFlow;

use rtcdiag::commands::nat::rounds::run::{RoundsEnd, Schedule, run};
use rtcdiag::net::clock::Clock;
use tokio::sync::watch;

use super::*;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

const AT_ONCE: Schedule = Schedule {
    count: Some(5000),
    every: Duration::ZERO,
    limit: Duration::from_secs(60),
};

type Stop = watch::Receiver<Option<Reason>>;

#[test]
fn so_many_rounds_and_no_more() {
    let (_sender, stop) = watch::channel(None);
    let mut begun = 0;
    let mut done = 0;
    let ended: RoundsEnd<u32> = block_on(run(
        &AT_ONCE,
        &Clock::start(),
        stop,
        async |_stop: Stop| {
            begun += 1;
            begun
        },
        |finished| {
            done += 1;
            assert_eq!(finished.result, done);
            assert_eq!(finished.stopped, None);
            ControlFlow::Continue(())
        },
    ));
    assert_eq!((begun, done), (5000, 5000));
    assert!(ended.cut.is_none() && ended.stopped.is_none());
}

#[test]
fn whoever_takes_the_rounds_may_end_it() {
    let (_sender, stop) = watch::channel(None);
    let mut done = 0;
    let endless = Schedule {
        count: None,
        ..AT_ONCE
    };
    let round = async |_stop: Stop| ();
    let ended = block_on(run(&endless, &Clock::start(), stop, round, |_| {
        done += 1;
        if done == 7 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }));
    assert_eq!(done, 7);
    assert!(ended.cut.is_none() && ended.stopped.is_none());
}

/// A round that is under way says what it knows, and does not count.
#[test]
fn a_round_that_is_cut_short_does_not_count() {
    for reason in [Reason::Interrupted, Reason::Timeout] {
        let (sender, stop) = watch::channel(None);
        let done = RefCell::new(0);
        let ended = block_on(run(
            &AT_ONCE,
            &Clock::start(),
            stop,
            async |mut stop: Stop| {
                if *done.borrow() < 3 {
                    return "whole";
                }
                // Somebody presses Ctrl-C.
                sender.send(Some(reason)).expect("it is waited for");
                let told = *stop.wait_for(Option::is_some).await.expect("it is told");
                assert_eq!(told, Some(reason));
                "half"
            },
            |finished| {
                assert_eq!(finished.result, "whole");
                *done.borrow_mut() += 1;
                ControlFlow::Continue(())
            },
        ));
        assert_eq!(*done.borrow(), 3);
        assert_eq!((ended.cut, ended.stopped), (Some("half"), Some(reason)));
    }
}

#[test]
fn between_rounds_there_is_nothing_to_cut() {
    let (sender, stop) = watch::channel(None);
    let schedule = Schedule {
        every: Duration::from_secs(3600),
        ..AT_ONCE
    };
    let round = async |_stop: Stop| ();
    let ended = block_on(run(&schedule, &Clock::start(), stop, round, |_| {
        sender
            .send(Some(Reason::Interrupted))
            .expect("it is waited for");
        ControlFlow::Continue(())
    }));
    assert_eq!(
        (ended.cut, ended.stopped),
        (None, Some(Reason::Interrupted))
    );
}

/// A round that reaches its limit is over; the next one begins all the same.
#[test]
fn a_round_that_hangs_is_ended_and_counts() {
    let (_sender, stop) = watch::channel(None);
    let schedule = Schedule {
        count: Some(2),
        every: Duration::ZERO,
        limit: Duration::from_millis(20),
    };
    let mut reasons = Vec::new();
    let round = async |mut stop: Stop| {
        let told = stop.wait_for(Option::is_some).await;
        *told.expect("it is told")
    };
    block_on(run(&schedule, &Clock::start(), stop, round, |finished| {
        assert_eq!(finished.result, finished.stopped);
        reasons.push(finished.stopped);
        ControlFlow::Continue(())
    }));
    assert_eq!(reasons, [Some(Reason::Timeout); 2]);
}
