//! Sentinels: bindings that are left alone for less than they are known to live. One that is gone all
//! the same shows that the NAT has restarted or lost its state, and that no silence of that time
//! means anything.

use crate::base::fact::Reason;
use crate::proto::nat::Time;
use crate::proto::nat::lifetime::binding::{Binding, Role, Stage};
use crate::proto::nat::lifetime::lives::{Found, Kind, Life};
use crate::proto::nat::lifetime::{Lifetime, timers};

/// How many there are at the same time, so that one is left while the other is tested.
pub const SENTINELS: usize = 2;

impl Lifetime {
    pub(super) fn step_sentinels(&mut self) {
        if self.method.is_none() || self.finished {
            return;
        }
        if self.check_wanted {
            self.check();
        }
        if self.sentinel_due().is_some_and(|at| at <= self.now)
            && let Some((kind, wait)) = self.sentinel_kind()
        {
            self.begin_sentinel(kind, wait);
        }
    }

    fn begin_sentinel(&mut self, kind: Kind, wait: Time) {
        let sentinel = Binding::new(kind, Role::Sentinel, wait, self.now);
        self.bindings.push(sentinel);
        self.changes += 1;
    }

    /// When the next one is to begin: at once if there is none, else when the last one has been left
    /// alone for half of its time.
    pub(super) fn sentinel_due(&self) -> Option<Time> {
        let (_, wait) = self.sentinel_kind()?;
        let sentinels: Vec<&Binding> = self.sentinels().map(|(_, b)| b).collect();
        if sentinels.len() >= SENTINELS {
            return None;
        }
        let waiting = |b: &&&Binding| b.stage == Stage::Waiting;
        let last = sentinels.iter().filter(waiting).max_by_key(|b| b.proven);
        match last {
            // One that was begun when less was known is over sooner.
            Some(last) => Some(last.proven + last.wait.min(wait) / 2),
            None if sentinels
                .iter()
                .all(|b| matches!(b.stage, Stage::Testing { .. })) =>
            {
                Some(self.now)
            }
            None => None,
        }
    }

    /// Whether one is left alone now.
    pub(super) fn has_sentinel(&self) -> bool {
        self.sentinels().any(|(_, b)| b.stage == Stage::Waiting)
    }

    fn sentinels(&self) -> impl Iterator<Item = (usize, &Binding)> {
        let all = self.bindings.iter().enumerate();
        all.filter(|(_, b)| b.role == Role::Sentinel && b.is_pending())
    }

    /// One that is ready at once.
    fn quick_sentinel(&self) -> Option<(Kind, Time)> {
        let wait = self.sentinel_wait(Kind::OnePacket);
        (wait >= timers::SHORTEST_SENTINEL).then_some((Kind::OnePacket, wait))
    }

    fn sentinel_wait(&self, kind: Kind) -> Time {
        self.lives.lower(kind).mul_f64(timers::SENTINEL_PART)
    }

    /// Of which kind, and for how long. A one-packet binding is made at once; but where the two-way
    /// ones live much longer, they need fewer packets.
    fn sentinel_kind(&self) -> Option<(Kind, Time)> {
        let one = self.sentinel_wait(Kind::OnePacket);
        let two = self.sentinel_wait(Kind::TwoWay);
        let setup = timers::EXCHANGE_GAP * u32::from(timers::EXCHANGES);
        let chosen = if two > one * 3 && two > setup * 4 {
            (Kind::TwoWay, two)
        } else if one >= timers::SHORTEST_SENTINEL {
            (Kind::OnePacket, one)
        } else if two > setup * 2 {
            (Kind::TwoWay, two)
        } else {
            return None;
        };
        Some(chosen)
    }

    /// Whether a sentinel is under test that shows whether an end counts.
    pub(super) fn is_checking(&self) -> bool {
        self.check_wanted || self.is_sentinel_tested()
    }

    fn is_sentinel_tested(&self) -> bool {
        self.sentinels().any(|(_, b)| match b.stage {
            Stage::Testing { .. } => true,
            Stage::Waiting => b.test_at() <= self.now,
            _ => false,
        })
    }

    pub(super) fn note(&mut self, role: Role, life: Life) {
        match (role, life.found) {
            (Role::Wait, Found::Gone(_)) => self.check_wanted = true,
            (Role::Sentinel, Found::Gone(_)) => self.note_loss(life),
            (_, Found::Alive(_)) => {}
        }
    }

    /// Tests the oldest sentinel, as soon as there is another one to take its place.
    fn check(&mut self) {
        let mut waiting: Vec<(Time, usize)> = self
            .sentinels()
            .filter(|(_, b)| b.stage == Stage::Waiting)
            .map(|(index, b)| (b.proven, index))
            .collect();
        waiting.sort_unstable();
        match waiting.as_slice() {
            [] => {
                self.check_wanted = false;
                self.changes += 1;
            }
            [_] if self.sentinels().count() < SENTINELS => {
                if let Some((kind, wait)) = self.quick_sentinel().or_else(|| self.sentinel_kind()) {
                    self.begin_sentinel(kind, wait);
                }
            }
            [_] => {}
            [(_, oldest), ..] => {
                self.check_wanted = false;
                let now = self.now;
                let binding = &mut self.bindings[*oldest];
                binding.wait = now.saturating_sub(binding.quiet);
                self.changes += 1;
            }
        }
    }

    /// All bindings of that time may be lost: the measurement begins anew.
    fn note_loss(&mut self, life: Life) {
        self.check_wanted = false;
        self.lives.lose(life.from, self.now);
        if self.lives.losses() >= timers::MOST_RESTARTS {
            let detail = format!(
                "bindings that should have lived were gone, {} times: the NAT restarts, or drops bindings because it runs out of room",
                timers::MOST_RESTARTS
            );
            self.fail_pursuits(Reason::MappingChanged, &detail);
            return;
        }
        self.drop_all();
    }
}
