//! DTLS, after ICE has found a way.

mod flights;

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::proto::evidence::account::{Account, PairRecord, Told};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::{Cause, Whose};

/// DTLS that failed or was never done, after ICE had found a way.
pub fn dtls(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    if !matches!(standing, Standing::DtlsFailed | Standing::Insecure) {
        return None;
    }
    if let Some(mismatch) = mismatch(call) {
        return Some(mismatch);
    }
    let accounts = || call.ends.iter().flatten();
    let alert = alert(call);
    let mut seen = vec!["ICE was connected".to_owned()];
    seen.extend(accounts().filter_map(|account| {
        let state = account.dtls.state.as_ref()?;
        let role = account.dtls.role.as_deref().unwrap_or("end");
        Some(format!("DTLS state of the {role}: {state}"))
    }));
    seen.extend(alert.map(|(alert, who)| format!("alert of {who}: {alert}")));
    if let Some(roles) = same_roles(call) {
        let message = if roles.1 {
            "both ends took the active DTLS role (a=setup), so each began the handshake and neither answered it"
        } else {
            "both ends took the passive DTLS role (a=setup), so neither began the handshake"
        };
        let roles = roles.0;
        seen.push(roles);
        return Some(cause(Code::DtlsFailed, Whose::Between, message, seen));
    }
    if standing == Standing::Insecure
        && let Some(cause) = one_sided(call)
    {
        return Some(cause);
    }
    if let Some((alert, who)) = alert {
        let why = of_alert(alert);
        let message = format!(
            "ICE found a way, and {who} ended the DTLS handshake over it with the alert {alert}: {why}"
        );
        return Some(cause(Code::DtlsFailed, Whose::Between, message, seen));
    }
    if let Some((message, more)) = flights::lost(call) {
        seen.extend(more);
        return Some(cause(Code::DtlsFailed, Whose::Between, message, seen));
    }
    let message = if standing == Standing::Insecure {
        "ICE found a way, and the DTLS handshake over it does not end: something on the way drops its packets, as firewalls that know DTLS do, and MTUs that are too small"
    } else if accounts().count() < 2
        || accounts().any(|account| fingerprints(&account.other).is_empty())
    {
        "ICE found a way, and the DTLS handshake over it failed: most often the certificate is not that of the fingerprint in the description; the other end's dump, or both descriptions, tell"
    } else {
        "ICE found a way, and the DTLS handshake over it failed, though the fingerprints are right"
    };
    Some(cause(Code::DtlsFailed, Whose::Between, message, seen))
}

/// The alert that ended the handshake, and whose it is.
fn alert(call: &JoinedCall) -> Option<(&str, &'static str)> {
    let names = [
        ["this side", "the other side"],
        ["the other side", "this side"],
    ];
    let mut all = call
        .ends
        .iter()
        .zip(names)
        .filter_map(|(end, [own, other])| {
            let dtls = &end.as_ref()?.dtls;
            let who = if dtls.is_own_alert { own } else { other };
            Some((dtls.alert.as_deref()?, who))
        });
    all.next()
}

/// What an alert says of the other end (RFC 8446 6.2).
fn of_alert(alert: &str) -> &'static str {
    match alert {
        "bad_certificate"
        | "unsupported_certificate"
        | "certificate_expired"
        | "certificate_unknown"
        | "unknown_ca"
        | "decrypt_error" => {
            "it does not take the other one's certificate, most often since that is not the one of the fingerprint in the description; both descriptions tell"
        }
        "handshake_failure" => {
            "the two have no cipher, curve or protection profile of SRTP in common"
        }
        "protocol_version" => "the two have no version of DTLS in common",
        _ => "its program did not go on with what came; its log tells why",
    }
}

/// An end whose checks are answered, and to which no valid one of the other end ever came: that one has no path then, and
/// no handshake to begin or to answer.
fn one_sided(call: &JoinedCall) -> Option<Cause> {
    let is_so = |end: &Option<Account>| {
        let pairs = || end.iter().flat_map(|account| &account.pairs);
        let mut used = pairs().filter(|pair| pair.is_selected && pair.is_counted);
        used.any(PairRecord::is_answered) && pairs().all(|pair| pair.requests_received == 0)
    };
    let (who, other) = match (is_so(&call.ends[0]), is_so(&call.ends[1])) {
        (true, false) => ("this side", "the other side"),
        (false, true) => ("the other side", "this side"),
        _ => return None,
    };
    let message = format!(
        "checks of {who} were answered, and none of {other} came to it that was valid, so ICE is up at one end alone and DTLS cannot begin: {other} was told another user name or password (ICE) than that of {who}, or its checks do not arrive; the dump of {other} or a capture tells"
    );
    let seen = format!("{who} counts no request of {other}");
    Some(cause(Code::Unknown, Whose::Between, message, vec![seen]))
}

