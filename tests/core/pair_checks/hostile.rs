//! Bytes that nobody should send.

use proptest::prelude::*;
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::checks::message::{decode, role_conflict, success};
use rtcdiag::proto::ice::checks::{Checks, Role};

use super::two::*;

/// What comes to a base.
#[derive(Debug, Clone)]
enum Move {
    /// Anything.
    Bytes(Vec<u8>),
    /// A valid check.
    Check {
        id: u8,
        priority: u32,
        nominate: bool,
        controlling: bool,
    },
    /// The answer to one of ours.
    Answer(usize),
    Conflict(usize),
    /// One of ours sent back.
    Echo(usize),
    /// Something valid, cut off.
    Cut(usize, usize),
    /// Something valid, changed.
    Flip(usize, usize, u8),
    Time(u16),
}

fn moves() -> impl Strategy<Value = Vec<(Move, u8)>> {
    let one = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Move::Bytes),
        (any::<u8>(), any::<u32>(), any::<bool>(), any::<bool>()).prop_map(
            |(id, priority, nominate, controlling)| Move::Check {
                id,
                priority,
                nominate,
                controlling
            }
        ),
        any::<usize>().prop_map(Move::Answer),
        any::<usize>().prop_map(Move::Conflict),
        any::<usize>().prop_map(Move::Echo),
        (any::<usize>(), 0..120_usize).prop_map(|(i, n)| Move::Cut(i, n)),
        (any::<usize>(), 0..120_usize, 1..=255_u8).prop_map(|(i, n, x)| Move::Flip(i, n, x)),
        any::<u16>().prop_map(Move::Time),
    ];
    prop::collection::vec((one, any::<u8>()), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_the_record(moves in moves(), controlling: bool, seed: u64, described: bool) {
        let role = if controlling { Role::Controlling } else { Role::Controlled };
        let mut checks = Checks::new(ours(), role, seed).expect("valid");
        checks.add_base(at(0), host(HERE));
        checks.add_base(at(0), relay("192.0.2.100:49152"));
        if described {
            checks.set_remote(theirs(), role);
        }
        let remote = candidate(CandidateType::Srflx, THERE);
        checks.add_remote(at(0), remote).expect("usable");
        checks.permitted(at(0), 1, address(THERE).ip(), Ok(()));
        let mut now = at(0);
        let mut ours_sent: Vec<Vec<u8>> = Vec::new();
        let mut valid: Vec<Vec<u8>> = Vec::new();
        for (step, from) in moves {
            let pick = |i: usize, list: &[Vec<u8>]| list.get(i.checked_rem(list.len())?).cloned();
            let bytes = match step {
                Move::Bytes(bytes) => Some(bytes),
                Move::Check { id, priority, nominate, controlling } => {
                    let role = if controlling { Role::Controlling } else { Role::Controlled };
                    let check = request_with(id, Some((role, u64::from(priority))), nominate, priority);
                    valid.push(check.clone());
                    Some(check)
                }
                Move::Answer(i) => pick(i, &ours_sent).and_then(|check| {
                    success(id_of(&check), address(HERE), &key(&theirs()))
                }),
                Move::Conflict(i) => pick(i, &ours_sent).and_then(|check| {
                    role_conflict(id_of(&check), &key(&theirs()))
                }),
                Move::Echo(i) => pick(i, &ours_sent),
                Move::Cut(i, length) => pick(i, &valid).map(|mut bytes| {
                    bytes.truncate(length);
                    bytes
                }),
                Move::Flip(i, place, with) => pick(i, &valid).map(|mut bytes| {
                    let place = place % bytes.len();
                    bytes[place] ^= with;
                    bytes
                }),
                Move::Time(ms) => {
                    now += at(u64::from(ms) % 300);
                    checks.handle_timeout(now);
                    None
                }
            };
            if let Some(bytes) = bytes {
                let source = [THERE, "192.0.2.21:6000", "[2001:db8::7]:1", "192.0.2.20:6001"];
                let source = address(source[usize::from(from % 4)]);
                checks.handle_input(now, usize::from(from / 4 % 2), source, &bytes);
            }
            ours_sent.extend(sent(&mut checks).into_iter().map(|t| t.payload));
            events(&mut checks);
        }
        for pair in checks.pairs() {
            prop_assert!(pair.answered <= pair.sent, "{pair:?}");
            prop_assert!(pair.answers_out <= pair.requests_in, "{pair:?}");
            prop_assert_eq!(pair.rtts.len(), pair.answered as usize);
            prop_assert!(!pair.is_valid() || pair.answered > 0, "{pair:?}");
        }
        prop_assert!(checks.pairs().len() <= 4 + 2 * 3 * 6);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
    }
}
