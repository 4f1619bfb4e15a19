//! The ICE agent behind the checks, as far as they can see it: it checks the pairs that it has,
//! nominates the first that answers, and selects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rtcdiag::proto::ice::checks::message::{self, Message, Request};
use rtcdiag::proto::ice::checks::{Credentials, Role};
use rtcdiag::proto::turn::credentials::Key;

const INTERVAL: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub struct Engine {
    username: String,
    key: Key,
    role: Role,
    tie_breaker: u64,
    pub pairs: Vec<usize>,
    pending: BTreeMap<[u8; 12], (usize, bool)>,
    succeeded: BTreeSet<usize>,
    requested: Vec<usize>,
    nominated: Option<usize>,
    pub selected: Option<usize>,
    pub next_tick: Option<Duration>,
}

impl Engine {
    pub fn new(local: &Credentials, remote: &Credentials, role: Role, rng: &mut StdRng) -> Self {
        Self {
            username: format!("{}:{}", remote.ufrag, local.ufrag),
            key: Key::short_term(&remote.password).expect("valid"),
            role,
            tie_breaker: rng.random(),
            pairs: Vec::new(),
            pending: BTreeMap::new(),
            succeeded: BTreeSet::new(),
            requested: Vec::new(),
            nominated: None,
            selected: None,
            next_tick: None,
        }
    }

    /// One more pair. Gives what is sent.
    pub fn add(&mut self, now: Duration, pair: usize, rng: &mut StdRng) -> Vec<(usize, Vec<u8>)> {
        if self.pairs.contains(&pair) {
            return Vec::new();
        }
        self.pairs.push(pair);
        self.next_tick.get_or_insert(now + INTERVAL);
        vec![self.request(pair, false, rng)]
    }

    pub fn tick(&mut self, now: Duration, rng: &mut StdRng) -> Vec<(usize, Vec<u8>)> {
        if self.selected.is_some() {
            self.next_tick = None;
            return Vec::new();
        }
        self.next_tick = Some(now + INTERVAL);
        match self.nominated {
            Some(pair) => vec![self.request(pair, true, rng)],
            None => {
                let pairs = self.pairs.clone();
                let requests = pairs.into_iter().map(|pair| self.request(pair, false, rng));
                requests.collect()
            }
        }
    }

    fn request(&mut self, pair: usize, nominate: bool, rng: &mut StdRng) -> (usize, Vec<u8>) {
        let id: [u8; 12] = rng.random();
        self.pending.insert(id, (pair, nominate));
        let request = Request {
            username: self.username.clone(),
            priority: 0x6eff_ffff,
            role: Some((self.role, self.tie_breaker)),
            use_candidate: nominate,
        };
        (pair, request.encode(id, &self.key).expect("fits"))
    }

    pub fn deliver(&mut self, pair: usize, bytes: &[u8]) {
        let id: [u8; 12] = bytes[8..20].try_into().expect("a STUN message");
        match message::decode(bytes) {
            Ok(Message::Success(_)) => {
                let Some((sent_by, nominating)) = self.pending.remove(&id) else {
                    return;
                };
                assert_eq!(sent_by, pair, "an answer by another pair");
                self.succeeded.insert(pair);
                if self.role == Role::Controlling {
                    if nominating {
                        self.selected.get_or_insert(pair);
                    } else {
                        self.nominated.get_or_insert(pair);
                    }
                }
            }
            Ok(Message::Request(request)) if request.use_candidate => self.requested.push(pair),
            _ => {}
        }
        if self.role == Role::Controlled {
            let ready = self.requested.iter().find(|p| self.succeeded.contains(p));
            if let (None, Some(pair)) = (self.selected, ready) {
                self.selected = Some(*pair);
            }
        }
    }
}
