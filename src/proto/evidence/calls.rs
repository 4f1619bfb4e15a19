//! Accounts of one call, from several files, put together: by user fragments, by candidates and by
//! fingerprints. What is of different calls stays apart.

mod supposed;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::proto::evidence::account::{Account, EndRecord, FileKind, PairRecord, Record, Told};
use crate::proto::evidence::events::add_candidate;
use crate::proto::evidence::{MAX_PARTS, facts::clocks};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::nat::address::is_global;

/// A call: what is known of each end.
#[derive(Debug, Clone, Default)]
pub struct JoinedCall {
    /// This end, which is that of the first file, and the other one; `None` if no file is from there.
    pub ends: [Option<Account>; 2],
    /// Which files tell of it, and of which end.
    pub files: BTreeSet<(usize, usize)>,
    /// How much later the clock of the other end is, in milliseconds, as far as is known.
    pub offset_ms: f64,
    /// A file was given with a connection that no description came to, which may be the other end.
    pub has_bare_connection: bool,
}

/// The place of an account among the others, and whether it is of the other end than its root's.
#[derive(Debug, Clone, Copy)]
struct Link {
    parent: usize,
    is_opposite: bool,
}

/// Joins the accounts of all files.
pub fn join(records: Vec<Record>) -> Vec<JoinedCall> {
    let has_bare_connection = records.iter().any(Record::has_bare_connection);
    let mut all: Vec<(usize, Option<FileKind>, Account)> = Vec::new();
    for (file, record) in records.into_iter().enumerate() {
        let kind = record.kind;
        all.extend(
            record
                .accounts
                .into_iter()
                .map(|account| (file, kind, account)),
        );
    }
    // What servers said is in the other files, too.
    if all
        .iter()
        .any(|(_, _, account)| !account.is_of_servers_alone)
    {
        all.retain(|(_, _, account)| !account.is_of_servers_alone);
    }
    let mut links: Vec<Link> = (0..all.len())
        .map(|parent| Link {
            parent,
            is_opposite: false,
        })
        .collect();
    by_tokens(&all, &mut links, &|told| {
        told.ufrags.iter().cloned().collect()
    });
    by_tokens(&all, &mut links, &|told| {
        if told.ufrags.is_empty() {
            return names_of(told);
        }
        Vec::new()
    });
    by_all_names(&all, &mut links);
    by_certificates(&all, &mut links);
    by_form(&all, &mut links);
    let mut parts: BTreeMap<usize, Vec<(usize, usize, Account)>> = BTreeMap::new();
    let mut first_of: HashMap<usize, (usize, bool)> = HashMap::new();
    for (index, (file, _, account)) in all.into_iter().enumerate() {
        let (root, is_opposite) = find(&mut links, index);
        let (key, first) = *first_of.entry(root).or_insert((index, is_opposite));
        let end = usize::from(is_opposite != first);
        parts.entry(key).or_default().push((file, end, account));
    }
    let calls = parts.into_values().map(|parts| JoinedCall {
        has_bare_connection,
        ..of_parts(parts)
    });
    calls.collect()
}

/// Files of one end are merged in the order in which they were saved, whatever order they were given in.
fn of_parts(mut parts: Vec<(usize, usize, Account)>) -> JoinedCall {
    let mut call = JoinedCall::default();
    let saved = |part: &(usize, usize, Account)| part.2.ended.unwrap_or_default();
    parts.sort_by(|one, two| saved(one).total_cmp(&saved(two)));
    for (file, end, account) in parts {
        call.files.insert((file, end));
        match &mut call.ends[end] {
            Some(known) => merge(known, account),
            none => *none = Some(account),
        }
    }
    supposed::settle(&mut call);
    call.offset_ms = clocks::offset(&call);
    call
}

fn find(links: &mut [Link], index: usize) -> (usize, bool) {
    let mut path = Vec::new();
    let mut at = index;
    while links[at].parent != at {
        path.push(at);
        at = links[at].parent;
    }
    // From the root back, each is linked to it directly.
    let mut is_opposite = false;
    for step in path.into_iter().rev() {
        is_opposite ^= links[step].is_opposite;
        links[step] = Link {
            parent: at,
            is_opposite,
        };
    }
    (at, is_opposite)
}

