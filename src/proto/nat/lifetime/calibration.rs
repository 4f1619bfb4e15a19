//! Before anything is measured: can an answer be led to a fresh socket at all, and how?
//!
//! Three throwaway sockets try three ways at once. The best that works is tried through to the end,
//! with a binding that was left alone for no time: what does not come in then would not show an end
//! later.

use crate::base::fact::Reason;
use crate::proto::nat::lifetime::exchange::{End, Form, Pace};
use crate::proto::nat::lifetime::lives::{Found, Kind, Life};
use crate::proto::nat::lifetime::{Lifetime, Method, timers};
use crate::proto::stun::held::{Ask, Says};

/// The ways, the best first: RESPONSE-PORT works behind every server that has it.
const WAYS: [Method; 3] = [
    Method::ResponsePort { wide: false },
    Method::ResponsePort { wide: true },
    Method::HeldAnswer,
];

/// How long an answer is held at most while this is found out.
const HELD_SECONDS: u16 = 30;

/// After so many sockets with another external address than the control socket.
const MOST_ELSEWHERE: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Trial {
    socket: usize,
    exchange: usize,
    /// Something comes in, or not.
    test: Option<usize>,
    /// Whether it was asked with the token of the server.
    has_token: bool,
}

#[derive(Debug, Default)]
pub struct Calibration {
    trials: Option<[Trial; 3]>,
    /// Where the server sees the first throwaway socket, if none of the ways works.
    plain: Option<usize>,
    done: bool,
    /// RESPONSE-PORT worked, but not for the sockets that came later.
    without_ports: bool,
    /// Sockets that the server saw under another address than the control socket.
    pub elsewhere: usize,
}

impl Lifetime {
    pub(super) fn step_calibration(&mut self) {
        if self.calibration.done || self.finished || !self.is_ready_to_calibrate() {
            return;
        }
        let Some(trials) = self.calibration.trials else {
            self.begin_calibration();
            return;
        };
        for (way, trial) in trials.into_iter().enumerate() {
            let is_port = WAYS[way] != Method::HeldAnswer;
            if is_port && self.calibration.without_ports {
                continue;
            }
            match self.verdict(way, trial) {
                None => return,
                Some(true) => return self.calibrated(WAYS[way]),
                Some(false) => {}
            }
        }
        self.explain(trials[0]);
    }

    fn is_ready_to_calibrate(&mut self) -> bool {
        self.calibration.trials.is_some() || self.is_awake()
    }

    fn begin_calibration(&mut self) {
        let Some(external) = self.control.external else {
            return;
        };
        let control = self.control.socket;
        let trials = WAYS.map(|way| {
            let socket = self.open();
            let (answer_on, form) = match way {
                Method::ResponsePort { wide } => (
                    control,
                    Form::ToPort {
                        port: external.port(),
                        wide,
                    },
                ),
                Method::HeldAnswer => (socket, Form::Held(Ask::Hold(HELD_SECONDS))),
            };
            let pace = Pace::Expected(timers::CALIBRATION_TRIES);
            let exchange = self.ask(socket, answer_on, form, pace);
            Trial {
                socket,
                exchange,
                test: None,
                has_token: false,
            }
        });
        self.calibration.trials = Some(trials);
    }

    /// Whether a way works; `None` while that is open.
    fn verdict(&mut self, way: usize, trial: Trial) -> Option<bool> {
        let End::Answered(answered) = self.exchanges[trial.exchange].end? else {
            return Some(false);
        };
        let form = match WAYS[way] {
            Method::ResponsePort { wide } => {
                if self.control.external.map(|e| e.ip()) != Some(answered.reflexive.ip()) {
                    return Some(false);
                }
                let port = answered.reflexive.port();
                Form::ToPort { port, wide }
            }
            Method::HeldAnswer if answered.says == Some(Says::Held(answered.id)) => {
                Form::Held(Ask::Release(answered.id))
            }
            // It holds for who shows that its answers arrive: once more, with the token.
            Method::HeldAnswer
                if matches!(answered.says, Some(Says::Token(_))) && !trial.has_token =>
            {
                let form = Form::Held(Ask::Hold(HELD_SECONDS));
                let pace = Pace::Expected(timers::CALIBRATION_TRIES);
                let exchange = self.ask(trial.socket, trial.socket, form, pace);
                if let Some(trials) = &mut self.calibration.trials {
                    trials[way].exchange = exchange;
                    trials[way].has_token = true;
                }
                return None;
            }
            Method::HeldAnswer => return Some(false),
        };
        let Some(test) = trial.test else {
            let answer_on = match form {
                Form::Held(_) => self.control.socket,
                _ => trial.socket,
            };
            let test = self.ask(self.control.socket, answer_on, form, Pace::Silence);
            if let Some(trials) = &mut self.calibration.trials {
                trials[way].test = Some(test);
            }
            return None;
        };
        let sent = self.exchanges[test].first_sent();
        match self.exchanges[test].end? {
            End::Answered(_) => {
                let (from, to) = (answered.at, sent.unwrap_or(self.now));
                let kind = match WAYS[way] {
                    Method::ResponsePort { .. } => Kind::OnePacket,
                    Method::HeldAnswer => Kind::TwoWay,
                };
                let found = Found::Alive(to.saturating_sub(from));
                self.lives.push(Life {
                    kind,
                    from,
                    to,
                    found,
                });
                Some(true)
            }
            _ => Some(false),
        }
    }

    /// A socket was seen under another address than the control socket, so that RESPONSE-PORT cannot
    /// lead an answer to it. When that is no exception, it is done without.
    pub(super) fn note_elsewhere(&mut self) {
        self.calibration.elsewhere += 1;
        if self.calibration.elsewhere == MOST_ELSEWHERE {
            self.calibration = Calibration {
                without_ports: true,
                elsewhere: self.calibration.elsewhere,
                ..Calibration::default()
            };
            self.method = None;
            self.drop_all();
        }
    }

    fn calibrated(&mut self, method: Method) {
        self.method = Some(method);
        self.end_calibration();
    }

    fn end_calibration(&mut self) {
        for trial in self.calibration.trials.into_iter().flatten() {
            self.abandon(trial.exchange);
            if let Some(test) = trial.test {
                self.abandon(test);
            }
            self.close_socket(trial.socket);
        }
        self.calibration.done = true;
        self.changes += 1;
    }

    /// No way works: because this host has several external addresses, or because of the server?
    fn explain(&mut self, first: Trial) {
        let Some(plain) = self.calibration.plain else {
            let tries = Pace::Expected(timers::CALIBRATION_TRIES);
            let plain = self.ask(first.socket, first.socket, Form::Plain, tries);
            self.calibration.plain = Some(plain);
            return;
        };
        let Some(end) = self.exchanges[plain].end else {
            return;
        };
        let server = self.server;
        let own = self.control.external.map(|e| e.ip());
        let (reason, detail) = match end {
            End::Answered(answered)
                if Some(answered.reflexive.ip()) != own || self.calibration.without_ports =>
            {
                (
                    Reason::AddressPooling,
                    format!(
                        "the NAT gives the sockets of this host different external addresses, and {server} can direct an answer only to another port"
                    ),
                )
            }
            End::Answered(_) => (
                Reason::NoResponsePort,
                format!(
                    "{server} cannot direct an answer to another socket: it has neither RESPONSE-PORT (RFC 5780) nor HELD-ANSWER (rtcdiag serve --stun)"
                ),
            ),
            _ => (
                Reason::NoResponse,
                format!("{server} did not answer a fresh socket"),
            ),
        };
        self.end_calibration();
        self.fail(reason, detail);
    }
}
