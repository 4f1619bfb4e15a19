//! What became of the paths of a capture: which was chosen, whether it was lost, or that all was given up.

use super::{ENOUGH, Paths, change, dtls};
use crate::proto::capture::paths::{Path, PathKey, Sent, Silence};
use crate::proto::evidence::account::{Account, Change, PairRecord, StateKind};

/// Media and consent (RFC 7675 5.1) never pause for so long.
const OUTAGE_MS: f64 = 7000.0;
/// Checks of a pair are never so far apart while it is tried: Firefox sends the last two 3.2 s apart.
const GAVE_UP_MS: f64 = 4000.0;
/// Where requests are not answered meanwhile, less is an outage.
const ASKED_MS: f64 = 4000.0;
const UNANSWERED: u32 = 2;
/// Paths that are heard so long after each other end together.
const TOGETHER_MS: f64 = 3000.0;
/// Paths of one connection that are looked at.
const MAX_USED: usize = 50;
/// What is under way when an end closes comes so much later at most.
const GOODBYE_MS: f64 = 1000.0;
/// Browsers say "disconnected" so long after the last packet.
const NOTICED_MS: f64 = 5000.0;

/// The pair in use in the end, of those that were nominated, or whose nomination was before the capture; its index. Of
/// several that are heard to the end it is that over which most went.
pub(super) fn select(pairs: &mut [PairRecord], paths: &Paths) -> Option<usize> {
    let is_chosen = |index: &usize| is_in_use(&pairs[*index], paths[*index].1);
    let chosen: Vec<usize> = (0..pairs.len()).filter(is_chosen).collect();
    let heard = |index: usize| {
        let (_, path, end) = &paths[index];
        let at = [
            path.sent[1 - end].last_data,
            path.sent[*end].asking.answered,
        ];
        at.into_iter().flatten().fold(0.0, f64::max)
    };
    let last = chosen.iter().map(|index| heard(*index)).fold(0.0, f64::max);
    let to_the_end = chosen
        .into_iter()
        .filter(|index| last - heard(*index) <= TOGETHER_MS);
    let index = to_the_end.max_by_key(|index| {
        let pair = &pairs[*index];
        (
            pair.bytes_sent.saturating_add(pair.bytes_received),
            pair.responses_received,
        )
    })?;
    pairs[index].is_selected = true;
    Some(index)
}

