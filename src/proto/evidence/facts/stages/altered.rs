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
