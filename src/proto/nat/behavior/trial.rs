//! Filtering (RFC 5780 4.4) and the mapping tests (4.3) against one server with two addresses.

use std::net::{IpAddr, SocketAddr};

use crate::base::fact::Fact;
use crate::proto::nat::behavior::classify;
use crate::proto::nat::behavior::controls::Controls;
use crate::proto::nat::behavior::evidence::{Changed, FilteringSeen, Heard, PerForm};
use crate::proto::nat::behavior::facts::reflexive_in;
use crate::proto::nat::behavior::probe::{Answer, End, Pace, Test};
use crate::proto::nat::behavior::words::Filtering;
use crate::proto::nat::behavior::{Discovery, FIRST_SPARE, MAPPING_SOCKET};
use crate::proto::nat::loss::Loss;
use crate::proto::nat::timers;
use crate::proto::stun::message::Change;

/// The three CHANGE-REQUEST forms in the order of [`PerForm`].
pub(super) const FORMS: [(Change, Test); 3] = [
    (Change::IpAndPort, Test::FilteringAddressAndPort),
    (Change::Port, Test::FilteringPort),
    (Change::Ip, Test::FilteringAddress),
];

/// One server's turn at showing the filtering behaviour.
#[derive(Debug)]
pub(super) struct Trial {
    pub server: usize,
    pub primary: SocketAddr,
    /// Where each form's answer comes from.
    pub alternates: [SocketAddr; 3],
    pub alternate_visited: bool,
    /// Each form's socket's first question, to the primary address.
    pub before: [usize; 3],
    forms: [Option<Form>; 3],
    /// The form for the other port once more, on the first form's socket.
    again: Option<usize>,
    /// The mapping socket's questions to the alternates.
    pub direct: Option<[usize; 3]>,
    pub controls: Option<Controls>,
    /// From the first form's socket to the address that has sent to it unasked.
    pub to_stranger: Option<usize>,
    pub done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Form {
    probe: usize,
    companion: usize,
}

impl Trial {
    /// Whether the other addresses may be visited by now.
    pub fn is_past_filtering(&self) -> bool {
        self.direct.is_some() || self.done
    }
}

impl Discovery {
    /// An address is sent to from outside the tests while a trial may be under way.
    pub(super) fn visit_during_trial(&mut self, address: IpAddr) {
        for trial in &mut self.trials {
            if !trial.is_past_filtering() && trial.alternates[0].ip() == address {
                trial.alternate_visited = true;
            }
        }
    }

    /// Starts a trial with a server whose `other` address is usable. The first one shares its
    /// sockets with the port samples, which go to the same address.
    pub(super) fn start_trial(&mut self, server: usize, other: SocketAddr) {
        let primary = self.servers[server].address;
        let before = if self.samples.is_empty() {
            self.start_samples(primary);
            [self.samples[0], self.samples[1], self.samples[2]]
        } else {
            let first = FIRST_SPARE + 3 * self.trials.len().saturating_sub(1);
            [0, 1, 2].map(|k| self.ask_plainly(Test::PortSample, first + k, primary))
        };
        self.trials.push(Trial {
            server,
            primary,
            alternates: [
                other,
                SocketAddr::new(primary.ip(), other.port()),
                SocketAddr::new(other.ip(), primary.port()),
            ],
            alternate_visited: self.visited.contains(&other.ip()),
            before,
            forms: [None; 3],
            again: None,
            direct: None,
            controls: None,
            to_stranger: None,
            done: false,
        });
    }

    pub(super) fn step_trial(&mut self) {
        let Some(current) = self.trials.len().checked_sub(1) else {
            return;
        };
        if self.trials[current].done {
            return;
        }
        self.start_forms(current);
        self.start_again(current);
        if self.trials[current].direct.is_none()
            && self.forms_settled(current)
            && self.may_visit(current)
        {
            let [other, other_port, other_ip] = self.trials[current].alternates;
            self.trials[current].direct = Some([
                self.ask_plainly(Test::Mapping3, MAPPING_SOCKET, other),
                self.ask_plainly(Test::Mapping4, MAPPING_SOCKET, other_port),
                self.ask_plainly(Test::Mapping2, MAPPING_SOCKET, other_ip),
            ]);
        }
        if self.trials[current].controls.is_none() && self.direct_settled(current) {
            let controls = self.start_controls(current);
            self.trials[current].controls = Some(controls);
            self.trials[current].to_stranger = self.ask_stranger(current);
            self.start_repeats();
        }
        let to_stranger = self.trials[current].to_stranger;
        if self.controls_settled(current) && to_stranger.is_none_or(|p| self.is_settled(p)) {
            self.end_companions(current);
            self.end_controls(current);
            self.trials[current].done = true;
        }
    }

