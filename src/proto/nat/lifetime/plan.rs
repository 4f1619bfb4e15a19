//! Which waits to try next, and when enough is known.

use crate::base::fact::Reason;
use crate::proto::nat::Time;
use crate::proto::nat::lifetime::binding::{Binding, Role};
use crate::proto::nat::lifetime::lives::{Kind, Range, geometric};
use crate::proto::nat::lifetime::{Lifetime, timers};

/// What is being done about one kind of flow.
#[derive(Debug, Clone, Default)]
pub struct Pursuit {
    /// How many have begun.
    waits: usize,
    /// Whether all of it was done a second time because of a contradiction.
    repeated: bool,
    /// Bindings that could not be made or tested.
    pub failed: usize,
    pub end: Option<Ending>,
}

#[derive(Debug, Clone)]
pub enum Ending {
    /// The bounds are near enough to each other, or all lived for the longest wait.
    Measured(Range),
    Failed(Reason, String),
}

impl Lifetime {
    pub(super) fn step_plan(&mut self) {
        if self.method.is_none() || self.finished || self.planned == self.changes {
            return;
        }
        self.planned = self.changes;
        for kind in Kind::ALL {
            if self.pursuits[kind as usize].end.is_none() {
                self.pursue(kind);
            }
        }
        if self.pursuits.iter().all(|p| p.end.is_some()) {
            self.close();
        }
    }

    /// Ends what is not measured yet.
    pub(super) fn fail_pursuits(&mut self, reason: Reason, detail: &str) {
        for kind in Kind::ALL {
            if self.pursuits[kind as usize].end.is_none() {
                self.end_pursuit(kind, Ending::Failed(reason, detail.to_owned()));
            }
        }
    }

    fn end_pursuit(&mut self, kind: Kind, ending: Ending) {
        self.pursuits[kind as usize].end = Some(ending);
        self.drop_waits(kind, |_| true);
        self.changes += 1;
    }

    fn drop_waits(&mut self, kind: Kind, which: impl Fn(&Binding) -> bool) {
        for index in 0..self.bindings.len() {
            let binding = &self.bindings[index];
            if is_wait(binding, kind) && which(binding) {
                self.drop_binding(index);
            }
        }
    }

