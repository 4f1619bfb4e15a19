//! What all members have said together: who is there, and the way between each two.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::codes::Code;
use crate::proto::ice::causes::{Whose, named};
use crate::proto::mesh::beat::{Outcome, Report, Said};
use crate::proto::mesh::lobby::{Lobby, Presence};
use crate::proto::signal::seal::Name;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// By their labels: the same order at every member.
    pub hosts: Vec<Host>,
    /// The way between each two hosts, by their places in the list, the lower one first.
    pub edges: Vec<Edge>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name, with some digits behind it where another host has the same one.
    pub label: String,
    pub software: String,
    pub is_own: bool,
    pub presence: Presence,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    pub a: usize,
    pub b: usize,
    pub outcome: Outcome,
    /// Both have reported, and not the same.
    pub is_disputed: bool,
    /// Whether the path does all that it should, as far as either knows.
    pub is_sound: bool,
    /// As each of the two measured it.
    pub rtt: [Option<Duration>; 2],
    /// Why it is no better, weightiest first.
    pub causes: Vec<Cause>,
}

/// A cause with the names of the hosts in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub code: Code,
    /// Whose doing it is, `Local` for host `a` and `Remote` for host `b`.
    pub side: Whose,
    pub message: String,
}

impl Edge {
    /// Whether there is a path that does all that it should.
    pub fn is_connected(&self) -> bool {
        let has_path = matches!(self.outcome, Outcome::Direct | Outcome::Relayed);
        has_path && self.is_sound && !self.is_disputed
    }
}

impl Matrix {
    pub fn new(lobby: &Lobby) -> Self {
        let own = lobby.settings().own;
        let mut names: Vec<(String, Name)> = vec![(lobby.settings().name.clone(), own)];
        let others = lobby.members().iter().filter(|(_, m)| m.has_come());
        names.extend(others.map(|(name, member)| (member.name.clone(), *name)));
        names.sort();
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in &names {
            *times.entry(name).or_default() += 1;
        }
        let hosts: Vec<Host> = names
            .iter()
            .map(|(shown, name)| {
                let member = lobby.members().get(name);
                let is_alone = times.get(&**shown) == Some(&1);
                Host {
                    label: if is_alone {
                        shown.clone()
                    } else {
                        format!("{shown}-{:02x}{:02x}", name.0[0], name.0[1])
                    },
                    software: member.map_or_else(
                        || lobby.settings().software.clone(),
                        |member| member.software.clone(),
                    ),
                    is_own: *name == own,
                    presence: member.map_or(Presence::Present, |member| member.presence),
                }
            })
            .collect();
        let report = |by: Name, on: Name| {
            if by == own {
                lobby.members().get(&on)?.edge.report()
            } else {
                lobby.members().get(&by)?.report_on(on)
            }
        };
        let mut edges = Vec::new();
        for (a, (_, one)) in names.iter().enumerate() {
            for (b, (_, other)) in names.iter().enumerate().skip(a + 1) {
                let ends = [(a, &hosts[a]), (b, &hosts[b])];
                let reports = [report(*one, *other), report(*other, *one)];
                edges.push(edge(ends, reports));
            }
        }
        Self { hosts, edges }
    }
}

fn edge(ends: [(usize, &Host); 2], reports: [Option<&Report>; 2]) -> Edge {
    let [(a, first), (b, second)] = ends;
    let decided = reports.map(|report| report.filter(|r| r.outcome != Outcome::Undecided));
    let outcome = match decided {
        // Where they differ, the worse one counts.
        [Some(one), Some(other)] => one.outcome.max(other.outcome),
        [Some(one), None] | [None, Some(one)] => one.outcome,
        [None, None] => Outcome::Undecided,
    };
    let is_disputed = matches!(decided, [Some(one), Some(other)] if one.outcome != other.outcome);
    let mut causes: Vec<Cause> = Vec::new();
    let tellers = [(first, second, false), (second, first, true)];
    for (report, (own, other, is_second)) in reports.into_iter().zip(tellers) {
        let told = report.iter().flat_map(|report| &report.causes);
        let told = told.map(|said| cause(said, own, other, is_second));
        // The other one says the same in its own words.
        let more: Vec<Cause> = told
            .filter(|cause| causes.iter().all(|known| known.code != cause.code))
            .collect();
        causes.extend(more);
    }
    if outcome == Outcome::Undecided && causes.is_empty() {
        causes.push(untested(first, second));
    }
    Edge {
        a,
        b,
        outcome,
        is_disputed,
        is_sound: decided.iter().flatten().all(|report| report.is_sound),
        rtt: decided.map(|report| report.and_then(Report::rtt)),
        causes,
    }
}

fn cause(said: &Said, own: &Host, other: &Host, is_second: bool) -> Cause {
    let side = match said.side {
        Whose::Local if is_second => Whose::Remote,
        Whose::Remote if is_second => Whose::Local,
        side => side,
    };
    Cause {
        code: said.code,
        side,
        message: named(&said.message, &own.label, &other.label),
    }
}

/// Why there is no result, where neither of the two says.
fn untested(first: &Host, second: &Host) -> Cause {
    let is_gone = |host: &Host| matches!(host.presence, Presence::Left | Presence::Vanished);
    let (side, gone) = match (is_gone(first), is_gone(second)) {
        (true, false) => (Whose::Local, first),
        (false, true) => (Whose::Remote, second),
        (true, true) => {
            return Cause {
                code: Code::PeerGone,
                side: Whose::Both,
                message: "both hosts went away before the way between them was tested".to_owned(),
            };
        }
        (false, false) => {
            return Cause {
                code: Code::CutShort,
                side: Whose::Between,
                message: "the run ended before this way was tested".to_owned(),
            };
        }
    };
    let how = match gone.presence {
        Presence::Vanished => "went away without a word",
        _ => "left",
    };
    Cause {
        code: Code::PeerGone,
        side,
        message: format!("{} {how} before this way was tested", gone.label),
    }
}
