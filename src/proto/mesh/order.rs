//! In which order ways are tested. As in a tournament where everybody meets everybody (the circle method): in
//! each round each member is in one session at most, so that all have something to do at all times, whichever of
//! them one looks at. It is a wish; who is free decides.

/// In which round two of `count` members meet, by their places in the list of all.
pub(super) const fn round(count: usize, one: usize, other: usize) -> usize {
    // With an odd number, one of them rests in each round.
    let last = if count.is_multiple_of(2) {
        count.saturating_sub(1)
    } else {
        count
    };
    if last == 0 {
        return 0;
    }
    if one == last {
        (2 * other) % last
    } else if other == last {
        (2 * one) % last
    } else {
        (one + other) % last
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_meets_two_in_one_round_and_all_meet() {
        for count in 2..=64_usize {
            let rounds = if count.is_multiple_of(2) {
                count - 1
            } else {
                count
            };
            let mut busy = BTreeSet::new();
            for one in 0..count {
                for other in one + 1..count {
                    let round = round(count, one, other);
                    assert!(round < rounds, "{count}: {one} {other} in {round}");
                    assert_eq!(round, super::round(count, other, one));
                    assert!(busy.insert((round, one)), "{count}: {one} twice in {round}");
                    assert!(
                        busy.insert((round, other)),
                        "{count}: {other} twice in {round}"
                    );
                }
            }
        }
        assert_eq!(round(1, 0, 0), 0);
        assert_eq!(round(0, 0, 0), 0);
    }
}
