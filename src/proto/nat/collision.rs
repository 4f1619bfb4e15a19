//! Whether an endpoint-independent mapping stays so when another host behind the same NAT holds the
//! port (RFC 4787 4.2.1), without I/O, clock or randomness.
//!
//! The other host is this one with a second local address. In each of several rounds, all at the
//! same time and each with a port of its own, it makes a mapping and is seen to have got the port.
//! Then the path's own address asks several destinations from the same port, as RFC 5780 4.3 has
//! it. At the end the holder asks again: was the port held all the time?

pub mod rules;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::base::fact::{Fact, Reason};
use crate::base::report::Millis;
use crate::proto::machine::{Flow, Machine, SendError, Transmit};
use crate::proto::nat::Time;
use crate::proto::nat::behavior::probe::Test;
use crate::proto::nat::behavior::{Observation, letter};
use crate::proto::nat::timers;
use crate::proto::stun::message::{self, Change, TransactionId};

pub use rules::{CollisionFacts, RoundSeen, SETUPS, Setup, Sighting, facts};

/// How often each setup is tried, so that chance shows.
const ROUNDS_PER_SETUP: usize = 2;

/// How many rounds there are. [`Collision`] wants two sockets for each.
pub const ROUNDS: usize = SETUPS.len() * ROUNDS_PER_SETUP;

/// The local addresses of one round, both with the same port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// On the second local address.
    pub holder: SocketAddr,
    /// On the path's own address.
    pub second: SocketAddr,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub test: Test,
    /// Which socket: twice the round for the holder, one more for the second host.
    pub socket: usize,
    pub destination: SocketAddr,
    pub reflexive: Option<SocketAddr>,
    /// From the transmission that was answered to its answer.
    pub rtt: Option<Time>,
    pub transmissions: usize,
    step: Step,
    next: Option<Time>,
    ended: bool,
}

/// What is done one after the other, in all rounds at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The holder makes its mapping.
    Hold,
    /// The second host asks its first destination.
    Begin,
    /// And the others.
    Go,
    /// The holder asks again.
    Control,
}

/// The machine of one path.
#[derive(Debug)]
pub struct Collision {
    pairs: Vec<Pair>,
    destinations: Vec<SocketAddr>,
    external: IpAddr,
    slowest: Time,
    rng: StdRng,
    questions: Vec<Question>,
    sent: BTreeMap<TransactionId, (usize, Time)>,
    outbox: VecDeque<Transmit<Flow>>,
    step: Option<Step>,
    stopped: Option<Reason>,
}

impl Collision {
    /// A machine for [`ROUNDS`] pairs of sockets. `destinations` are server addresses that answer:
    /// the port is held towards the first, and the others are of another IP address. `external` is
    /// the path's external address, `slowest` the longest round trip seen, `seed` the source of
    /// transaction IDs.
    ///
    /// # Panics
    ///
    /// If the number of pairs is not [`ROUNDS`], or there are fewer than two destinations.
    pub fn new(
        pairs: &[Pair],
        destinations: &[SocketAddr],
        external: IpAddr,
        slowest: Time,
        seed: u64,
        now: Time,
    ) -> Self {
        assert_eq!(pairs.len(), ROUNDS, "one pair for each round");
        assert!(destinations.len() >= 2, "one destination to hold, one more");
        let mut machine = Self {
            pairs: pairs.to_vec(),
            destinations: destinations.to_vec(),
            external,
            slowest,
            rng: StdRng::seed_from_u64(seed),
            questions: Vec::new(),
            sent: BTreeMap::new(),
            outbox: VecDeque::new(),
            step: Some(Step::Hold),
            stopped: None,
        };
        machine.begin(Step::Hold, now);
        machine
    }

    /// Ends the work early; what is not known by now is inconclusive for `reason`.
    pub fn stop(&mut self, reason: Reason) {
        if !self.is_finished() {
            self.stopped = Some(reason);
            self.finish();
        }
    }

    /// What is known; valid once it is finished.
    pub fn facts(&self) -> CollisionFacts {
        if let Some(reason) = self.stopped {
            let fact = Fact::inconclusive(reason, "the run ended before the answer was there");
            return CollisionFacts::all(&fact);
        }
        let rounds: Vec<RoundSeen> = (0..self.pairs.len()).map(|r| self.round(r)).collect();
        facts(&rounds, self.external)
    }

    /// Every question, in the order of their start.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Those that were sent. Their sockets have two letters: the single ones are those of
    /// [`crate::proto::nat::behavior::Discovery`].
    pub fn observations(&self) -> impl Iterator<Item = Observation> {
        let sent = self.questions.iter().filter(|q| q.transmissions > 0);
        sent.map(|question| Observation {
            test: question.test,
            interface: None,
            socket: format!("z{}", letter(question.socket)),
            sent_to: question.destination,
            answered_from: question.reflexive.map(|_| question.destination),
            reflexive_address: question.reflexive,
            rtt_ms: question.rtt.map(Millis),
            transmissions: question.transmissions,
        })
    }

