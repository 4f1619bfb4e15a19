//! What comes from the network or from files can be anything. The decoders take it or refuse it;
//! they do not panic, hang or make something up.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::properties;
use crate::support::stun_wire::{
    ALTERNATE_SERVER, BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, MAPPED_ADDRESS, Message,
    OTHER_ADDRESS, RESPONSE_ORIGIN, RESPONSE_PORT, SOFTWARE, XOR_MAPPED_ADDRESS,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rtcdiag::proto::stun::message::{
    BindingResponse, BindingSuccess, DecodeError, HEADER_LEN, decode_binding_response,
};

/// RFC 3489 11.2.3.
const CHANGED_ADDRESS: u16 = 0x0005;
const TRANSACTION: [u8; 12] = *b"abcdefghijkl";
/// Of RFC 5769 2.1 to 2.3.
const RFC_5769_TRANSACTION: [u8; 12] = [
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
];

/// RFC 5769 2.1, without the padding's odd bytes mattering to anybody.
const RFC_5769_REQUEST: &str = "\
    000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff\
    80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249\
    c1b571a280280004e57a3bcf";
/// RFC 5769 2.2.
const RFC_5769_IPV4_RESPONSE: &str = "\
    0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643\
    000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
/// RFC 5769 2.3.
const RFC_5769_IPV6_RESPONSE: &str = "\
    010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9fa\
    a5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

#[test]
fn the_test_vectors_of_rfc_5769() {
    let request = decode_binding_response(&hex(RFC_5769_REQUEST));
    assert_eq!(request, Err(DecodeError::NotABindingResponse));
    for (vector, address) in [
        (RFC_5769_IPV4_RESPONSE, "192.0.2.1:32853"),
        (
            RFC_5769_IPV6_RESPONSE,
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
        ),
    ] {
        let response = decode_binding_response(&hex(vector)).expect("a response");
        let expected = BindingResponse {
            transaction_id: RFC_5769_TRANSACTION,
            outcome: Ok(BindingSuccess {
                xor_mapped: Some(socket(address)),
                ..BindingSuccess::default()
            }),
            software: Some("test vector".into()),
        };
        assert_eq!(response, expected);
    }
}

#[test]
fn truncated_at_every_length() {
    for whole in [
        hex(RFC_5769_IPV4_RESPONSE),
        hex(RFC_5769_IPV6_RESPONSE),
        rich().finish(),
    ] {
        for length in 0..whole.len() {
            let decoded = decode_binding_response(&whole[..length]);
            if length < HEADER_LEN {
                assert_eq!(decoded, Err(DecodeError::NotStun), "{length} bytes");
            } else {
                assert!(
                    matches!(decoded, Err(DecodeError::Malformed(_))),
                    "{length} bytes: {decoded:?}"
                );
            }
        }
    }
}

#[test]
fn a_length_field_that_is_not_true() {
    let whole = rich().finish();
    let too_long = u16::try_from(whole.len()).expect("it is short");
    for announced in [too_long, 0xfffc] {
        let mut message = whole.clone();
        message[2..4].copy_from_slice(&announced.to_be_bytes());
        malformed(&message);
    }
    // Not a multiple of four: no STUN at all (RFC 8489 5).
    let mut message = whole.clone();
    message[3] += 1;
    assert_eq!(decode_binding_response(&message), Err(DecodeError::NotStun));
    // Every attribute in turn claims to be longer than the message.
    let mut at = HEADER_LEN;
    while at < whole.len() {
        let length = u16::from_be_bytes([whole[at + 2], whole[at + 3]]);
        let mut message = whole.clone();
        message[at + 2..at + 4].copy_from_slice(&0xffff_u16.to_be_bytes());
        malformed(&message);
        at += 4 + usize::from(length).next_multiple_of(4);
    }
}

#[test]
fn bytes_behind_the_message_are_not_part_of_it() {
    let mut message = rich().finish();
    let expected = decode_binding_response(&message);
    message.extend([0xff; 7]);
    assert_eq!(decode_binding_response(&message), expected);
}

#[test]
fn what_is_no_answer_to_a_binding_request() {
    // A request, an indication, and a success answer to an Allocate request.
    for kind in [BINDING_REQUEST, 0x0011, 0x0103] {
        let message = Message::new(kind, TRANSACTION).finish();
        assert_eq!(
            decode_binding_response(&message),
            Err(DecodeError::NotABindingResponse),
            "0x{kind:04x}"
        );
    }
    // RTP, and STUN of RFC 3489 without the magic cookie.
    let mut message = rich().finish();
    message[0] |= 0x80;
    assert_eq!(decode_binding_response(&message), Err(DecodeError::NotStun));
    let mut message = rich().finish();
    message[4] = 0;
    assert_eq!(decode_binding_response(&message), Err(DecodeError::NotStun));
}

/// RFC 5780 7.5 has two bytes; some servers send the four with the padding inside.
#[test]
fn response_port_of_two_and_of_four_bytes() {
    for value in [&[0x0d, 0x96][..], &[0x0d, 0x96, 0, 0]] {
        reads_all(rich().attribute(RESPONSE_PORT, value), Some("a server"));
    }
}

/// Leniently: RFC 8489 6.3.3 would drop the whole answer.
#[test]
fn an_attribute_that_nobody_knows() {
    for kind in [0x7abc, 0xfabc] {
        reads_all(rich().attribute(kind, b"what?"), Some("a server"));
    }
}

#[test]
fn software_that_is_not_text() {
    let whole = addresses().attribute(SOFTWARE, b"caf\xe9");
    reads_all(whole, None);
    let whole = addresses().attribute(SOFTWARE, &[b'x'; 764]);
    reads_all(whole, None);
    let whole = addresses().attribute(SOFTWARE, b"");
    reads_all(whole, None);
    // What could draw on a terminal is left out.
    let whole = addresses().attribute(SOFTWARE, b"\x1b[31ma server\r\n");
    reads_all(whole, Some("\\u{1b}[31ma server"));
}

#[test]
fn thousands_of_tiny_attributes() {
    let most = (usize::from(u16::MAX) - HEADER_LEN) / 8 - 20;
    let many = |kind, value: &[u8]| {
        let message = (0..most).fold(addresses(), |m, _| m.attribute(kind, value));
        message.finish()
    };
    for (message, readable) in [
        (many(0xfabc, b""), true),
        (many(0x7abc, b"1"), true),
        (many(XOR_MAPPED_ADDRESS, b"1234"), false),
        (many(SOFTWARE, b"\xff"), false),
    ] {
        let started = now();
        assert_eq!(decode_binding_response(&message).is_ok(), readable);
        let took = now() - started;
        assert!(
            took < Duration::from_secs(1),
            "{took:?} for {} bytes",
            message.len()
        );
    }
}

#[test]
fn changed_address_of_rfc_3489_stands_for_other_address() {
    let changed = socket("198.51.100.2:3479");
    let other = socket("198.51.100.3:3480");
    let plain = || Message::new(BINDING_SUCCESS, TRANSACTION);
    for (message, expected) in [
        (plain().address(CHANGED_ADDRESS, changed), Some(changed)),
        (
            plain()
                .address(CHANGED_ADDRESS, changed)
                .address(OTHER_ADDRESS, other),
            Some(other),
        ),
        (
            plain()
                .address(OTHER_ADDRESS, other)
                .address(CHANGED_ADDRESS, changed),
            Some(other),
        ),
        (plain().attribute(CHANGED_ADDRESS, &[0, 1, 0, 1]), None),
        (
            plain().attribute(CHANGED_ADDRESS, &[0, 3, 0, 1, 1, 2, 3, 4]),
            None,
        ),
        (plain(), None),
    ] {
        assert_eq!(success(&message.finish()).other_address, expected);
    }
}

#[test]
fn xor_mapped_address_is_believed_before_mapped_address() {
    for (xor, plain) in [
        ("203.0.113.5:40000", "192.0.2.10:5000"),
        ("[2001:db8::5]:40000", "[2001:db8::10]:5000"),
        ("203.0.113.5:40000", "[2001:db8::10]:5000"),
    ] {
        let (xor, plain) = (socket(xor), socket(plain));
        let message = || Message::new(BINDING_SUCCESS, TRANSACTION);
        let both = success(
            &message()
                .address(MAPPED_ADDRESS, plain)
                .xor_address(XOR_MAPPED_ADDRESS, xor)
                .finish(),
        );
        assert_eq!((both.xor_mapped, both.mapped), (Some(xor), Some(plain)));
        assert_eq!(both.reflexive(), Some(xor));
        let only_plain = success(&message().address(MAPPED_ADDRESS, plain).finish());
        assert_eq!(only_plain.reflexive(), Some(plain));
        let only_xor = success(&message().xor_address(XOR_MAPPED_ADDRESS, xor).finish());
        assert_eq!((only_xor.reflexive(), only_xor.mapped), (Some(xor), None));
        assert_eq!(success(&message().finish()).reflexive(), None);
    }
}

#[test]
fn of_two_attributes_of_one_kind_the_first_counts() {
    let (first, second) = (socket("203.0.113.5:1"), socket("203.0.113.6:2"));
    let message = Message::new(BINDING_SUCCESS, TRANSACTION)
        .xor_address(XOR_MAPPED_ADDRESS, first)
        .xor_address(XOR_MAPPED_ADDRESS, second);
    assert_eq!(success(&message.finish()).xor_mapped, Some(first));
}

#[test]
fn errors_are_read() {
    let elsewhere = socket("198.51.100.9:3478");
    let message = Message::new(BINDING_ERROR, TRANSACTION)
        .error(300, "Try \x07Alternate")
        .address(ALTERNATE_SERVER, elsewhere);
    let error = error(&message.finish());
    assert_eq!(error.code, 300);
    assert_eq!(error.reason, "Try \\u{7}Alternate");
    assert_eq!(error.alternate_server, Some(elsewhere));
    let nameless = Message::new(BINDING_ERROR, TRANSACTION).finish();
    let response = decode_binding_response(&nameless).expect("an answer all the same");
    assert_eq!(response.outcome.expect_err("an error").code, 0);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: RngSeed::Fixed(8489),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        properties::decode(&bytes);
    }

    #[test]
    fn any_attributes(
        kind in prop_oneof![Just(BINDING_SUCCESS), Just(BINDING_ERROR), any::<u16>()],
        transaction: [u8; 12],
        attributes in proptest::collection::vec((known_kind(), any_value()), 0..12),
        behind in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let message = attributes
            .iter()
            .fold(Message::new(kind & 0x3fff, transaction), |message, (kind, value)| {
                message.attribute(*kind, value)
            });
        let mut bytes = message.finish();
        bytes.extend(behind);
        properties::decode(&bytes);
    }

    #[test]
    fn a_good_message_with_some_bytes_changed(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut message = rich().finish();
        for (at, byte) in changes {
            let at = at.index(message.len());
            message[at] = byte;
        }
        properties::decode(&message);
    }

    #[test]
    fn every_address_comes_back(ip: std::net::IpAddr, port: u16, transaction: [u8; 12]) {
        let address = SocketAddr::new(ip, port);
        let message = Message::new(BINDING_SUCCESS, transaction)
            .xor_address(XOR_MAPPED_ADDRESS, address)
            .address(OTHER_ADDRESS, address)
            .finish();
        let success = success(&message);
        // IPv4 in the form of IPv6 is IPv4.
        let expected = SocketAddr::new(ip.to_canonical(), port);
        prop_assert_eq!(success.reflexive(), Some(expected));
        prop_assert_eq!(success.other_address, Some(expected));
    }

    #[test]
    fn any_text_as_uri(text in ".*") {
        properties::uri(&text);
    }

    #[test]
    fn almost_uris(
        text in "((stun|turn)s?:|[A-Z]{4}:|)(//)?[a-z0-9._:\\[\\]-]{0,20}(:[0-9]{0,6})?(\\?transport=(udp|tcp|tls))?"
    ) {
        properties::uri(&text);
    }

    #[test]
    fn good_uris(
        scheme in "(stun|turn)s?",
        host in "[a-z]{1,20}(\\.[a-z0-9]{1,20}){0,3}|[1-9]\\.[1-9]\\.[1-9]\\.[1-9]|\\[2001:db8::[1-9a-f]{1,4}\\]",
        port in 1..=u16::MAX,
    ) {
        let text = format!("{scheme}:{host}:{port}");
        let uri: rtcdiag::proto::stun::uri::ServerUri = text.parse().expect("it is one");
        prop_assert_eq!(uri.to_string(), text);
    }

    #[test]
    fn any_text_as_ice_servers(text in ".*") {
        properties::ice_servers(&text);
    }

    #[test]
    fn almost_ice_servers(
        url in "((stun|turn)s?:)?[a-z0-9.:]{0,12}",
        credential: Option<String>,
        wrapped: bool,
        key in "urls?|uri",
    ) {
        let mut entry = serde_json::json!({ key: [url] });
        entry["credential"] = credential.into();
        let list = serde_json::json!([entry]);
        let document = if wrapped { serde_json::json!({"iceServers": list}) } else { list };
        properties::ice_servers(&document.to_string());
    }
}