fn unite(links: &mut [Link], one: usize, two: usize, is_opposite: bool) {
    let ((root_one, of_one), (root_two, of_two)) = (find(links, one), find(links, two));
    if root_one != root_two {
        let (root, child) = (root_one.min(root_two), root_one.max(root_two));
        links[child] = Link {
            parent: root,
            is_opposite: of_one ^ of_two ^ is_opposite,
        };
    }
}

type Entry = (usize, Option<FileKind>, Account);

/// Accounts that have a word in common are of one call: of one end if both told it.
fn by_tokens(all: &[Entry], links: &mut [Link], tokens: &dyn Fn(&Told) -> Vec<String>) {
    let mut places: HashMap<String, Vec<(usize, bool)>> = HashMap::new();
    for (index, (_, _, account)) in all.iter().enumerate() {
        for (told, is_own) in [(&account.own, true), (&account.other, false)] {
            for token in tokens(told) {
                let known = places.entry(token).or_default();
                for (other, was_own) in known.iter().take(64) {
                    let is_opposite = is_own != *was_own;
                    if *other != index && fits(account, &all[*other].2, is_opposite) {
                        unite(links, index, *other, is_opposite);
                    }
                }
                if known.len() < 64 {
                    known.push((index, is_own));
                }
            }
        }
    }
}

/// Fragments are short, and two of ten thousand connections may have the same: where both ends' are
/// known, both must fit.
fn fits(one: &Account, two: &Account, is_opposite: bool) -> bool {
    let meet = |a: &Told, b: &Told| {
        a.ufrags.is_empty() || b.ufrags.is_empty() || !a.ufrags.is_disjoint(&b.ufrags)
    };
    if is_opposite {
        meet(&one.own, &two.other) && meet(&one.other, &two.own)
    } else {
        meet(&one.own, &two.own) && meet(&one.other, &two.other)
    }
}

/// What only one end can have: its fingerprints, and addresses that are public.
fn names_of(told: &Told) -> Vec<String> {
    let prints = told.fingerprints.iter().cloned();
    let addresses = told.udp().filter_map(|candidate| {
        let at = candidate.socket_address()?;
        let is_alone = candidate.kind != CandidateType::Host || is_global(at.ip());
        is_alone.then(|| at.to_string())
    });
    prints.chain(addresses.take(1000)).collect()
}

/// A list that has no fragments, beside files that have.
fn by_all_names(all: &[Entry], links: &mut [Link]) {
    let is_bare =
        |account: &Account| account.own.ufrags.is_empty() && account.other.ufrags.is_empty();
    if !all.iter().any(|(_, _, account)| is_bare(account)) {
        return;
    }
    let mut places: HashMap<String, Vec<(usize, bool)>> = HashMap::new();
    for (index, (_, _, account)) in all.iter().enumerate() {
        for (told, is_own) in [(&account.own, true), (&account.other, false)] {
            for name in names_of(told) {
                let known = places.entry(name).or_default();
                if known.len() < 64 {
                    known.push((index, is_own));
                }
            }
        }
    }
    for (index, (_, _, account)) in all.iter().enumerate().filter(|(_, e)| is_bare(&e.2)) {
        for (told, is_own) in [(&account.own, true), (&account.other, false)] {
            let met = names_of(told)
                .into_iter()
                .filter_map(|name| places.get(&name));
            for (other, was_own) in met.flatten() {
                if *other != index {
                    unite(links, index, *other, is_own != *was_own);
                }
            }
        }
    }
}

/// Statistics of both ends after a failure: what is left there of the other end is its certificate. Programs may use one
/// certificate for several calls, so that there has to be one alone that it can be.
fn by_certificates(all: &[Entry], links: &mut [Link]) {
    let prints = |account: &Account| {
        let dtls = &account.dtls;
        dtls.own_fingerprint
            .clone()
            .zip(dtls.peer_fingerprint.clone())
    };
    let mut places: HashMap<(String, String), Vec<usize>> = HashMap::new();
    for (index, (_, _, account)) in all.iter().enumerate() {
        if let Some(prints) = prints(account) {
            places.entry(prints).or_default().push(index);
        }
    }
    for ((own, peer), ours) in &places {
        let Some(theirs) = places
            .get(&(peer.clone(), own.clone()))
            .filter(|_| own != peer)
        else {
            continue;
        };
        let mut roots = |places: &[usize]| -> BTreeSet<usize> {
            places.iter().map(|place| find(links, *place).0).collect()
        };
        if roots(ours).len() == 1
            && roots(theirs).len() == 1
            && fits(&all[ours[0]].2, &all[theirs[0]].2, true)
        {
            unite(links, ours[0], theirs[0], true);
        }
    }
}

