//! How far the clocks of two ends are apart, by what one sent and the other one got.

use crate::proto::evidence::account::{Account, Told};
use crate::proto::evidence::calls::JoinedCall;

/// How much later the other end's clock is, in milliseconds: 0 where what both saw allows it, else the
/// middle of what it allows. Nothing arrives before it was sent.
pub fn offset(call: &JoinedCall) -> f64 {
    let [Some(one), Some(two)] = &call.ends else {
        return 0.0;
    };
    // What this end told and the other one got: the offset is at most the difference.
    let most = differences(&one.own, &two.other).fold(f64::INFINITY, f64::min);
    let least = differences(&two.own, &one.other).fold(f64::INFINITY, f64::min);
    let (low, high) = (-least, most);
    if low <= 0.0 && 0.0 <= high {
        return 0.0;
    }
    match (low.is_finite(), high.is_finite()) {
        (true, true) => f64::midpoint(low, high),
        (true, false) => low,
        (false, true) => high,
        (false, false) => by_presence(one, two),
    }
}

/// Times of arrival less times of sending, of descriptions and candidates.
fn differences<'a>(told: &'a Told, heard: &'a Told) -> impl Iterator<Item = f64> + 'a {
    let descriptions = told.descriptions.iter().filter_map(move |(sent, one)| {
        let mut arrived = heard.descriptions.iter();
        let same =
            arrived.find(|(_, two)| one.ufrags.iter().any(|ufrag| two.ufrags.contains(ufrag)))?;
        Some(same.0? - (*sent)?)
    });
    let candidates = told.candidates.iter().take(50).filter_map(move |one| {
        let mut arrived = heard.candidates.iter().take(200);
        let line = one.line.as_ref()?;
        let same = arrived.find(|two| two.line.as_ref() == Some(line))?;
        Some(same.at? - one.at?)
    });
    descriptions.chain(candidates)
}

/// Nothing to compare: two records of a call that do not overlap at all are of clocks that differ.
fn by_presence(one: &Account, two: &Account) -> f64 {
    match (one.began, one.ended, two.began, two.ended) {
        (Some(a), Some(b), Some(c), Some(d)) if d < a || c > b => c - a,
        _ => 0.0,
    }
}
