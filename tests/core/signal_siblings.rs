//! Several processes with one set of rooms: from outside it is as if there were one.

mod hostile;
mod world;

use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::rooms::{Connection, RoomName};
use rtcdiag::proto::signal::session::{Incoming, Session};
use rtcdiag::proto::signal::siblings::Forwarded;
use rtcdiag::proto::signal::wire::{Notice, Refusal};

use world::{Manner, World, member, room};

const JOINED_ALONE: Notice = Notice::Joined { peer: false };
const JOINED: Notice = Notice::Joined { peer: true };

/// A member at each of the first two processes.
fn met(world: &mut World, room: RoomName) -> (Connection, Connection) {
    let a = world.join(0, room, 1);
    world.wait_ms(500);
    let b = world.join(1, room, 2);
    world.wait_ms(500);
    (a, b)
}

#[test]
fn two_meet_whose_processes_differ() {
    let mut world = World::new(2, 1);
    let (a, b) = met(&mut world, room(1));
    assert_eq!(world.client(0, a).told, [JOINED_ALONE, Notice::PeerJoined]);
    assert_eq!(world.client(1, b).told, [JOINED]);
    let large: Vec<u8> = (0..200_000_u32).map(|n| n.to_be_bytes()[3]).collect();
    for message in [&b"one"[..], b"", &large] {
        assert_eq!(world.send(0, room(1), a, message), Forwarded::Shared);
        assert_eq!(world.send(1, room(1), b, message), Forwarded::Shared);
        world.wait_ms(10);
        assert_eq!(world.client(1, b).heard.last().expect("heard"), message);
        assert_eq!(world.client(0, a).heard.last().expect("heard"), message);
    }
    world.leave(1, room(1), b);
    world.wait_ms(10);
    assert_eq!(world.client(0, a).told.last(), Some(&Notice::PeerLeft));
    assert_eq!(world.send(0, room(1), a, b"x"), Forwarded::Nobody);
}

#[test]
fn who_come_at_the_same_time_meet_too() {
    let mut world = World::new(2, 1);
    let a = world.join(0, room(1), 1);
    let b = world.join(1, room(1), 2);
    world.wait_ms(500);
    assert_eq!(world.client(0, a).told, [JOINED]);
    assert_eq!(world.client(1, b).told, [JOINED]);
}

#[test]
fn a_third_is_refused_wherever_it_comes_and_both_are_told() {
    for ahead in [0, -3_600_000, 3_600_000] {
        for (first, second, third) in [(0, 0, 1), (0, 1, 1), (0, 1, 0), (0, 1, 2)] {
            let mut world = World::new(3, 1);
            // Its clock decides nothing.
            world.processes[third].ahead = ahead;
            let a = world.join(first, room(1), 1);
            world.wait_ms(500);
            let b = world.join(second, room(1), 2);
            world.wait_ms(500);
            let c = world.try_join(third, room(1), 3);
            world.wait_ms(500);
            if let Ok(c) = c {
                let client = world.client(third, c);
                assert_eq!(
                    (client.end, client.told.len()),
                    (Some(Refusal::RoomFull), 0)
                );
            }
            for (at, connection) in [(first, a), (second, b)] {
                let client = world.client(at, connection);
                assert_eq!(
                    client.told.last(),
                    Some(&Notice::ThirdRefused),
                    "{client:?}"
                );
                assert!(client.has_peer && client.end.is_none());
            }
            let same = if first == second {
                Forwarded::To(b)
            } else {
                Forwarded::Shared
            };
            assert_eq!(world.send(first, room(1), a, b"still here"), same);
        }
    }
}

#[test]
fn of_many_that_come_at_once_two_stay() {
    for seed in 0..50 {
        let mut world = World::new(4, seed);
        world.manner.delays = 20;
        for who in 0..8 {
            let _ = world.try_join(usize::from(who % 4), room(1), who);
        }
        world.wait_ms(5000);
        let sitting = world.sitting();
        assert_eq!(sitting.len(), 2, "{seed}: {sitting:?}");
        for (at, connection) in sitting {
            assert!(world.client(at, connection).has_peer, "{seed}");
        }
    }
}

