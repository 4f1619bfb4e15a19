//! Round trips counted in classes, so that a day of them takes no more room than a minute.

use std::time::Duration;

use crate::base::report::Millis;
use crate::commands::nat::rounds::report::TripTotals;

/// The lower end of the first class, in seconds: shorter ones count in it.
const SHORTEST: f64 = 1e-5;
/// Each class is this much wider than the one before, so that its middle is off by 2 % at the most.
const RATIO: f64 = 1.04;
/// They end beyond a minute; longer ones count in the last.
const CLASSES: usize = 400;

#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    samples: u64,
    min: Duration,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; CLASSES],
            samples: 0,
            min: Duration::MAX,
            max: Duration::ZERO,
        }
    }
}

impl Histogram {
    pub fn add(&mut self, time: Duration) {
        self.counts[class_of(time)] += 1;
        self.samples += 1;
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    /// What they come to; `None` without any.
    pub fn totals(&self) -> Option<TripTotals> {
        (self.samples > 0).then(|| TripTotals {
            min: Millis(self.min),
            median: Millis(self.quantile(1, 2)),
            p95: Millis(self.quantile(19, 20)),
            max: Millis(self.max),
            samples: self.samples,
        })
    }

    /// At least this share, `part` of `whole`, is not longer.
    fn quantile(&self, part: u64, whole: u64) -> Duration {
        let wanted = (self.samples * part).div_ceil(whole);
        let mut passed = 0;
        let class = self.counts.iter().position(|count| {
            passed += count;
            passed >= wanted
        });
        let middle = class.map_or(self.max, middle_of);
        middle.clamp(self.min, self.max)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at least 0, and cut off at the last class"
)]
fn class_of(time: Duration) -> usize {
    let times = (time.as_secs_f64() / SHORTEST).max(1.0);
    ((times.ln() / RATIO.ln()) as usize).min(CLASSES - 1)
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred classes")]
fn middle_of(class: usize) -> Duration {
    Duration::from_secs_f64(SHORTEST * RATIO.powf(class as f64 + 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_within_two_per_cent() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.totals(), None);
        for n in 1..=1000 {
            histogram.add(Duration::from_micros(n * 100));
        }
        let totals = histogram.totals().expect("a thousand");
        assert_eq!(totals.samples, 1000);
        assert_eq!(totals.min, Millis(Duration::from_micros(100)));
        assert_eq!(totals.max, Millis(Duration::from_millis(100)));
        for (found, truth) in [(totals.median, 50.0), (totals.p95, 95.0)] {
            let off = (found.as_f64() / truth - 1.0).abs();
            assert!(off < 0.02, "{found:?} is not {truth} ms");
        }
    }

    #[test]
    fn what_is_beyond_the_classes_is_counted_all_the_same() {
        let mut histogram = Histogram::default();
        histogram.add(Duration::ZERO);
        histogram.add(Duration::from_secs(3600));
        let totals = histogram.totals().expect("two");
        assert_eq!(totals.min, Millis(Duration::ZERO));
        assert_eq!(totals.max, Millis(Duration::from_secs(3600)));
        assert_eq!(totals.samples, 2);
    }

    #[test]
    fn one_sample_is_all_of_them() {
        let mut histogram = Histogram::default();
        let time = Duration::from_micros(12_345);
        histogram.add(time);
        let totals = histogram.totals().expect("one");
        for found in [totals.min, totals.median, totals.p95, totals.max] {
            assert_eq!(found, Millis(time));
        }
    }
}
