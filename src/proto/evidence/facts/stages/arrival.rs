//! Media that one end counts as sent, and the other one as never received.

use crate::base::codes::Code;
use crate::base::words::listed;
use crate::proto::evidence::account::Account;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::{Cause, Whose};

/// Packets that do not all get lost by chance, or because the record ends: two seconds of sound.
const MANY: u64 = 100;

/// Packets of a kind that an end sent, and those that it received, where its record counts them.
fn counted(account: &Account, kind: &str) -> (Option<u64>, Option<u64>) {
    let of_kind = || account.streams.iter().filter(|stream| stream.kind == kind);
    let sum = |counts: Vec<u64>| {
        let total = counts
            .iter()
            .fold(0, |sum: u64, one| sum.saturating_add(*one));
        (!counts.is_empty()).then_some(total)
    };
    (
        sum(of_kind().filter_map(|stream| stream.sent).collect()),
        sum(of_kind().filter_map(|stream| stream.received).collect()),
    )
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
            let (sent, received) = (counted(from, kind).0, counted(to, kind).1);
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
    let message = format!(
        "{}: something on the way lets checks through and drops SRTP",
        parts.join(", and ")
    );
    Some(cause(Code::NoMedia, Whose::Between, message, seen))
}
