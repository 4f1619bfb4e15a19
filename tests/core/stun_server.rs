//! Each rule of the responder.

use rtcdiag::proto::stun::server::request::Change;
use rtcdiag::proto::stun::server::request::Ignored;
use rtcdiag::proto::stun::server::request::Request;
use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::proto::stun::message::{
    BindingSuccess, Change as Asked, attribute, binding_request, binding_request_to_port,
    decode_binding_response,
};
use rtcdiag::proto::stun::server::*;

mod held;

const ID: [u8; 12] = [7; 12];

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn client() -> SocketAddr {
    address("203.0.113.9:40000")
}

fn two_addresses() -> Addresses {
    Addresses {
        primary: address("192.0.2.1:3478"),
        alternate: Some(address("192.0.2.2:3479")),
    }
}

fn one_address() -> Addresses {
    Addresses {
        alternate: None,
        ..two_addresses()
    }
}

fn ask_at(addresses: Addresses, at: Place, bytes: &[u8]) -> Option<Response> {
    let received = Received {
        at,
        stream: false,
        source: client(),
        bytes,
    };
    Responder::new(addresses, RATE).handle(Duration::ZERO, received)
}

fn ask(addresses: Addresses, bytes: &[u8]) -> Option<Response> {
    ask_at(addresses, Place::PRIMARY, bytes)
}

fn success(response: &Response) -> BindingSuccess {
    let answer = decode_binding_response(&response.bytes).expect("a Binding answer");
    assert_eq!(answer.transaction_id, ID);
    assert_eq!(answer.software.as_deref(), Some(SOFTWARE));
    answer.outcome.expect("a success")
}

fn code(response: Option<Response>) -> u16 {
    let response = response.expect("an answer");
    let answer = decode_binding_response(&response.bytes).expect("a Binding answer");
    answer.outcome.expect_err("an error").code
}

