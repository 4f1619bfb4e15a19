//! What the timeline proves of each step.

use std::collections::BTreeSet;

use crate::base::report::Millis;
use crate::base::words::counted;
use crate::proto::ice::causes::Whose;
use crate::proto::ice::steps::{CallKind, Course, Entry, Event, Step, StepSide, StepStatus};
use crate::proto::stun::uri::ServerUri;

/// What is known of a step.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub status: StepStatus,
    pub at: Option<Millis>,
    /// Whose it is, where that is not both's or the description's.
    pub side: Option<Whose>,
    pub detail: Option<String>,
}

impl Known {
    const fn new(status: StepStatus) -> Self {
        Self {
            status,
            at: None,
            side: None,
            detail: None,
        }
    }

    fn done(at: Option<Millis>) -> Self {
        Self {
            at,
            ..Self::new(StepStatus::Done)
        }
    }

    pub fn is_done(&self) -> bool {
        self.status == StepStatus::Done
    }

    /// It follows from something later.
    pub fn follows(&mut self) {
        if !self.is_done() {
            *self = Self::done(None);
        }
    }
}

/// The host that an entry on a server is about; each by itself where that is not told.
fn server_of((place, entry): (usize, &Entry)) -> String {
    let told = entry.detail.as_deref().unwrap_or_default();
    let uri = told.split_once(": ").map_or(told, |(uri, _)| uri);
    let host = uri.parse().map(|uri: ServerUri| uri.host.to_string());
    host.unwrap_or_else(|_| match uri {
        "" => format!("{:?} {place}", entry.event),
        uri => uri.to_owned(),
    })
}

pub(super) struct Evidence<'a> {
    course: &'a Course<'a>,
    /// Whether the other side tells of its steps.
    remote_tells: bool,
    local_tells: bool,
}

impl<'a> Evidence<'a> {
    pub fn new(course: &'a Course<'a>) -> Self {
        let says = |side| course.timeline.iter().any(|entry| entry.side == side);
        let is_recorded = course.kind == CallKind::Recorded;
        Self {
            course,
            remote_tells: (is_recorded || course.kind == CallKind::Browser)
                && says(StepSide::Remote),
            local_tells: !is_recorded || says(StepSide::Local),
        }
    }

