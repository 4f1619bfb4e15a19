//! Which paths of a capture are of one connection: an ICE restart gives an end another fragment (RFC 8445 9), and for a
//! moment one end has the new one and the other has not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Paths;

/// One connection: all fragments of this end and of the other one, and its paths.
#[derive(Debug, Default)]
pub(super) struct Session<'a> {
    pub own: BTreeSet<&'a str>,
    pub other: BTreeSet<&'a str>,
    pub paths: Paths<'a>,
}

/// Puts together what has a fragment of either end in common.
pub(super) fn united<'a>(calls: BTreeMap<(&'a str, &'a str), Paths<'a>>) -> Vec<Session<'a>> {
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