    fn start_forms(&mut self, current: usize) {
        for (k, (change, test)) in FORMS.into_iter().enumerate() {
            let trial = &self.trials[current];
            let (before, primary) = (trial.before[k], trial.primary);
            if trial.forms[k].is_some() || self.probes[before].success().is_none() {
                continue;
            }
            let answer_from = trial.alternates[k];
            let socket = self.probes[before].socket;
            let companion = self.ask(Test::Companion, socket, primary, Change::None, Pace::Manual);
            let probe = self.ask(test, socket, primary, change, Pace::Silence);
            self.probes[probe].answer_from = answer_from;
            self.trials[current].forms[k] = Some(Form { probe, companion });
        }
    }

    /// Only the answer from the other port came: address-dependent filtering, or a hole.
    fn start_again(&mut self, current: usize) {
        let trial = &self.trials[current];
        if trial.again.is_some() || !self.forms_ended(current) || !self.needs_again(current) {
            return;
        }
        let (change, test) = FORMS[1];
        let (primary, answer_from) = (trial.primary, trial.alternates[1]);
        let socket = self.probes[trial.before[0]].socket;
        let probe = self.ask(test, socket, primary, change, Pace::Silence);
        self.probes[probe].answer_from = answer_from;
        self.trials[current].again = Some(probe);
    }

    fn needs_again(&self, current: usize) -> bool {
        self.form_outcomes(current) == [Changed::Silent, Changed::Arrived, Changed::Silent]
    }

    /// Sends a companion request every few filtering probes.
    pub(super) fn accompany(&mut self, index: usize) {
        let count = self.probes[index].transmissions.len();
        let companion = self.trials.last().and_then(|trial| {
            let form = trial.forms.iter().flatten().find(|f| f.probe == index)?;
            count
                .is_multiple_of(timers::COMPANION_EVERY)
                .then_some(form.companion)
        });
        if let Some(companion) = companion {
            self.transmit(companion);
        }
    }

    pub(super) fn forms_settled(&self, current: usize) -> bool {
        let again = self.trials[current].again;
        self.forms_ended(current)
            && again.map_or(!self.needs_again(current), |probe| self.is_settled(probe))
    }

    fn forms_ended(&self, current: usize) -> bool {
        let trial = &self.trials[current];
        (0..3).all(|k| match trial.forms[k] {
            Some(form) => self.is_settled(form.probe),
            // A socket that got no answer to its first question cannot go on.
            None => !self.probes[trial.before[k]].is_open(),
        })
    }

    pub(super) fn is_settled(&self, probe: usize) -> bool {
        !self.probes[probe].is_open() || self.is_misdirected(probe)
    }

    /// A server that answers from the wrong address is no help, so its trial need not go on until
    /// silence is proved.
    fn is_misdirected(&self, probe: usize) -> bool {
        let probe = &self.probes[probe];
        probe
            .misdirected
            .iter()
            .any(|m| m.source == probe.destination)
    }

    fn direct_settled(&self, current: usize) -> bool {
        self.trials[current]
            .direct
            .is_some_and(|direct| self.are_settled(&direct))
    }

    fn end_companions(&mut self, current: usize) {
        let Trial { forms, again, .. } = self.trials[current];
        let forms = forms.into_iter().flatten();
        for index in forms.flat_map(|f| [f.probe, f.companion]).chain(again) {
            let answered = !self.probes[index].answers.is_empty();
            self.settle(
                index,
                if answered {
                    End::Answered
                } else {
                    End::Cancelled
                },
            );
        }
    }

    pub(super) fn form_outcomes(&self, current: usize) -> [Changed; 3] {
        self.trials[current]
            .forms
            .map(|form| form.map_or(Changed::Pending, |form| self.changed(form.probe)))
    }

    pub(super) fn filtering_of(&self, trial: usize) -> Fact<Filtering> {
        classify::filtering(&self.filtering_seen(trial))
    }

    /// Whether a trial's verdict needs nobody to confirm it.
    pub(super) fn is_certain(&self, trial: usize) -> bool {
        let seen = self.filtering_seen(trial);
        classify::filtering(&seen).is_determined() && !classify::is_uncontrolled(&seen)
    }

