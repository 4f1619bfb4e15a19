//! Whose packet comes first: a NAT that keeps what it does not let in may take the external port for
//! its own, and give the host another one towards that sender. (Linux does, with masquerading and a
//! router that accepts what comes for itself.) The filtering test has such a packet sent; one more
//! question to its sender shows it.

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::behavior::evidence::Changed;
use crate::proto::nat::behavior::probe::Test;
use crate::proto::nat::behavior::words::{Filtering, Mapping};

impl Discovery {
    /// Asks the address that has sent to the first form's socket and was not let in. `None` where it was.
    pub(super) fn ask_stranger(&mut self, current: usize) -> Option<usize> {
        let trial = &self.trials[current];
        let (stranger, before) = (trial.alternates[0], trial.before[0]);
        if self.form_outcomes(current)[0] != Changed::Silent {
            return None;
        }
        let socket = self.probes[before].socket;
        Some(self.ask_plainly(Test::ControlStranger, socket, stranger))
    }

    /// That it does not is known only where the sender is known to have sent, which is when filtering is known.
    pub(super) fn port_moves(
        &self,
        nat: &Fact<bool>,
        mapping: &Fact<Mapping>,
        filtering: &Fact<Filtering>,
    ) -> Fact<bool> {
        match nat {
            Fact::Determined(true) => {}
            Fact::Determined(false) => return Fact::not_tested(Reason::NoNat),
            other => return other.clone(),
        }
        match mapping {
            Fact::Determined(Mapping::EndpointIndependent) => {}
            // Each destination has another port anyway.
            Fact::Determined(_) => return Fact::not_tested(Reason::NotApplicable),
            other => return other.clone().map(|_| false),
        }
        let seen = self.trials.iter().enumerate().filter_map(|(index, trial)| {
            let first = self.probes[trial.before[0]].reflexive()?;
            let came = self.form_outcomes(index)[0] == Changed::Arrived;
            let again = trial.to_stranger.and_then(|p| self.probes[p].reflexive());
            match (again, came && trial.done) {
                (Some(again), _) if !self.is_left_out(trial.server) => {
                    let moved = again != first;
                    (moved || matches!(filtering, Fact::Determined(_))).then_some(moved)
                }
                // Who is let in has no other port, if it is not an old hole that lets it in.
                (None, true) if *filtering == Fact::Determined(Filtering::EndpointIndependent) => {
                    Some(false)
                }
                _ => None,
            }
        });
        seen.max().map_or_else(
            || {
                Fact::inconclusive(
                    Reason::NoResponse,
                    "no server that sends unsolicited packets could be asked",
                )
            },
            Fact::Determined,
        )
    }
}
