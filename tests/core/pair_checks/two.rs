//! Two sides on one wire, or one side and a test that plays the other.

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::proto::ice::candidate::{self, COMPONENT, Candidate, CandidateType};
use rtcdiag::proto::ice::checks::message::{Message, Request, decode};
use rtcdiag::proto::ice::checks::{Base, Checks, Credentials, Event, Input, Role, Transmit};
use rtcdiag::proto::turn::credentials::Key;

pub const HERE: &str = "192.0.2.10:5000";
pub const THERE: &str = "192.0.2.20:6000";

pub fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("valid")
}

pub fn ours() -> Credentials {
    Credentials {
        ufrag: "ours".into(),
        password: "0123456789abcdefghijkl".into(),
    }
}

pub fn theirs() -> Credentials {
    Credentials {
        ufrag: "theirs".into(),
        password: "lkjihgfedcba9876543210".into(),
    }
}

pub fn key(credentials: &Credentials) -> Key {
    Key::short_term(&credentials.password).expect("valid")
}

pub fn host(address: &str) -> Base {
    base(address, CandidateType::Host)
}

pub fn relay(address: &str) -> Base {
    base(address, CandidateType::Relay)
}

fn base(text: &str, kind: CandidateType) -> Base {
    Base {
        address: address(text),
        is_relay: kind == CandidateType::Relay,
        priority: candidate::priority(kind, 65535, COMPONENT),
        reflexive_priority: candidate::priority(CandidateType::Prflx, 65535, COMPONENT),
    }
}

pub fn candidate(kind: CandidateType, text: &str) -> Candidate {
    Candidate {
        foundation: "1".into(),
        component: COMPONENT,
        priority: candidate::priority(kind, 65535, COMPONENT),
        address: address(text),
        kind,
        related: None,
    }
}

/// One side with a host base at [`HERE`] that knows the other's credentials.
pub fn side(role: Role) -> Checks {
    let mut checks = Checks::new(ours(), role, 1).expect("valid");
    checks.add_base(at(0), host(HERE));
    assert!(checks.set_remote(theirs(), role));
    checks
}

/// A check of the other side.
pub fn request(id: u8, role: Role) -> Vec<u8> {
    request_with(id, Some((role, 7)), false, 0x6eff_ffff)
}

pub fn request_with(
    id: u8,
    role: Option<(Role, u64)>,
    use_candidate: bool,
    priority: u32,
) -> Vec<u8> {
    let request = Request {
        username: "ours:theirs".into(),
        priority,
        role,
        use_candidate,
    };
    request.encode([id; 12], &key(&ours())).expect("fits")
}

pub fn id_of(bytes: &[u8]) -> [u8; 12] {
    bytes[8..20].try_into().expect("a STUN message")
}

pub fn sent(checks: &mut Checks) -> Vec<Transmit> {
    std::iter::from_fn(|| checks.poll_transmit()).collect()
}

pub fn events(checks: &mut Checks) -> Vec<Event> {
    std::iter::from_fn(|| checks.poll_event()).collect()
}

/// Lets time pass, and gives what was sent when.
pub fn until(checks: &mut Checks, end: Duration) -> Vec<(Duration, Transmit)> {
    let mut all = Vec::new();
    let mut now = Duration::ZERO;
    for _ in 0..100_000 {
        all.extend(sent(checks).into_iter().map(|t| (now, t)));
        match checks.poll_timeout() {
            Some(next) if next <= end => now = now.max(next),
            _ => return all,
        }
        checks.handle_timeout(now);
    }
    panic!("turns in circles at {now:?}");
}

/// Answers all checks of a side to it, each after `round_trip`, until `end`. The answers come from
/// where `from` says; `None` for none.
pub fn answered(
    checks: &mut Checks,
    end: Duration,
    round_trip: Duration,
    from: impl Fn(&Transmit) -> Option<SocketAddr>,
) {
    let mut pending: Vec<(Duration, Transmit)> = Vec::new();
    let mut now = Duration::ZERO;
    loop {
        for transmit in sent(checks) {
            if matches!(decode(&transmit.payload), Ok(Message::Request(_))) {
                pending.push((now + round_trip, transmit));
            }
        }
        let first = (0..pending.len()).min_by_key(|i| pending[*i].0);
        let arrival = first.map(|i| pending[i].0);
        let next = [arrival, checks.poll_timeout()].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= end) else {
            return;
        };
        now = now.max(next);
        if let Some(i) = first.filter(|_| arrival.is_some_and(|at| at <= now)) {
            let (_, transmit) = pending.remove(i);
            if let Some(source) = from(&transmit) {
                let bytes = answer(&transmit.payload);
                let input = checks.handle_input(now, transmit.base, source, &bytes);
                assert!(
                    matches!(input, Input::Taken | Input::Engine(_)),
                    "{input:?}"
                );
            }
        } else {
            checks.handle_timeout(now);
        }
    }
}

/// The other side's answer to a check of ours.
pub fn answer(check: &[u8]) -> Vec<u8> {
    rtcdiag::proto::ice::checks::message::success(id_of(check), address(HERE), &key(&theirs()))
        .expect("fits")
}
