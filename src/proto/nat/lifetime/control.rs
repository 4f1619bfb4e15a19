//! The control socket: it asks, and its mapping is kept alive by its own questions.

use std::net::SocketAddr;

use crate::base::fact::Reason;
use crate::proto::nat::Time;
use crate::proto::nat::lifetime::exchange::{End, Form, Pace};
use crate::proto::nat::lifetime::{Lifetime, Method, timers};

/// How many of its questions the loss is reckoned from.
const REMEMBERED: usize = 60;

#[derive(Debug, Default)]
pub struct Control {
    pub socket: usize,
    /// Its plain question that is not settled.
    waking: Option<usize>,
    /// When the last one that was answered had been sent.
    fresh: Option<Time>,
    /// The mapping in the last answer.
    pub external: Option<SocketAddr>,
    /// Its last plain questions.
    pub asked: Vec<usize>,
    silences: usize,
}

impl Lifetime {
    /// Whether the control socket was answered just now; if not, it asks.
    pub(super) fn is_awake(&mut self) -> bool {
        let is_fresh = |at: Time| self.now <= at + timers::FRESH;
        if self.control.fresh.is_some_and(is_fresh) {
            return true;
        }
        if self.control.waking.is_none() {
            let exchange = self.ask_control(Form::Plain);
            self.control.waking = Some(exchange);
        }
        false
    }

    /// A question whose answer comes back to the control socket.
    pub(super) fn ask_control(&mut self, form: Form) -> usize {
        self.ask_control_at(form, timers::MOST_TRIES)
    }

    fn ask_control_at(&mut self, form: Form, tries: usize) -> usize {
        let socket = self.control.socket;
        let exchange = self.ask(socket, socket, form, Pace::Expected(tries));
        self.control.asked.push(exchange);
        if self.control.asked.len() > REMEMBERED {
            self.control.asked.remove(0);
        }
        exchange
    }

    /// The question after a test, of the same kind as those of the test: the server still does what
    /// it is asked, and the path carries it.
    pub(super) fn ask_after(&mut self) -> usize {
        let form = self.own_form();
        self.ask_control(form)
    }

    /// The same once, while the test is under way.
    pub(super) fn ask_beside(&mut self) -> usize {
        let form = self.own_form();
        self.ask_control_at(form, 1)
    }

    fn own_form(&self) -> Form {
        match (self.method, self.control.external) {
            (Some(Method::ResponsePort { wide }), Some(external)) => Form::ToPort {
                port: external.port(),
                wide,
            },
            _ => Form::Plain,
        }
    }

    pub(super) fn step_control(&mut self) {
        let Some(exchange) = self.control.waking else {
            return;
        };
        match self.exchanges[exchange].end {
            None => return,
            Some(End::Answered(answered)) => {
                self.control.fresh = Some(answered.sent);
                self.control.external = Some(answered.reflexive);
                self.control.silences = 0;
            }
            Some(_) => self.control.silences += 1,
        }
        self.control.waking = None;
        self.changes += 1;
        if self.control.silences >= timers::SILENCES {
            let server = self.server;
            self.fail(Reason::NoResponse, format!("{server} no longer answers"));
        }
    }
}
