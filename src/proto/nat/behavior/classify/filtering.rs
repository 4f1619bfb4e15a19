//! Filtering behaviour, and whether silence is a filter's.

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::behavior::evidence::{Changed, FilteringSeen, Heard};
use crate::proto::nat::behavior::words::Filtering;

/// Filtering behaviour (RFC 4787 5, RFC 5780 4.4) from one server's probes.
pub fn filtering(seen: &FilteringSeen) -> Fact<Filtering> {
    use Changed::{Arrived, FromElsewhere, FromPrimary, Pending, Refused, Silent, Unproven};
    let probes = seen.probes.all();
    let controls = seen.controls.all();
    for outcome in probes.into_iter().chain([seen.again]).chain(controls) {
        match outcome {
            FromPrimary => {
                return Fact::inconclusive(
                    Reason::ServerIgnoresChangeRequest,
                    "the answer came from the address that the request went to",
                );
            }
            FromElsewhere(source) => {
                return Fact::inconclusive(
                    Reason::Contradiction,
                    format!(
                        "the server answered CHANGE-REQUEST from {source}, which is not the address asked for"
                    ),
                );
            }
            Refused(code) => {
                return Fact::inconclusive(
                    Reason::NoBehaviorDiscovery,
                    format!("the server refuses CHANGE-REQUEST with error {code}"),
                );
            }
            Pending | Arrived | Silent | Unproven => {}
        }
    }
    if probes.contains(&Pending) {
        return Fact::inconclusive(Reason::NoResponse, "the filtering probes did not finish");
    }
    if probes.contains(&Unproven) {
        return Fact::inconclusive(
            Reason::PacketLoss,
            "probes were not answered, but so many packets are lost that this proves nothing",
        );
    }
    let verdict = match probes {
        [Arrived, Arrived, Arrived] if seen.alternate_visited => {
            return Fact::inconclusive(
                Reason::AlternateVisited,
                "the server's other address had been contacted before, so a firewall may have opened for it",
            );
        }
        [Arrived, Arrived, Arrived] => return Fact::Determined(Filtering::EndpointIndependent),
        [Silent, Arrived, Silent] => match seen.again {
            Arrived => Filtering::AddressDependent,
            Silent => {
                return Fact::inconclusive(
                    Reason::Contradiction,
                    "an answer from the server's other port came to one socket and not to another: the filter is not a simple one, or had a hole from earlier traffic",
                );
            }
            _ => {
                return Fact::inconclusive(
                    Reason::PacketLoss,
                    "an answer from the server's other port could not be confirmed",
                );
            }
        },
        [Silent, Silent, Silent] => Filtering::AddressAndPortDependent,
        _ => {
            return Fact::inconclusive(
                Reason::Contradiction,
                format!(
                    "answers from the other address and port: {}, from the other port: {}, from the other address: {}; no filter of RFC 4787 does that",
                    came(probes[0]),
                    came(probes[1]),
                    came(probes[2])
                ),
            );
        }
    };
    silence_is_filtering(seen, verdict)
}

/// Whether a verdict rests on silence that no control has shown to be the filter's: then a server
/// that drops CHANGE-REQUEST would look the same.
pub fn is_uncontrolled(seen: &FilteringSeen) -> bool {
    let controlled = |control| control == Changed::Arrived;
    seen.probes
        .all()
        .into_iter()
        .zip(seen.controls.all())
        .any(|(probe, control)| probe == Changed::Silent && !controlled(control))
}

/// Whether the silent probes were silenced by a filter: the sockets and the server's other
/// addresses must be known to work, and the server to obey.
fn silence_is_filtering(seen: &FilteringSeen, verdict: Filtering) -> Fact<Filtering> {
    let rows = seen
        .probes
        .all()
        .into_iter()
        .zip(seen.after.all())
        .zip(seen.alive.all())
        .zip(seen.controls.all());
    for (((probe, after), alive), control) in rows {
        if probe != Changed::Silent {
            continue;
        }
        match alive {
            Heard::Yes => {}
            Heard::No => {
                return Fact::inconclusive(
                    Reason::AlternateUnreachable,
                    "the server's other address or port, where the answer had to come from, does not answer when asked directly either",
                );
            }
            Heard::NoWay => {
                return Fact::inconclusive(
                    Reason::NoWayToAlternate,
                    "nothing can be sent from here to the server's other address",
                );
            }
            Heard::Unproven => {
                return Fact::inconclusive(
                    Reason::PacketLoss,
                    "it could not be determined whether the server's other address is alive: too many packets are lost",
                );
            }
        }
        if after != Heard::Yes {
            return Fact::inconclusive(
                Reason::PacketLoss,
                "the server stopped answering on the socket of the filtering probe",
            );
        }
        match control {
            Changed::Silent => {
                return Fact::inconclusive(
                    Reason::ServerDropsChangeRequest,
                    "the server does not answer CHANGE-REQUEST even where no filter can be in the way",
                );
            }
            Changed::Unproven => {
                return Fact::inconclusive(
                    Reason::PacketLoss,
                    "the server could not be shown to obey CHANGE-REQUEST: too many packets are lost",
                );
            }
            _ => {}
        }
    }
    if seen.chance_of_silence() > MAX_CHANCE {
        return Fact::inconclusive(
            Reason::PacketLoss,
            "answers from the server's other addresses are lost so often, even where no filter can be in the way, that silence proves nothing",
        );
    }
    Fact::Determined(verdict)
}

const fn came(outcome: Changed) -> &'static str {
    if matches!(outcome, Changed::Arrived) {
        "yes"
    } else {
        "no"
    }
}

/// The chance that silence was loss, as seen on the way from the server's other addresses, beyond
/// which it counts for nothing. The samples are few, so this cannot be as strict as what the
/// requests to the primary address have to show.
const MAX_CHANCE: f64 = 1e-3;
