//! What became of the paths of a capture: which was chosen, whether it was lost, or that all was given up.

use super::{ENOUGH, Paths, change, dtls};
use crate::proto::capture::paths::{Path, Sent};
use crate::proto::evidence::account::{Account, Change, PairRecord, StateKind};

/// Media and consent (RFC 7675 5.1) never pause for so long.
const OUTAGE_MS: f64 = 7000.0;
/// Checks of a pair are never so far apart while it is tried: Firefox sends the last two 3.2 s apart.
const GAVE_UP_MS: f64 = 4000.0;
/// What is under way when an end closes comes so much later at most.
const GOODBYE_MS: f64 = 1000.0;
/// Browsers say "disconnected" so long after the last packet.
const NOTICED_MS: f64 = 5000.0;

/// The pair over which most went, of those that were nominated, or whose nomination was before the capture;
/// its index.
pub(super) fn select(pairs: &mut [PairRecord], paths: &Paths) -> Option<usize> {
    let ends = paths.iter().map(|(_, path, _)| &path.sent);
    let chosen = pairs
        .iter()
        .zip(ends)
        .enumerate()
        .filter(|(_, (pair, sent))| {
            pair.nominated && (pair.responses_received > 0 || pair.bytes_received > 0)
                || dtls::has_data(&sent[0], &sent[1])
        });
    let chosen = chosen.map(|(index, (pair, _))| (index, pair));
    let (index, _) = chosen.max_by_key(|(_, pair)| {
        (
            pair.bytes_sent.saturating_add(pair.bytes_received),
            pair.responses_received,
        )
    })?;
    pairs[index].is_selected = true;
    Some(index)
}

/// When the first path was nominated that had been answered.
pub(super) fn first_up(paths: &Paths) -> Option<f64> {
    let nominated = paths.iter().filter_map(|(_, path, end)| {
        let (mine, others) = (&path.sent[*end], &path.sent[1 - end]);
        let at = [mine.first_nomination, others.first_nomination];
        let at = at.into_iter().flatten().reduce(f64::min)?;
        (others.answers > 0).then_some(at)
    });
    nominated.reduce(f64::min)
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

/// What is told of the path in use beside its packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// When any path was connected: after an ICE restart another one is in use.
    pub first: Option<f64>,
    /// When the capture ends.
    pub over: f64,
    /// When a check was last answered on another path.
    pub elsewhere: Option<f64>,
    /// When the TURN server ended the connection that the path goes by.
    pub ended: Option<f64>,
}

impl Surroundings {
    /// When a check was last answered on any other path than that.
    pub(super) fn elsewhere(paths: &Paths, used: usize) -> Option<f64> {
        let others = paths.iter().enumerate().filter(|(place, _)| *place != used);
        let answered = others.filter_map(|(_, (_, path, end))| path.sent[*end].asking.answered);
        answered.reduce(f64::max)
    }

    fn goes_on_after(&self, at: f64) -> bool {
        self.elsewhere.is_some_and(|last| last > at)
    }
}

/// When a path was lost that is still used: nobody answers there any more, or its TURN server has left.
fn broken(path: &Path, end: usize, up: f64, around: &Surroundings) -> Option<f64> {
    let (mine, others) = (&path.sent[end], &path.sent[1 - end]);
    let is_closed = |at: f64| {
        let said = [mine.closing, others.closing].into_iter().flatten();
        said.reduce(f64::max)
            .is_some_and(|said| said > at - GOODBYE_MS)
    };
    let ended = around
        .ended
        .filter(|at| *at >= up && around.over - at >= GOODBYE_MS);
    let in_vain = mine.asking.in_vain();
    let in_vain = in_vain
        .filter(|(since, until)| *since >= up && until - since >= OUTAGE_MS)
        .map(|(since, _)| since + NOTICED_MS);
    let lost = ended.into_iter().chain(in_vain).reduce(f64::min)?;
    (!is_closed(lost - NOTICED_MS) && !around.goes_on_after(lost)).then_some(lost)
}

/// What became of the path in use.
pub(super) fn connection(account: &mut Account, path: &Path, end: usize, around: &Surroundings) {
    let (mine, others) = (&path.sent[end], &path.sent[1 - end]);
    let Surroundings { first, over, .. } = *around;
    let nominated = [mine.first_nomination, others.first_nomination]
        .into_iter()
        .flatten()
        .reduce(f64::min);
    // Media comes over nominated pairs alone.
    let seen = [mine.first, others.first].into_iter().flatten();
    let up = nominated
        .or(mine.first_answer)
        .or_else(|| seen.reduce(f64::max));
    let Some(up) = up else {
        return;
    };
    let up = first.map_or(up, |first| first.min(up));
    change(account, up, StateKind::Ice, "connected");
    let is_outage = |(from, to): &(f64, f64)| to - from >= OUTAGE_MS && *from >= up;
    if let Some((from, to)) = others.silence.filter(is_outage) {
        change(account, from + NOTICED_MS, StateKind::Ice, "disconnected");
        // One late packet is no path: it is back where both ends use it again.
        let is_used = |sent: &Sent| sent.last.is_some_and(|last| last >= to);
        if is_used(mine) && others.last.is_some_and(|last| last > to) {
            change(account, to, StateKind::Ice, "connected");
        }
    }
    // It goes on sending, and nothing comes any more.
    let went = mine.last.unwrap_or(over);
    let silent = others.last.filter(|heard| went - heard >= OUTAGE_MS);
    // The last that came was the end of DTLS: it was closed there, and not lost on the way.
    let goodbye = others
        .closing
        .filter(|at| silent.is_some_and(|heard| heard - at < GOODBYE_MS));
    if let (Some(heard), None) = (silent, goodbye) {
        change(account, heard + NOTICED_MS, StateKind::Ice, "disconnected");
    }
    // This end fell silent without a word, and the other one went on.
    let still = others.last.is_some_and(|heard| heard - went >= OUTAGE_MS);
    if still && !mine.closing.is_some_and(|at| went - at < GOODBYE_MS) {
        change(account, went + NOTICED_MS, StateKind::Ice, "disconnected");
    }
    if let Some(lost) = broken(path, end, up, around) {
        change(account, lost, StateKind::Ice, "disconnected");
    }
    account.dtls = dtls::record(mine, others);
    if goodbye.is_some() && account.dtls.state.as_deref() == Some("connected") {
        account.dtls.state = Some("closed".to_owned());
    }
    account.is_bare_ice = [mine, others].iter().all(|sent| {
        let handshake = sent.hellos + sent.server_hellos + sent.handshake;
        sent.rtp == 0 && handshake == 0 && sent.sealed == 0 && sent.data == 0
    });
    // A handshake that was answered, and nothing behind it.
    account.is_bare_ice |= account.dtls.state.is_none() && account.dtls.role.is_some();
    // Media is keyed by DTLS, so it is up when media comes.
    let media = [mine.first_rtp, others.first_rtp]
        .into_iter()
        .flatten()
        .reduce(f64::min);
    if matches!(account.dtls.state.as_deref(), Some("connected" | "closed")) {
        account.changes.push(Change {
            at: media,
            kind: StateKind::Dtls,
            value: "connected".to_owned(),
        });
    }
    if let Some(at) = others.first_rtp {
        change(account, at, StateKind::Track, "media");
    }
}
