//! Every timeout and count of the measurement, each with its reason.

use std::time::Duration;

use crate::proto::nat::Time;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Waits at the same time, for each kind of flow: with as many for the other kind, the control
/// socket and two sentinels that makes 19 sockets.
pub const WAITS: usize = 8;

/// Neighbouring waits whose ratio is below this get none between them: with what the round trip
/// adds, the bracket is narrow enough ([`NARROW`]).
pub const NEAR: f64 = 1.115;

/// A bracket is narrow enough when its upper end is at most so many times the lower one.
pub const NARROW: f64 = 1.15;

/// A second binding that was gone after at most so many times the wait of the first confirms it.
pub const CONFIRMS: f64 = 1.2;

/// No wait is below this: what lives shorter cannot be kept open anyway.
pub const SHORTEST_WAIT: Time = ms(250);

/// Waits of one kind in all before giving up: 25 suffice on an ordinary path.
pub const MOST_WAITS: usize = 70;

/// Ends at different times confirm each other only below this: what lives longer has sentinels.
pub const WITHOUT_SENTINEL: Time = ms(5000);

/// So many of them: a NAT that drops a binding for want of room now and then does not do it to three
/// one after the other.
pub const ENDS_WITHOUT_SENTINEL: usize = 3;

/// So many transmissions of a test are accompanied by one question of the control socket to itself:
/// a server that answers only some of many requests must not look like a binding that is gone.
pub const COMPANION_EVERY: usize = 3;

/// How often a NAT may lose all its bindings during the measurement before that is the result.
pub const MOST_RESTARTS: usize = 3;

/// From one packet outward to the next while a two-way flow is set up. Linux takes a flow for a
/// stream when a packet passes more than 2 s after its first one and both ways have been seen.
pub const EXCHANGE_GAP: Time = ms(1300);

/// Exchanges of a two-way flow: the last one is 2.6 s behind the first.
pub const EXCHANGES: u8 = 3;

/// From one new binding to the next, so that they come in no burst.
pub const STAGGER: Time = ms(15);

/// Transmissions of a question that ought to be answered. With 20 % loss each way all of them are
/// lost once in 200,000 times.
pub const MOST_TRIES: usize = 12;

/// The same while the server's abilities are found out: who does not answer RESPONSE-PORT does not
/// know it.
pub const CALIBRATION_TRIES: usize = 9;

/// How old the last answer to the control socket may be when a test begins: younger than any
/// binding lives.
pub const FRESH: Time = ms(1000);

/// How long a test may wait for an answer to the control socket.
pub const WAKE_PATIENCE: Time = ms(12_000);

/// Questions of the control socket without an answer, one after the other, that end it all.
pub const SILENCES: usize = 3;

/// The chance, all answers lost though the binding lived, that places its end before a transmission.
/// It has to have ended just then, too, so this is not the chance of a wrong result.
pub const PLACE_ERROR: f64 = 1e-4;

/// Part of the longest time that a binding is known to live for which a sentinel is left alone.
pub const SENTINEL_PART: f64 = 0.8;

/// Sentinels that would have to be asked more often than this are not kept.
pub const SHORTEST_SENTINEL: Time = ms(1500);

/// Between two transmissions of a question that ought to be answered.
pub fn gap(slowest: Time) -> Time {
    crate::proto::nat::timers::expected_gap(slowest)
}

/// When a measurement ends that has come to no end: the coarse waits, the fine ones, and both once
/// more.
pub fn patience(longest: Time) -> Time {
    longest * 4 + ms(30_000)
}

/// How near two ends of a bracket can come to each other: what the round trips of the tests at
/// either end cost, twice.
pub fn resolution(slowest: Time) -> Time {
    slowest * 3 + ms(50)
}

/// How long before a test the control socket is woken: three round trips, one of them lost.
pub fn lead(slowest: Time) -> Time {
    (slowest * 3).clamp(ms(150), ms(700))
}

/// The latest that an answer is taken to have passed the NAT.
pub fn passage(slowest: Time) -> Time {
    slowest * 3 / 2
}

/// The shortest wait of the first batch: the ratio of neighbours stays below 2.4.
pub fn shortest_coarse(longest: Time) -> Time {
    (longest / 450).clamp(ms(2000), ms(4000)).min(longest / 2)
}
