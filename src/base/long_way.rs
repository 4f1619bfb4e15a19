//! A way to servers whose round trip is so long that bounds made for others do not hold, and calls suffer.

use std::time::Duration;

use crate::base::codes::Code;
use crate::base::report::{Finding, Millis};
use crate::base::words::short_span;

/// From here on a way is long. ITU-T G.114 has 400 ms one way as the limit for calls.
const LONG: Duration = Duration::from_millis(400);

/// The round trip, where it is one of a long way, else nothing.
pub fn long(round_trip: Duration) -> Duration {
    if round_trip < LONG {
        Duration::ZERO
    } else {
        round_trip
    }
}

/// That the way is long; `who` is at its end.
pub fn finding(who: &str, round_trip: Duration) -> Option<Finding> {
    if long(round_trip).is_zero() {
        return None;
    }
    let meaning = if round_trip > 2 * LONG {
        "calls that go this way are hard to hold (ITU-T G.114 has 400 ms one way as the limit)"
    } else {
        "calls that go this way are disturbed (ITU-T G.114 has 150 ms one way for undisturbed ones)"
    };
    Some(Finding::new(
        Code::HighRoundTrip,
        format!(
            "the way to {who} is slow, which answers all the same: a round trip takes {}, and {meaning}",
            short_span(round_trip.as_secs_f64())
        ),
        "a line by satellite or a mobile one of 2G is so, and so are a full one and a machine that is busy: stop other transfers, use another line or a server nearer by, and give programs more time",
    ))
}

/// That a server takes long to answer, at the end of a way that is known to be short: data takes no longer.
pub fn slow_server(who: &str, answer: Duration, data: Duration) -> Option<Finding> {
    if long(answer).is_zero() || !long(data).is_zero() {
        return None;
    }
    Some(Finding::new(
        Code::ServerSlow,
        format!(
            "{who} takes {} to answer a request, while data goes through its relay and back in {:.1} ms: the server itself is slow, not the way to it, and calls wait for several such answers before they have a relay",
            short_span(answer.as_secs_f64()),
            Millis(data).as_f64()
        ),
        "look at the server's load, and at what it waits for before it answers: its user database, name lookups",
    ))
}
