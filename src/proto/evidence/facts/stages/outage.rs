//! Paths that had worked, and then did not.

use crate::base::codes::Code;
use crate::base::words::short_span;
use crate::proto::evidence::account::{Account, Change, PairRecord, StateKind};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Cause, Whose};

/// Browsers say that ICE is disconnected so long after the last packet.
const NOTICED_MS: f64 = 5000.0;

/// Longer than any pause of consent (RFC 7675 5.1).
const LONG_MS: f64 = 7000.0;

/// When nothing came any more, though the path had worked.
pub fn path_lost(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    // An application that closed its end is no trouble of the path.
    let ends = || accounts_with_clocks(call);
    let closed = ends()
        .filter_map(|(account, late)| {
            Some(account.reached(StateKind::Closed, &["closed"])?.at? - late)
        })
        .fold(f64::INFINITY, f64::min);
    let outages: Vec<Outage> = ends()
        .filter_map(|(account, late)| Outage::of(account, closed + late))
        .collect();
    let worst = outages
        .iter()
        .max_by(|a, b| a.lasted_ms.total_cmp(&b.lasted_ms))?;
    if !matches!(standing, Standing::Lost | Standing::Connected) {
        return None;
    }
    let both = outages.len() > 1;
    if !both && !worst.is_over && worst.course == Course::Silent && !worst.shows_goodbyes {
        let is_alone = call.ends.iter().flatten().count() < 2;
        return Some(open_end(is_alone));
    }
    let how_long = if worst.lasted_ms >= 1.0 {
        format!(" for {}", short_span(worst.lasted_ms / 1000.0))
    } else {
        String::new()
    };
    let message = words(call, &outages, worst, &how_long);
    let seen = outages.into_iter().map(|outage| outage.seen).collect();
    Some(cause(Code::PathLost, Whose::Between, message, seen))
}

/// That it is not known whether a path was lost or the other end closed it.
fn open_end(is_alone: bool) -> Cause {
    let tells = if is_alone {
        "the dump of the other side tells"
    } else {
        "that of the other side does not tell either"
    };
    let message = format!(
        "in the end nothing came from the other side any more, which closed the call or has lost its path: the file has no state of DTLS from then on, by which a goodbye is known, and {tells}"
    );
    Cause::new(Code::Unknown, Whose::Between, message)
}

/// Whether the record would show that the other end closed the connection: it says so over DTLS (`close_notify`, RFC 9147
/// 5.10), which packets show too.
fn shows_goodbyes(account: &Account) -> bool {
    let selected = account.pairs.iter().find(|pair| pair.is_selected);
    let heard = selected.and_then(|pair| pair.last_heard);
    let is_told_later = account
        .dtls
        .told_at
        .zip(heard)
        .is_none_or(|(told, heard)| told > heard);
    account.pairs.iter().any(|pair| pair.is_supposed)
        || account.dtls.state.is_some() && is_told_later
}

/// The ends, and how much later their clocks are than this end's.
fn accounts_with_clocks(call: &JoinedCall) -> impl Iterator<Item = (&Account, f64)> {
    let clocks = [0.0, call.offset_ms];
    call.ends
        .iter()
        .zip(clocks)
        .filter_map(|(end, late)| Some((end.as_ref()?, late)))
}

/// What goes on at an end while its path is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// It hears nothing.
    Silent,
    /// It sends nothing, and the other end is heard all the time.
    Mute,
    /// It hears the other end, and nobody answers what it sends.
    Unheard,
    /// Packets come to its machine, and its program, which sends, answers none.
    Deaf,
}

/// Longer than any pause of a program that sends and is heard.
const GOES_ON_MS: f64 = 3000.0;