    fn pending(&self, kind: Kind) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |b| is_wait(b, kind))
    }

    fn pursue(&mut self, kind: Kind) {
        // An end counts only when the sentinel has been heard.
        if self.is_checking() || self.is_measured(kind) || self.is_contradicted(kind) {
            return;
        }
        let lower = self.lives.lower(kind);
        let upper = self.lives.upper(kind);
        // What would only show again what is known.
        self.drop_waits(kind, |b| b.wait < lower);
        if let Some(upper) = upper {
            self.abandon_longer(kind, upper);
        }
        if self.now < self.started + timers::patience(self.longest) {
            self.fill(kind, upper);
        }
        if self.pending(kind).next().is_none() {
            self.give_up(kind);
        }
    }

    fn is_measured(&mut self, kind: Kind) -> bool {
        let all_lived = self.lives.lower(kind) >= self.longest;
        let range = if all_lived {
            Range {
                at_least: self.lives.longest(kind),
                at_most: None,
            }
        } else {
            self.lives.range(kind, true)
        };
        let done = all_lived || range.is_narrow();
        let measured = done && self.lives.contradiction(kind).is_none();
        if measured {
            self.end_pursuit(kind, Ending::Measured(range));
        }
        measured
    }

    /// A binding was gone sooner than another one: all is done a second time, and if that happens
    /// again, there is no one lifetime.
    fn is_contradicted(&mut self, kind: Kind) -> bool {
        let Some((end, lived)) = self.lives.contradiction(kind) else {
            return false;
        };
        if self.pursuits[kind as usize].repeated {
            let detail = format!(
                "one binding was gone after {:.1} s, another one lived for {:.1} s: there is no single lifetime, or the NAT drops bindings because it runs out of room",
                end.as_secs_f64(),
                lived.as_secs_f64()
            );
            self.end_pursuit(kind, Ending::Failed(Reason::Contradiction, detail));
        } else {
            self.pursuits[kind as usize].repeated = true;
            self.lives.forget(kind, self.now);
            self.drop_waits(kind, |_| true);
            self.changes += 1;
        }
        true
    }

    /// Longer waits than one after which a binding was gone say nothing new; but the next one shows
    /// whether that was an accident.
    fn abandon_longer(&mut self, kind: Kind, upper: Time) {
        let keep = self.confirming(kind, upper);
        self.drop_waits(kind, |b| b.wait > upper && Some(b.wait) != keep);
    }

    /// The pending wait that may confirm an end.
    fn confirming(&self, kind: Kind, upper: Time) -> Option<Time> {
        let near = |wait: &Time| *wait > upper && *wait <= upper.mul_f64(timers::CONFIRMS);
        self.pending(kind).map(|b| b.wait).filter(near).min()
    }

    /// Begins waits where they tell most.
    fn fill(&mut self, kind: Kind, upper: Option<Time>) {
        if self.pursuits[kind as usize].waits == 0 {
            let shortest = timers::shortest_coarse(self.longest);
            let longer = geometric(shortest, self.longest, timers::WAITS - 1);
            self.begin_waits(kind, vec![shortest], Time::ZERO);
            self.begin_waits(kind, longer, timers::gap(self.slowest));
            return;
        }
        let mut points: Vec<Time> = self.pending(kind).map(|b| b.wait).collect();
        let room = timers::WAITS.saturating_sub(points.len());
        let mut waits = Vec::new();
        if let Some(upper) = upper {
            let is_confirmed = self.lives.range(kind, true).at_most == Some(upper);
            let confirms = points.iter().any(|wait| *wait >= upper);
            if !is_confirmed && !confirms {
                waits.push(upper);
            }
            points.retain(|wait| *wait < upper);
            points.push(upper);
            points.push(self.lives.lower(kind).max(timers::SHORTEST_WAIT));
        } else {
            // Two of the longest: one confirms the other if it is gone.
            let longest = points.iter().filter(|wait| **wait == self.longest);
            for _ in longest.count()..2 {
                waits.push(self.longest);
                points.push(self.longest);
            }
            if points.len() <= 2 {
                points.push(self.lives.lower(kind).max(timers::SHORTEST_WAIT));
            }
        }
        let finest = timers::resolution(self.slowest);
        while waits.len() < room {
            points.sort_unstable();
            let Some(wait) = widest(&points, finest) else {
                break;
            };
            points.push(wait);
            waits.push(wait);
        }
        waits.truncate(room);
        waits.sort_unstable();
        // Those that begin at this moment come behind a sentinel.
        let delay = if self.has_sentinel() {
            Time::ZERO
        } else {
            timers::gap(self.slowest)
        };
        self.begin_waits(kind, waits, delay);
    }

    /// Begins them after a delay: the first binding of all has to be there before the others, to show
    /// that the NAT kept them from their first packet on.
    fn begin_waits(&mut self, kind: Kind, waits: Vec<Time>, delay: Time) {
        for (wait, number) in waits.into_iter().zip(0..) {
            let pursuit = &mut self.pursuits[kind as usize];
            if pursuit.waits >= timers::MOST_WAITS {
                return;
            }
            pursuit.waits += 1;
            let begin = self.now + delay + timers::STAGGER * number;
            self.bindings
                .push(Binding::new(kind, Role::Wait, wait, begin));
            self.changes += 1;
        }
    }

    /// Nothing more can be tried: what was measured stands, though its ends are wide apart.
    fn give_up(&mut self, kind: Kind) {
        let range = self.lives.range(kind, true);
        let failed = self.pursuits[kind as usize].failed;
        let ending = if range.at_most.is_some() && self.lives.contradiction(kind).is_none() {
            Ending::Measured(range)
        } else if failed > timers::WAITS && self.calibration.elsewhere > 0 {
            Ending::Failed(
                Reason::AddressPooling,
                "the NAT gives the sockets of this host different external addresses".to_owned(),
            )
        } else if failed > timers::WAITS {
            Ending::Failed(
                Reason::PacketLoss,
                format!(
                    "{failed} bindings could not be tested: too many packets were lost, or the server did not do what it was asked to"
                ),
            )
        } else {
            Ending::Failed(
                Reason::Contradiction,
                "no two measurements agreed".to_owned(),
            )
        };
        self.end_pursuit(kind, ending);
    }
}

/// The middle of the widest gap, the longest waits first: there time is to be won. `None` if all are
/// narrow.
fn widest(points: &[Time], finest: Time) -> Option<Time> {
    let ratio = |pair: &[Time]| pair[1].as_secs_f64() / pair[0].as_secs_f64();
    let wide =
        |pair: &&[Time]| ratio(pair) > timers::NEAR && pair[1].saturating_sub(pair[0]) > finest;
    let widest = points
        .windows(2)
        .filter(wide)
        .max_by(|a, b| (ratio(a) - 1e-6).total_cmp(&ratio(b)))?;
    Some(widest[0].mul_f64(ratio(widest).sqrt()))
}

fn is_wait(binding: &Binding, kind: Kind) -> bool {
    binding.role == Role::Wait && binding.kind == kind && binding.is_pending()
}