fn known_kind() -> impl Strategy<Value = u16> {
    prop_oneof![
        0..0x30_u16,
        0x8000..0x8030_u16,
        Just(XOR_MAPPED_ADDRESS),
        Just(MAPPED_ADDRESS),
        Just(CHANGED_ADDRESS),
        Just(SOFTWARE),
        any::<u16>(),
    ]
}

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        (1..3_u8, any::<[u8; 18]>()).prop_map(|(family, rest)| {
            let length = if family == 1 { 6 } else { 18 };
            [&[0, family], &rest[..length]].concat()
        }),
    ]
}

/// A success answer with all that a server with behaviour discovery sends.
fn rich() -> Message {
    addresses().attribute(SOFTWARE, b"a server")
}

fn addresses() -> Message {
    Message::new(BINDING_SUCCESS, TRANSACTION)
        .xor_address(XOR_MAPPED_ADDRESS, socket("203.0.113.5:40000"))
        .address(MAPPED_ADDRESS, socket("203.0.113.5:40000"))
        .address(OTHER_ADDRESS, socket("198.51.100.2:3479"))
        .address(RESPONSE_ORIGIN, socket("198.51.100.1:3478"))
}

/// Nothing of [`addresses`] is lost.
fn reads_all(message: Message, software: Option<&str>) {
    let response = decode_binding_response(&message.finish()).expect("it can be read");
    let expected = BindingSuccess {
        xor_mapped: Some(socket("203.0.113.5:40000")),
        mapped: Some(socket("203.0.113.5:40000")),
        other_address: Some(socket("198.51.100.2:3479")),
        response_origin: Some(socket("198.51.100.1:3478")),
        is_v4_mapped: false,
    };
    assert_eq!(response.outcome, Ok(expected));
    assert_eq!(response.software.as_deref(), software);
}

fn success(bytes: &[u8]) -> BindingSuccess {
    let response = decode_binding_response(bytes).expect("it can be read");
    response.outcome.expect("a success")
}

fn error(bytes: &[u8]) -> rtcdiag::proto::stun::message::ErrorResponse {
    let response = decode_binding_response(bytes).expect("it can be read");
    response.outcome.expect_err("an error")
}

fn malformed(bytes: &[u8]) {
    let decoded = decode_binding_response(bytes);
    assert!(
        matches!(decoded, Err(DecodeError::Malformed(_))),
        "{decoded:?}"
    );
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).expect("ASCII"))
        .map(|pair| u8::from_str_radix(pair, 16).expect("two hex digits"))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "it measures how long the decoder takes"
)]
fn now() -> Instant {
    Instant::now()
}
