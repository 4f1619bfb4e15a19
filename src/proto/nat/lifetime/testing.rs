//! The test of a binding that was left alone: does a packet still come in?

use crate::proto::nat::lifetime::binding::{Role, Stage};
use crate::proto::nat::lifetime::exchange::{End, Form, Pace};
use crate::proto::nat::lifetime::lives::{Found, Life};
use crate::proto::nat::lifetime::{Lifetime, Method, Step, timers};
use crate::proto::nat::{Time, timers as common};
use crate::proto::stun::held::Ask;

impl Lifetime {
    /// Begins the test when it is time, and the control socket is heard.
    pub(super) fn wait(&mut self, index: usize) {
        let test = self.bindings[index].test_at();
        if self.now < test.saturating_sub(timers::lead(self.slowest)) {
            return;
        }
        let awake = self.is_awake();
        if self.now < test {
            return;
        }
        if !awake {
            if self.now >= test + timers::WAKE_PATIENCE {
                self.fail_binding(index);
            }
            return;
        }
        let binding = &self.bindings[index];
        let Some(socket) = binding.socket else {
            return;
        };
        let form = match (self.method, binding.held) {
            (Some(Method::ResponsePort { wide }), _) => Form::ToPort {
                port: binding.port,
                wide,
            },
            (_, Some(id)) => Form::Held(Ask::Release(id)),
            _ => return self.fail_binding(index),
        };
        // What the control socket hears of a held answer is no sign of life.
        let answer_on = match form {
            Form::Held(_) => self.control.socket,
            _ => socket,
        };
        let probe = self.ask(self.control.socket, answer_on, form, Pace::Silence);
        self.bindings[index].stage = Stage::Testing { probe, after: None };
    }

    pub(super) fn test(&mut self, index: usize, probe: usize, after: Option<usize>) {
        let path = self.path();
        let wanted = self.exchanges[probe].sent.len() / timers::COMPANION_EVERY;
        if self.bindings[index].companions.len() < wanted {
            let companion = self.ask_beside();
            self.bindings[index].companions.push(companion);
        }
        match (self.exchanges[probe].end, after) {
            (Some(End::Answered(_)), _) => {
                if let Some(after) = after {
                    self.abandon(after);
                }
                let binding = &self.bindings[index];
                let first = self.exchanges[probe].first_sent().unwrap_or(self.now);
                let found = Found::Alive(first.saturating_sub(binding.quiet));
                self.tested(index, first, found);
            }
            (Some(End::Refused | End::Unproven), _) => self.fail_binding(index),
            (None, None) if self.exchanges[probe].is_exhausted(path) => {
                let after = Some(self.ask_after());
                self.bindings[index].stage = Stage::Testing { probe, after };
            }
            (Some(End::Silent), None) => {
                let after = Some(self.ask_after());
                self.bindings[index].stage = Stage::Testing { probe, after };
            }
            (Some(End::Silent), Some(after)) => match self.exchanges[after].end {
                None => {}
                Some(End::Answered(_)) if self.was_sent(probe) && self.is_silence(index) => {
                    let first = self.exchanges[probe].first_sent().unwrap_or(self.now);
                    let end = self.place_end(probe);
                    let proven = self.bindings[index].proven;
                    self.tested(index, first, Found::Gone(end.saturating_sub(proven)));
                }
                Some(_) => self.fail_binding(index),
            },
            (None, _) => {}
        }
    }

    /// Whether the server says that it sent what the test called for, at least every second time:
    /// its word may be lost, too. With RESPONSE-PORT it has no say.
    fn was_sent(&self, probe: usize) -> bool {
        let probe = &self.exchanges[probe];
        !matches!(probe.form, Form::Held(_)) || probe.released * 2 >= probe.sent.len()
    }

    /// Whether the server answered other questions of the same kind meanwhile.
    fn is_silence(&self, index: usize) -> bool {
        let companions = &self.bindings[index].companions;
        let is_answered = |e: &&usize| {
            let sent = &self.exchanges[**e].sent;
            sent.iter().any(|s| s.answered.is_some())
        };
        companions.iter().filter(is_answered).count() * 3 >= companions.len()
    }

    /// The moment at which a binding was gone at the latest: there are so many transmissions up to
    /// then that not all of them can have been lost.
    fn place_end(&self, probe: usize) -> Time {
        let rate = self.loss().rate();
        let sent = &self.exchanges[probe].sent;
        let needed = timers::PLACE_ERROR.ln() / rate.ln();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and some dozens; the cast saturates"
        )]
        let needed = (needed.ceil() as usize).clamp(1, sent.len());
        let at = sent.get(needed - 1).map_or(self.now, |sent| sent.at);
        at + timers::passage(self.slowest).max(common::silence_gap(self.slowest))
    }

    fn tested(&mut self, index: usize, to: Time, found: Found) {
        let binding = &self.bindings[index];
        let (kind, role) = (binding.kind, binding.role);
        // A NAT that restarts between the packets that make a flow makes another flow of it.
        let from = match found {
            Found::Alive(_) => binding.quiet,
            Found::Gone(_) => binding.made,
        };
        let life = Life {
            kind,
            from,
            to,
            found,
        };
        self.lives.push(life);
        if role == Role::Wait {
            self.steps.push_back(Step { kind, found });
        }
        self.drop_binding(index);
        self.note(role, life);
    }

    pub(super) fn fail_binding(&mut self, index: usize) {
        let (kind, role) = (self.bindings[index].kind, self.bindings[index].role);
        self.drop_binding(index);
        if role == Role::Wait {
            self.pursuits[kind as usize].failed += 1;
        }
    }
}
