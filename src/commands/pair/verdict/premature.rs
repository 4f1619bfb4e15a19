//! Causes of a session that ended before all candidates were known: what had not come yet is no cause.

use crate::base::codes::Code;
use crate::commands::pair::report::PairResult;
use crate::commands::pair::verdict::{Context, PeerEnd, is_settled};
use crate::proto::ice::causes::{Cause, Whose};

/// That something is lacking, which may still have come.
const OF_ABSENCE: [Code; 5] = [
    Code::NoCandidates,
    Code::NoCommonFamily,
    Code::HiddenAddresses,
    Code::NoTurnServer,
    Code::Unknown,
];

/// What is so whatever may still have come.
const PROVED: [Code; 10] = [
    Code::UdpBlocked,
    Code::EndpointDependentMapping,
    Code::AddressPooling,
    Code::PortMoved,
    Code::RelayOnly,
    Code::TurnRefused,
    Code::TurnUnreachable,
    Code::TurnPeerForbidden,
    Code::RelayAddressPrivate,
    Code::RelayEnded,
];

/// What would be so however the run had gone on: it says nothing of checks.
const OF_SETTINGS: [Code; 3] = [Code::RelayOnly, Code::TurnRefused, Code::RelayEnded];

/// Whether the session was cut off while pairs had not had their fair chance: then the rest of it could refute what
/// its first part shows.
pub(super) fn is_cut_off(result: &PairResult, context: &Context) -> bool {
    let is_stopped = context.stopped.is_some()
        || context.peer_end.is_some()
        || context.gave_up_early
        || context.unusable.is_some()
        || context.rendezvous_error.is_some();
    is_stopped && !is_settled(result, context)
}

/// Leaves of the causes what is known all the same.
pub(super) fn open(causes: &mut Vec<Cause>, result: &PairResult, context: &Context, what: &str) {
    if context.peer_end == Some(PeerEnd::Mute) {
        causes.retain(|cause| PROVED.contains(&cause.code));
        if causes.is_empty() {
            let message = format!(
                "nothing shows that the other side has tried any pair, so why {what} is not known"
            );
            causes.push(Cause::new(Code::Unknown, Whose::Between, message));
        }
        return;
    }
    if is_cut_off(result, context) {
        if causes.is_empty() {
            return;
        }
        causes.retain(|cause| OF_SETTINGS.contains(&cause.code));
        if causes.is_empty() {
            let message = format!(
                "the session ended before every pair had been tried, so why {what} is not known"
            );
            causes.push(Cause::new(Code::Unknown, Whose::Between, message));
        }
        return;
    }
    let missing = Whose::of(!result.local.is_complete, !result.remote.is_complete);
    let Some(missing) = missing.filter(|_| !causes.is_empty()) else {
        return;
    };
    causes.retain(|cause| {
        let is_open = OF_ABSENCE.contains(&cause.code)
            || (context.is_undecided && !PROVED.contains(&cause.code));
        !is_open
    });
    if causes.is_empty() {
        let of = match missing {
            Whose::Local => "this side",
            Whose::Remote => "the other side",
            Whose::Both | Whose::Between => "both sides",
        };
        let message = format!(
            "the session ended before all candidates of {of} were known, so why {what} is not known"
        );
        causes.push(Cause::new(Code::Unknown, Whose::Between, message));
    }
}
