//! What is known, at any moment.

use std::convert::Infallible;
use std::net::SocketAddr;

use serde::Serialize;

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::Time;
use crate::proto::nat::lifetime::binding::Role;
use crate::proto::nat::lifetime::lives::{Kind, Range};
use crate::proto::nat::lifetime::plan::Ending;
use crate::proto::nat::lifetime::{Lifetime, Method, keepalive};

/// What is known of the lifetimes of bindings, refreshed by packets from inside only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifetimeFacts {
    /// After one packet that was not answered.
    pub one_packet: Fact<Range>,
    /// After packets both ways.
    pub two_way: Fact<Range>,
    /// How answers are led to the measured sockets, once that is known.
    pub method: Option<Method>,
    /// The server that does it.
    pub server: Option<SocketAddr>,
    /// A packet every so many seconds keeps either kind alive, even if one is lost.
    pub keepalive_s: Fact<f64>,
    /// Datagrams sent.
    pub packets: usize,
    /// Sockets that were open at the same time, at most.
    pub sockets: usize,
    /// Datagrams that belonged to no question.
    #[serde(skip)]
    pub strays: usize,
}

impl LifetimeFacts {
    /// Nothing was measured.
    pub fn all(why: &Fact<Infallible>) -> Self {
        Self {
            one_packet: why.unknown(),
            two_way: why.unknown(),
            method: None,
            server: None,
            keepalive_s: why.unknown(),
            packets: 0,
            sockets: 0,
            strays: 0,
        }
    }

    pub fn not_tested(reason: Reason) -> Self {
        Self::all(&Fact::not_tested(reason))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is known by now of each kind, in the order of [`Kind::ALL`].
    pub known: [Range; 2],
    /// When the waits that are under way end, if nothing ends them sooner.
    pub until: Time,
}

impl Lifetime {
    /// What is known; valid at any moment.
    pub fn facts(&self) -> LifetimeFacts {
        let one_packet = self.fact(Kind::OnePacket);
        let two_way = self.fact(Kind::TwoWay);
        LifetimeFacts {
            keepalive_s: keepalive(&one_packet, &two_way),
            one_packet,
            two_way,
            method: self.method,
            server: self.method.map(|_| self.server),
            packets: self.packets,
            sockets: self.most_sockets,
            strays: self.strays,
        }
    }

    pub fn progress(&self) -> Progress {
        let waits = self.bindings.iter().filter(|b| b.role == Role::Wait);
        let until = waits.map(|b| b.test_at().max(self.now)).max();
        Progress {
            known: Kind::ALL.map(|kind| self.lives.range(kind, false)),
            until: until.unwrap_or(self.now),
        }
    }

    fn fact(&self, kind: Kind) -> Fact<Range> {
        let range = self.lives.range(kind, false);
        match (
            &self.pursuits[kind as usize].end,
            &self.failure,
            self.stopped,
        ) {
            (Some(Ending::Measured(measured)), _, _) => {
                // A sentinel may have lived longer meanwhile.
                let longest = self.lives.longest(kind);
                if measured.at_most.is_some_and(|most| most < longest) {
                    let detail = "bindings lived for different times";
                    return Fact::inconclusive(Reason::Contradiction, and_known(detail, range));
                }
                Fact::Determined(*measured)
            }
            (Some(Ending::Failed(reason, detail)), _, _) | (None, Some((reason, detail)), _) => {
                Fact::inconclusive(*reason, and_known(detail, range))
            }
            // Both ends were measured, though they are not as near to each other as they might be.
            (None, None, _) if self.is_bracket(kind, range) => Fact::Determined(range),
            (None, None, stopped) => {
                let reason = stopped.unwrap_or(Reason::Interrupted);
                let detail = "the run ended before the end of a binding was seen";
                Fact::inconclusive(reason, and_known(detail, range))
            }
        }
    }

    fn is_bracket(&self, kind: Kind, range: Range) -> bool {
        range.at_most.is_some() && self.lives.contradiction(kind).is_none()
    }
}

/// It holds for either kind of flow, so both have to be known.
fn keepalive(one_packet: &Fact<Range>, two_way: &Fact<Range>) -> Fact<f64> {
    let (one, two) = match (one_packet, two_way) {
        (Fact::Determined(one), Fact::Determined(two)) => (*one, *two),
        (Fact::Inconclusive { reason, .. }, _) | (_, Fact::Inconclusive { reason, .. }) => {
            return Fact::inconclusive(*reason, "the lifetime of one kind of flow is not known");
        }
        (Fact::NotTested { reason }, _) | (_, Fact::NotTested { reason }) => {
            return Fact::not_tested(*reason);
        }
    };
    match keepalive::interval(&[one, two]) {
        Some(interval) => Fact::Determined(interval.as_secs_f64()),
        None => Fact::inconclusive(
            Reason::TooFewSamples,
            "bindings live for less than a second: no interval is certain to keep them",
        ),
    }
}

/// The detail, and what was found out all the same.
fn and_known(detail: &str, range: Range) -> String {
    let least = range.at_least.as_secs_f64();
    if least < 0.5 {
        detail.to_owned()
    } else {
        format!("{detail}; bindings lived for at least {least:.1} s")
    }
}
