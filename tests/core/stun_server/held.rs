//! Answers that are held back.

use super::*;
use rtcdiag::proto::stun::held::{Ask, LONGEST_SECONDS, Says, Token};
use rtcdiag::proto::stun::message::TransactionId;
use rtcdiag::proto::stun::server::rate::Rate;

const HOLDER: TransactionId = [1; 12];
const CALLER: TransactionId = [2; 12];

fn responder() -> Responder {
    Responder::new(one_address(), RATE).holding_answers()
}

fn caller() -> SocketAddr {
    address("203.0.113.77:50000")
}

fn send(
    responder: &mut Responder,
    seconds: u64,
    source: SocketAddr,
    bytes: &[u8],
) -> (Option<Response>, Option<Response>) {
    let received = Received {
        at: Place::PRIMARY,
        stream: false,
        source,
        bytes,
    };
    let answer = responder.handle(Duration::from_secs(seconds), received);
    (answer, responder.take_released())
}

/// The token that a server gives to a source.
fn token(responder: &mut Responder, seconds: u64, source: SocketAddr) -> Token {
    let ask = Ask::Hold(1).request([0x77; 12]);
    let (answer, _) = send(responder, seconds, source, &ask);
    match says(answer.as_ref()) {
        Some(Says::Token(token)) => token,
        other => panic!("no token: {other:?}"),
    }
}

/// Asks as one who receives what is sent to it.
fn hold(
    responder: &mut Responder,
    seconds: u64,
    source: SocketAddr,
    ask: Ask,
    id: TransactionId,
) -> Option<Response> {
    let token = token(responder, seconds, source);
    send(responder, seconds, source, &ask.request_with(id, token)).0
}

/// A forged source does not see the token, and who has one holds few answers with it, whatever sources he forges.
#[test]
fn only_who_shows_that_answers_arrive_has_them_held() {
    let mut server = responder();
    let mut another_server = responder();
    let asked = |server: &mut Responder, source, token| {
        let request = Ask::Hold(100).request_with(HOLDER, token);
        let (answer, _) = send(server, 0, source, &request);
        says(answer.as_ref()) == Some(Says::Held(HOLDER))
    };
    let own = token(&mut server, 0, client());
    assert!(!asked(&mut server, client(), [0; 12]));
    let mut bent = own;
    bent[11] ^= 1;
    assert!(!asked(&mut server, client(), bent));
    // Quietly, nothing is said either.
    let quietly = Ask::HoldQuietly(100).request(HOLDER);
    assert_eq!(send(&mut server, 0, client(), &quietly), (None, None));
    let query = Ask::Query(HOLDER).request(CALLER);
    let (answer, _) = send(&mut server, 0, caller(), &query);
    assert_eq!(says(answer.as_ref()), Some(Says::NotHeld(HOLDER)));
    assert!(asked(&mut server, client(), own));
    // It may be used by other sockets, which a NAT may give other addresses, and not for ever.
    let neighbour = address("203.0.113.200:4");
    let request = Ask::Hold(100).request_with(CALLER, own);
    let (answer, _) = send(&mut server, 7000, neighbour, &request);
    assert_eq!(says(answer.as_ref()), Some(Says::Held(CALLER)));
    let (answer, _) = send(&mut server, 7300, neighbour, &request);
    assert!(matches!(says(answer.as_ref()), Some(Says::Token(_))));
    let taken = (0..=149_u8).filter(|n| {
        let forged = SocketAddr::from(([198, 18, 0, *n], 40000));
        let own = token(&mut another_server, 0, client());
        let request = Ask::Hold(100).request_with([*n + 100; 12], own);
        let (answer, _) = send(&mut another_server, 0, forged, &request);
        matches!(says(answer.as_ref()), Some(Says::Held(_)))
    });
    assert_eq!(taken.count(), MOST_OF_SOURCE);
    // Another server has other tokens.
    let mut another = responder().with_seed(5);
    assert!(!asked(&mut another, client(), own));
}

fn says(response: Option<&Response>) -> Option<Says> {
    Says::read(&response?.bytes)
}

#[test]
fn it_is_held_and_comes_when_another_socket_calls_for_it() {
    let mut server = responder();
    let now = hold(&mut server, 0, client(), Ask::Hold(100), HOLDER);
    assert_eq!(says(now.as_ref()), Some(Says::Held(HOLDER)));
    let (answer, none) = send(
        &mut server,
        5,
        caller(),
        &Ask::Query(HOLDER).request(CALLER),
    );
    assert_eq!(says(answer.as_ref()), Some(Says::Held(HOLDER)));
    assert_eq!(none, None);
    for seconds in [50, 99] {
        let call = Ask::Release(HOLDER).request(CALLER);
        let (answer, released) = send(&mut server, seconds, caller(), &call);
        assert_eq!(says(answer.as_ref()), Some(Says::Released(HOLDER)));
        assert_eq!(answer.expect("an answer").to, caller());
        let released = released.expect("it comes");
        assert_eq!((released.to, released.from), (client(), Place::PRIMARY));
        assert_eq!(Says::read(&released.bytes), Some(Says::This(HOLDER)));
        let decoded = decode_binding_response(&released.bytes).expect("an answer");
        assert_eq!(decoded.transaction_id, HOLDER);
        let seen = decoded.outcome.expect("a success").xor_mapped;
        assert_eq!(seen, Some(client()), "what was seen then");
    }
    let (answer, released) = send(
        &mut server,
        101,
        caller(),
        &Ask::Release(HOLDER).request(CALLER),
    );
    assert_eq!(says(answer.as_ref()), Some(Says::NotHeld(HOLDER)));
    assert_eq!(released, None);
    let counters = server.counters();
    assert_eq!((counters.requests, counters.answers), (6, 8));
}

