//! Media that one end counts as sent, and the other one as never received.

use crate::base::codes::Code;
use crate::base::words::listed;
use crate::proto::evidence::account::{Account, StateKind};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::{Cause, Whose};

/// Packets that do not all get lost by chance, or because the record ends: two seconds of sound.
const MANY: u64 = 100;
/// As long as those take, and some more.
const LONG_MS: f64 = 3000.0;
/// Answers that a path had not only at its beginning.
const ANSWERS: u32 = 10;

/// Packets of one kind, as one end counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    pub sent: Option<u64>,
    pub received: Option<u64>,
    pub lost: Option<i64>,
}

/// What an end counts of a kind. Browsers have no object for what never came.
pub fn flow(account: &Account, kind: &str, mid: Option<&str>) -> Flow {
    let of_kind = || {
        let all = account.streams.iter().filter(|stream| stream.kind == kind);
        all.filter(|stream| mid.is_none() || stream.mid.is_none() || stream.mid.as_deref() == mid)
    };
    let sum = |counts: Vec<u64>| {
        let total = counts
            .iter()
            .fold(0, |sum: u64, one| sum.saturating_add(*one));
        (!counts.is_empty()).then_some(total)
    };
    let lost = of_kind().filter_map(|stream| stream.lost);
    let received = sum(of_kind().filter_map(|stream| stream.received).collect());
    Flow {
        sent: sum(of_kind().filter_map(|stream| stream.sent).collect()),
        received: received.or_else(|| shows_none(account).then_some(0)),
        lost: lost.reduce(i64::saturating_add),
    }
}

/// Whether statistics of media would have what came, and the record goes on long enough for it to have come.
fn shows_none(account: &Account) -> bool {
    // Packets alone do not tell of what kind they are.
    let is_of_statistics = |stream: &crate::proto::evidence::account::StreamRecord| {
        stream.kind == "data" || stream.codec.is_some() || stream.mid.is_some()
    };
    let many = |count: Option<u64>| count.is_some_and(|count| count >= MANY);
    let mut streams = account.streams.iter();
    account.streams.iter().any(is_of_statistics)
        && (streams.any(|stream| many(stream.sent) || many(stream.received))
            || up_for(account).is_some_and(|ms| ms >= LONG_MS))
}

fn up(account: &Account) -> Option<f64> {
    account
        .reached(StateKind::Ice, &["connected", "completed"])?
        .at
}

fn up_for(account: &Account) -> Option<f64> {
    Some(account.ended? - up(account)?)
}

/// Whether checks were answered while media should have come, or anything else came by the same path.
fn lives_on(from: &Account, to: &Account) -> bool {
    let is_answered = |account: &Account| {
        let mut used = account.pairs.iter().filter(|pair| pair.is_selected);
        used.any(|pair| {
            let since = pair.asking.answered.zip(up(account));
            let is_late = since.is_some_and(|(at, up)| at - up >= LONG_MS);
            // One sample has no times.
            let has_times = pair.asked.is_some();
            is_late || !has_times && pair.responses_received >= ANSWERS
        })
    };
    let mut data = to.streams.iter().filter(|stream| stream.kind == "data");
    data.any(|stream| stream.received.is_some_and(|count| count >= 2))
        || is_answered(from)
        || is_answered(to)
}

/// Whether checks are sent on, and none is answered any more.
fn is_dead(account: &Account) -> bool {
    let mut used = account.pairs.iter().filter(|pair| pair.is_selected);
    used.any(|pair| pair.asking.in_vain().is_some())
}

/// Sound or picture of which nothing arrives, by the counters of both ends.
pub fn no_media(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    let [Some(one), Some(two)] = &call.ends else {
        return None;
    };
    if standing != Standing::Connected {
        return None;
    }
    let mut seen = Vec::new();
    let mut lost = |from: &Account, to: &Account, words: &str| -> Vec<String> {
        let kinds = ["audio", "video"].into_iter().filter(|kind| {
            let (sent, received) = (flow(from, kind, None).sent, flow(to, kind, None).received);
            let is_lost = sent.is_some_and(|sent| sent >= MANY) && received == Some(0);
            if let (true, Some(sent)) = (is_lost, sent) {
                seen.push(format!(
                    "{kind} of {words}: {sent} packets sent, none received"
                ));
            }
            is_lost
        });
        kinds.map(str::to_owned).collect()
    };
    let (here, there) = (
        lost(one, two, "this side"),
        lost(two, one, "the other side"),
    );
    let part = |kinds: &[String], from: &str, to: &str| {
        let verb = if kinds.len() == 1 { "does" } else { "do" };
        (!kinds.is_empty())
            .then(|| format!("{} of {from} {verb} not arrive at {to}", listed(kinds)))
    };
    let parts: Vec<String> = [
        part(&here, "this side", "the other side"),
        part(&there, "the other side", "this side"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        return None;
    }
    let lives =
        (!here.is_empty() && lives_on(one, two)) || (!there.is_empty() && lives_on(two, one));
    let (code, why) = if lives {
        (
            Code::NoMedia,
            "something on the way lets checks through and drops SRTP",
        )
    } else if is_dead(one) || is_dead(two) {
        (
            Code::PathLost,
            "no check is answered any more either, so nothing gets through over the path",
        )
    } else {
        (
            Code::NoMedia,
            "whether checks still get through is not told, so either SRTP alone is dropped or the path was lost: records that go on longer tell",
        )
    };
    let message = format!("{}: {why}", parts.join(", and "));
    Some(cause(code, Whose::Between, message, seen))
}
