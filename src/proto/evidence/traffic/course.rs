//! What became of the paths of a capture: which was chosen, whether it was lost, or that all was given up.

use super::{ENOUGH, Paths, change, dtls};
use crate::proto::capture::paths::Path;
use crate::proto::evidence::account::{Account, PairRecord, StateKind};

/// Media and consent (RFC 7675 5.1) never pause for so long.
const OUTAGE_MS: f64 = 7000.0;
/// Checks of a pair are never so far apart while it is tried: Firefox sends the last two 3.2 s apart.
const GAVE_UP_MS: f64 = 4000.0;
/// Browsers say "disconnected" so long after the last packet.
const NOTICED_MS: f64 = 5000.0;

/// The pair over which most went, of those that were nominated; its index.
pub(super) fn select(pairs: &mut [PairRecord]) -> Option<usize> {
    let chosen = pairs.iter().enumerate().filter(|(_, pair)| {
        pair.nominated && (pair.responses_received > 0 || pair.bytes_received > 0)
    });
    let (index, _) = chosen.max_by_key(|(_, pair)| {
        (
            pair.bytes_sent.saturating_add(pair.bytes_received),
            pair.responses_received,
        )
    })?;
    pairs[index].is_selected = true;
    Some(index)
}

/// When this end stopped checking, though nothing was ever answered.
pub(super) fn given_up(paths: &Paths, over: f64) -> Option<f64> {
    let is_answered = paths
        .iter()
        .any(|(_, path, end)| path.sent[1 - end].answers > 0);
    let last = paths
        .iter()
        .filter(|(_, path, end)| path.sent[*end].requests >= ENOUGH)
        .filter_map(|(_, path, end)| path.sent[*end].last)
        .reduce(f64::max)?;
    (!is_answered && over - last >= GAVE_UP_MS).then_some(last)
}

/// What became of the path in use.
pub(super) fn connection(account: &mut Account, path: &Path, end: usize, over: f64) {
    let (mine, others) = (&path.sent[end], &path.sent[1 - end]);
    let nominated = [mine.first_nomination, others.first_nomination]
        .into_iter()
        .flatten()
        .reduce(f64::min);
    let Some(up) = nominated.or(mine.first_answer) else {
        return;
    };
    change(account, up, StateKind::Ice, "connected");
    if let Some((from, to)) = others.silence.filter(|(from, to)| to - from >= OUTAGE_MS) {
        change(account, from + NOTICED_MS, StateKind::Ice, "disconnected");
        change(account, to, StateKind::Ice, "connected");
    }
    // It goes on sending, and nothing comes any more.
    let went = mine.last.unwrap_or(over);
    if let Some(heard) = others.last.filter(|heard| went - heard >= OUTAGE_MS) {
        change(account, heard + NOTICED_MS, StateKind::Ice, "disconnected");
    }
    account.dtls = dtls::record(mine, others);
}
