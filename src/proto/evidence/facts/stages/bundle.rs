//! Answers that bundle less than the offer: each section then needs a transport of its own (RFC 9143 7.3).

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::words::counted;
use crate::proto::evidence::account::{Account, StateKind};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::described::Described;
use crate::proto::evidence::facts::stages::{cause, negotiated};
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::{Cause, Whose};

/// What a description bundles.
fn bundled(read: &Described) -> BTreeSet<&str> {
    let groups = read
        .text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("a=group:BUNDLE"));
    groups.flat_map(str::split_ascii_whitespace).collect()
}

/// Transports that were set up, and those of them that were never begun, by an end that waits for them.
fn waiting(account: &Account) -> Option<(usize, usize)> {
    let (all, idle) = account.transports;
    let states = ["connected"];
    let is_up = account.reached(StateKind::Connection, &states).is_some();
    (!is_up && idle > 0 && idle < all).then_some((all, idle))
}

/// That transports are waited for that the other end does not have.
pub fn unbundled(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    if !matches!(
        standing,
        Standing::Checking | Standing::Connected | Standing::Failed
    ) {
        return None;
    }
    let idle = |end: usize| call.ends[end].as_ref().and_then(waiting);
    let (all, without) = idle(0).or(idle(1))?;
    let who = if idle(0).is_some() {
        "this side"
    } else {
        "the other side"
    };
    let seen = format!(
        "{without} of the {} of {who} were never begun",
        counted(all, "transport")
    );
    let Some((offer, answer, is_ours)) = negotiated(call) else {
        let message = format!(
            "one transport is up, and {without} of {all} of {who} have no pair of candidates: where the answer does not bundle what was offered, each section needs its own; the descriptions tell"
        );
        return Some(cause(Code::Unknown, Whose::Between, message, vec![seen]));
    };
    let (offered, kept) = (bundled(offer), bundled(answer));
    let left_out = answer.sections.iter().filter(|section| {
        let mid = section.mid.as_deref().unwrap_or_default();
        !section.is_rejected() && offered.contains(mid) && !kept.contains(mid)
    });
    if offered.len() < 2 || left_out.count() == 0 {
        return None;
    }
    let (side, answerer) = if is_ours {
        (Whose::Remote, "the other side")
    } else {
        (Whose::Local, "this side")
    };
    let message = format!(
        "the answer of {answerer}, as it came, does not bundle what was offered (a=group:BUNDLE), so each section needs a transport of its own, and {without} of {all} of {who} have no candidates: something took the line out, or the answering program does not bundle"
    );
    Some(cause(Code::SdpBundle, side, message, vec![seen]))
}
