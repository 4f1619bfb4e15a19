//! How external ports are assigned (RFC 4787 4.2), from fresh sockets that sent to one
//! destination at the same moment.

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::behavior::evidence::PortSeen;
use crate::proto::nat::behavior::words::PortAssignment;

/// Fewest samples that say anything.
const MIN_SAMPLES: usize = 5;

/// The largest gap between neighbouring ports that sequential assignment leaves when other hosts
/// take ports in between.
const MAX_SEQUENTIAL_GAP: u16 = 64;

/// Random ports of five sockets lie this far apart in all but one of 100,000 runs; ports of a
/// busy sequential NAT do not within a few milliseconds.
const MIN_RANDOM_SPAN: u32 = 4096;

/// Share of neighbouring gaps that must be the same for a step to be named, where the ports follow
/// the order of sending.
const STEP_MAJORITY: f64 = 0.6;

/// The same where they do not, because packets were reordered. Random ports of a block of twenty
/// look like this three times in a thousand.
const STEP_MAJORITY_UNORDERED: f64 = 0.9;

/// Share of pairs of ports in the order of sending that shows that this order counts.
const ORDERED_PAIRS: f64 = 0.85;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortFacts {
    pub preservation: Fact<bool>,
    pub assignment: Fact<PortAssignment>,
    /// The step of sequential assignment; negative where ports descend.
    pub step: Fact<i32>,
}

impl PortFacts {
    fn all<T>(fact: Fact<T>) -> Self {
        let fact = fact.map(|_| ());
        Self {
            preservation: fact.clone().map(|()| false),
            assignment: fact.clone().map(|()| PortAssignment::Random),
            step: fact.map(|()| 0),
        }
    }
}

/// The facts from `samples` in the order of sending. `earlier` is an external port that the same
/// destination saw before all of them: it tells ascending from descending.
pub fn port_facts(nat: &Fact<bool>, samples: &[PortSeen], earlier: Option<u16>) -> PortFacts {
    match nat {
        Fact::Determined(true) => {}
        Fact::Determined(false) => return PortFacts::all::<()>(Fact::not_tested(Reason::NoNat)),
        other => return PortFacts::all(other.clone()),
    }
    if samples.len() < MIN_SAMPLES {
        return PortFacts::all::<()>(Fact::inconclusive(
            Reason::TooFewSamples,
            format!(
                "{} fresh sockets got answers, but {MIN_SAMPLES} are needed",
                samples.len()
            ),
        ));
    }
    let preserved = samples.iter().filter(|s| s.local == s.external).count();
    if preserved * 2 >= samples.len() {
        return PortFacts {
            preservation: Fact::Determined(true),
            assignment: Fact::Determined(PortAssignment::Preserved),
            step: Fact::not_tested(Reason::NotApplicable),
        };
    }
    if preserved > 0 {
        return PortFacts::all::<()>(Fact::inconclusive(
            Reason::Contradiction,
            format!("{preserved} of {} sockets kept their port", samples.len()),
        ));
    }
    let (assignment, step) = pattern(samples, earlier);
    PortFacts {
        preservation: Fact::Determined(false),
        assignment,
        step,
    }
}

fn pattern(samples: &[PortSeen], earlier: Option<u16>) -> (Fact<PortAssignment>, Fact<i32>) {
    let ports: Vec<u16> = samples.iter().map(|s| s.external).collect();
    let ring = Ring::new(&ports);
    let step = ring.step(if ring.follows(&ports) {
        STEP_MAJORITY
    } else {
        STEP_MAJORITY_UNORDERED
    });
    let sequential = match ring.wide_gaps() {
        0 => step.is_some() || is_rotation_of_order(&ports),
        // The sequence may have gone from the last port of its range to the first.
        1 => step.is_some(),
        _ => false,
    };
    if sequential {
        return (
            Fact::Determined(PortAssignment::Sequential),
            signed_step(step, &ring, &ports, earlier),
        );
    }
    if ring.span >= MIN_RANDOM_SPAN && !is_rotation_of_order(&ports) {
        return (
            Fact::Determined(PortAssignment::Random),
            Fact::not_tested(Reason::NotApplicable),
        );
    }
    let why = "the ports lie close together, but in no order that could be told apart from other hosts' traffic";
    (
        Fact::inconclusive(Reason::OtherTraffic, why),
        Fact::inconclusive(Reason::OtherTraffic, why),
    )
}

fn signed_step(step: Option<u16>, ring: &Ring, ports: &[u16], earlier: Option<u16>) -> Fact<i32> {
    let Some(step) = step else {
        return Fact::inconclusive(
            Reason::OtherTraffic,
            "other traffic took ports in between, so the gaps differ",
        );
    };
    let ascending = match earlier.map(|port| ring.side_of(port)) {
        Some(Side::Before) => true,
        Some(Side::After) => false,
        Some(Side::Unclear) | None => match in_order(ports) {
            Some(ascending) => ascending,
            None => {
                return Fact::inconclusive(
                    Reason::Contradiction,
                    "packets were reordered, so ascending cannot be told from descending",
                );
            }
        },
    };
    let step = i32::from(step);
    Fact::Determined(if ascending { step } else { -step })
}

enum Side {
    Before,
    After,
    Unclear,
}

/// Ports as points on the ring 0..65536, cut open at the widest gap, since a sequence may wrap.
struct Ring {
    sorted: Vec<u16>,
    /// Between neighbours, the widest left out.
    gaps: Vec<u16>,
    span: u32,
}