impl Course {
    /// And since when, where that is another moment than that of the last packet.
    fn of(pair: &PairRecord, down: Option<f64>) -> (Self, Option<f64>) {
        let goes_on =
            |last: Option<f64>, since: f64| last.is_some_and(|at| at - since >= GOES_ON_MS);
        let asked = pair.asked.and_then(|asked| asked.in_vain());
        if let Some((since, until)) = asked
            && until - since >= NOTICED_MS
            && goes_on(pair.last_sent, since)
        {
            return (Self::Deaf, Some(since));
        }
        if let Some((since, _)) = pair.asking.in_vain()
            && goes_on(pair.last_heard, since)
        {
            return (Self::Unheard, Some(since));
        }
        let is_heard = down.is_some() && pair.last_heard > down;
        let sends = pair
            .last_sent
            .or(pair.asking.asked)
            .is_some_and(|at| down.is_some_and(|down| at > down));
        (
            if is_heard && !sends {
                Self::Mute
            } else {
                Self::Silent
            },
            None,
        )
    }
}

/// What is lost and how, as far as the ends tell. With two outages there is one of each end, in their order.
fn words(call: &JoinedCall, outages: &[Outage], worst: &Outage, how_long: &str) -> String {
    let both = outages.len() > 1;
    let relay = by_relay(call);
    let lost = format!("the path{relay} was lost{how_long}");
    let servers = if relay.is_empty() {
        ""
    } else {
        "the TURN server, "
    };
    if worst.is_over {
        let what = if worst.course == Course::Unheard {
            "what one side sent was not answered meanwhile, though packets of the other one came"
        } else if both {
            "nothing came through, either way"
        } else {
            "nothing came from the other side"
        };
        return format!("{lost} and came back: {what}");
    }
    if let Some(whose) = left_by_server(call) {
        return format!(
            "{lost}: the connection over TCP of {whose} to its TURN server was ended from there, and its relay with it"
        );
    }
    let end = |course: Course| outages.iter().position(|outage| outage.course == course);
    // Of one outage, the end is that whose record has it.
    let here = usize::from(call.ends[0].is_none());
    let names = |place: usize| match if both { place } else { here } {
        0 => ("this side", "the other side"),
        _ => ("the other side", "this side"),
    };
    if let Some((who, other)) = end(Course::Deaf).map(names) {
        return format!(
            "{lost}: packets of {other} still come to the machine of {who}, and its program, which went on sending, answered none of them: a firewall on that machine drops them"
        );
    }
    if let Some((who, other)) = end(Course::Unheard).map(names) {
        let is_mutual = both && outages.iter().all(|one| one.course == Course::Unheard);
        return match (is_mutual, both) {
            (true, _) => format!("{lost}: packets come both ways, and no answer does"),
            (_, true) => format!(
                "{lost}, one way: what {who} sends does not reach {other} any more, while packets of {other} still came to {who}; {servers}something on that way or a firewall of {other} drops it"
            ),
            _ => format!(
                "{lost}, one way: what {who} sends is not answered any more, while packets of {other} still came: {servers}something on the way to {other} or a firewall there drops it, which its own capture tells"
            ),
        };
    }
    if let Some((who, other)) = end(Course::Mute).map(names) {
        return format!(
            "{lost}: {who} sent nothing any more, while packets of {other} still came to it; a firewall on its own machine, or its program, stopped it, or its network or address changed"
        );
    }
    if both {
        return format!("{lost} and did not come back: nothing came through, either way");
    }
    let (_, other) = names(0);
    format!(
        "{lost}: nothing comes from {other} any more; its network or something on the way broke, or it left without a message, which its own dump tells"
    )
}

/// That it goes by a relay of an end whose record is there, with its address.
fn by_relay(call: &JoinedCall) -> String {
    let sides = ["this side", "the other side"].into_iter().zip(&call.ends);
    let mut relays = sides.filter_map(|(who, end)| {
        let mut pairs = end.as_ref()?.pairs.iter();
        let used =
            pairs.find(|pair| pair.is_selected && pair.local.kind == CandidateType::Relay)?;
        let at = used.local.socket_address()?;
        Some(format!(" through the TURN server of {who}, {at},"))
    });
    relays.next().unwrap_or_default()
}