    fn all(&self, side: StepSide, event: Event) -> impl Iterator<Item = &'a Entry> {
        let entries = self.course.timeline.iter();
        entries.filter(move |entry| entry.side == side && entry.event == event)
    }

    /// When it first happened.
    fn at(&self, side: StepSide, event: Event) -> Option<Millis> {
        self.all(side, event).next().map(|entry| entry.at_ms)
    }

    /// By this end, which knows what belongs to both; files may be of the other one alone.
    fn at_any(&self, event: Event) -> Option<Millis> {
        let is_recorded = self.course.kind == CallKind::Recorded;
        let told = || self.at(StepSide::Remote, event).filter(|_| is_recorded);
        self.at(StepSide::Local, event).or_else(told)
    }

    const fn tells(&self, side: StepSide) -> bool {
        match side {
            StepSide::Local => self.local_tells,
            StepSide::Remote => self.remote_tells,
        }
    }

    /// What did not come, or is not told.
    const fn missing(&self, side: StepSide) -> Known {
        Known::new(if self.tells(side) {
            StepStatus::Open
        } else {
            StepStatus::Unknown
        })
    }

    fn seen(&self, side: StepSide, at: Option<Millis>) -> Known {
        at.map_or_else(|| self.missing(side), |at| Known::done(Some(at)))
    }

    pub fn of(&self, step: Step, side: Option<StepSide>) -> Known {
        let side = side.unwrap_or(StepSide::Local);
        match step {
            Step::Signalling => self.signalling(),
            Step::PeerConnections => self.connections(),
            Step::DescriptionMade => self.described(side, self.made(side)),
            // That it was set does not say that it went out.
            Step::DescriptionSent if self.course.kind == CallKind::Recorded => {
                Known::new(StepStatus::Unknown)
            }
            Step::DescriptionSent => self.seen(side, self.at(side, Event::DescriptionSent)),
            Step::DescriptionReceived => {
                self.described(side, self.at(side, Event::DescriptionReceived))
            }
            Step::Servers => self.servers(),
            Step::Candidates => self.candidates(side),
            Step::Checks => self.checks(),
            Step::Connected => self.between(Event::Connected, None),
            Step::Dtls => self.between(Event::DtlsConnected, Some(Event::DtlsFailed)),
            Step::Channel => self.between(Event::ChannelOpened, None),
            Step::Data => self.between(Event::DataExchanged, None),
        }
    }

    /// Recorded calls need not tell of descriptions: who checks has both.
    fn described(&self, side: StepSide, at: Option<Millis>) -> Known {
        let is_recorded = self.course.kind == CallKind::Recorded;
        let mut checks = [Event::Checking, Event::CheckSent, Event::Failed].into_iter();
        if at.is_none() && is_recorded && checks.any(|event| self.at(side, event).is_some()) {
            return Known::done(None);
        }
        self.seen(side, at)
    }

    fn made(&self, side: StepSide) -> Option<Millis> {
        self.at(side, Event::DescriptionMade)
            .or_else(|| self.at(side, Event::DescriptionSent))
    }

    fn signalling(&self) -> Known {
        if self.course.kind == CallKind::Recorded {
            return Known::new(StepStatus::Unknown);
        }
        let joined = self.at(StepSide::Local, Event::RendezvousJoined);
        let peer = self.at(StepSide::Local, Event::PeerJoined);
        match (joined, peer) {
            (Some(own), Some(peer)) => Known::done(Some(own.max(peer))),
            (own, _) => Known {
                side: Some(if own.is_none() {
                    Whose::Local
                } else {
                    Whose::Remote
                }),
                ..Known::new(StepStatus::Open)
            },
        }
    }

    /// Nobody takes a candidate before both are there. Of recorded calls it is not known when that was.
    fn once_there(&self, at: Millis) -> Option<Millis> {
        if self.course.kind == CallKind::Recorded {
            return Some(at);
        }
        Some(at.max(self.signalling().at?))
    }

    fn connections(&self) -> Known {
        let has_any = |side| self.course.timeline.iter().any(|entry| entry.side == side);
        let of = |side: StepSide| {
            let at = self.at(side, Event::PeerConnectionCreated);
            // A side whose description is here has made it, and so has one whose browser recorded it.
            let is_recorded = self.course.kind == CallKind::Recorded && has_any(side);
            let is_described = self.made(side).is_some()
                || self.at(side.other(), Event::DescriptionReceived).is_some();
            at.map(Some)
                .or((is_described || is_recorded).then_some(None))
        };
        match (of(StepSide::Local), of(StepSide::Remote)) {
            (Some(own), Some(peer)) => Known::done(own.zip(peer).map(|(own, peer)| own.max(peer))),
            (None, _) => Known {
                side: Some(Whose::Local),
                ..self.missing(StepSide::Local)
            },
            (Some(_), None) => Known {
                side: Some(Whose::Remote),
                ..self.missing(StepSide::Remote)
            },
        }
    }

    /// How many servers of a side answered, and how many did not. One that is asked in several ways, over both address
    /// families or by several URIs, is one; if one way works, it answers.
    fn asked(&self, side: StepSide) -> (usize, usize) {
        let of = |event| self.all(side, event).enumerate().map(server_of);
        let answered: BTreeSet<String> = of(Event::ServerAnswered).collect();
        let failed: BTreeSet<String> = of(Event::ServerFailed).collect();
        let failed = failed.difference(&answered).count();
        let answered = answered.len();
        let is_of_server = |entry: &&Entry| {
            let detail = entry.detail.as_deref().unwrap_or_default();
            detail.starts_with("srflx") || detail.starts_with("relay")
        };
        // Recorded calls tell of candidates alone.
        let by_candidates = self
            .all(side, Event::CandidateFound)
            .any(|e| is_of_server(&e));
        (answered.max(usize::from(by_candidates)), failed)
    }

    fn servers(&self) -> Known {
        let sides = [StepSide::Local, StepSide::Remote];
        let asked = sides.map(|side| self.asked(side));
        let is_in_vain = asked.map(|(answered, failed)| answered == 0 && failed > 0);
        let parts = sides
            .iter()
            .zip(asked)
            .filter_map(|(side, (answered, failed))| {
                let count = answered + failed;
                // Candidates tell that one did, and not how many.
                let is_counted =
                    failed > 0 || self.all(*side, Event::ServerAnswered).next().is_some();
                if count > 0 && !is_counted {
                    return Some(format!("{}: answered", side.words()));
                }
                (count > 0).then(|| {
                    let of = counted(count, "server");
                    format!("{}: {answered} of {of} answered", side.words())
                })
            });
        let detail = parts.collect::<Vec<_>>().join("; ");
        let detail = Some(detail).filter(|text| !text.is_empty());
        let answers = self.course.timeline.iter();
        let answers = answers.filter(|entry| entry.event == Event::ServerAnswered);
        let times: Vec<Millis> = answers.map(|entry| entry.at_ms).collect();
        // A restart of ICE asks again.
        let up = self.at_any(Event::Connected);
        let before = times.iter().filter(|at| up.is_none_or(|up| **at <= up));
        let last = before.max().or(times.iter().max()).copied();
        let known = match is_in_vain {
            [true, true] => Some(Whose::Both),
            [true, false] => Some(Whose::Local),
            [false, true] => Some(Whose::Remote),
            [false, false] => None,
        };
        if let Some(side) = known {
            return Known {
                side: Some(side),
                detail,
                ..Known::new(StepStatus::Failed)
            };
        }
        if detail.is_some() {
            return Known {
                detail,
                ..Known::done(last)
            };
        }
        if self.at(StepSide::Local, Event::GatheringComplete).is_some()
            && self.course.kind != CallKind::Recorded
        {
            return Known {
                detail: Some("no server is known".to_owned()),
                ..Known::new(StepStatus::Skipped)
            };
        }
        self.missing(StepSide::Local)
    }

    /// Those of `side`, which the other one adds.
    fn candidates(&self, side: StepSide) -> Known {
        let other = side.other();
        let added = self.at(other, Event::CandidateReceived);
        let found = self.at(side, Event::CandidateFound);
        let at = if self.tells(other) {
            added
        } else {
            added.or_else(|| self.once_there(found?))
        };
        if at.is_some() {
            return Known::done(at);
        }
        let complete = match side {
            StepSide::Local => Event::GatheringComplete,
            StepSide::Remote => Event::RemoteGatheringComplete,
        };
        if self.at(StepSide::Local, complete).is_some()
            && (side == StepSide::Remote || found.is_none())
        {
            return Known {
                detail: Some("none that can be used".to_owned()),
                ..Known::new(StepStatus::Failed)
            };
        }
        // Sent and not added: lost on the way, or left by the other one.
        let side = found.map_or_else(|| side.into(), |_| Whose::Between);
        Known {
            side: Some(side),
            ..self.missing(other)
        }
    }

    fn checks(&self) -> Known {
        if let Some(at) = self.at_any(Event::CheckSucceeded) {
            return Known::done(Some(at));
        }
        let sent = self.all(StepSide::Local, Event::CheckSent).count();
        let is_checking = self.at_any(Event::Checking).is_some();
        let is_over = self.course.has_failed && self.at_any(Event::Failed).is_some();
        let detail = match sent {
            // Not every program counts them.
            0 if is_over && is_checking => Some("none was answered".to_owned()),
            0 => is_checking.then(|| "checks are under way".to_owned()),
            count => Some(format!("{} checked, none answered", counted(count, "pair"))),
        };
        Known {
            side: Some(Whose::Between),
            detail,
            ..self.missing(StepSide::Local)
        }
    }

    /// What belongs to the pair.
    fn between(&self, event: Event, failure: Option<Event>) -> Known {
        if let Some(at) = self.at_any(event) {
            return Known::done(Some(at));
        }
        let failed = failure.and_then(|failure| {
            let all = [StepSide::Local, StepSide::Remote];
            let mut all = all.into_iter().flat_map(|side| self.all(side, failure));
            all.next()
        });
        Known {
            side: Some(Whose::Between),
            detail: failed.and_then(|entry| entry.detail.clone()),
            ..self.missing(StepSide::Local)
        }
    }
}