/// Whether a path is in use at some time.
fn is_in_use(pair: &PairRecord, path: &Path) -> bool {
    pair.nominated && (pair.responses_received > 0 || pair.bytes_received > 0)
        || dtls::has_data(&path.sent[0], &path.sent[1])
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

/// When nothing came from the other end for long, whatever path was in use, and it came again.
fn outages(pairs: &[PairRecord], paths: &Paths, used: usize, up: f64) -> Vec<Silence> {
    let heard = |(_, path, end): &(&PathKey, &Path, usize)| path.sent[1 - end];
    let in_use: Vec<usize> = (0..paths.len())
        .filter(|index| is_in_use(&pairs[*index], paths[*index].1))
        .take(MAX_USED)
        .collect();
    let mut all: Vec<(usize, Silence)> = Vec::new();
    for index in &in_use {
        let (_, path, end) = &paths[*index];
        let silences = path.silences.iter().filter(|one| one.sender == 1 - end);
        all.extend(silences.map(|one| (*index, *one)));
    }
    // From one path to the next, where the first had died.
    if let Some(begins) = heard(&paths[used]).first {
        let before = in_use.iter().filter_map(|index| {
            let (_, path, end) = &paths[*index];
            let last = path.sent[1 - end].last.filter(|last| *last < begins)?;
            Some((last, path.sent[*end].asking.unanswered))
        });
        let latest = before.max_by(|a, b| a.0.total_cmp(&b.0));
        // Who asks for nothing has lost nothing: it had ended there, and began anew.
        if let Some((from, unanswered)) = latest.filter(|(_, asked)| *asked >= UNANSWERED) {
            let (sender, to) = (1 - paths[used].2, begins);
            let between = Silence {
                sender,
                from,
                to,
                unanswered,
            };
            all.push((used, between));
        }
    }
    let is_outage = |one: &Silence| {
        let asked = one.lasted() >= ASKED_MS && one.unanswered >= UNANSWERED;
        one.from >= up && (one.lasted() >= OUTAGE_MS || asked)
    };
    // Another path was heard in the middle of it.
    let is_covered = |of: usize, one: &Silence| {
        let mut others = in_use.iter().filter(|index| **index != of);
        others.any(|index| {
            let (_, path, end) = &paths[*index];
            let Sent { first, last, .. } = path.sent[1 - end];
            let is_there = first.is_some_and(|first| first < one.to - TOGETHER_MS)
                && last.is_some_and(|last| last > one.from + TOGETHER_MS);
            let mut silences = path.silences.iter();
            is_there
                && !silences.any(|other| {
                    other.sender == 1 - end
                        && other.from <= one.from + TOGETHER_MS
                        && other.to >= one.to - TOGETHER_MS
                })
        })
    };
    all.retain(|(of, one)| is_outage(one) && !is_covered(*of, one));
    let mut all: Vec<Silence> = all.into_iter().map(|(_, one)| one).collect();
    all.sort_by(|a, b| a.from.total_cmp(&b.from));
    // Paths that were silent at once.
    all.dedup_by(|later, first| later.from < first.to);
    all
}

/// What both ends sent of DTLS and media, by whatever path.
fn over_all(paths: &Paths, (own, other): (&Sent, &Sent)) -> (Sent, Sent) {
    let (mut mine, mut others) = (*own, *other);
    let earliest = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    for (_, path, end) in paths {
        for (sum, sent) in [
            (&mut mine, &path.sent[*end]),
            (&mut others, &path.sent[1 - end]),
        ] {
            // The one in use is in it already.
            if std::ptr::eq(sent, own) || std::ptr::eq(sent, other) {
                continue;
            }
            sum.hellos = sum.hellos.saturating_add(sent.hellos);
            sum.server_hellos = sum.server_hellos.saturating_add(sent.server_hellos);
            sum.handshake = sum.handshake.saturating_add(sent.handshake);
            sum.sealed = sum.sealed.saturating_add(sent.sealed);
            sum.data = sum.data.saturating_add(sent.data);
            sum.rtp += sent.rtp;
            sum.flights = sum.flights.and(sent.flights);
            sum.alert = sum.alert.or(sent.alert);
            sum.first_rtp = earliest(sum.first_rtp, sent.first_rtp);
        }
    }
    (mine, others)
}

/// What became of the path in use.
pub(super) fn connection(account: &mut Account, paths: &Paths, used: usize, around: &Surroundings) {
    let (_, path, end) = paths[used];
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
    let outages = outages(&account.pairs, paths, used, up);
    for Silence { from, to, .. } in &outages {
        let down = (from + NOTICED_MS).min(f64::midpoint(*from, *to));
        change(account, down, StateKind::Ice, "disconnected");
        // One late packet is no path: it is back where both ends use it again.
        let is_used = |sent: &Sent| sent.last.is_some_and(|last| last >= *to);
        if is_used(mine) && others.last.is_some_and(|last| last > *to) {
            change(account, *to, StateKind::Ice, "connected");
        }
    }
    let longest = outages
        .iter()
        .max_by(|a, b| a.lasted().total_cmp(&b.lasted()));
    account.pairs[used].silence = longest.map(|one| (one.from, one.to));
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
    let (mine, others) = over_all(paths, (mine, others));
    told(account, (&mine, &others), goodbye.is_some());
}

/// What is told of DTLS and media.
fn told(account: &mut Account, (mine, others): (&Sent, &Sent), said_goodbye: bool) {
    account.dtls = dtls::record(mine, others);
    if said_goodbye && account.dtls.state.as_deref() == Some("connected") {
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
