//! What a client sends to the rendezvous, what a rendezvous sends to a client, and what a proxy writes before it.

use std::net::IpAddr;

use rtcdiag::proto::signal::forwarded::{self, Begin};
use rtcdiag::proto::signal::message::{Greeting, Message};
use rtcdiag::proto::signal::wire::{Join, Notice};

pub fn body(input: &[u8]) {
    if let Begin::Header(length, _) = forwarded::begin(input) {
        assert!(length <= input.len());
    }
    if let Ok(message) = Message::decode(input) {
        assert!(Message::decode(&message.encode()).is_ok(), "{message:?}");
    }
    if let Ok(greeting) = Greeting::decode(input) {
        assert!(Greeting::decode(&greeting.encode()).is_ok(), "{greeting:?}");
    }
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    if let Ok(join) = Join::parse(text) {
        assert_eq!(Join::parse(&join.to_text()), Ok(join));
    }
    if let Some(notice) = Notice::parse(text) {
        assert_eq!(Notice::parse(&notice.to_text()), Some(notice));
    }
    let proxy = IpAddr::from([10, 0, 0, 1]);
    let (one, other) = text.split_once('\n').unwrap_or((text, ""));
    let found = forwarded::client(proxy, &[one], &[other], |ip| ip == proxy);
    let stranger = IpAddr::from([198, 51, 100, 1]);
    let believed = forwarded::client(stranger, &[one], &[other], |ip| ip == proxy);
    assert_eq!(believed, stranger, "a stranger is believed: {found}");
}