/// Offers and answers with the same sections, in files of their own, and nothing else to go by.
fn by_form(all: &[Entry], links: &mut [Link]) {
    type Shape = (Vec<String>, bool);
    let mut alone: BTreeMap<usize, (usize, Shape)> = BTreeMap::new();
    for (index, (_, kind, account)) in all.iter().enumerate() {
        let is_alone = *kind == Some(FileKind::Sdp) && account.other.is_empty();
        let Some((_, read)) = account.own.descriptions.first().filter(|_| is_alone) else {
            continue;
        };
        let kinds = read
            .sections
            .iter()
            .map(|section| section.kind.clone())
            .collect();
        let is_offer = read
            .is_offer
            .unwrap_or(read.setup.as_deref() == Some("actpass"));
        let root = find(links, index).0;
        alone.entry(root).or_insert((index, (kinds, is_offer)));
        if alone.len() > 2 {
            return;
        }
    }
    let mut all = alone.into_values();
    if let (Some((one, (kinds, is_offer))), Some((two, (other_kinds, other_is_offer)))) =
        (all.next(), all.next())
        && kinds == other_kinds
        && is_offer != other_is_offer
    {
        unite(links, one, two, true);
    }
}

/// Two files of one end: each adds what the other one lacks.
fn merge(known: &mut Account, more: Account) {
    // A whole record has what a damaged one lacks; descriptions alone are none.
    let is_record = |account: &Account| {
        !account.changes.is_empty() || !account.pairs.is_empty() || account.dtls.state.is_some()
    };
    known.gap = match (is_record(known), is_record(&more)) {
        (true, true) => known.gap.take().filter(|_| more.gap.is_some()),
        (true, false) => known.gap.take(),
        (false, _) => more.gap,
    };
    merge_told(&mut known.own, more.own);
    merge_told(&mut known.other, more.other);
    match (&mut known.servers, more.servers) {
        (Some(servers), Some(others)) => {
            for server in others {
                match servers.iter_mut().find(|own| own.url == server.url) {
                    Some(own) if own.error.is_none() => *own = server,
                    Some(_) => {}
                    None => servers.push(server),
                }
            }
        }
        (none @ None, others) => *none = others,
        _ => {}
    }
    // Two records of one end know more than either.
    known.found = None;
    known.has_configuration |= more.has_configuration;
    known.relay_only |= more.relay_only;
    // Which pair is in use, the later file says, if it says so of any.
    if more.pairs.iter().any(|pair| pair.is_selected) {
        for pair in &mut known.pairs {
            pair.is_selected = false;
        }
    }
    for pair in more.pairs {
        merge_pair(&mut known.pairs, pair);
    }
    // One that has all events tells the states better than one that has the last ones.
    if (more.has_events && !known.has_events) || known.changes.is_empty() {
        known.changes = more.changes;
    } else if !known.has_events && !more.has_events {
        // Reports of several moments.
        known.changes.extend(more.changes);
    }
    known.is_late = known.is_late && more.is_late;
    known.has_events |= more.has_events;
    known.is_begun |= more.is_begun;
    // Packets alone show these.
    let flights = known.dtls.flights.or(more.dtls.flights);
    let alerts = [&known.dtls, &more.dtls];
    let alert = alerts.into_iter().find(|dtls| dtls.alert.is_some());
    let alert = alert.map(|dtls| (dtls.alert.clone(), dtls.is_own_alert));
    if known.dtls.state.is_none() || more.ended > known.ended && more.dtls.state.is_some() {
        known.dtls = more.dtls;
    }
    known.dtls.flights = flights;
    if let Some(alert) = alert {
        (known.dtls.alert, known.dtls.is_own_alert) = alert;
    }
    // Statistics know codecs and sections, packets do not.
    let is_of_packets = known
        .streams
        .iter()
        .all(|stream| stream.codec.is_none() && stream.mid.is_none());
    if known.streams.is_empty() || is_of_packets && !more.streams.is_empty() {
        known.streams = more.streams;
    }
    known.role = known.role.or(more.role);
    for failure in more.failures {
        if !known.failures.contains(&failure) {
            known.failures.push(failure);
        }
    }
    if more.transports.0 > 0 {
        known.transports = more.transports;
    }
    known.is_bare_ice &= more.is_bare_ice;
    known.ended_relays.extend(more.ended_relays);
    known.refused_since = known.refused_since.take().or(more.refused_since);
    known.refused_candidates = known.refused_candidates.max(more.refused_candidates);
    known.udp_peer = known.udp_peer.or(more.udp_peer);
    known.tcp_peer = known.tcp_peer.or(more.tcp_peer);
    known.seen.extend(more.seen);
    known.saw(more.began);
    known.saw(more.ended);
}