#[test]
fn quietly_means_no_answer_now() {
    let mut server = responder();
    let answer = hold(&mut server, 0, client(), Ask::HoldQuietly(100), HOLDER);
    assert_eq!(answer, None);
    assert_eq!(server.counters().answers, 1, "the token");
    let call = Ask::Release(HOLDER).request(CALLER);
    let (_, released) = send(&mut server, 1, caller(), &call);
    assert_eq!(released.expect("it comes").to, client());
}

#[test]
fn who_does_not_hold_answers_plainly() {
    let mut server = Responder::new(one_address(), RATE);
    for ask in [
        Ask::Hold(100),
        Ask::HoldQuietly(100),
        Ask::Query(HOLDER),
        Ask::Release(HOLDER),
    ] {
        let (answer, released) = send(&mut server, 0, client(), &ask.request(ID));
        assert_eq!(
            success(&answer.expect("an answer")).xor_mapped,
            Some(client())
        );
        assert_eq!(released, None);
    }
}

#[test]
fn not_on_streams_and_not_to_other_ports() {
    let mut server = responder();
    let request = Ask::Hold(100).request(HOLDER);
    let received = Received {
        at: Place::PRIMARY,
        stream: true,
        source: client(),
        bytes: &request,
    };
    let answer = server.handle(Duration::ZERO, received);
    assert_eq!(says(answer.as_ref()), None);
    let mut elsewhere = binding_request_to_port(HOLDER, Asked::None, Some(4000));
    rtcdiag::proto::stun::message::append(
        &mut elsewhere,
        rtcdiag::proto::stun::held::HELD_ANSWER,
        &{
            let mut value = [0; 16];
            value[0] = 1;
            value[3] = 100;
            value
        },
    );
    let (answer, _) = send(&mut server, 0, client(), &elsewhere);
    assert_eq!(says(answer.as_ref()), None);
    let (answer, _) = send(
        &mut server,
        0,
        caller(),
        &Ask::Query(HOLDER).request(CALLER),
    );
    assert_eq!(says(answer.as_ref()), Some(Says::NotHeld(HOLDER)));
}

/// No source gets all the room, none holds longer than the limit, and none takes another one's.
#[test]
fn room_and_time_are_bounded() {
    let mut server = responder();
    let held = |server: &mut Responder, now, source, n: u32| {
        let mut id = [0; 12];
        id[..4].copy_from_slice(&n.to_be_bytes());
        let answer = hold(server, now, source, Ask::Hold(u16::MAX), id);
        says(answer.as_ref()) == Some(Says::Held(id))
    };
    let mut n = 0;
    let mut taken = 0;
    for host in 0..=40_u8 {
        for _ in 0..140 {
            n += 1;
            let source = SocketAddr::from(([198, 51, 100, host], 40000));
            taken += usize::from(held(&mut server, 0, source, n));
        }
        assert!(taken <= MOST_OF_SOURCE * (usize::from(host) + 1));
    }
    assert_eq!(taken, MOST_HELD);
    assert!(!held(&mut server, 1, client(), n + 1));
    let over = u64::from(LONGEST_SECONDS) + 1;
    assert!(
        held(&mut server, over, client(), n + 1),
        "the others are over"
    );
    assert!(
        !held(&mut server, over, caller(), n + 1),
        "it is another one's"
    );
}

/// What is called for counts as an answer to its own source, and is not sent without end.
#[test]
fn calls_are_bounded() {
    let mut server = responder();
    hold(&mut server, 0, client(), Ask::Hold(1000), HOLDER);
    let call = Ask::Release(HOLDER).request(CALLER);
    let released = (0..400).filter(|n| send(&mut server, *n, caller(), &call).1.is_some());
    assert_eq!(released.count(), 40);
    let scarce = Rate {
        per_second: 0.0,
        burst: 4.0,
    };
    let mut server = Responder::new(one_address(), scarce).holding_answers();
    hold(&mut server, 0, client(), Ask::Hold(1000), HOLDER);
    let answers: Vec<Option<Says>> = (0..3)
        .map(|_| says(send(&mut server, 0, caller(), &call).0.as_ref()))
        .collect();
    let sent = Some(Says::Released(HOLDER));
    // It is said that the third was not sent, or it would pass for a binding that is gone.
    assert_eq!(answers, [sent, sent, Some(Says::Held(HOLDER))]);
}