/// A Binding request with these attributes.
fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = binding_request(ID, Asked::None);
    for (kind, value) in attributes {
        bytes.extend(kind.to_be_bytes());
        bytes.extend(u16::try_from(value.len()).expect("short").to_be_bytes());
        bytes.extend(*value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let length = u16::try_from(bytes.len() - 20).expect("short");
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// RFC 5780 6.1, table 1, at each of the four sockets.
#[test]
fn change_request_decides_where_the_answer_comes_from() {
    let addresses = two_addresses();
    for at in Place::ALL {
        let here = addresses.of(at).expect("four sockets");
        let both = Change {
            ip: true,
            port: true,
        };
        let other = addresses.of(at.changed(both)).expect("four sockets");
        assert!(here.ip() != other.ip() && here.port() != other.port());
        for (asked, ip, port) in [
            (Asked::None, here.ip(), here.port()),
            (Asked::Port, here.ip(), other.port()),
            (Asked::Ip, other.ip(), here.port()),
            (Asked::IpAndPort, other.ip(), other.port()),
        ] {
            let response = ask_at(addresses, at, &binding_request(ID, asked)).expect("an answer");
            let from = SocketAddr::new(ip, port);
            assert_eq!(addresses.of(response.from), Some(from), "{at:?} {asked:?}");
            assert_eq!(response.to, client());
            let success = success(&response);
            assert_eq!(success.xor_mapped, Some(client()));
            assert_eq!(success.mapped, Some(client()));
            assert_eq!(success.response_origin, Some(from));
            assert_eq!(success.other_address, Some(other), "{at:?} {asked:?}");
        }
    }
}

#[test]
fn one_address_is_plain_binding() {
    let response = ask(one_address(), &binding_request(ID, Asked::None)).expect("an answer");
    let success = success(&response);
    assert_eq!(success.reflexive(), Some(client()));
    assert_eq!(
        (success.other_address, success.response_origin),
        (None, None)
    );
    // RFC 5780 6.1: 420 without an alternate address.
    for asked in [Asked::Port, Asked::Ip, Asked::IpAndPort] {
        let refused = ask(one_address(), &binding_request(ID, asked));
        let bytes = &refused.as_ref().expect("an answer").bytes;
        assert_eq!(attribute(bytes, 0x000a), Some(&[0, 3][..]));
        assert_eq!(code(refused), 420);
    }
}

#[test]
fn response_port_changes_the_port_and_nothing_else() {
    for value in [&[0x12, 0x34][..], &[0x12, 0x34, 0, 0]] {
        let response = ask(one_address(), &request(&[(0x0027, value)])).expect("an answer");
        assert_eq!(response.to, SocketAddr::new(client().ip(), 0x1234));
        assert_eq!(success(&response).xor_mapped, Some(client()));
    }
    let both = binding_request_to_port(ID, Asked::IpAndPort, Some(99));
    let response = ask(two_addresses(), &both).expect("an answer");
    assert_eq!(response.to.port(), 99);
    assert_eq!(response.from, Place::ALL[3]);
    for wrong in [&[0, 0][..], &[], &[1], &[1, 2, 3], &[1, 2, 3, 4, 5]] {
        assert_eq!(code(ask(one_address(), &request(&[(0x0027, wrong)]))), 400);
    }
}

#[test]
fn padding_is_answered_with_no_more_padding() {
    for (asked, given) in [(0, 0), (5, 5), (1000, 1000), (1400, 1200)] {
        let padded = request(&[(0x0026, &vec![b'x'; asked])]);
        let response = ask(two_addresses(), &padded).expect("an answer");
        let padding = attribute(&response.bytes, 0x0026).expect("padding");
        assert_eq!(padding.len(), given);
        assert_eq!(success(&response).xor_mapped, Some(client()));
    }
    let both = request(&[(0x0026, b"xxxx"), (0x0027, &[1, 2])]);
    assert_eq!(code(ask(one_address(), &both)), 400);
}

#[test]
fn attributes_that_have_to_be_understood_and_are_not() {
    let refused = ask(
        two_addresses(),
        &request(&[(0x7123, b""), (0x0002, b"abcdefgh"), (0x9999, b"fine")]),
    );
    let bytes = &refused.as_ref().expect("an answer").bytes;
    assert_eq!(attribute(bytes, 0x000a), Some(&[0x71, 0x23, 0, 2][..]));
    assert_eq!(code(refused), 420);
    // Credentials, which this server has no use for.
    let known = request(&[(0x0006, b"user"), (0x0008, &[0; 20]), (0x8022, b"me")]);
    success(&ask(two_addresses(), &known).expect("an answer"));
    // However many there are, the answer stays short.
    let many: Vec<(u16, &[u8])> = (0..300).map(|n| (0x7000 + n, &b""[..])).collect();
    let answer = ask(two_addresses(), &request(&many)).expect("an answer");
    assert!(answer.bytes.len() < 120, "{}", answer.bytes.len());
}

#[test]
fn a_fingerprint_is_checked_and_returned() {
    use stun_rs::attributes::stun::Fingerprint;
    use stun_rs::methods::BINDING;
    use stun_rs::{MessageClass, MessageEncoderBuilder, StunMessageBuilder};

    let message = StunMessageBuilder::new(BINDING, MessageClass::Request)
        .with_transaction_id(ID.into())
        .with_attribute(Fingerprint::default())
        .build();
    let mut bytes = vec![0; 64];
    let encoder = MessageEncoderBuilder::default().build();
    let size = encoder.encode(&mut bytes, &message).expect("it fits");
    bytes.truncate(size);

    let response = ask(two_addresses(), &bytes).expect("an answer");
    success(&response);
    assert_eq!(attribute(&response.bytes, 0x8028).map(<[u8]>::len), Some(4));
    assert_eq!(
        response.bytes[response.bytes.len() - 8..][..4],
        [0x80, 0x28, 0, 4]
    );
    let again = Request::read(&[&[0, 1], &response.bytes[2..]].concat());
    assert_eq!(again, Err(Ignored::Malformed), "the type is covered by it");

    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert_eq!(ask(two_addresses(), &bytes), None);
    let plain = ask(two_addresses(), &request(&[])).expect("an answer");
    assert_eq!(attribute(&plain.bytes, 0x8028), None);
}

#[test]
fn clients_of_rfc_3489() {
    let mut bytes = binding_request(ID, Asked::Ip);
    bytes[4..8].copy_from_slice(b"abcd");
    let response = ask(two_addresses(), &bytes).expect("an answer");
    assert_eq!(response.from, Place::ALL[2]);
    assert_eq!(response.bytes[4..8], *b"abcd");
    let kinds: Vec<u16> = rtcdiag::proto::stun::message::split_attributes(&response.bytes[20..])
        .expect("attributes")
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, [0x0001, 0x0004, 0x0005]);
    let mapped = attribute(&response.bytes, 1);
    assert_eq!(mapped, Some(&[0, 1, 0x9c, 0x40, 203, 0, 113, 9][..]));
    let source = attribute(&response.bytes, 4);
    assert_eq!(source, Some(&[0, 1, 0x0d, 0x96, 192, 0, 2, 2][..]));
    let changed = attribute(&response.bytes, 5);
    assert_eq!(changed, Some(&[0, 1, 0x0d, 0x97, 192, 0, 2, 2][..]));
}

#[test]
fn what_nobody_answers() {
    let good = request(&[]);
    let with_type = |kind: [u8; 2]| [&kind[..], &good[2..]].concat();
    for bytes in [
        with_type([0x00, 0x11]),
        with_type([0x01, 0x01]),
        with_type([0x01, 0x11]),
        with_type([0x00, 0x03]),
        vec![],
        good[..19].to_vec(),
        [&good[..], &[0; 4]].concat(),
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec(),
        vec![0; 1500],
        vec![0xff; 20],
    ] {
        assert_eq!(ask(two_addresses(), &bytes), None, "{bytes:?}");
    }
    // Our own answers, should somebody send them to us.
    let answer = ask(two_addresses(), &good).expect("an answer");
    assert_eq!(ask(two_addresses(), &answer.bytes), None);
}

#[test]
fn nothing_is_sent_to_ourselves_or_to_nobody() {
    let mut responder = Responder::new(two_addresses(), RATE);
    for source in [
        "192.0.2.1:3478",
        "192.0.2.2:3478",
        "192.0.2.1:3479",
        "192.0.2.2:3479",
        "203.0.113.9:0",
        "0.0.0.0:99",
        "224.0.0.1:99",
        "255.255.255.255:99",
    ] {
        let received = Received {
            at: Place::PRIMARY,
            stream: false,
            source: address(source),
            bytes: &request(&[]),
        };
        assert_eq!(responder.handle(Duration::ZERO, received), None, "{source}");
    }
    let counters = responder.counters();
    assert_eq!((counters.requests, counters.ignored), (8, 8));
}

#[test]
fn a_stream_is_answered_on_itself() {
    let on_stream = |bytes: &[u8]| {
        let received = Received {
            at: Place::PRIMARY,
            stream: true,
            source: client(),
            bytes,
        };
        Responder::new(two_addresses(), RATE).handle(Duration::ZERO, received)
    };
    let plain = on_stream(&request(&[])).expect("an answer");
    assert_eq!((plain.from, plain.to), (Place::PRIMARY, client()));
    assert_eq!(success(&plain).other_address, None);
    let port = binding_request_to_port(ID, Asked::None, Some(99));
    assert_eq!(code(on_stream(&port)), 420);
    let change = binding_request(ID, Asked::Port);
    assert_eq!(code(on_stream(&change)), 420);
}

#[test]
fn who_asks_too_much_is_not_answered() {
    let mut responder = Responder::new(two_addresses(), RATE);
    let bytes = request(&[]);
    let mut flood = |source: SocketAddr, now: u64| {
        let received = Received {
            at: Place::PRIMARY,
            stream: false,
            source,
            bytes: &bytes,
        };
        let now = Duration::from_millis(now);
        (0..1000)
            .filter(|_| responder.handle(now, received).is_some())
            .count()
    };
    assert_eq!(flood(client(), 0), 300);
    // Another port of it is the same source, another address is not.
    assert_eq!(flood(address("203.0.113.9:40001"), 0), 0);
    assert_eq!(flood(address("203.0.113.10:40001"), 0), 300);
    assert_eq!(flood(client(), 500), 50);
    let counters = responder.counters();
    assert_eq!(counters.answers, 650);
    assert_eq!(counters.limited, 4000 - 650);
    assert_eq!(counters.requests, 4000);
}

mod any {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = (u16, Vec<u8>)> {
        let kinds = prop_oneof![
            Just(0x0003),
            Just(0x0026),
            Just(0x0027),
            Just(0x8028),
            any::<u16>()
        ];
        (kinds, proptest::collection::vec(any::<u8>(), 0..40))
    }

    proptest! {
        #[test]
        fn bytes_never_upset_it(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            at in 0..4_usize,
        ) {
            let _ = ask_at(two_addresses(), Place::ALL[at], &bytes);
        }

        /// Never to another IP address, never much longer than what was asked, never an answer to
        /// which there would be an answer.
        #[test]
        fn answers_are_short_and_go_back(
            attributes in proptest::collection::vec(value(), 0..6),
            cookie in any::<bool>(),
            at in 0..4_usize,
        ) {
            let attributes: Vec<(u16, &[u8])> =
                attributes.iter().map(|(kind, value)| (*kind, &value[..])).collect();
            let mut bytes = request(&attributes);
            if !cookie {
                bytes[4] = 9;
            }
            if let Some(response) = ask_at(two_addresses(), Place::ALL[at], &bytes) {
                prop_assert_eq!(response.to.ip(), client().ip());
                prop_assert!(response.bytes.len() <= bytes.len() + 100);
                prop_assert_eq!(response.bytes[0], 1);
                prop_assert_eq!(&response.bytes[4..20], &bytes[4..20]);
                prop_assert_eq!(ask(two_addresses(), &response.bytes), None);
            }
        }
    }
}