/// Whose TURN server ended the relay in use, if one did.
fn left_by_server(call: &JoinedCall) -> Option<&'static str> {
    let sides = ["this side", "the other side"].into_iter().zip(&call.ends);
    let mut ended = sides.filter_map(|(who, end)| {
        let account = end.as_ref()?;
        let used = account.pairs.iter().find(|pair| pair.is_selected)?;
        let at = used.local.socket_address()?;
        let mut relays = account.ended_relays.iter();
        relays
            .any(|relay| relay.relayed == at && relay.code == Code::Closed)
            .then_some(who)
    });
    ended.next()
}

/// When ICE was not connected any more, and when it was again, in their order: old dumps have no times.
fn falls(changes: &[Change], kind: StateKind) -> Vec<(&Change, Option<&Change>)> {
    let mut all: Vec<(&Change, Option<&Change>)> = Vec::new();
    for change in changes.iter().filter(|change| change.kind == kind) {
        let last = all.last_mut().filter(|(_, back)| back.is_none());
        match (change.value.as_str(), last) {
            ("connected" | "completed", Some(last)) => last.1 = Some(change),
            ("disconnected" | "failed", None) => all.push((change, None)),
            _ => {}
        }
    }
    all
}

/// The one that did not end, or the longest, before the application closed its end.
fn worst<'a>(
    falls: Vec<(&'a Change, Option<&'a Change>)>,
    closed: f64,
) -> Option<(&'a Change, Option<&'a Change>)> {
    let is_before = |(down, _): &(&Change, Option<&Change>)| down.at.is_none_or(|at| at < closed);
    let lasted = |(down, back): &(&Change, Option<&Change>)| match back {
        None => f64::INFINITY,
        Some(back) => back.at.zip(down.at).map_or(0.0, |(back, down)| back - down),
    };
    let meant = falls.into_iter().filter(is_before);
    meant.max_by(|one, two| lasted(one).total_cmp(&lasted(two)))
}

/// Whether the other end closed its data channel with the last that came: that is how a program leaves that says nothing
/// over DTLS.
pub fn has_left(account: &Account) -> bool {
    const WITH_IT_MS: f64 = 2000.0;
    let of_channel = |change: &&Change| change.kind == StateKind::DataChannel;
    let last = account.changes.iter().rev().find(of_channel);
    let closed = last.filter(|change| change.value == "closed");
    let selected = account.pairs.iter().find(|pair| pair.is_selected);
    let heard = selected.and_then(|pair| pair.last_heard);
    let both = closed.and_then(|change| change.at).zip(heard);
    both.is_some_and(|(closed, heard)| (closed - heard).abs() <= WITH_IT_MS)
}

struct Outage {
    /// 0 if it is not known.
    lasted_ms: f64,
    is_over: bool,
    course: Course,
    /// Whether it would be known that the other end closed the connection.
    shows_goodbyes: bool,
    seen: String,
}

