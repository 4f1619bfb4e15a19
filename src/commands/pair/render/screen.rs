//! The state of a session while it runs, for a terminal: the pairs as checks go out and come back, then round trip and loss.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::words::counted;
use crate::commands::pair::report::{CheckState, PairReport, TimelineEntry};
use crate::ui::course::live;
use crate::ui::layout::milliseconds;

/// Pairs that are shown; the others are counted.
const ROWS: usize = 8;
/// Datagrams in the row of round trips.
pub const RECENT: usize = 32;
/// From the shortest round trip to the longest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A datagram that has not come back.
const LOST: char = '·';

/// What is known at a moment.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    /// By priority, the selected one first.
    pub pairs: Vec<PairReport>,
    /// Round trips of the last [`RECENT`] datagrams of the quality test, oldest first; `None` for what has not come back.
    pub recent: Vec<Option<Duration>>,
    /// How many datagrams had their time to come back, and how many did.
    pub counted: Option<(u32, usize)>,
    /// The last step of the session.
    pub step: Option<TimelineEntry>,
}

/// As few lines as tell it, none wider than `width`.
pub fn lines(screen: &Screen, width: usize) -> String {
    let checked = screen.pairs.iter().filter(|pair| pair.requests_sent > 0);
    let answered = screen.pairs.iter().filter(|p| p.responses_received > 0);
    let mut text = format!(
        "{} of {} checked, {} answered",
        checked.count(),
        counted(screen.pairs.len(), "pair"),
        answered.count()
    );
    let mut pairs: Vec<&PairReport> = screen.pairs.iter().collect();
    pairs.sort_by_key(|pair| (!pair.selected, rank(pair.state)));
    for pair in pairs.iter().take(ROWS) {
        text.push('\n');
        text.push_str(&cut(&row(pair), width));
    }
    if pairs.len() > ROWS {
        // Writing into a String does not fail.
        let _ = write!(text, "\n  and {} more", pairs.len() - ROWS);
    }
    if let Some((sent, received)) = screen.counted
        && sent > 0
    {
        text.push('\n');
        text.push_str(&cut(&quality(screen, sent, received), width));
    }
    if let Some(step) = &screen.step {
        text.push('\n');
        text.push_str(&cut(&live(step), width));
    }
    text
}

/// What tells most comes first.
const fn rank(state: CheckState) -> u8 {
    match state {
        CheckState::Succeeded => 0,
        CheckState::InProgress => 1,
        CheckState::Waiting | CheckState::Frozen => 2,
        CheckState::Failed => 3,
    }
}

fn row(pair: &PairReport) -> String {
    let state = match pair.state {
        CheckState::Frozen => "frozen",
        CheckState::Waiting => "waiting",
        CheckState::InProgress => "no answer yet",
        CheckState::Succeeded => "answered",
        CheckState::Failed => "failed",
    };
    let remote = std::net::SocketAddr::new(pair.remote.address, pair.remote.port);
    let mark = if pair.selected { '*' } else { ' ' };
    let times = format!("{}/{}", pair.responses_received, pair.requests_sent);
    let rtt = pair
        .rtt_ms
        .map_or_else(String::new, |rtt| milliseconds(Some(rtt)));
    // What stands in front of an address that is long is cut last.
    let line = format!(
        "{mark} {:>5} -> {:<5} {state:<13} {times:>6} {rtt:>9}  {remote}",
        pair.local.kind, pair.remote.kind
    );
    line.trim_end().to_owned()
}

fn quality(screen: &Screen, sent: u32, received: usize) -> String {
    let lost = (sent as usize).saturating_sub(received);
    let came: Vec<Duration> = screen.recent.iter().flatten().copied().collect();
    let newest = came.last().map_or_else(String::new, |rtt| {
        format!("{:.1} ms, ", rtt.as_secs_f64() * 1e3)
    });
    format!(
        "  {newest}{lost} of {sent} lost  {}",
        sparkline(&screen.recent)
    )
}

/// A bar for each round trip, as high as it is long beside the others.
fn sparkline(recent: &[Option<Duration>]) -> String {
    let came = || recent.iter().flatten().map(Duration::as_secs_f64);
    let least = came().fold(f64::INFINITY, f64::min);
    let most = came().fold(0.0, f64::max);
    let bar = |rtt: &Option<Duration>| {
        let Some(rtt) = rtt else { return LOST };
        // Half a millisecond is no news.
        let share = (rtt.as_secs_f64() - least) / (most - least).max(0.0005);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 7"
        )]
        let step = (share.clamp(0.0, 1.0) * 7.0).round() as usize;
        BARS[step]
    };
    recent.iter().map(bar).collect()
}

/// The beginning of it that has room.
fn cut(line: &str, width: usize) -> String {
    line.chars().take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn bars_are_as_high_as_the_round_trips_are_long() {
        assert_eq!(
            sparkline(&[Some(ms(10)), Some(ms(50)), None, Some(ms(80))]),
            "▁▅·█"
        );
        assert_eq!(
            sparkline(&[Some(ms(10)), Some(ms(10))]),
            "▁▁",
            "all alike are low"
        );
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn without_pairs_there_is_one_line() {
        let text = lines(&Screen::default(), 76);
        assert_eq!(text, "0 of 0 pairs checked, 0 answered");
    }

    #[test]
    fn loss_is_what_had_its_time() {
        let screen = Screen {
            recent: vec![Some(ms(20)), None],
            counted: Some((40, 38)),
            ..Screen::default()
        };
        let text = lines(&screen, 76);
        assert!(text.ends_with("  20.0 ms, 2 of 40 lost  ▁·"), "{text}");
        assert!(
            lines(&screen, 10)
                .lines()
                .skip(1)
                .all(|l| l.chars().count() <= 10)
        );
    }
}
