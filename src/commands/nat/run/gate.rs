//! Keeps paths of one host apart that are tested at the same time: none visits a server's other
//! address while another one still tests filtering with it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::base::family::Family;
use crate::net::drive::discovery::Addition;
use crate::proto::nat::behavior::{Discovery, FilteringProgress};

/// How long a path waits for slower ones. Filtering is seen within a second of the first answer; who
/// needs longer than this is told of the visit, and says that filtering could not be tested.
const HOLD_AT_MOST: Duration = Duration::from_millis(1500);

/// Where the paths of a host know of each other; one path alone waits for nobody.
#[derive(Clone, Default)]
pub struct Gate(Option<Arc<Mutex<Members>>>);

#[derive(Default)]
struct Members {
    joined: usize,
    all: Vec<Member>,
}

struct Member {
    number: usize,
    family: Family,
    filtered: usize,
    is_over: bool,
    /// The address that is waited for, and since when.
    waiting: Option<(IpAddr, Duration)>,
    machine: mpsc::UnboundedSender<Addition>,
}

/// A path's place; given up when it is dropped.
pub struct Ticket {
    number: usize,
    members: Arc<Mutex<Members>>,
}

impl Gate {
    pub fn shared() -> Self {
        Self(Some(Arc::default()))
    }

    /// A path begins; `machine` is told when it may go on. `None` if it need not ask.
    pub fn join(
        &self,
        family: Family,
        machine: &mpsc::UnboundedSender<Addition>,
    ) -> Option<Ticket> {
        let members = Arc::clone(self.0.as_ref()?);
        let mut inner = lock(&members);
        inner.joined += 1;
        let number = inner.joined;
        inner.all.push(Member {
            number,
            family,
            filtered: 0,
            is_over: false,
            waiting: None,
            machine: machine.clone(),
        });
        drop(inner);
        Some(Ticket { number, members })
    }
}

impl Ticket {
    pub fn update(&self, discovery: &Discovery, now: Duration) {
        self.report(discovery.filtering_progress(), now);
    }

    fn report(&self, progress: FilteringProgress, now: Duration) {
        let mut members = lock(&self.members);
        if let Some(own) = members.all.iter_mut().find(|m| m.number == self.number) {
            own.filtered = progress.filtered;
            own.is_over = progress.is_over;
            own.waiting = progress.waits_for.map(|address| match own.waiting {
                Some((before, since)) if before == address => (address, since),
                _ => (address, now),
            });
        }
        members.release(now);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.members).all.retain(|m| m.number != self.number);
    }
}

impl Members {
    fn release(&mut self, now: Duration) {
        for member in &self.all {
            let Some((address, since)) = member.waiting else {
                continue;
            };
            let behind = || {
                self.all
                    .iter()
                    .filter(|m| m.family == member.family && m.filtered < member.filtered)
            };
            if behind().any(|m| !m.is_over) && now < since + HOLD_AT_MOST {
                continue;
            }
            // Also to those that expect no trial: a server may answer them later than usual. A path
            // that has ended needs to know nothing.
            for late in behind() {
                let _ = late.machine.send(Addition::Visit(address));
            }
            let _ = member.machine.send(Addition::Release(member.filtered));
        }
    }
}

fn lock(members: &Mutex<Members>) -> MutexGuard<'_, Members> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALTERNATE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 11));

    fn progress(filtered: usize, waits: bool) -> FilteringProgress {
        FilteringProgress {
            filtered,
            is_over: false,
            waits_for: waits.then_some(ALTERNATE),
        }
    }

    fn two() -> ([Ticket; 2], [mpsc::UnboundedReceiver<Addition>; 2], Gate) {
        let gate = Gate::shared();
        let (a, from_a) = mpsc::unbounded_channel();
        let (b, from_b) = mpsc::unbounded_channel();
        let join = |machine| gate.join(Family::Ipv4, machine).expect("it is shared");
        ([join(&a), join(&b)], [from_a, from_b], gate)
    }

    #[test]
    fn the_faster_path_waits_for_the_slower_one() {
        let ([a, b], [mut from_a, mut from_b], _gate) = two();
        a.report(progress(1, true), Duration::ZERO);
        assert!(from_a.try_recv().is_err(), "b has not seen filtering");
        b.report(progress(1, true), Duration::from_millis(300));
        assert!(matches!(from_a.try_recv(), Ok(Addition::Release(1))));
        assert!(matches!(from_b.try_recv(), Ok(Addition::Release(1))));
    }

    #[test]
    fn a_path_that_ends_or_never_tests_filtering_holds_nobody() {
        let ([a, b], [mut from_a, _from_b], gate) = two();
        let (c, _from_c) = mpsc::unbounded_channel();
        let c = gate.join(Family::Ipv6, &c);
        a.report(progress(1, true), Duration::ZERO);
        drop(b);
        assert!(from_a.try_recv().is_err(), "nothing was said since");
        a.report(progress(1, true), Duration::from_millis(80));
        // That of the other family has its own servers' addresses.
        assert!(matches!(from_a.try_recv(), Ok(Addition::Release(1))));
        drop(c);
    }

    #[test]
    fn a_path_that_takes_too_long_learns_of_the_visit() {
        let ([a, b], [mut from_a, mut from_b], _gate) = two();
        a.report(progress(1, true), Duration::ZERO);
        b.report(progress(0, false), HOLD_AT_MOST / 2);
        assert!(from_a.try_recv().is_err());
        a.report(progress(1, true), HOLD_AT_MOST);
        assert!(matches!(from_a.try_recv(), Ok(Addition::Release(1))));
        assert!(matches!(from_b.try_recv(), Ok(Addition::Visit(ALTERNATE))));
    }

    #[test]
    fn one_path_alone_waits_for_nobody() {
        let (machine, _) = mpsc::unbounded_channel();
        assert!(Gate::default().join(Family::Ipv4, &machine).is_none());
    }
}
