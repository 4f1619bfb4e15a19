//! What the candidates mean for a call, as the words that the summary begins with.

use super::{Context, needs_relay, use_of};
use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::report::Finding;
use crate::commands::gather::report::GatherResult;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::nat::address::is_global;

const NOT_TOLD_FROM_HERE: &str =
    "A relay was given, and whether peers reach it cannot be told from here";

/// The meaning, where what was gathered is all that there is. A run that was cut short or could not ask
/// says nothing of calls, but for a relay that is there already.
pub(super) fn of_candidates(
    result: &GatherResult,
    context: &Context,
    outcome: Outcome,
    is_cut_short: bool,
    findings: &[Finding],
) -> Option<&'static str> {
    let found = |code| findings.iter().any(|f| f.code == code);
    if use_of::has_useful(result, CandidateType::Relay) {
        let relays = |reached: bool| use_of::has_proven_relay(result, reached);
        return Some(if relays(true) {
            "Calls that find no direct path have a relay"
        } else if found(Code::RelayUnverified) && !relays(false) {
            "A relay was given, and whether it carries a call could not be tried"
        } else if use_of::are_silent_and_udp_unknown(result) {
            NOT_TOLD_FROM_HERE
        } else if found(Code::RelayOpensFromInside) {
            "Calls that find no direct path have a relay, but not for peers behind a symmetric NAT"
        } else {
            "Calls that find no direct path have a relay"
        });
    }
    if is_cut_short || matches!(outcome, Outcome::Error | Outcome::Interrupted) {
        return None;
    }
    let is_relay_wanted = result.servers.iter().any(|s| s.is_turn);
    if use_of::is_kept_from_browsers(result) {
        return Some("Calls from browsers get no relay, though the server gives one");
    }
    if use_of::may_be_closed_here(result) {
        return Some(NOT_TOLD_FROM_HERE);
    }
    if context.takes_relays_alone() {
        return Some("Only relayed candidates are used, and there is none, so no call connects");
    }
    if needs_relay(result) {
        return Some(if is_relay_wanted {
            "Calls with most people need a relay, and there is none"
        } else {
            "Calls with most people need a TURN server, and none is named"
        });
    }
    if is_reached_from_outside(result) {
        return Some(if is_relay_wanted {
            "Calls connect only where a direct path is found, for there is no relay"
        } else {
            "Calls connect only where a direct path is found, for no TURN server is named"
        });
    }
    // Peers that are public themselves may still see checks that this host sends.
    Some("There is no address for peers outside this network, and no relay")
}

/// Whether there is an address that may be reached from other networks.
fn is_reached_from_outside(result: &GatherResult) -> bool {
    use_of::has_useful(result, CandidateType::Srflx)
        || result
            .candidates
            .iter()
            .any(|c| c.kind == CandidateType::Host && is_global(c.address))
}