    fn take(&mut self, now: Time, flow: Flow, bytes: &[u8]) {
        let sent = message::transaction_id(bytes).and_then(|id| self.sent.get(&id));
        let Some(&(index, at)) = sent else {
            return;
        };
        let question = &mut self.questions[index];
        // Where two hosts share an external port, the answer of one may come to the other.
        let is_of_round = flow.socket / 2 == question.socket / 2;
        if question.ended || flow.remote != question.destination || !is_of_round {
            return;
        }
        let Ok(response) = message::decode_binding_response(bytes) else {
            return;
        };
        let Some(reflexive) = response.outcome.ok().and_then(|s| s.reflexive()) else {
            return;
        };
        question.reflexive = Some(reflexive);
        question.rtt = Some(now.saturating_sub(at));
        question.ended = true;
    }

    /// Begins the next step when the present one is settled.
    fn proceed(&mut self, now: Time) {
        while let Some(step) = self.step {
            if self.questions.iter().any(|q| !q.ended) {
                return;
            }
            let next = match step {
                Step::Hold => Step::Begin,
                Step::Begin => Step::Go,
                Step::Go => Step::Control,
                Step::Control => return self.finish(),
            };
            self.step = Some(next);
            self.begin(next, now);
        }
    }

    fn begin(&mut self, step: Step, now: Time) {
        for round in 0..self.pairs.len() {
            // Where nothing collides, nothing is to be seen.
            if step != Step::Hold && !rules::is_held(&self.round(round)) {
                continue;
            }
            let (test, socket) = match step {
                Step::Hold | Step::Control => (Test::CollisionHolder, 2 * round),
                Step::Begin | Step::Go => (Test::Collision, 2 * round + 1),
            };
            for destination in self.destinations_of(step, setup(round)) {
                self.questions.push(Question {
                    test,
                    socket,
                    destination,
                    reflexive: None,
                    rtt: None,
                    transmissions: 0,
                    step,
                    next: None,
                    ended: false,
                });
                self.transmit(self.questions.len() - 1, now);
            }
        }
    }

    fn destinations_of(&self, step: Step, setup: Setup) -> Vec<SocketAddr> {
        let held = &self.destinations[..1];
        let rest = &self.destinations[1..];
        let order = match setup {
            Setup::HeldLast => [rest, held].concat(),
            Setup::HeldFirst | Setup::AllHeld => self.destinations.clone(),
        };
        match step {
            Step::Hold if setup == Setup::AllHeld => self.destinations.clone(),
            Step::Hold | Step::Control => held.to_vec(),
            Step::Begin => order[..1].to_vec(),
            Step::Go => order[1..].to_vec(),
        }
    }

    fn transmit(&mut self, index: usize, now: Time) {
        let id: TransactionId = self.rng.random();
        let question = &mut self.questions[index];
        question.transmissions += 1;
        let wait = if question.transmissions < timers::COLLISION_TRIES {
            timers::expected_gap(self.slowest)
        } else {
            timers::patience(self.slowest)
        };
        question.next = Some(now + wait);
        self.sent.insert(id, (index, now));
        self.outbox.push_back(Transmit {
            flow: Flow {
                socket: question.socket,
                remote: question.destination,
            },
            payload: message::binding_request(id, Change::None),
        });
    }

    fn finish(&mut self) {
        self.step = None;
        self.outbox.clear();
    }

    fn round(&self, round: usize) -> RoundSeen {
        let of = |steps: &[Step]| -> Vec<Sighting> {
            self.questions
                .iter()
                .filter(|q| q.socket / 2 == round && steps.contains(&q.step))
                .map(|q| Sighting {
                    destination: q.destination,
                    reflexive: q.reflexive,
                })
                .collect()
        };
        RoundSeen {
            setup: setup(round),
            holder: self.pairs[round].holder,
            held: of(&[Step::Hold]),
            second: of(&[Step::Begin, Step::Go]),
            after: of(&[Step::Control]).first().and_then(|s| s.reflexive),
        }
    }
}

impl Machine for Collision {
    type Flow = Flow;
    type Error = SendError;

    fn poll_transmit(&mut self) -> Option<Transmit<Flow>> {
        self.outbox.pop_front()
    }

    fn handle_input(&mut self, now: Time, flow: Flow, bytes: &[u8]) {
        self.take(now, flow, bytes);
        self.proceed(now);
    }

    fn handle_error(&mut self, now: Time, flow: Flow, error: SendError) {
        // A full buffer or a passing ICMP error is one lost packet.
        if matches!(error, SendError::Unreachable | SendError::Forbidden) {
            let open = |q: &&mut Question| {
                !q.ended && q.socket == flow.socket && q.destination == flow.remote
            };
            if let Some(question) = self.questions.iter_mut().find(open) {
                question.ended = true;
            }
        }
        self.proceed(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.step?;
        let open = self.questions.iter().filter(|q| !q.ended);
        open.filter_map(|q| q.next).min()
    }

    fn handle_timeout(&mut self, now: Time) {
        for index in 0..self.questions.len() {
            let question = &self.questions[index];
            if question.ended || question.next.is_none_or(|next| next > now) {
                continue;
            }
            if question.transmissions < timers::COLLISION_TRIES {
                self.transmit(index, now);
            } else {
                self.questions[index].ended = true;
            }
        }
        self.proceed(now);
    }

    fn is_finished(&self) -> bool {
        self.step.is_none()
    }
}

const fn setup(round: usize) -> Setup {
    SETUPS[round % SETUPS.len()]
}
