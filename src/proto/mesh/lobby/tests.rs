//! Meshes in virtual time: a place that delays, loses and repeats, sessions that take their time, members who
//! come and go.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::base::codes::Code;
use crate::proto::ice::causes::Whose;
use crate::proto::mesh::beat::{Outcome, Said, Stage};
use crate::proto::mesh::matrix::{Edge, Matrix};

const DELAY: Duration = Duration::from_millis(20);
const SESSION: Duration = Duration::from_secs(1);
/// When a session ends in which nobody else comes.
const LIMIT: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(5);

struct Host {
    lobby: Lobby,
    comes_at: Time,
    /// Until then; without a word if so.
    dies_at: Option<Time>,
    left_at: Option<Time>,
    /// With whom, which attempt, and since when.
    sessions: BTreeMap<(Name, u32), Time>,
    most_sessions: usize,
}

struct World {
    now: Time,
    hosts: BTreeMap<Name, Host>,
    /// When, to whom, from whom, number, text.
    flying: Vec<(Time, Name, Name, u64, Vec<u8>)>,
    rng: StdRng,
    /// In percent.
    loss: u32,
    repeats: u32,
    /// How often sessions end without a result at the first attempt.
    fails_first: bool,
    sessions: BTreeMap<(Name, Name), u32>,
}

fn name(number: usize) -> Name {
    // Not in the order in which they come.
    let number = u8::try_from(number * 37 % 251).expect("few");
    Name([number; 16])
}

fn report(outcome: Outcome) -> Report {
    Report {
        outcome,
        is_sound: true,
        rtt_us: Some(1500),
        causes: Vec::new(),
    }
}

impl World {
    fn new(count: usize, hosts: Option<usize>) -> Self {
        let host = |number: usize| {
            let settings = Settings {
                own: name(number),
                name: format!("host{number}"),
                software: "rtcdiag/0".to_owned(),
                hosts,
            };
            let host = Host {
                lobby: Lobby::new(settings),
                comes_at: Time::ZERO,
                dies_at: None,
                left_at: None,
                sessions: BTreeMap::new(),
                most_sessions: 0,
            };
            (name(number), host)
        };
        Self {
            now: Time::ZERO,
            hosts: (0..count).map(host).collect(),
            flying: Vec::new(),
            rng: StdRng::seed_from_u64(7),
            loss: 0,
            repeats: 0,
            fails_first: false,
            sessions: BTreeMap::new(),
        }
    }

    fn host(&mut self, number: usize) -> &mut Host {
        self.hosts.get_mut(&name(number)).expect("it is there")
    }

    fn is_here(&self, name: Name) -> bool {
        let host = &self.hosts[&name];
        host.comes_at <= self.now
            && host.left_at.is_none()
            && host.dies_at.is_none_or(|at| self.now < at)
    }

    fn say(&mut self, from: Name, number: u64, text: &[u8]) {
        let all: Vec<Name> = self
            .hosts
            .keys()
            .copied()
            .filter(|to| *to != from)
            .collect();
        for to in all {
            let copies = if self.rng.random_range(0..100) < self.loss {
                0
            } else if self.rng.random_range(0..100) < self.repeats {
                3
            } else {
                1
            };
            for _ in 0..copies {
                let delay = DELAY + Duration::from_millis(self.rng.random_range(0..10));
                self.flying
                    .push((self.now + delay, to, from, number, text.to_vec()));
            }
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.flying)
            .into_iter()
            .partition(|f| f.0 <= self.now);
        self.flying = later;
        for (_, to, from, number, text) in due {
            if self.is_here(to) {
                let now = self.now;
                let host = self.hosts.get_mut(&to).expect("it is there");
                host.lobby
                    .handle_beat(now, from, number, &text)
                    .expect("it can be read");
            }
        }
        self.end_sessions();
        let all: Vec<Name> = self.hosts.keys().copied().collect();
        for own in all {
            if self.is_here(own) {
                self.act(own);
            }
        }
    }

    /// Sessions end some time after both sides have begun.
    fn end_sessions(&mut self) {
        let mut ended = Vec::new();
        for (own, host) in &self.hosts {
            for ((with, attempt), since) in &host.sessions {
                let theirs = self.hosts[with].sessions.get(&(*own, *attempt));
                let theirs = theirs.filter(|_| self.is_here(*with));
                let outcome = match theirs {
                    Some(other) if self.now >= *since.max(other) + SESSION => {
                        let is_bad = self.fails_first && *attempt == 1;
                        if is_bad {
                            Outcome::Undecided
                        } else {
                            Outcome::Direct
                        }
                    }
                    _ if self.now >= *since + LIMIT => Outcome::Undecided,
                    _ => continue,
                };
                ended.push((*own, *with, *attempt, outcome));
            }
        }
        for (own, with, attempt, outcome) in ended {
            if !self.is_here(own) {
                continue;
            }
            let now = self.now;
            let host = self.hosts.get_mut(&own).expect("it is there");
            host.sessions.remove(&(with, attempt));
            host.lobby.handle_report(now, with, report(outcome));
        }
    }