#[test]
fn a_member_that_joins_elsewhere_takes_the_place_of_its_older_connection() {
    for ahead in [0, -3_600_000, 3_600_000] {
        let mut world = World::new(3, 1);
        let (a, b) = met(&mut world, room(1));
        world.processes[2].ahead = ahead;
        world.wait_ms(10_000);
        let again = world.join(2, room(1), 1);
        world.wait_ms(500);
        assert_eq!(world.client(0, a).end, Some(Refusal::Replaced));
        assert_eq!(world.client(2, again).told, [JOINED]);
        let told = &world.client(1, b).told;
        assert_eq!(told[..], [JOINED, Notice::PeerJoined]);
        world.send(2, room(1), again, b"here");
        world.send(1, room(1), b, b"there");
        // What the older one still does changes nothing.
        world.leave(0, room(1), a);
        world.wait_ms(500);
        assert_eq!(world.client(1, b).heard, [b"here"]);
        assert_eq!(world.client(2, again).heard, [b"there"]);
        assert!(world.client(1, b).has_peer);
    }
}

#[test]
fn a_process_dies_and_its_member_comes_to_another() {
    for (has_will, other) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        let mut world = World::new(3, 1);
        let (_, b) = met(&mut world, room(1));
        world.kill(0, has_will);
        world.wait_ms(300);
        assert_eq!(world.client(1, b).has_peer, !has_will);
        let again = world.join(other, room(1), 1);
        world.wait_ms(500);
        assert_eq!(world.client(other, again).told, [JOINED]);
        assert_eq!(world.client(1, b).told.last(), Some(&Notice::PeerJoined));
        world.send(1, room(1), b, b"go on");
        world.wait_ms(40_000);
        assert_eq!(world.client(other, again).heard, [b"go on"]);
        // That the first process is found dead later is no news of this one.
        assert!(world.client(1, b).has_peer);
    }
}

#[test]
fn a_process_of_which_nothing_is_heard_has_left() {
    let mut world = World::new(2, 1);
    let (_, b) = met(&mut world, room(1));
    world.kill(0, false);
    world.wait_ms(40_000);
    assert_eq!(world.client(1, b).told.last(), Some(&Notice::PeerLeft));
    assert_eq!(world.processes[1].rooms.processes(), 0);
}

/// What it says then must not be taken for repetitions by those who never lost sight of it.
#[test]
fn a_process_that_heard_nothing_for_a_while_goes_on_as_before() {
    let mut world = World::new(2, 1);
    let (a, b) = met(&mut world, room(1));
    for number in 0..20 {
        world.send(0, room(1), a, &[number]);
        world.send(1, room(1), b, &[number]);
    }
    world.wait_ms(100);
    world.processes[0].is_deaf = true;
    world.wait_ms(40_000);
    assert_eq!(world.processes[0].rooms.processes(), 0);
    assert_eq!(world.client(0, a).told.last(), Some(&Notice::PeerLeft));
    world.processes[0].is_deaf = false;
    world.wait_ms(20_000);
    assert_eq!(world.client(0, a).told.last(), Some(&Notice::PeerJoined));
    let heard = world.client(1, b).heard.len();
    assert_eq!(world.send(0, room(1), a, b"here"), Forwarded::Shared);
    assert_eq!(world.send(1, room(1), b, b"there"), Forwarded::Shared);
    world.wait_ms(100);
    assert_eq!(world.client(1, b).heard[heard..], [b"here"]);
    assert_eq!(world.client(0, a).heard.last().expect("heard"), b"there");
}