/// Whether an end was told a fingerprint that is not that of the certificate.
pub fn is_refused_certificate(call: &JoinedCall) -> bool {
    mismatch(call).is_some()
}

fn fingerprints(told: &Told) -> BTreeSet<&str> {
    let last = told.descriptions.last().map(|(_, read)| &read.fingerprints);
    last.into_iter().flatten().map(String::as_str).collect()
}

/// A fingerprint that was told to one end and is not that of the other end's certificate (RFC 8122 5).
fn mismatch(call: &JoinedCall) -> Option<Cause> {
    let [one, two] = &call.ends;
    let differs = |told_to: &Option<Account>, from: &Option<Account>| {
        let told_to = told_to.as_ref()?;
        let told: BTreeSet<&str> = fingerprints(&told_to.other);
        let mut real: BTreeSet<&str> = BTreeSet::new();
        if let Some(from) = from {
            real.extend(from.dtls.own_fingerprint.as_deref());
            if real.is_empty() {
                real.extend(fingerprints(&from.own));
            }
        }
        // What came in the handshake itself.
        real.extend(told_to.dtls.peer_fingerprint.as_deref());
        let differs = !told.is_empty() && !real.is_empty() && told.is_disjoint(&real);
        differs.then(|| {
            let short = |all: &BTreeSet<&str>| {
                all.first()
                    .map_or_else(String::new, |one| one.chars().take(25).collect())
            };
            format!("told {}..., and it is {}...", short(&told), short(&real))
        })
    };
    // Each end told its own once: a second one is what somebody made of it on the way.
    let local = differs(one, two).or_else(|| told_twice(two.as_ref()));
    let remote = differs(two, one).or_else(|| told_twice(one.as_ref()));
    let (side, seen, words) = match (local, remote) {
        (Some(seen), None) => (
            Whose::Local,
            seen,
            "this side was told a fingerprint that is not that of the other side's certificate, and refuses it",
        ),
        (None, Some(seen)) => (
            Whose::Remote,
            seen,
            "the other side was told a fingerprint that is not that of this side's certificate, and refuses it",
        ),
        (Some(seen), Some(_)) => (
            Whose::Both,
            seen,
            "both sides were told fingerprints that are not those of the certificates",
        ),
        (None, None) => return None,
    };
    let message = format!(
        "DTLS failed: {words}; the description was altered on the way, or is of another connection"
    );
    Some(cause(
        Code::DtlsFailed,
        side,
        message,
        vec![format!("the fingerprint was {seen}")],
    ))
}

/// Two files that have different fingerprints of one end, of one kind.
fn told_twice(end: Option<&Account>) -> Option<String> {
    let prints = &end?.own.fingerprints;
    let kind = |print: &str| print.split(' ').next().map(str::to_owned);
    let real = end?.dtls.own_fingerprint.as_deref();
    let mut others = prints.iter().map(String::as_str);
    let first = real.or_else(|| others.next())?;
    let other = others.find(|print| *print != first && kind(print) == kind(first))?;
    let short = |print: &str| print.chars().take(25).collect::<String>();
    Some(format!(
        "{}... in one file and {}... in another",
        short(first),
        short(other)
    ))
}

/// The role that both ends took (RFC 8842 5.2), in words, and whether it is the active one.
fn same_roles(call: &JoinedCall) -> Option<(String, bool)> {
    let setup = |told: &Told| {
        let last = told.descriptions.last();
        last.and_then(|(_, read)| read.setup.clone())
    };
    let taken: Vec<&str> = call
        .ends
        .iter()
        .flatten()
        .filter_map(|account| account.dtls.role.as_deref())
        .collect();
    if let [one @ ("client" | "server"), two] = taken[..]
        && one == two
    {
        return Some((format!("both ends are DTLS {one}s"), one == "client"));
    }
    let by_one = call
        .ends
        .iter()
        .flatten()
        .find_map(|account| Some((setup(&account.own)?, setup(&account.other)?)));
    let by_both = || {
        let [Some(one), Some(two)] = &call.ends else {
            return None;
        };
        Some((setup(&one.own)?, setup(&two.own)?))
    };
    let is_same = |roles: &(String, String)| roles.0 == roles.1 && roles.0 != "actpass";
    let (own, _) = by_one
        .filter(is_same)
        .or_else(|| by_both().filter(is_same))?;
    let is_active = own == "active";
    Some((format!("a=setup:{own} on both sides"), is_active))
}