    fn act(&mut self, own: Name) {
        let now = self.now;
        let host = self.hosts.get_mut(&own).expect("it is there");
        host.lobby.handle_timeout(now);
        while let Some(Start { with, attempt }) = host.lobby.poll_start() {
            host.sessions.insert((with, attempt), now);
            host.most_sessions = host.most_sessions.max(host.sessions.len());
            *self.sessions.entry((own, with)).or_default() += 1;
        }
        while let Some(with) = host.lobby.poll_orphan() {
            host.sessions.retain(|(name, _), _| *name != with);
            host.lobby
                .handle_report(now, with, report(Outcome::Undecided));
        }
        if let Some((number, text, _)) = host.lobby.poll_beat(now) {
            self.say(own, number, &text);
        }
        let host = self.hosts.get_mut(&own).expect("it is there");
        if host.lobby.is_over(now) {
            let (number, text) = host.lobby.leave(now);
            host.left_at = Some(now);
            self.say(own, number, &text);
        }
    }

    /// Until all who live have left; then checks that each knows all.
    #[track_caller]
    fn run(&mut self, limit: u64) -> Time {
        while self.hosts.keys().any(|name| {
            let host = &self.hosts[name];
            host.left_at.is_none() && host.dies_at.is_none()
        }) {
            self.step();
            assert!(self.now < Time::from_secs(limit), "it does not end");
        }
        let most = self.hosts.values().map(|host| host.most_sessions).max();
        assert!(most <= Some(bounds::MESH_SESSIONS), "{most:?} sessions");
        self.now
    }

    fn matrix(&self, number: usize) -> Matrix {
        Matrix::new(&self.hosts[&name(number)].lobby)
    }
}

fn outcomes(matrix: &Matrix) -> BTreeMap<Outcome, usize> {
    let mut counts = BTreeMap::new();
    for edge in &matrix.edges {
        *counts.entry(edge.outcome).or_default() += 1;
    }
    counts
}

#[test]
fn three_hosts_know_all_ways() {
    let mut world = World::new(3, Some(3));
    let end = world.run(10);
    assert!(end < Time::from_millis(1600), "{end:?}");
    for number in 0..3 {
        let matrix = world.matrix(number);
        assert_eq!(outcomes(&matrix), [(Outcome::Direct, 3)].into());
        assert_eq!(matrix.hosts.len(), 3);
        let own = matrix.hosts.iter().filter(|host| host.is_own);
        assert_eq!(own.count(), 1);
        assert!(matrix.edges.iter().all(Edge::is_connected));
    }
    assert_eq!(world.matrix(0).edges, world.matrix(2).edges);
}

#[test]
fn without_a_number_it_ends_some_seconds_after_the_last_has_come() {
    let mut world = World::new(3, None);
    world.host(2).comes_at = Time::from_secs(3);
    let end = world.run(20);
    let expected = Time::from_secs(4) + SETTLE;
    assert!(
        end > expected && end < expected + Duration::from_secs(1),
        "{end:?}"
    );
    assert_eq!(outcomes(&world.matrix(0)), [(Outcome::Direct, 3)].into());
}

/// 190 ways, 40 at a time: five rounds are the least.
#[test]
fn twenty_hosts_are_done_in_six_rounds_of_sessions() {
    let mut world = World::new(20, Some(20));
    let end = world.run(60);
    assert!(end < SESSION * 7, "{end:?}");
    for number in 0..20 {
        assert_eq!(
            outcomes(&world.matrix(number)),
            [(Outcome::Direct, 190)].into()
        );
    }
    assert!(world.sessions.values().all(|times| *times == 1));
}

#[test]
fn loss_and_repetition_cost_time_and_nothing_else() {
    for seed in 0..4 {
        let mut world = World::new(9, Some(9));
        world.rng = StdRng::seed_from_u64(seed);
        (world.loss, world.repeats) = (25, 25);
        world.run(120);
        for number in 0..9 {
            let matrix = world.matrix(number);
            assert_eq!(outcomes(&matrix), [(Outcome::Direct, 36)].into(), "{seed}");
        }
    }
}

#[test]
fn who_dies_without_a_word_holds_up_nobody_for_ever() {
    let mut world = World::new(5, None);
    world.host(1).dies_at = Some(Time::from_millis(500));
    let end = world.run(60);
    assert!(end < Time::from_secs(20), "{end:?}");
    let matrix = world.matrix(0);
    assert_eq!(
        outcomes(&matrix),
        [(Outcome::Direct, 6), (Outcome::Undecided, 4)].into()
    );
    let gone = matrix
        .hosts
        .iter()
        .find(|h| h.presence == Presence::Vanished);
    assert_eq!(gone.map(|host| &*host.label), Some("host1"));
}

#[test]
fn who_leaves_early_leaves_its_results_behind() {
    let mut world = World::new(4, None);
    while world.now < Time::from_millis(1500) {
        world.step();
    }
    let now = world.now;
    let (number, text) = world.host(2).lobby.leave(now);
    world.host(2).left_at = Some(now);
    world.say(name(2), number, &text);
    world.run(30);
    let matrix = world.matrix(0);
    assert_eq!(outcomes(&matrix), [(Outcome::Direct, 6)].into());
    let left = matrix.hosts.iter().find(|h| h.presence == Presence::Left);
    assert_eq!(left.map(|host| &*host.label), Some("host2"));
}

