//! Servers that give a relayed address of another family than the one that was asked for.

use super::{AllocationAttempt, AllocationQuery, allocate};
use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::net::session::SessionError;
use crate::proto::turn::error::OddDefault;

/// Where the question named no family and the answer is not the `wanted` one, IPv4, asks by name. What is of
/// another family though it was named is an error. A server that has IPv6 alone keeps what it gave.
pub async fn settle(
    asked: AllocationAttempt,
    ask: &AllocationQuery<'_>,
    wanted: Family,
) -> (AllocationAttempt, Option<OddDefault>) {
    let given = asked.relayed_family();
    let is_refused = asked.error_code() == Some(Code::AddressFamilyNotSupported);
    if given == Some(wanted) || (given.is_none() && !is_refused) {
        return (asked, None);
    }
    if ask.family.is_some() {
        return (without_other(asked, wanted), None);
    }
    let by_name = allocate(&AllocationQuery {
        family: Some(wanted),
        seed: ask.seed.rotate_left(7),
        ..*ask
    })
    .await;
    match (by_name.relayed_family() == Some(wanted), is_refused) {
        (true, true) => (by_name, Some(OddDefault::Refused)),
        (true, false) => (by_name, Some(OddDefault::Ipv6)),
        (false, true) => (asked, None),
        (false, false) => (asked, Some(OddDefault::Ipv6Alone)),
    }
}

/// An allocation of another family than the one that was named is none of it.
pub fn without_other(mut asked: AllocationAttempt, wanted: Family) -> AllocationAttempt {
    if let Some(given) = asked.relayed_family().filter(|given| *given != wanted) {
        let message = format!(
            "asked for a relayed address of {}, it gives one of {}",
            wanted.name(),
            given.name()
        );
        let report = ErrorReport::new(Code::AddressFamilyNotSupported, message)
            .with_hint("the server does not heed REQUESTED-ADDRESS-FAMILY (RFC 8656 7.2): use the other family, or another server");
        asked.done.outcome = Err(SessionError {
            report,
            failure: None,
        });
    }
    asked
}
