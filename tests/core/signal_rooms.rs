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

fn joined(peer: Option<Connection>, replaced: Option<Connection>, is_new: bool) -> Joined {
    Joined {
        peer,
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
    assert_eq!(rooms.join(NOW, room, A, 1), Ok(joined(None, None, true)));
    assert_eq!(rooms.forward(NOW, room, 1, 5), Ok(None));
    let second = rooms.join(NOW, room, B, 2);
    assert_eq!(second, Ok(joined(Some(1), None, false)));
    assert_eq!(rooms.forward(NOW, room, 1, 5), Ok(Some(2)));
    assert_eq!(rooms.forward(NOW, room, 2, 5), Ok(Some(1)));
    let refused = NotJoined {
        refusal: Refusal::RoomFull,
        members: vec![1, 2],
    };
    assert_eq!(rooms.join(NOW, room, C, 3), Err(refused));
    assert_eq!(rooms.leave(room, 3), None);
    assert_eq!(rooms.leave(room, 1), Some(2));
    assert_eq!(
        rooms.join(NOW, room, C, 4),
        Ok(joined(Some(2), None, false))
    );
}

#[test]
fn a_member_that_joins_again_takes_its_own_seat() {
    let mut rooms = rooms();
    let room = name("0");
    rooms.join(NOW, room, A, 1).expect("a seat");
    rooms.join(NOW, room, B, 2).expect("a seat");
    let again = rooms.join(NOW, room, A, 3);
    assert_eq!(again, Ok(joined(Some(2), Some(1), false)));
    // What the older connection still does changes nothing.
    assert_eq!(rooms.forward(NOW, room, 1, 5), Err(Refusal::Replaced));
    assert_eq!(rooms.leave(room, 1), None);
    assert_eq!(rooms.forward(NOW, room, 2, 5), Ok(Some(3)));
}

#[test]
fn rooms_are_limited_and_empty_ones_are_gone() {
    let mut rooms = rooms();
    rooms.join(NOW, name("0"), A, 1).expect("a seat");
    rooms.join(NOW, name("1"), A, 2).expect("a seat");
    let refused = rooms.join(NOW, name("2"), A, 3).map_err(|e| e.refusal);
    assert_eq!(refused, Err(Refusal::TooManyRooms));
    // An open room may still be joined.
    rooms.join(NOW, name("1"), B, 4).expect("a seat");
    assert_eq!(rooms.leave(name("0"), 1), None);
    assert_eq!(rooms.open(), 1);
    rooms.join(NOW, name("2"), A, 5).expect("a seat");
}

#[test]
fn who_sends_too_much_is_refused() {
    let mut rooms = rooms();
    let room = name("0");
    rooms.join(NOW, room, A, 1).expect("a seat");
    let passed = (0..100).filter(|_| rooms.forward(NOW, room, 1, 1).is_ok());
    assert_eq!(passed.count(), 50);
    let later = Time::from_secs(10);
    assert_eq!(rooms.forward(later, room, 1, 4999), Ok(None));
    assert_eq!(rooms.forward(later, room, 1, 4999), Err(Refusal::TooFast));
}

#[test]
fn rooms_end_after_their_lifetime() {
    let mut rooms = rooms();
    rooms.join(NOW, name("0"), A, 1).expect("a seat");
    rooms.join(NOW, name("0"), B, 2).expect("a seat");
    let later = Time::from_secs(30);
    rooms.join(later, name("1"), A, 3).expect("a seat");
    assert!(rooms.expire(later).is_empty());
    assert_eq!(rooms.expire(Time::from_secs(60)), [1, 2]);
    assert_eq!(rooms.open(), 1);
    assert_eq!(
        rooms.forward(later, name("0"), 1, 1),
        Err(Refusal::RoomExpired)
    );
}