fn merge_told(known: &mut Told, more: Told) {
    let is_new = known.descriptions.is_empty();
    if is_new
        || known.descriptions.iter().all(|(at, _)| at.is_none())
            && more.descriptions.iter().any(|(at, _)| at.is_some())
    {
        known.descriptions = more.descriptions;
    }
    for candidate in more.candidates {
        add_candidate(known, candidate);
    }
    known.ufrags.extend(more.ufrags);
    known.fingerprints.extend(more.fingerprints);
    known.complete_at = known.complete_at.or(more.complete_at);
    if known.nats.is_empty() {
        known.nats = more.nats;
    }
}

fn is_same_pair(one: &PairRecord, two: &PairRecord) -> bool {
    if one.local == two.local && one.remote == two.remote {
        return true;
    }
    let is_relay = |end: &EndRecord| end.kind == CandidateType::Relay;
    let way = |pair: &PairRecord| {
        Some((
            pair.local.base()?,
            pair.remote.socket_address()?,
            is_relay(&pair.local),
        ))
    };
    let is_of_capture = one.priority == 0 || two.priority == 0;
    is_of_capture && way(one).is_some() && way(one) == way(two)
}

fn merge_pair(pairs: &mut Vec<PairRecord>, pair: PairRecord) {
    // Lists of a hundred thousand are not searched for twins.
    let is_short = pairs.len() < 5000;
    let same = pairs
        .iter_mut()
        .filter(|_| is_short)
        .find(|own| is_same_pair(own, &pair));
    let Some(own) = same else {
        if pairs.len() < MAX_PARTS {
            pairs.push(pair);
        }
        return;
    };
    let counted = |pair: &PairRecord| pair.requests_sent.saturating_add(pair.requests_received);
    let earliest = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let first_sent = earliest(own.first_sent, pair.first_sent);
    let first_answered = earliest(own.first_answered, pair.first_answered);
    let silence = own.silence.or(pair.silence);
    let unheard = own.unheard.or(pair.unheard);
    let refuses = own.refuses.or(pair.refuses);
    // Packets show more of requests than counters do.
    let shown = [&*own, &pair].into_iter().find(|pair| pair.asked.is_some());
    let shown = shown.map(|pair| (pair.asking, pair.asked, pair.last_sent));
    let is_selected = own.is_selected || pair.is_selected;
    // A capture knows its ends by their addresses alone, and no priorities.
    let named = [&pair, &*own]
        .into_iter()
        .find(|pair| pair.priority > 0)
        .cloned();
    if counted(&pair) >= counted(own) {
        *own = pair;
    }
    if let Some(named) = named {
        own.local = named.local;
        own.remote = named.remote;
        own.priority = named.priority;
        own.nominated |= named.nominated;
        own.is_supposed = named.is_supposed;
    }
    own.is_selected = is_selected;
    own.first_sent = first_sent;
    own.first_answered = first_answered;
    own.silence = silence;
    own.unheard = unheard;
    own.refuses = refuses;
    if let Some((asking, asked, last_sent)) = shown {
        (own.asking, own.asked, own.last_sent) = (asking, asked, last_sent);
    }
}