    fn filtering_seen(&self, trial: usize) -> FilteringSeen {
        let Trial {
            again,
            direct,
            controls,
            ..
        } = self.trials[trial];
        FilteringSeen {
            probes: PerForm::from_array(self.form_outcomes(trial)),
            again: again.map_or(Changed::Pending, |probe| self.changed(probe)),
            after: PerForm::from_array(
                controls.map_or([Heard::Unproven; 3], |c| c.after.map(|p| self.heard(p))),
            ),
            alive: PerForm::from_array(
                direct.map_or([Heard::Unproven; 3], |d| d.map(|p| self.heard(p))),
            ),
            controls: PerForm::from_array(
                controls.map_or([Changed::Pending; 3], |c| self.control_outcomes(c)),
            ),
            elsewhere: self.loss_elsewhere(trial),
            silent_tries: self.silent_tries(trial),
            alternate_visited: self.trials[trial].alternate_visited,
        }
    }

    /// How often answers from the other addresses were lost where nothing kept them from coming.
    fn loss_elsewhere(&self, trial: usize) -> Loss {
        let Trial {
            forms,
            direct,
            controls,
            ..
        } = &self.trials[trial];
        let arrived = forms.iter().flatten().map(|f| f.probe).filter(|p| {
            // A silent form is what is to be explained.
            self.probes[*p].success().is_some()
        });
        let direct = direct.iter().flatten().copied();
        let obeys = controls.iter().flat_map(|c| c.obeys).flatten();
        // Silence after RESPONSE-PORT may be that of a server that does not have it.
        let obeys =
            obeys.filter(|p| !self.is_redirected(*p) || self.probes[*p].success().is_some());
        let mut loss = Loss::default();
        for probe in arrived.chain(direct).chain(obeys) {
            let probe = &self.probes[probe];
            let answered = probe.transmissions.iter().filter(|t| t.answered.is_some());
            // What was sent just before the answer came may still be on its way.
            let first = probe
                .transmissions
                .iter()
                .position(|t| t.answered.is_some());
            loss.sent += first.map_or(probe.transmissions.len(), |f| f + 1);
            loss.lost += first.map_or(probe.transmissions.len() - answered.count(), |f| f);
        }
        loss
    }

    fn silent_tries(&self, trial: usize) -> usize {
        let forms = self.trials[trial].forms.iter().flatten();
        forms
            .map(|f| f.probe)
            .filter(|p| self.changed(*p) == Changed::Silent)
            .map(|p| self.probes[p].transmissions.len())
            .min()
            .unwrap_or(0)
    }

    pub(super) fn heard(&self, index: usize) -> Heard {
        let probe = &self.probes[index];
        match probe.end {
            _ if probe.success().is_some() => Heard::Yes,
            Some(End::Silent | End::Returned) => Heard::No,
            Some(End::Failed(_)) => Heard::NoWay,
            _ => Heard::Unproven,
        }
    }

    pub(super) fn changed(&self, index: usize) -> Changed {
        let probe = &self.probes[index];
        if let Some(answer) = probe.answers.first() {
            return match &answer.response.outcome {
                Ok(_) => Changed::Arrived,
                Err(error) => Changed::Refused(error.code),
            };
        }
        if let Some(answer) = self.misdirected_answer(index) {
            return match &answer.response.outcome {
                Err(error) => Changed::Refused(error.code),
                Ok(_) if answer.source == probe.destination => Changed::FromPrimary,
                Ok(_) => Changed::FromElsewhere(answer.source),
            };
        }
        match probe.end {
            Some(End::Silent) => Changed::Silent,
            Some(End::Unproven) => Changed::Unproven,
            _ => Changed::Pending,
        }
    }

    /// An answer from an address that was not asked for. One from a stranger counts only if it
    /// knows the mapping of this socket: anybody can make up the rest.
    fn misdirected_answer(&self, index: usize) -> Option<&Answer> {
        let probe = &self.probes[index];
        let known = self
            .probes
            .iter()
            .filter(|p| p.socket == probe.socket && p.destination == probe.destination)
            .find_map(|p| p.change.eq(&Change::None).then(|| p.reflexive())?);
        probe
            .misdirected
            .iter()
            .find(|m| m.source == probe.destination)
            .or_else(|| {
                probe
                    .misdirected
                    .iter()
                    .find(|m| known.is_some() && reflexive_in(m) == known)
            })
    }
}
