//! How much silence proves, given the loss that was seen.

use crate::proto::nat::timers::{SILENCE_ERROR, SILENCE_MAX_TRIES, SILENCE_MIN_TRIES};

/// Plain requests to servers that do answer: how many got no answer in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loss {
    /// Transmissions whose answer came or is overdue.
    pub sent: usize,
    /// Those without an answer.
    pub lost: usize,
}

impl Loss {
    /// The chance that a request or its answer is lost, estimated with a margin that a small
    /// sample needs: two more losses than seen.
    pub fn rate(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred at the most")]
        let (sent, lost) = (self.sent as f64, self.lost as f64);
        (lost + 2.0) / (sent + 4.0)
    }

    /// How many unanswered transmissions make silence a result; `None` when the path is so lossy
    /// that no reasonable number does.
    pub fn tries_for_silence(self) -> Option<usize> {
        let tries = SILENCE_ERROR.ln() / self.rate().ln();
        #[expect(clippy::cast_precision_loss, reason = "a small constant")]
        let limit = SILENCE_MAX_TRIES as f64;
        if tries > limit {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 32"
        )]
        Some((tries.ceil() as usize).max(SILENCE_MIN_TRIES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_path_needs_few_tries_and_a_lossy_one_many() {
        let clean = Loss { sent: 40, lost: 0 }.tries_for_silence();
        let lossy = Loss { sent: 40, lost: 14 }.tries_for_silence();
        assert_eq!(clean, Some(SILENCE_MIN_TRIES));
        assert_eq!(lossy, Some(21));
    }

    #[test]
    fn nothing_is_proved_where_most_packets_are_lost() {
        assert_eq!(Loss { sent: 20, lost: 14 }.tries_for_silence(), None);
    }

    #[test]
    fn no_sample_is_no_licence() {
        assert!(Loss::default().tries_for_silence().is_none_or(|n| n >= 29));
    }
}
