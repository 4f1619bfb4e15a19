//! Paths that had worked, and then did not.

use crate::base::codes::Code;
use crate::base::words::short_span;
use crate::proto::evidence::account::{Account, Change, StateKind};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::{Cause, Whose};

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
    if !both && !worst.is_over && !worst.is_mute && !worst.shows_goodbyes {
        let is_alone = call.ends.iter().flatten().count() < 2;
        return Some(open_end(is_alone));
    }
    let how_long = if worst.lasted_ms >= 1.0 {
        format!(" for {}", short_span(worst.lasted_ms / 1000.0))
    } else {
        String::new()
    };
    // With two there is one of each end, in their order.
    let mute = outages.iter().position(|outage| outage.is_mute);
    let who = mute.filter(|_| both && !worst.is_over);
    let who = who.map(|end| ["this side", "the other side"][end]);
    let message = match (who, worst.is_over, both) {
        (Some(who), ..) => format!(
            "the path was lost{how_long}: {who} sent nothing any more, while packets of the other one still came to it; its program or machine stopped, or a firewall there"
        ),
        (None, true, true) => {
            format!("the path was lost{how_long} and came back: nothing came through, either way")
        }
        (None, true, false) => {
            format!("the path was lost{how_long} and came back: nothing came from the other side")
        }
        (None, false, true) => format!(
            "the path was lost{how_long} and did not come back: nothing came through, either way"
        ),
        (None, false, false) if worst.is_mute => format!(
            "the path was lost{how_long}: this side sent nothing any more, while packets of the other side still came; a firewall on its own machine, or its program, stopped it"
        ),
        (None, false, false) => format!(
            "the path was lost{how_long}: nothing comes from the other side any more; its network or something on the way broke, or it left without a message, which its own dump tells"
        ),
    };
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

struct Outage {
    /// 0 if it is not known.
    lasted_ms: f64,
    is_over: bool,
    /// Whether the other end was heard all the time.
    is_mute: bool,
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
        let is_ice = |value: &[&str]| {
            let value: Vec<String> = value.iter().map(|v| (*v).to_owned()).collect();
            move |change: &&Change| change.kind == kind && value.contains(&change.value)
        };
        let is_down = is_ice(&["disconnected", "failed"]);
        let fell = first_up.and_then(|_| after.iter().position(|change| is_down(&change)));
        let down = fell.map(|at| &after[at]);
        let selected = account.pairs.iter().find(|pair| pair.is_selected);
        // In their order: old dumps have no times.
        let back = fell.and_then(|at| after[at..].iter().find(is_ice(&up)));
        // The other end said that it closes, and then is silent.
        if back.is_none() && account.dtls.state.as_deref() == Some("closed") {
            return None;
        }
        let Some(down) = down else {
            return Self::by_counters(account).or_else(|| Self::by_dtls(account));
        };
        if down.at.is_some_and(|at| at >= closed) {
            return None;
        }
        let silence = selected.and_then(|pair| pair.silence);
        let heard = selected
            .and_then(|pair| pair.last_heard)
            .filter(|heard| Some(*heard) < down.at);
        // Browsers say so some seconds after the last packet.
        let from = silence.map(|(from, _)| from).or(heard).or(down.at);
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
            is_mute: selected.and_then(|pair| pair.last_heard) > down.at && down.at.is_some(),
            seen: format!("{states}{sent}"),
        })
    }

    /// One sample in the middle of an outage: the pair in use is checked, and does not answer.
    fn by_counters(account: &Account) -> Option<Self> {
        let pair = account.pairs.iter().find(|pair| pair.is_selected)?;
        (pair.nominated && pair.is_silent_again()).then(|| Self {
            lasted_ms: 0.0,
            shows_goodbyes: shows_goodbyes(account),
            is_over: false,
            is_mute: false,
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
            is_mute: false,
            seen: "DTLS had been connected, and ICE is not any more".to_owned(),
        })
    }
}