#[test]
fn without_the_broker_each_process_goes_on_and_with_it_they_find_together_again() {
    let mut world = World::new(2, 1);
    let (a, b) = met(&mut world, room(1));
    let within = [world.join(0, room(2), 1), world.join(0, room(2), 2)];
    world.wait_ms(500);
    for at in 0..2 {
        world.disconnect(at, true);
    }
    assert_eq!(
        world.send(0, room(2), within[0], b"x"),
        Forwarded::To(within[1])
    );
    assert_eq!(world.send(0, room(1), a, b"x"), Forwarded::Lost);
    // A restart takes a moment, and is not told as a departure.
    world.wait_ms(1000);
    assert!(world.client(0, a).has_peer && world.client(1, b).has_peer);
    world.wait_ms(5000);
    assert!(!world.client(0, a).has_peer && !world.client(1, b).has_peer);
    // Whoever joins meanwhile is not kept waiting.
    let lonely = world.join(0, room(3), 1);
    assert_eq!(world.client(0, lonely).told, [JOINED_ALONE]);
    let other = world.join(1, room(3), 2);
    for at in 0..2 {
        world.connect(at);
    }
    world.wait_ms(500);
    for (at, connection) in [(0, a), (1, b), (0, lonely), (1, other)] {
        assert!(world.client(at, connection).has_peer);
    }
    assert_eq!(world.send(0, room(1), a, b"again"), Forwarded::Shared);
    world.wait_ms(10);
    assert_eq!(world.client(1, b).heard, [b"again"]);
}

#[test]
fn a_broker_that_is_back_soon_costs_no_departure() {
    let mut world = World::new(2, 1);
    let (a, b) = met(&mut world, room(1));
    for at in 0..2 {
        world.disconnect(at, false);
    }
    world.wait_ms(500);
    world.connect(0);
    world.wait_ms(700);
    world.connect(1);
    world.wait_ms(10_000);
    for (at, connection) in [(0, a), (1, b)] {
        let client = world.client(at, connection);
        assert!(!client.told.contains(&Notice::PeerLeft), "{client:?}");
        assert_eq!(client.told.last(), Some(&Notice::PeerJoined));
    }
}

#[test]
fn more_than_two_that_come_together_when_the_broker_is_back_are_two_again() {
    let mut world = World::new(3, 1);
    for at in 0..3 {
        world.disconnect(at, true);
    }
    let mut came = Vec::new();
    for at in 0..3 {
        world.wait_ms(1000);
        came.push(world.join(at, room(1), u8::try_from(at).expect("small")));
    }
    for at in 0..3 {
        world.connect(at);
    }
    world.wait_ms(3000);
    // Who came last is too many.
    assert_eq!(world.client(2, came[2]).end, Some(Refusal::RoomFull));
    assert_eq!(world.sitting(), [(0, came[0]), (1, came[1])]);
}

#[test]
fn a_process_alone_says_nothing_of_its_rooms() {
    let mut world = World::new(1, 1);
    let before = world.published;
    let connections: Vec<Connection> = (0..100).map(|n| world.join(0, room(n), 1)).collect();
    for connection in &connections {
        assert_eq!(world.client(0, *connection).told, [JOINED_ALONE]);
    }
    assert_eq!(world.published, before);
    assert_eq!(world.processes[0].topics.len(), 2);
    // Somebody else comes, and all are heard.
    world.start();
    world.wait_ms(1000);
    for (number, connection) in (0..100).zip(&connections) {
        let other = world.join(1, room(number), 2);
        world.wait_ms(50);
        assert_eq!(world.client(1, other).told, [JOINED]);
        assert!(world.client(0, *connection).has_peer);
    }
}

#[test]
fn rooms_that_are_over_leave_nothing_behind() {
    let mut world = World::new(2, 1);
    for number in 0..50 {
        let (a, b) = met(&mut world, room(number));
        world.leave(0, room(number), a);
        world.leave(1, room(number), b);
        world.wait_ms(10);
    }
    for process in &world.processes {
        assert_eq!((process.rooms.open(), process.topics.len()), (0, 2));
        assert_eq!(process.rooms.standing().rooms, 0);
    }
}

/// Two sessions over rooms, each end as `pair` has it.
struct Ends {
    at: [(usize, Connection); 2],
    sessions: [Session; 2],
    /// How much of what each was told was looked at.
    seen: [(usize, usize); 2],
    came: [Vec<Vec<u8>>; 2],
}

