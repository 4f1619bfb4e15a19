//! How round trips and losses went while a path was tested.

use std::time::Duration;

use crate::base::time::Time;

/// Parts of a test, at most; and the shortest one: with a datagram each 20 ms, five of them.
const SPANS: u32 = 50;
const SHORTEST: Duration = Duration::from_millis(100);

/// What became of the datagrams that were sent in a part of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it begins, from the first datagram on.
    pub at: Duration,
    pub sent: u32,
    pub received: u32,
    /// The median of those that came back.
    pub rtt: Option<Duration>,
}

/// Parts of equal length, in their order, those left out in which nothing was sent. `datagrams` are in the order in
/// which they were sent, each with its round trip if it came back.
pub fn course(datagrams: &[(Time, Option<Duration>)]) -> Vec<Span> {
    let (Some((first, _)), Some((last, _))) = (datagrams.first(), datagrams.last()) else {
        return Vec::new();
    };
    // Not more parts than said, the last datagram included.
    let whole = last.saturating_sub(*first) + Duration::from_nanos(1);
    let length = (whole / SPANS + Duration::from_nanos(1)).max(SHORTEST);
    let part = |at: Time| at.saturating_sub(*first).as_nanos() / length.as_nanos();
    let parts = datagrams.chunk_by(|(a, _), (b, _)| part(*a) == part(*b));
    parts
        .filter_map(|datagrams| {
            let (at, _) = datagrams.first()?;
            let mut rtts: Vec<Duration> = datagrams.iter().filter_map(|(_, rtt)| *rtt).collect();
            rtts.sort_unstable();
            let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            Some(Span {
                at: length * u32::try_from(part(*at)).unwrap_or(u32::MAX),
                sent: count(datagrams.len()),
                received: count(rtts.len()),
                rtt: rtts.get(rtts.len() / 2).copied(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn parts_are_in_order_and_count_all() {
        // Ten seconds, nothing back in the third one, then twice as slow.
        let datagrams: Vec<(Time, Option<Duration>)> = (0..500_u32)
            .map(|number| {
                let rtt = match number {
                    100..150 => None,
                    150.. => Some(40 * MS),
                    _ => Some(20 * MS),
                };
                (Time::from_secs(7) + 20 * MS * number, rtt)
            })
            .collect();
        let spans = course(&datagrams);
        assert!((45..=50).contains(&spans.len()), "{}", spans.len());
        assert!(spans.is_sorted_by(|a, b| a.at < b.at));
        assert_eq!(spans[0].at, Duration::ZERO);
        assert_eq!(spans.iter().map(|span| span.sent).sum::<u32>(), 500);
        assert_eq!(spans.iter().map(|span| span.received).sum::<u32>(), 450);
        let at = |ms: u32| spans.iter().rfind(|span| span.at <= MS * ms).expect("one");
        assert_eq!(at(1000).rtt, Some(20 * MS));
        assert_eq!((at(2500).received, at(2500).rtt), (0, None));
        assert_eq!(at(9000).rtt, Some(40 * MS));
    }

    #[test]
    fn short_tests_have_few_parts_and_none_has_none() {
        assert_eq!(course(&[]), []);
        let one = course(&[(Time::from_secs(3), None)]);
        assert_eq!((one.len(), one[0].sent, one[0].received), (1, 1, 0));
        let half = (0..26_u32).map(|number| (20 * MS * number, Some(MS)));
        assert_eq!(course(&half.collect::<Vec<_>>()).len(), 6);
    }
}
