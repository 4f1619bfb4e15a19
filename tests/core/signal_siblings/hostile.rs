//! What a hostile broker says, or somebody else there.

use proptest::prelude::*;
use rtcdiag::base::bounds;
use rtcdiag::base::time::Time;
use rtcdiag::proto::signal::rooms::{Claim, Place, Sibling};
use rtcdiag::proto::signal::siblings::frame::{Alias, Frame, Word};
use rtcdiag::proto::signal::siblings::{SharedRooms, Wish, topic_of_all};

use super::world::{World, limits, member, room};

#[test]
fn a_call_that_is_repeated_a_thousand_times_has_one_answer() {
    let mut world = World::new(2, 1);
    world.join(0, room(1), 1);
    world.wait_ms(500);
    let caller = Sibling([9; 8]);
    let claim = Claim {
        member: member(2),
        place: Place::There(caller, 5),
        since: world.wall(1),
        is_new: true,
        is_paired: false,
    };
    let call = Frame::Call(Alias::from(room(1)), claim).encode(caller);
    let topic = topic_of_all();
    world.publish(&topic, &call);
    world.wait_ms(10);
    let before = world.published;
    for _ in 0..1000 {
        world.publish(&topic, &call);
    }
    world.wait_ms(10);
    assert_eq!(world.published - before, 1000);
    // Much later it is a call like any other.
    world.wait_ms(1000);
    let before = world.published;
    world.publish(&topic, &call);
    world.wait_ms(10);
    assert!(world.published > before + 1);
}

fn claims() -> impl Strategy<Value = Claim> {
    (
        0..5_u8,
        0..6_u64,
        0..3_000_000_000_000_u64,
        any::<(bool, bool)>(),
    )
        .prop_map(|(who, connection, since, (is_new, is_paired))| Claim {
            member: member(who),
            place: Place::Here(connection),
            since,
            is_new,
            is_paired,
        })
}

fn words() -> impl Strategy<Value = Word> {
    let alias = || (0..3_u8).prop_map(|number| Alias::from(room(number)));
    prop_oneof![
        (alias(), claims(), any::<bool>()).prop_map(|(room, claim, asks)| Word::Seat {
            room,
            claim,
            asks
        }),
        (alias(), 0..6_u64).prop_map(|(room, connection)| Word::Left(room, connection)),
        alias().prop_map(Word::Nobody),
        alias().prop_map(Word::Third),
        (
            alias(),
            0..6_u64,
            0..6_u64,
            any::<(bool, bool)>(),
            0..9000_usize
        )
            .prop_map(|(room, from, to, (begins, is_last), size)| Word::Part {
                room,
                from,
                to,
                begins,
                is_last,
                bytes: vec![0; size],
            }),
    ]
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let alias = || (0..3_u8).prop_map(|number| Alias::from(room(number)));
    let frame = prop_oneof![
        any::<u64>().prop_map(Frame::Alive),
        Just(Frame::Gone),
        (alias(), claims()).prop_map(|(room, claim)| Frame::Call(room, claim)),
        prop_oneof![0..30_u64, any::<u64>()].prop_map(Frame::Said),
        (prop_oneof![0..30_u64, any::<u64>()], words())
            .prop_map(|(number, word)| Frame::Word(number, word)),
    ];
    let said = (frame, 0..100_u8).prop_map(|(frame, who)| frame.encode(Sibling([who; 8])));
    prop_oneof![9 => said, 1 => proptest::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    /// A hostile broker can end sessions; it cannot break or fill the server.
    #[test]
    fn whatever_the_broker_says_the_server_stands(
        said in proptest::collection::vec((frames(), 0..400_u64), 0..200),
    ) {
        let mut rooms = SharedRooms::new(limits(), true);
        let mut now = Time::from_secs(1);
        rooms.connected(now, Sibling([0; 8]));
        for number in 0..3 {
            let _ = rooms.join(now, 1000, room(number), member(number), u64::from(number));
        }
        let mut sent = 0;
        for (payload, ms) in said {
            rooms.hear(now, 2000, &payload);
            now += std::time::Duration::from_millis(ms);
            rooms.handle_timeout(now, 2000);
            while rooms.poll_deed().is_some() {}
            while let Some(wish) = rooms.poll_wish() {
                if let Wish::Publish(_, payload) = wish {
                    sent += payload.len();
                }
            }
            prop_assert!(rooms.processes() <= bounds::SIBLINGS);
            prop_assert!(rooms.open() <= 3);
        }
        // It is no amplifier.
        prop_assert!(sent < 400_000, "{}", sent);
        for number in 0..3 {
            rooms.leave(now, room(number), u64::from(number));
        }
        prop_assert_eq!(rooms.open(), 0);
    }
}