impl Ends {
    fn turn(&mut self, world: &mut World) {
        for side in 0..2 {
            let (at, connection) = self.at[side];
            let client = world.client(at, connection);
            let told = client.told[self.seen[side].0..].to_vec();
            let heard = client.heard[self.seen[side].1..].to_vec();
            self.seen[side] = (client.told.len(), client.heard.len());
            let session = &mut self.sessions[side];
            for notice in told {
                if matches!(notice, Notice::Joined { .. } | Notice::PeerJoined) {
                    session.joined().expect("small");
                }
            }
            for envelope in heard {
                if let Incoming::Message(text) = session.handle_input(&envelope) {
                    self.came[side].push(text);
                }
            }
            while let Some(envelope) = session.poll_transmit() {
                world.send(at, room(1), connection, &envelope);
            }
        }
    }
}

#[test]
fn whatever_the_broker_does_to_messages_sessions_come_to_their_end() {
    for seed in 0..40 {
        let mut world = World::new(2, seed);
        world.manner = Manner {
            loses: 10,
            repeats: 10,
            delays: 30,
        };
        let code = Code::new([1; 10]);
        let at = [
            (0, world.join(0, room(1), 1)),
            (1, world.join(1, room(1), 2)),
        ];
        let session = |who| Session::new(code.clone(), member(who), b"hello".to_vec());
        let mut ends = Ends {
            at,
            sessions: [session(1), session(2)],
            seen: [(0, 0); 2],
            came: [Vec::new(), Vec::new()],
        };
        for number in 0..60_u8 {
            for session in &mut ends.sessions {
                session.send(vec![number; 3000]).expect("few");
            }
            ends.turn(&mut world);
            world.wait_ms(50);
        }
        world.manner.loses = 0;
        for _ in 0..2000 {
            ends.turn(&mut world);
            world.wait_ms(50);
        }
        for side in 0..2 {
            let numbers: Vec<u8> = ends.came[side].iter().map(|text| text[0]).collect();
            assert_eq!(numbers, (0..60).collect::<Vec<u8>>(), "seed {seed}");
            assert!(ends.sessions[side].is_confirmed(), "seed {seed}");
        }
    }
}

/// Whoever is left after comings and goings of all kinds agrees about who is there.
#[test]
fn whatever_happened_before_in_the_end_all_agree() {
    for seed in 0..500 {
        let mut world = World::new(3, seed);
        world.manner = Manner {
            loses: 5,
            repeats: 20,
            delays: 40,
        };
        for step in 0..40_u64 {
            let pick = seed.wrapping_mul(31).wrapping_add(step * step * 7 + step);
            let at = usize::try_from(pick % 3).expect("small");
            let who = u8::try_from(pick / 3 % 3).expect("small");
            match pick % 11 {
                0..=5 => {
                    let _ = world.try_join(at, room(1), who);
                }
                6 | 7 => {
                    let sitting = world.sitting();
                    if let Some((at, connection)) = sitting.first().copied() {
                        world.leave(at, room(1), connection);
                        world.clients.remove(&(at, connection));
                    }
                }
                8 | 9 => {
                    world.disconnect(at, pick % 2 == 0);
                    world.wait_ms(pick % 900);
                    world.connect(at);
                }
                _ => world.wait_ms(pick % 3000),
            }
            world.wait_ms(pick % 60);
        }
        world.manner.loses = 0;
        world.wait_ms(200_000);
        let sitting = world.sitting();
        assert!(sitting.len() <= 2, "seed {seed}: {sitting:?}");
        for (at, connection) in &sitting {
            let client = world.client(*at, *connection);
            assert_eq!(
                client.has_peer,
                sitting.len() == 2,
                "seed {seed}: {client:?}"
            );
        }
        if let [(at, from), (to_at, to)] = sitting[..] {
            // Where something was lost that nobody has missed, the first message finds it out.
            for _ in 0..2 {
                world.send(at, room(1), from, b"last");
                world.wait_ms(3000);
            }
            let last = world.client(to_at, to).heard.last().map(Vec::as_slice);
            assert_eq!(last, Some(&b"last"[..]), "seed {seed}");
        }
    }
}