#[test]
fn a_session_without_a_result_is_tried_once_more() {
    let mut world = World::new(4, Some(4));
    world.fails_first = true;
    world.run(30);
    for number in 0..4 {
        assert_eq!(
            outcomes(&world.matrix(number)),
            [(Outcome::Direct, 6)].into()
        );
    }
    assert!(
        world.sessions.values().all(|times| *times == 2),
        "{:?}",
        world.sessions
    );
}

/// What was recorded in an earlier run with the same code names nobody of this one.
#[test]
fn a_recorded_member_is_none() {
    let mut world = World::new(3, Some(3));
    let mut recorded = Vec::new();
    while world.hosts.values().any(|host| host.left_at.is_none()) {
        world.step();
        recorded.extend(world.flying.iter().cloned());
    }
    let own = Name([255; 16]);
    let mut lobby = Lobby::new(Settings {
        own,
        name: "late".to_owned(),
        software: "rtcdiag/0".to_owned(),
        hosts: None,
    });
    for (_, _, from, number, text) in recorded {
        lobby
            .handle_beat(Time::ZERO, from, number, &text)
            .expect("it can be read");
    }
    assert_eq!(lobby.came(), 1);
    assert_eq!(lobby.poll_start(), None);
    assert_eq!(Matrix::new(&lobby).hosts.len(), 1);
    lobby.handle_timeout(Time::from_secs(60));
    assert!(!lobby.is_over(Time::from_secs(60)));
}

#[test]
fn a_flood_of_members_has_an_end() {
    let mut lobby = Lobby::new(Settings {
        own: Name([0; 16]),
        name: "one".to_owned(),
        software: "rtcdiag/0".to_owned(),
        hosts: None,
    });
    let beat = Beat {
        version: beat::VERSION,
        name: "flood".to_owned(),
        software: "x".to_owned(),
        free: 9,
        is_done: false,
        is_leaving: false,
        row: vec![Entry {
            with: Name([0; 16]),
            stage: Stage::Offered,
            attempt: 1,
            report: None,
        }],
    };
    let text = beat.encode();
    for number in 1..=1000_u16 {
        let mut from = [9; 16];
        from[..2].copy_from_slice(&number.to_be_bytes());
        lobby
            .handle_beat(Time::ZERO, Name(from), 1, &text)
            .expect("it can be read");
    }
    assert_eq!(lobby.came(), bounds::MESH_MEMBERS);
    assert!(lobby.left_out() > 0 && lobby.left_out() <= bounds::MESH_MEMBERS);
    let starts = std::iter::from_fn(|| lobby.poll_start()).count();
    assert!(starts <= bounds::MESH_SESSIONS, "{starts}");
    let (_, said, _) = lobby.poll_beat(Time::from_secs(1)).expect("it is time");
    assert!(said.len() <= bounds::BEAT);
    let matrix = Matrix::new(&lobby);
    assert_eq!(matrix.hosts.len(), bounds::MESH_MEMBERS);
    // Those of one name are told apart.
    let labels: BTreeSet<&str> = matrix.hosts.iter().map(|h| &*h.label).collect();
    assert_eq!(labels.len(), bounds::MESH_MEMBERS);
}

#[test]
fn two_who_differ_are_shown_to_differ_and_causes_have_names() {
    let mut world = World::new(2, Some(2));
    world.run(10);
    let mut lobby = Lobby::new(Settings {
        own: Name([0; 16]),
        name: "web".to_owned(),
        software: "rtcdiag/0".to_owned(),
        hosts: None,
    });
    let said = Said {
        code: Code::UdpBlocked,
        side: Whose::Local,
        message: "UDP is blocked on this side".to_owned(),
    };
    let failed = Report {
        causes: vec![said],
        rtt_us: None,
        ..report(Outcome::Failed)
    };
    let beat = Beat {
        version: beat::VERSION,
        name: "db".to_owned(),
        software: "x".to_owned(),
        free: 4,
        is_done: false,
        is_leaving: false,
        row: vec![Entry {
            with: Name([0; 16]),
            stage: Stage::Done,
            attempt: 1,
            report: Some(failed),
        }],
    };
    let other = Name([1; 16]);
    lobby
        .handle_beat(Time::ZERO, other, 1, &beat.encode())
        .expect("it can be read");
    lobby.handle_report(Time::ZERO, other, report(Outcome::Direct));
    let matrix = Matrix::new(&lobby);
    let edge = &matrix.edges[0];
    assert!(edge.is_disputed && !edge.is_connected(), "{edge:?}");
    assert_eq!(edge.outcome, Outcome::Failed);
    assert_eq!(edge.causes[0].message, "UDP is blocked on db");
    // "db" stands before "web".
    assert_eq!(edge.causes[0].side, Whose::Local);
}
