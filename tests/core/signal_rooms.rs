//! Who is in which room of a rendezvous, and what a room may cost.

use std::time::Duration;

use rtcdiag::base::time::Time;
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::rooms::*;
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::wire::Refusal;

const A: Name = Name([1; 16]);
const B: Name = Name([2; 16]);
const C: Name = Name([3; 16]);
const PAIR: RoomKind = RoomKind::Pair;
const LOBBY: RoomKind = RoomKind::Lobby;
const NOW: Time = Time::ZERO;

fn rooms() -> Rooms {
    Rooms::new(RoomLimits {
        rooms: 2,
        lifetime: Duration::from_secs(60),
        messages_per_second: 10,
        bytes_per_second: 1000,
    })
}

fn name(digit: &str) -> RoomName {
    digit.repeat(26).parse().expect("a name")
}

fn joined(others: &[Connection], replaced: Option<Connection>, is_new: bool) -> Joined {
    Joined {
        others: others.to_vec(),
        replaced,
        is_new,
    }
}

#[test]
fn names_are_those_that_codes_give() {
    let code = Code::new([7; 10]);
    let (name, room) = (RoomName::from(&code), code.room());
    assert_eq!(name.to_string(), room);
    assert!(!format!("{name:?}").contains(&room[..6]));
    for wrong in ["", "A", &"a".repeat(26), &"U".repeat(26), &"0".repeat(27)] {
        assert!(wrong.parse::<RoomName>().is_err(), "{wrong}");
    }
}

#[test]
fn two_meet_and_a_third_is_refused() {
    let mut rooms = rooms();
    let room = name("0");
    assert_eq!(
        rooms.join(NOW, (room, PAIR), A, 1),
        Ok(joined(&[], None, true))
    );
    assert_eq!(rooms.forward(NOW, room, 1, 5), Ok(vec![]));
    let second = rooms.join(NOW, (room, PAIR), B, 2);
    assert_eq!(second, Ok(joined(&[1], None, false)));
    assert_eq!(rooms.forward(NOW, room, 1, 5), Ok(vec![2]));
    assert_eq!(rooms.forward(NOW, room, 2, 5), Ok(vec![1]));
    let refused = NotJoined {
        refusal: Refusal::RoomFull,
        members: vec![1, 2],
    };
    assert_eq!(rooms.join(NOW, (room, PAIR), C, 3), Err(refused));
    assert!(rooms.leave(room, 3).is_empty());
    assert_eq!(rooms.leave(room, 1), [2]);
    assert_eq!(
        rooms.join(NOW, (room, PAIR), C, 4),
        Ok(joined(&[2], None, false))
    );
}

#[test]
fn a_member_that_joins_again_takes_its_own_seat() {
    let mut rooms = rooms();
    let room = name("0");
    rooms.join(NOW, (room, PAIR), A, 1).expect("a seat");
    rooms.join(NOW, (room, PAIR), B, 2).expect("a seat");
    let again = rooms.join(NOW, (room, PAIR), A, 3);
    assert_eq!(again, Ok(joined(&[2], Some(1), false)));
    // What the older connection still does changes nothing.
    assert_eq!(rooms.forward(NOW, room, 1, 5), Err(Refusal::Replaced));
    assert!(rooms.leave(room, 1).is_empty());
    assert_eq!(rooms.forward(NOW, room, 2, 5), Ok(vec![3]));
}

#[test]
fn rooms_are_limited_and_empty_ones_are_gone() {
    let mut rooms = rooms();
    rooms.join(NOW, (name("0"), PAIR), A, 1).expect("a seat");
    rooms.join(NOW, (name("1"), PAIR), A, 2).expect("a seat");
    let refused = rooms
        .join(NOW, (name("2"), PAIR), A, 3)
        .map_err(|e| e.refusal);
    assert_eq!(refused, Err(Refusal::TooManyRooms));
    // An open room may still be joined.
    rooms.join(NOW, (name("1"), PAIR), B, 4).expect("a seat");
    assert!(rooms.leave(name("0"), 1).is_empty());
    assert_eq!(rooms.open(), 1);
    rooms.join(NOW, (name("2"), PAIR), A, 5).expect("a seat");
}

#[test]
fn who_sends_too_much_is_refused() {
    let mut rooms = rooms();
    let room = name("0");
    rooms.join(NOW, (room, PAIR), A, 1).expect("a seat");
    let passed = (0..100).filter(|_| rooms.forward(NOW, room, 1, 1).is_ok());
    assert_eq!(passed.count(), 50);
    let later = Time::from_secs(10);
    assert_eq!(rooms.forward(later, room, 1, 4999), Ok(vec![]));
    assert_eq!(rooms.forward(later, room, 1, 4999), Err(Refusal::TooFast));
}

#[test]
fn rooms_end_after_their_lifetime() {
    let mut rooms = rooms();
    rooms.join(NOW, (name("0"), PAIR), A, 1).expect("a seat");
    rooms.join(NOW, (name("0"), PAIR), B, 2).expect("a seat");
    let later = Time::from_secs(30);
    rooms.join(later, (name("1"), PAIR), A, 3).expect("a seat");
    assert!(rooms.expire(later).is_empty());
    assert_eq!(rooms.expire(Time::from_secs(60)), [1, 2]);
    assert_eq!(rooms.open(), 1);
    assert_eq!(
        rooms.forward(later, name("0"), 1, 1),
        Err(Refusal::RoomExpired)
    );
}

#[test]
fn in_a_lobby_all_others_hear_and_each_of_them_counts() {
    let mut rooms = rooms();
    let room = name("0");
    for number in 0..64 {
        let member = Name([number; 16]);
        let joined = rooms.join(NOW, (room, LOBBY), member, u64::from(number));
        assert_eq!(joined.map(|j| j.others.len()), Ok(usize::from(number)));
    }
    let refused = rooms.join(NOW, (room, LOBBY), Name([64; 16]), 64);
    assert_eq!(refused.map_err(|e| e.refusal), Err(Refusal::MeshFull));
    let pair = rooms.join(NOW, (room, PAIR), A, 65);
    assert_eq!(pair.map_err(|e| e.refusal), Err(Refusal::BadJoin));
    let heard = rooms.forward(NOW, room, 3, 50).expect("a seat");
    assert!(heard.len() == 63 && !heard.contains(&3), "{heard:?}");
    // 63 times 50 bytes are more than three seconds' worth; 63 times 50 more are too much.
    assert_eq!(rooms.forward(NOW, room, 3, 50), Err(Refusal::TooFast));
    assert_eq!(rooms.leave(room, 5).len(), 63);
}
