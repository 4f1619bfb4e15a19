//! Which paths of a capture are of one connection: an ICE restart gives an end another fragment (RFC 8445 9), and for a
//! moment one end has the new one and the other has not. Where that moment is not in the capture, media goes on from the
//! same sources, and no other handshake of DTLS begins.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Paths;
use crate::proto::capture::observer::Observer;

/// Sources of fewer packets are no link.
const ENOUGH_PACKETS: u64 = 10;
/// Connections that are looked through for media that goes on.
const MAX_LINKED: usize = 200;

/// One connection: all fragments of this end and of the other one, and its paths.
#[derive(Debug, Default)]
pub(super) struct Session<'a> {
    pub own: BTreeSet<&'a str>,
    pub other: BTreeSet<&'a str>,
    pub paths: Paths<'a>,
}

impl Session<'_> {
    /// When the first packet of it was seen.
    pub(super) fn began(&self) -> Option<f64> {
        let sent = self.paths.iter().flat_map(|(_, path, _)| &path.sent);
        sent.filter_map(|sent| sent.first).reduce(f64::min)
    }

    fn has_handshake(&self) -> bool {
        let mut sent = self.paths.iter().flat_map(|(_, path, _)| &path.sent);
        sent.any(|sent| sent.hellos + sent.server_hellos > 0)
    }

    /// Sources of media, each with whether it is this end's.
    fn sources(&self, observer: &Observer) -> BTreeSet<(bool, u32)> {
        let all = self.paths.iter().flat_map(|(key, _, end)| {
            let of_path = observer.streams.range((**key, 0, 0)..=(**key, 1, u32::MAX));
            let many = of_path.filter(|(_, stream)| stream.packets >= ENOUGH_PACKETS);
            many.map(move |((_, sender, source), _)| (sender == end, *source))
        });
        all.collect()
    }
}

/// The connections of a capture, in the order in which they began.
pub(super) fn of<'a>(
    calls: BTreeMap<(&'a str, &'a str), Paths<'a>>,
    observer: &Observer,
) -> Vec<Session<'a>> {
    let mut all = united(calls);
    let began = |session: &Session| session.began().unwrap_or(f64::INFINITY);
    all.sort_by(|one, two| began(one).total_cmp(&began(two)));
    if all.len() > MAX_LINKED {
        return all;
    }
    let mut known: Vec<(Session<'a>, BTreeSet<(bool, u32)>)> = Vec::new();
    for session in all {
        let sources = session.sources(observer);
        let goes_on = |(_, before): &&mut (Session<'a>, BTreeSet<(bool, u32)>)| {
            !session.has_handshake() && !before.is_disjoint(&sources)
        };
        if let Some((first, before)) = known.iter_mut().find(goes_on) {
            first.own.extend(session.own);
            first.other.extend(session.other);
            first.paths.extend(session.paths);
            before.extend(sources);
        } else {
            known.push((session, sources));
        }
    }
    known.into_iter().map(|(session, _)| session).collect()
}

/// Puts together what has a fragment of either end in common.
fn united<'a>(calls: BTreeMap<(&'a str, &'a str), Paths<'a>>) -> Vec<Session<'a>> {
    let mut parents: Vec<usize> = (0..calls.len()).collect();
    let mut known: HashMap<(bool, &str), usize> = HashMap::new();
    for (place, (own, other)) in calls.keys().enumerate() {
        for word in [(true, *own), (false, *other)] {
            if let Some(&first) = known.get(&word) {
                let (one, two) = (root(&parents, first), root(&parents, place));
                parents[one.max(two)] = one.min(two);
            } else {
                known.insert(word, place);
            }
        }
    }
    let mut sessions: BTreeMap<usize, Session<'a>> = BTreeMap::new();
    for (place, ((own, other), paths)) in calls.into_iter().enumerate() {
        let session = sessions.entry(root(&parents, place)).or_default();
        session.own.insert(own);
        session.other.insert(other);
        session.paths.extend(paths);
    }
    sessions.into_values().collect()
}

fn root(parents: &[usize], mut place: usize) -> usize {
    while parents[place] != place {
        place = parents[place];
    }
    place
}