impl Outage {
    fn of(account: &Account, closed: f64) -> Option<Self> {
        let up = ["connected", "completed"];
        let has_events = account
            .changes
            .iter()
            .any(|change| change.kind == StateKind::Ice);
        let kind = if has_events {
            StateKind::Ice
        } else {
            StateKind::IceTransport
        };
        let first_up = account
            .changes
            .iter()
            .position(|change| change.kind == kind && up.contains(&change.value.as_str()));
        let after = &account.changes[first_up.map_or(0, |at| at + 1)..];
        let selected = account.pairs.iter().find(|pair| pair.is_selected);
        let falls = first_up.map_or_else(Vec::new, |_| falls(after, kind));
        let has_fallen = !falls.is_empty();
        // The other end said that it closes, and then is silent.
        let is_goodbye = account.dtls.state.as_deref() == Some("closed") || has_left(account);
        let Some((down, back)) = worst(falls, closed) else {
            // An application that closed its end has lost nothing.
            return if has_fallen {
                None
            } else {
                Self::by_counters(account)
                    .filter(|_| !is_goodbye)
                    .or_else(|| Self::by_silence(account))
                    .or_else(|| Self::by_asking(account))
                    .or_else(|| Self::by_dtls(account))
            };
        };
        if back.is_none() && is_goodbye {
            return None;
        }
        let silence = selected.and_then(|pair| pair.silence);
        let heard = selected
            .and_then(|pair| pair.last_heard)
            .filter(|heard| Some(*heard) < down.at);
        let (course, since) =
            selected.map_or((Course::Silent, None), |pair| Course::of(pair, down.at));
        // Browsers say so some seconds after the last packet.
        let is_meant =
            |(from, to): &(f64, f64)| down.at.is_none_or(|at| (*from..=*to).contains(&at));
        let from = since.filter(|_| back.is_none());
        let from = from
            .or(silence.filter(is_meant).map(|(from, _)| from))
            .or(heard)
            .or(down.at);
        let to = back.map_or(account.ended, |change| change.at);
        let lasted_ms = match (down.at, silence) {
            (None, Some((from, to))) => to - from,
            _ => from.zip(to).map_or(0.0, |(from, to)| (to - from).max(0.0)),
        };
        let states = match back {
            Some(_) => "ICE was disconnected, and connected again",
            None => "ICE was connected, then disconnected",
        };
        let sent = selected
            .map(|pair| pair.consent_sent)
            .filter(|sent| *sent > 0);
        let sent = sent.map_or_else(String::new, |sent| {
            format!(", {sent} requests for consent sent")
        });
        Some(Self {
            lasted_ms,
            shows_goodbyes: shows_goodbyes(account),
            is_over: back.is_some(),
            course,
            seen: format!("{states}{sent}"),
        })
    }

    /// Packets that show that what this end asked was not answered for long, and that it was heard all the same.
    fn by_asking(account: &Account) -> Option<Self> {
        let pair = account.pairs.iter().find(|pair| pair.is_selected)?;
        let (from, to) = pair.asking.longest.filter(|_| pair.asked.is_some())?;
        let up = account.reached(StateKind::Ice, &["connected", "completed"]);
        let is_later = up.and_then(|change| change.at).is_none_or(|up| from >= up);
        (is_later && to - from >= LONG_MS).then(|| Self {
            lasted_ms: to - from,
            shows_goodbyes: true,
            is_over: true,
            course: Course::Unheard,
            seen: "several requests in a row were not answered, and packets came all the time"
                .to_owned(),
        })
    }

    /// Samples between which nothing came, though this end went on asking, and browsers said nothing yet.
    fn by_silence(account: &Account) -> Option<Self> {
        let pair = account.pairs.iter().find(|pair| pair.is_selected)?;
        let (from, to) = pair.unheard?;
        let up = account.reached(StateKind::Ice, &["connected", "completed"]);
        let is_later = up.and_then(|change| change.at).is_none_or(|up| from >= up);
        is_later.then(|| Self {
            lasted_ms: to - from,
            shows_goodbyes: true,
            is_over: true,
            course: Course::Silent,
            seen: "nothing came, and several requests in that time were not answered".to_owned(),
        })
    }

    /// One sample in the middle of an outage: the pair in use is checked, and does not answer.
    fn by_counters(account: &Account) -> Option<Self> {
        let pair = account.pairs.iter().find(|pair| pair.is_selected)?;
        (pair.nominated && pair.is_silent_again()).then(|| Self {
            lasted_ms: 0.0,
            shows_goodbyes: shows_goodbyes(account),
            is_over: false,
            course: Course::Silent,
            seen: format!(
                "the pair in use is in-progress again: {} requests sent, {} answered",
                pair.requests_sent, pair.responses_received
            ),
        })
    }

    /// One sample after it was lost, when the pairs are forgotten.
    fn by_dtls(account: &Account) -> Option<Self> {
        let is_down = matches!(
            account.state(StateKind::Ice),
            Some("failed" | "disconnected")
        );
        (is_down && account.dtls.state.as_deref() == Some("connected")).then(|| Self {
            lasted_ms: 0.0,
            shows_goodbyes: true,
            is_over: false,
            course: Course::Silent,
            seen: "DTLS had been connected, and ICE is not any more".to_owned(),
        })
    }
}
