//! What is sent to the STUN server: `cargo +nightly fuzz run stun_server`. The first byte chooses the
//! socket, the transport and whether there are two addresses.
#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::proto::stun::server::{Addresses, Place, RATE, Received, Responder};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else {
        return;
    };
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let is_single = choice & 4 != 0;
    let mut responder = Responder::new(
        Addresses {
            primary: address("192.0.2.1:3478"),
            alternate: (!is_single).then(|| address("192.0.2.2:3479")),
        },
        RATE,
    );
    let received = Received {
        at: if is_single {
            Place::PRIMARY
        } else {
            Place::ALL[usize::from(choice & 3)]
        },
        stream: choice & 8 != 0,
        source: address("203.0.113.9:40000"),
        bytes,
    };
    let Some(response) = responder.handle(Duration::ZERO, received) else {
        return;
    };
    assert_eq!(response.to.ip(), received.source.ip());
    assert!(response.bytes.len() <= bytes.len() + 100, "it amplifies");
    assert_eq!(response.bytes[4..20], bytes[4..20]);
    let answered = Received {
        bytes: &response.bytes,
        ..received
    };
    let again = responder.handle(Duration::ZERO, answered);
    assert_eq!(again, None, "an answer is answered");
});
