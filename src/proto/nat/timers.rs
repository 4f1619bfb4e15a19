//! Every timeout and count of the behaviour discovery, each with its reason.

use std::time::Duration;

use crate::proto::nat::Time;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When the first question to a server is repeated, from its first transmission. RFC 8489 6.2.1
/// starts at 500 ms and doubles; a person waits for this tool, and seven small packets in 1.4 s
/// load nobody. With 20 % loss each way one server in a thousand is missed.
pub const SURVEY_OFFSETS: [Duration; 7] = [
    ms(0),
    ms(100),
    ms(250),
    ms(450),
    ms(700),
    ms(1000),
    ms(1400),
];

/// When a server that never answered is given up: 600 ms after the last transmission, more than
/// twice round the world.
pub const SURVEY_GIVE_UP: Duration = ms(2000);

/// How long the first of the servers that a user named is asked alone. Its answer may name another
/// of them as its alternate address, which must stay unvisited until filtering has been tested (a
/// firewall may open for every address that the host has sent to). Nearly all round trips are
/// shorter; only a dead first server costs this time.
pub const SCOUT_ALONE: Duration = ms(450);

/// How long a silent server holds up the others when nothing needs its answer: ordinary round
/// trips are well below, and it has been asked four times by then.
pub const STRAGGLER_GRACE: Duration = ms(500);

/// The same while its answer would help, say because no server with behaviour discovery has been
/// found: five transmissions.
pub const WANTED_GRACE: Duration = ms(800);

/// The fewest transmissions that make silence a result, whatever the loss seen.
pub const SILENCE_MIN_TRIES: usize = 8;

/// The most: beyond this the path is too lossy to tell silence from loss.
pub const SILENCE_MAX_TRIES: usize = 32;

/// The chance, all answers lost though the path is open, at which silence counts as silence.
pub const SILENCE_ERROR: f64 = 1e-9;

/// Of this many probes for silence one is accompanied by a plain request on the same socket, which
/// shows that the socket is not merely cut off.
pub const COMPANION_EVERY: usize = 3;

/// Gap between transmissions of a question that ought to be answered: later than the slowest
/// answer seen, so that an answered question is sent once.
pub fn expected_gap(slowest: Time) -> Duration {
    (slowest * 3 / 2 + ms(10)).clamp(ms(50), ms(600))
}

/// Gap between probes for silence: spread over at least 210 ms, so that a short burst of loss does
/// not swallow them all, and never so dense that a server's rate limit is met.
pub fn silence_gap(slowest: Time) -> Duration {
    (slowest / 2).clamp(ms(30), ms(60))
}

/// How long after the last transmission an answer may still come.
pub fn patience(slowest: Time) -> Duration {
    slowest * 2 + ms(100)
}

/// How long a silent server holds up the rest.
pub fn straggler_grace(slowest: Time) -> Duration {
    STRAGGLER_GRACE.max(slowest * 3 + ms(100))
}

/// How long a server that answers over UDP may take to accept a connection: four round trips, at
/// least 300 ms; no more than 600 ms unless three round trips are longer. Half of it goes by before
/// a connection is tried anew: systems repeat a lost SYN only after a second.
pub fn stream_grace(slowest: Time) -> Duration {
    (slowest * 4).max(ms(300)).min((slowest * 3).max(ms(600)))
}

/// How often a question of the collision test is sent before it counts as unanswered. With 20 %
/// loss each way one question in 200,000 is.
pub const COLLISION_TRIES: usize = 12;
