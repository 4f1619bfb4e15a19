//! The controls of a filtering trial, which tell a filter from a server that does not do as asked.
//!
//! Silence after CHANGE-REQUEST may be the filter's or the server's. The mapping socket has sent to
//! all the server's addresses, so an answer that goes to it meets no closed filter:
//!
//! - Where one mapping serves for both addresses, it asks itself.
//! - Where each address has a mapping of its own, another socket asks and names with RESPONSE-PORT
//!   (RFC 5780 7.5) the external port of the mapping that is open for the answer. The server sends
//!   the answer to the IP address that the request comes from, so both mappings must have the
//!   same. A plain request of that kind shows whether the server honours RESPONSE-PORT at all.

use std::net::SocketAddr;

use crate::proto::nat::behavior::evidence::{Changed, Heard};
use crate::proto::nat::behavior::probe::{End, Pace, Probe, Test};
use crate::proto::nat::behavior::trial::FORMS;
use crate::proto::nat::behavior::words::Mapping;
use crate::proto::nat::behavior::{Discovery, MAPPING_SOCKET};
use crate::proto::stun::message::Change;

#[derive(Debug, Clone, Copy)]
pub(super) struct Controls {
    /// On each form's socket: does the primary address still answer?
    pub after: [usize; 3],
    /// Each form where no filter is in the way; `None` where that cannot be had.
    pub obeys: [Option<usize>; 3],
    /// Does the server honour RESPONSE-PORT? `None` where nobody needs to know.
    redirects: Option<usize>,
}

impl Discovery {
    pub(super) fn start_controls(&mut self, current: usize) -> Controls {
        let forms = self.form_outcomes(current);
        let after = [0, 1, 2].map(|k| self.ask_after(current, k, forms[k]));
        let open = self.open_forms();
        let silent = forms.contains(&Changed::Silent);
        let mut obeys = [0, 1, 2].map(|k| (silent && open[k]).then(|| self.ask_openly(current, k)));
        let mut redirects = None;
        let closed = [0, 1, 2].map(|k| forms[k] == Changed::Silent && !open[k]);
        if closed.contains(&true) {
            redirects = self.ask_for_redirection(current);
            for k in (0..3).filter(|k| closed[*k]) {
                obeys[k] = self.ask_redirected(current, k);
            }
        }
        Controls {
            after,
            obeys,
            redirects,
        }
    }

    fn ask_after(&mut self, current: usize, k: usize, form: Changed) -> usize {
        let trial = &self.trials[current];
        let (before, primary) = (trial.before[k], trial.primary);
        match form {
            Changed::Silent => {
                self.ask_plainly(Test::ControlAfter, self.probes[before].socket, primary)
            }
            _ => before,
        }
    }

    /// The forms whose answers go through a mapping that has the filter open for them, when the
    /// mapping socket asks.
    fn open_forms(&self) -> [bool; 3] {
        match self.mapping().0.value() {
            Some(Mapping::EndpointIndependent) => [true; 3],
            Some(Mapping::AddressDependent) => [false, true, false],
            _ => [false; 3],
        }
    }

    fn ask_openly(&mut self, current: usize, k: usize) -> usize {
        let trial = &self.trials[current];
        let (primary, alternate) = (trial.primary, trial.alternates[k]);
        let probe = self.ask(
            Test::ControlChangeRequest,
            MAPPING_SOCKET,
            primary,
            FORMS[k].0,
            Pace::Expected,
        );
        self.probes[probe].answer_from = alternate;
        probe
    }

    /// A form whose answer goes to the mapping that the mapping socket has for the alternate.
    fn ask_redirected(&mut self, current: usize, k: usize) -> Option<usize> {
        let trial = &self.trials[current];
        let alternate = trial.alternates[k];
        let mapping = self.probes[trial.direct?[k]].reflexive()?;
        let change = FORMS[k].0;
        let probe = self.redirected(current, Test::ControlChangeRequest, change, mapping)?;
        let answer_from = alternate;
        Some(self.start(Probe {
            answer_from,
            ..probe
        }))
    }

    /// A plain request whose answer goes to the mapping that the mapping socket has for the
    /// primary.
    fn ask_for_redirection(&mut self, current: usize) -> Option<usize> {
        let first = self.servers[self.trials[current].server].first?;
        let mapping = self.probes[first].reflexive()?;
        let probe = self.redirected(current, Test::ControlResponsePort, Change::None, mapping)?;
        Some(self.start(probe))
    }

