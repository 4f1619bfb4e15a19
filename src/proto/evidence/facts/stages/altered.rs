//! Credentials of ICE that one end was told, and that are not those of the other end (RFC 8839 5.4).

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::proto::evidence::account::{Account, Told};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::{Cause, Whose};

/// The values of an attribute in the last description.
fn values<'a>(told: &'a Told, name: &str) -> BTreeSet<&'a str> {
    let last = told.descriptions.last().map(|(_, read)| read.text.as_str());
    let lines = last.into_iter().flat_map(str::lines);
    lines
        .filter_map(|line| line.trim().strip_prefix(name))
        .collect()
}

/// What one end was told of the other one's credentials that is not so.
fn differs(told_to: &Account, from: &Account) -> Option<&'static str> {
    let is_other = |name: &str| {
        let (told, real) = (values(&told_to.other, name), values(&from.own, name));
        !told.is_empty() && !real.is_empty() && told.is_disjoint(&real)
    };
    // Of another description both differ: one of them is that of an earlier or later one.
    match (is_other("a=ice-ufrag:"), is_other("a=ice-pwd:")) {
        (false, true) => Some("a=ice-pwd"),
        (true, false) => Some("a=ice-ufrag"),
        _ => None,
    }
}

/// A user name or password of ICE that was altered in signalling: each check is refused or dropped for it.
pub fn altered(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    if standing > Standing::Insecure {
        return None;
    }
    let [Some(one), Some(two)] = &call.ends else {
        return None;
    };
    let (local, remote) = (differs(one, two), differs(two, one));
    let side = Whose::of(local.is_some(), remote.is_some())?;
    let what = local.or(remote)?;
    let (who, whose) = match side {
        Whose::Local => ("this side was told", "the other side's"),
        Whose::Remote => ("the other side was told", "this side's"),
        _ => ("both sides were told", "each other's"),
    };
    let message = format!(
        "{who} another {what} than that of {whose} description, so its checks are refused: the description was altered on the way, or is of another connection"
    );
    let seen = format!("{what} of the two records");
    Some(cause(Code::Unauthorized, side, message, vec![seen]))
}

/// Checks of an end that the other one refuses for their user name or password, by the answers that packets show.
pub fn refused(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    if !(Standing::Checking..=Standing::Insecure).contains(&standing) {
        return None;
    }
    let by_end = [0, 1].map(|end: usize| {
        let own = || call.ends[end].iter().flat_map(|account| &account.pairs);
        let is_said = own().any(|pair| pair.failure == Some(Code::Unauthorized));
        let mut there = call.ends[1 - end].iter().flat_map(|account| &account.pairs);
        let is_given = there.any(|pair| pair.refuses == Some(Code::Unauthorized));
        let is_answered = own().any(|pair| pair.is_counted && pair.is_answered());
        (is_said || is_given) && !is_answered
    });
    let side = Whose::of(by_end[0], by_end[1])?;
    let message = match side {
        Whose::Local => {
            "the other side refuses this side's checks for their user name or password (401), so this side was told others than those of the other side"
        }
        Whose::Remote => {
            "this side refuses the other side's checks for their user name or password (401), so the other side was told others than those of this side"
        }
        _ => {
            "each side refuses the other's checks for their user name or password (401), so both were told others than they have"
        }
    };
    let message = format!(
        "{message}: a description was altered on the way, or is of another connection; the descriptions as both ends have them tell"
    );
    let seen = "errors 401 in answer to checks".to_owned();
    Some(cause(Code::Unauthorized, side, message, vec![seen]))
}
