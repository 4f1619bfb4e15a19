//! Who is in which room of a rendezvous, and what a room may cost.

use std::time::Duration;

use rtcdiag::base::time::Time;
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::rooms::*;
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::wire::{Notice, Refusal};

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

fn join(
    rooms: &mut Rooms,
    now: Time,
    name: RoomName,
    member: Name,
    connection: Connection,
) -> Result<bool, Refusal> {
    let since = u64::try_from(now.as_millis()).expect("not so far");
    rooms.join(now, since, name, (member, connection), false)
}

/// What is to be done for connections.
fn orders(rooms: &mut Rooms) -> Vec<Order> {
    let all = std::iter::from_fn(|| rooms.poll_order());
    all.filter(|order| !matches!(order, Order::Share(_)))
        .collect()
}

fn told(connection: Connection, notice: Notice) -> Order {
    Order::Tell(connection, notice)
}

fn here(connection: Connection) -> Place {
    Place::Here(connection)
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
    assert_eq!(join(&mut rooms, NOW, room, A, 1), Ok(false));
    assert_eq!(
        orders(&mut rooms),
        [told(1, Notice::Joined { peer: false })]
    );
    assert_eq!(rooms.forward(NOW, room, 1, 5), Ok(None));
    assert_eq!(join(&mut rooms, NOW, room, B, 2), Ok(true));
    let both = [
        told(2, Notice::Joined { peer: true }),
        told(1, Notice::PeerJoined),
    ];
    assert_eq!(orders(&mut rooms), both);
    assert_eq!(rooms.forward(NOW, room, 1, 5), Ok(Some(here(2))));
    assert_eq!(rooms.forward(NOW, room, 2, 5), Ok(Some(here(1))));
    let third = join(&mut rooms, NOW, room, C, 3);
    assert_eq!(third, Err(Refusal::RoomFull));
    let refused = [
        Order::End(3, Refusal::RoomFull),
        told(1, Notice::ThirdRefused),
        told(2, Notice::ThirdRefused),
    ];
    assert_eq!(orders(&mut rooms), refused);
    rooms.leave(room, 3);
    assert_eq!(orders(&mut rooms), []);
    rooms.leave(room, 1);
    assert_eq!(orders(&mut rooms), [told(2, Notice::PeerLeft)]);
    assert_eq!(join(&mut rooms, NOW, room, C, 4), Ok(true));
}

#[test]
fn a_member_that_joins_again_takes_its_own_seat() {
    let mut rooms = rooms();
    let room = name("0");
    join(&mut rooms, NOW, room, A, 1).expect("a seat");
    join(&mut rooms, NOW, room, B, 2).expect("a seat");
    orders(&mut rooms);
    assert_eq!(join(&mut rooms, NOW, room, A, 3), Ok(true));
    let again = [
        Order::End(1, Refusal::Replaced),
        told(3, Notice::Joined { peer: true }),
        told(2, Notice::PeerJoined),
    ];
    assert_eq!(orders(&mut rooms), again);
    // What the older connection still does changes nothing.
    assert_eq!(rooms.forward(NOW, room, 1, 5), Err(Refusal::Replaced));
    rooms.leave(room, 1);
    assert_eq!(orders(&mut rooms), []);
    assert_eq!(rooms.forward(NOW, room, 2, 5), Ok(Some(here(3))));
}

#[test]
fn rooms_are_limited_and_empty_ones_are_gone() {
    let mut rooms = rooms();
    join(&mut rooms, NOW, name("0"), A, 1).expect("a seat");
    join(&mut rooms, NOW, name("1"), A, 2).expect("a seat");
    let refused = join(&mut rooms, NOW, name("2"), A, 3);
    assert_eq!(refused, Err(Refusal::TooManyRooms));
    // An open room may still be joined.
    join(&mut rooms, NOW, name("1"), B, 4).expect("a seat");
    rooms.leave(name("0"), 1);
    assert_eq!(rooms.open(), 1);
    join(&mut rooms, NOW, name("2"), A, 5).expect("a seat");
}

#[test]
fn who_sends_too_much_is_refused() {
    let mut rooms = rooms();
    let room = name("0");
    join(&mut rooms, NOW, room, A, 1).expect("a seat");
    let passed = (0..100).filter(|_| rooms.forward(NOW, room, 1, 1).is_ok());
    assert_eq!(passed.count(), 50);
    let later = Time::from_secs(10);
    assert_eq!(rooms.forward(later, room, 1, 4999), Ok(None));
    assert_eq!(rooms.forward(later, room, 1, 4999), Err(Refusal::TooFast));
}

#[test]
fn rooms_end_after_their_lifetime() {
    let mut rooms = rooms();
    join(&mut rooms, NOW, name("0"), A, 1).expect("a seat");
    join(&mut rooms, NOW, name("0"), B, 2).expect("a seat");
    let later = Time::from_secs(30);
    join(&mut rooms, later, name("1"), A, 3).expect("a seat");
    orders(&mut rooms);
    rooms.expire(later);
    assert_eq!(orders(&mut rooms), []);
    rooms.expire(Time::from_secs(60));
    let ended = [1, 2].map(|connection| Order::End(connection, Refusal::RoomExpired));
    assert_eq!(orders(&mut rooms), ended);
    assert_eq!(rooms.open(), 1);
    assert_eq!(
        rooms.forward(later, name("0"), 1, 1),
        Err(Refusal::RoomExpired)
    );
}