    /// A request to the primary from a socket that has the external IP address of `mapping`.
    /// Silence is as likely as an answer, as few servers know RESPONSE-PORT.
    fn redirected(
        &self,
        current: usize,
        test: Test,
        change: Change,
        mapping: SocketAddr,
    ) -> Option<Probe> {
        let primary = self.trials[current].primary;
        let socket = self.socket_behind(mapping, primary)?;
        let probe = Probe::new(test, socket, primary, change, Pace::Silence, self.now);
        Some(probe.redirected(MAPPING_SOCKET, mapping))
    }

    /// A socket, not the mapping socket, that a destination sees under the IP address of this
    /// mapping. With the same port an answer that ignores RESPONSE-PORT would go there too.
    fn socket_behind(&self, mapping: SocketAddr, destination: SocketAddr) -> Option<usize> {
        self.probes
            .iter()
            .filter(|p| p.destination == destination && p.socket != MAPPING_SOCKET)
            .find(|p| {
                p.reflexive()
                    .is_some_and(|r| r.ip() == mapping.ip() && r.port() != mapping.port())
            })
            .map(|p| p.socket)
    }

    pub(super) fn controls_settled(&self, current: usize) -> bool {
        let Some(controls) = self.trials[current].controls else {
            return false;
        };
        let settled = |p: &usize| self.is_settled(*p);
        let (redirected, open): (Vec<usize>, Vec<usize>) = controls
            .obeys
            .into_iter()
            .flatten()
            .partition(|p| self.is_redirected(*p));
        // Without RESPONSE-PORT there is nothing to wait for, and with all answers there nothing
        // to explain.
        let in_vain = controls.redirects.is_some_and(|p| settled(&p))
            && self.honours_response_port(controls) == Heard::No;
        let arrived = |p: &usize| self.changed(*p) == Changed::Arrived;
        let led = redirected.iter().all(settled) && controls.redirects.iter().all(settled);
        let redirection_settled = in_vain || led || redirected.iter().all(arrived);
        controls.after.iter().chain(&open).all(settled) && redirection_settled
    }

    /// Ends what is not waited for any more.
    pub(super) fn end_controls(&mut self, current: usize) {
        let Some(controls) = self.trials[current].controls else {
            return;
        };
        for probe in controls
            .obeys
            .into_iter()
            .chain([controls.redirects])
            .flatten()
        {
            self.settle(probe, End::Cancelled);
        }
    }

    pub(super) fn control_outcomes(&self, controls: Controls) -> [Changed; 3] {
        let honours = self.honours_response_port(controls);
        controls.obeys.map(|probe| match probe {
            None => Changed::Pending,
            Some(p) if self.is_redirected(p) => redirected_outcome(self.changed(p), honours),
            Some(p) => self.changed(p),
        })
    }

    /// Whether the server sends answers to the port of RESPONSE-PORT. `No` also where that cannot
    /// be asked.
    fn honours_response_port(&self, controls: Controls) -> Heard {
        let by_forms = controls
            .obeys
            .into_iter()
            .flatten()
            .any(|p| self.is_redirected(p) && self.probes[p].success().is_some());
        match controls.redirects {
            _ if by_forms => Heard::Yes,
            None => Heard::No,
            Some(p) if self.probes[p].success().is_some() => Heard::Yes,
            // An error, though one that was sent to that port.
            Some(p) if !self.probes[p].answers.is_empty() => Heard::No,
            Some(p) => self.heard(p),
        }
    }

    pub(super) fn is_redirected(&self, probe: usize) -> bool {
        self.probes[probe].response_port.is_some()
    }
}

/// Silence where the answer was to go to another port counts only if the server is known to honour
/// that; a refusal may be that of RESPONSE-PORT.
fn redirected_outcome(changed: Changed, honours: Heard) -> Changed {
    match (changed, honours) {
        (Changed::Silent | Changed::Unproven, Heard::Unproven) => Changed::Unproven,
        (Changed::Silent | Changed::Unproven, Heard::No | Heard::NoWay)
        | (Changed::Refused(_), _) => Changed::Pending,
        (other, _) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_only_where_response_port_is_honoured() {
        use Changed::{Arrived, FromPrimary, Pending, Refused, Silent, Unproven};
        for (changed, honours, expected) in [
            (Silent, Heard::Yes, Silent),
            (Silent, Heard::No, Pending),
            (Silent, Heard::NoWay, Pending),
            // Too much loss to tell: it must not pass for "not honoured".
            (Silent, Heard::Unproven, Unproven),
            (Unproven, Heard::Yes, Unproven),
            (Unproven, Heard::No, Pending),
            (Arrived, Heard::No, Arrived),
            (FromPrimary, Heard::Yes, FromPrimary),
            (Refused(420), Heard::Yes, Pending),
        ] {
            let outcome = redirected_outcome(changed, honours);
            assert_eq!(outcome, expected, "{changed:?} {honours:?}");
        }
    }
}
