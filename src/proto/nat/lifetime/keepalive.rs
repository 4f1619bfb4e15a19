//! How often to send so that a binding is never lost.

use std::time::Duration;

use crate::proto::nat::Time;
use crate::proto::nat::lifetime::lives::Range;

/// RFC 8445 11: agents keep a pair alive every 15 s by default, and not less is asked of them.
pub const USUAL: Time = Duration::from_secs(15);

/// RFC 4787 REQ-5: a UDP mapping must live for two minutes without traffic.
pub const REQUIRED: Time = Duration::from_secs(120);

/// What the sender's own timer and the way to the NAT may add to an interval.
const MARGIN: Time = Duration::from_secs(1);

/// More than this is not worth it: other NATs of the path, and those that the host moves to, may be
/// stricter, and RFC 4787 REQ-5 recommends five minutes at most.
const LONGEST: Time = Duration::from_secs(150);

/// The interval at which bindings of all these kinds live on even if one packet is lost: half of the
/// shortest lifetime less a margin, in whole seconds. `None` where that is less than a second.
pub fn interval(ranges: &[Range]) -> Option<Time> {
    let shortest = ranges.iter().map(|r| r.at_least).min()?;
    let half = shortest.saturating_sub(MARGIN).min(LONGEST * 2) / 2;
    let seconds = half.as_secs();
    // A binding of less than three seconds cannot be kept for certain, but this is the best there is.
    let seconds = if seconds == 0 && shortest >= MARGIN {
        1
    } else {
        seconds
    };
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_packets_fit_into_the_shorter_lifetime() {
        for (lifetimes, expected) in [
            (&[30.0, 120.0][..], Some(14)),
            (&[120.0, 29.2], Some(14)),
            (&[5.0], Some(2)),
            (&[1800.0, 1800.0], Some(150)),
            (&[2.0], Some(1)),
            (&[0.4], None),
            (&[], None),
        ] {
            let ranges: Vec<Range> = lifetimes
                .iter()
                .map(|s| Range {
                    at_least: Duration::from_secs_f64(*s),
                    at_most: None,
                })
                .collect();
            let expected = expected.map(Duration::from_secs);
            assert_eq!(interval(&ranges), expected, "{lifetimes:?}");
        }
    }
}
