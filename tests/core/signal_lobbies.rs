//! Who is in which lobby of a rendezvous, and what a lobby may cost.

use std::time::Duration;

use rtcdiag::base::time::Time;
use rtcdiag::proto::signal::lobbies::*;
use rtcdiag::proto::signal::rooms::{Connection, RoomLimits, RoomName};
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::wire::Refusal;

const A: Name = Name([1; 16]);
const B: Name = Name([2; 16]);
const NOW: Time = Time::ZERO;

fn lobbies() -> Lobbies {
    Lobbies::new(RoomLimits {
        rooms: 2,
        lifetime: Duration::from_secs(60),
        messages_per_second: 10,
        bytes_per_second: 1000,
    })
}

fn name(digit: &str) -> RoomName {
    digit.repeat(26).parse().expect("a name")
}

fn entered(others: &[Connection], replaced: Option<Connection>) -> Entered {
    Entered {
        others: others.to_vec(),
        replaced,
    }
}

#[test]
fn in_a_lobby_all_others_hear_and_each_of_them_counts() {
    let mut lobbies = lobbies();
    let lobby = name("0");
    for number in 0..64 {
        let member = Name([number; 16]);
        let joined = lobbies.join(NOW, lobby, member, u64::from(number));
        assert_eq!(joined.map(|j| j.others.len()), Ok(usize::from(number)));
    }
    let refused = lobbies.join(NOW, lobby, Name([64; 16]), 64);
    let everybody = NotEntered {
        refusal: Refusal::MeshFull,
        members: (0..64).collect(),
    };
    assert_eq!(refused, Err(everybody));
    let heard = lobbies.forward(NOW, lobby, 3, 50).expect("a seat");
    assert!(heard.len() == 63 && !heard.contains(&3), "{heard:?}");
    // 63 times 50 bytes are more than three seconds' worth; 63 times 50 more are too much.
    assert_eq!(lobbies.forward(NOW, lobby, 3, 50), Err(Refusal::TooFast));
    assert_eq!(lobbies.leave(lobby, 5).len(), 63);
}

#[test]
fn a_member_that_joins_again_takes_its_own_seat() {
    let mut lobbies = lobbies();
    let lobby = name("0");
    let first = lobbies.join(NOW, lobby, A, 1);
    assert_eq!(first, Ok(entered(&[], None)));
    assert_eq!(lobbies.forward(NOW, lobby, 1, 5), Ok(vec![]));
    let second = lobbies.join(NOW, lobby, B, 2);
    assert_eq!(second, Ok(entered(&[1], None)));
    let again = lobbies.join(NOW, lobby, A, 3);
    assert_eq!(again, Ok(entered(&[2], Some(1))));
    // What the older connection still does changes nothing.
    assert_eq!(lobbies.forward(NOW, lobby, 1, 5), Err(Refusal::Replaced));
    assert!(lobbies.leave(lobby, 1).is_empty());
    assert_eq!(lobbies.forward(NOW, lobby, 2, 5), Ok(vec![3]));
}

#[test]
fn lobbies_are_limited_and_end() {
    let mut lobbies = lobbies();
    lobbies.join(NOW, name("0"), A, 1).expect("a seat");
    let later = Time::from_secs(30);
    lobbies.join(later, name("1"), A, 2).expect("a seat");
    let refused = lobbies.join(later, name("2"), A, 3).map_err(|e| e.refusal);
    assert_eq!(refused, Err(Refusal::TooManyRooms));
    // An open one may still be joined.
    lobbies.join(later, name("0"), B, 4).expect("a seat");
    assert!(lobbies.expire(later).is_empty());
    assert_eq!(lobbies.expire(Time::from_secs(60)), [1, 4]);
    assert_eq!(lobbies.open(), 1);
    let late = lobbies.forward(later, name("0"), 1, 1);
    assert_eq!(late, Err(Refusal::RoomExpired));
    assert!(lobbies.leave(name("1"), 2).is_empty());
    assert_eq!(lobbies.open(), 0);
}
