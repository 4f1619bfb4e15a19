//! What is known, at any moment.

use super::binding::Role;
use super::lives::{Kind, Range};
use super::plan::Ending;
use super::{Lifetime, Method};
use crate::fact::{Fact, Reason};
use crate::nat::Time;

/// What is known of both kinds of flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// After one packet that was not answered.
    pub one_packet: Fact<Range>,
    /// After packets both ways.
    pub two_way: Fact<Range>,
    /// How answers are led to the measured sockets, once that is known.
    pub method: Option<Method>,
    /// Datagrams sent.
    pub packets: usize,
    /// Sockets that were open at the same time, at most.
    pub sockets: usize,
    /// Datagrams that belonged to no question.
    pub strays: usize,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is known by now of each kind, in the order of [`Kind::ALL`].
    pub known: [Range; 2],
    /// When the waits that are under way end, if nothing ends them sooner.
    pub until: Time,
}

impl Lifetime {
    /// What is known; valid at any moment.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            one_packet: self.fact(Kind::OnePacket),
            two_way: self.fact(Kind::TwoWay),
            method: self.method,
            packets: self.packets,
            sockets: self.most_sockets,
            strays: self.strays,
        }
    }

    /// How far the work is.
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

/// The detail, and what was found out all the same.
fn and_known(detail: &str, range: Range) -> String {
    let least = range.at_least.as_secs_f64();
    if least < 0.5 {
        detail.to_owned()
    } else {
        format!("{detail}; bindings lived for at least {least:.1} s")
    }
}