impl Ring {
    fn new(ports: &[u16]) -> Self {
        let mut sorted = ports.to_vec();
        sorted.sort_unstable();
        let n = sorted.len();
        let gap_after = |i: usize| sorted[(i + 1) % n].wrapping_sub(sorted[i]);
        let widest = (0..n)
            .max_by_key(|&i| gap_after(i))
            .expect("there are samples");
        let gaps: Vec<u16> = (1..n).map(|k| gap_after((widest + k) % n)).collect();
        let span = gaps.iter().map(|g| u32::from(*g)).sum();
        sorted.rotate_left((widest + 1) % n);
        Self { sorted, gaps, span }
    }

    fn narrow_gaps(&self) -> impl Iterator<Item = u16> + '_ {
        self.gaps
            .iter()
            .copied()
            .filter(|gap| *gap <= MAX_SEQUENTIAL_GAP)
    }

    fn wide_gaps(&self) -> usize {
        self.gaps.len() - self.narrow_gaps().count()
    }

    /// The gap that most neighbours have, if the other narrow ones are multiples of it.
    fn step(&self, majority: f64) -> Option<u16> {
        let count = |gap: u16| self.narrow_gaps().filter(|g| *g == gap).count();
        let step = self
            .narrow_gaps()
            .filter(|g| *g > 0)
            .max_by_key(|g| (count(*g), u16::MAX - *g))?;
        #[expect(clippy::cast_precision_loss, reason = "a dozen samples")]
        let share = count(step) as f64 / self.gaps.len() as f64;
        let multiples = self.narrow_gaps().all(|g| g % step == 0);
        (share >= majority && multiples).then_some(step)
    }

    /// Whether the ports, in the order of sending, mostly rise or mostly fall along the ring.
    fn follows(&self, ports: &[u16]) -> bool {
        let first = *self.sorted.first().expect("there are samples");
        let along: Vec<u16> = ports.iter().map(|p| p.wrapping_sub(first)).collect();
        let pairs = || {
            along
                .iter()
                .enumerate()
                .flat_map(|(i, a)| along[i + 1..].iter().map(move |b| (a, b)))
        };
        let rising = pairs().filter(|(a, b)| a < b).count();
        #[expect(clippy::cast_precision_loss, reason = "a dozen samples")]
        let share = rising as f64 / pairs().count().max(1) as f64;
        share >= ORDERED_PAIRS || share <= 1.0 - ORDERED_PAIRS
    }

    fn side_of(&self, port: u16) -> Side {
        let first = *self.sorted.first().expect("there are samples");
        let last = *self.sorted.last().expect("there are samples");
        let (below, above) = (first.wrapping_sub(port), port.wrapping_sub(last));
        let near = |gap: u16| gap > 0 && gap <= 4 * MAX_SEQUENTIAL_GAP;
        match (near(below), near(above)) {
            (true, false) => Side::Before,
            (false, true) => Side::After,
            _ => Side::Unclear,
        }
    }
}

/// Whether the ports rise or fall all the way, once the ring is cut open somewhere.
fn is_rotation_of_order(ports: &[u16]) -> bool {
    (0..ports.len()).any(|cut| {
        let mut turned = ports.to_vec();
        turned.rotate_left(cut);
        in_order(&turned).is_some()
    })
}

/// `Some(true)` for rising, `Some(false)` for falling, `None` for neither.
fn in_order(ports: &[u16]) -> Option<bool> {
    if ports.windows(2).all(|w| w[0] < w[1]) {
        Some(true)
    } else if ports.windows(2).all(|w| w[0] > w[1]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAT: Fact<bool> = Fact::Determined(true);

    fn facts(external: &[u16], earlier: Option<u16>) -> PortFacts {
        let samples: Vec<PortSeen> = external
            .iter()
            .zip(1000..)
            .map(|(&external, local)| PortSeen { local, external })
            .collect();
        port_facts(&NAT, &samples, earlier)
    }

    #[test]
    fn equal_steps_are_sequential_also_when_packets_were_reordered() {
        let facts = facts(&[5004, 5000, 5002, 5008, 5006, 5010], Some(4998));
        assert_eq!(
            facts.assignment,
            Fact::Determined(PortAssignment::Sequential)
        );
        assert_eq!(facts.step, Fact::Determined(2));
    }

    #[test]
    fn a_sequence_may_wrap_and_may_descend() {
        let wrapped = facts(&[65533, 65534, 65535, 1024, 1025, 1026], Some(65532));
        assert_eq!(wrapped.step, Fact::Determined(1));
        let falling = facts(&[900, 897, 894, 891, 888], None);
        assert_eq!(falling.step, Fact::Determined(-3));
    }

    #[test]
    fn other_traffic_leaves_it_sequential_without_a_step() {
        let facts = facts(&[5000, 5003, 5004, 5011, 5012, 5031], None);
        assert_eq!(
            facts.assignment,
            Fact::Determined(PortAssignment::Sequential)
        );
        assert!(matches!(
            facts.step,
            Fact::Inconclusive {
                reason: Reason::OtherTraffic,
                ..
            }
        ));
    }

    #[test]
    fn scattered_ports_are_random_and_a_small_block_is_not_called_sequential() {
        let random = facts(&[50211, 1033, 40100, 20333, 61000, 9000], None);
        assert_eq!(random.assignment, Fact::Determined(PortAssignment::Random));
        let block = facts(&[5040, 5003, 5090, 5011, 5070, 5031], None);
        assert!(!block.assignment.is_determined());
    }

    #[test]
    fn a_busy_sequential_nat_is_not_called_random() {
        let facts = facts(&[5000, 5900, 7100, 9900, 11000, 14000], None);
        assert!(!facts.assignment.is_determined());
    }

    #[test]
    fn four_samples_say_nothing() {
        assert!(!facts(&[1, 2, 3, 4], None).assignment.is_determined());
    }
}
