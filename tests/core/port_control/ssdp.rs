//! The search for a gateway device: what is sent, and which answers are followed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use proptest::prelude::*;
use rtcdiag::proto::machine::Machine as _;
use rtcdiag::proto::nat::router::ssdp::{Bystander, GROUP, LocalNetwork, Search};

const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 20);
const NETWORK: LocalNetwork = LocalNetwork {
    address: LOCAL,
    prefix: 24,
};
const KIND: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";

fn search() -> Search {
    Search::new(ROUTER, NETWORK, Duration::ZERO)
}

fn from(ip: Ipv4Addr) -> SocketAddr {
    SocketAddr::new(ip.into(), 1900)
}

fn answer(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: {KIND}\r\nLocation: {location}\r\nEXT:\r\n\r\n").into_bytes()
}

/// Everything that is sent when nobody answers, and when it ends.
fn run_silent(mut search: Search) -> (Vec<(Duration, SocketAddr, String)>, Duration) {
    let mut sent = Vec::new();
    let mut now = Duration::ZERO;
    loop {
        while let Some(transmit) = search.poll_transmit() {
            let text = String::from_utf8(transmit.payload).expect("text");
            sent.push((now, transmit.flow, text));
        }
        match search.poll_timeout() {
            Some(at) => now = at,
            None => return (sent, now),
        }
        search.handle_timeout(now);
    }
}

#[test]
fn silence_is_settled_after_the_time_that_devices_may_take() {
    let (sent, end) = run_silent(search());
    assert_eq!(end, Duration::from_millis(1100));
    let to_all = sent.iter().filter(|(_, to, _)| *to == GROUP).count();
    assert_eq!((sent.len(), to_all), (5, 4));
    for (_, to, text) in &sent {
        assert!(text.starts_with("M-SEARCH * HTTP/1.1\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "{text}");
        for line in [
            format!("\r\nHOST: {to}\r\n"),
            "\r\nMAN: \"ssdp:discover\"\r\n".to_owned(),
            "\r\nMX: 1\r\n".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
    // Others need the ICMP errors of a router without such a device: it is asked alone at last.
    assert!(sent.iter().all(|(at, to, _)| *to == GROUP || !at.is_zero()));
}

#[test]
fn the_router_is_followed_once_for_each_place() {
    let mut search = search();
    for location in [
        "http://192.168.1.1:5000/rootDesc.xml",
        "http://192.168.1.1:5000/rootDesc.xml",
        "http://192.168.1.1:80/igd.xml",
    ] {
        search.handle_input(Duration::ZERO, from(ROUTER), &answer(location));
    }
    let found: Vec<String> =
        std::iter::from_fn(|| search.poll_found().map(|l| l.address.to_string())).collect();
    assert_eq!(found, ["192.168.1.1:5000", "192.168.1.1:80"]);
    assert_eq!(search.bystanders().count(), 0);
}

#[test]
fn another_address_of_the_same_network_is_followed_if_the_router_says_so() {
    let mut search = search();
    search.handle_input(
        Duration::ZERO,
        from(ROUTER),
        &answer("http://192.168.1.254:80/igd.xml"),
    );
    assert!(search.poll_found().is_some());
}

#[test]
fn nobody_is_sent_elsewhere() {
    for location in [
        "http://203.0.113.9/igd.xml",
        "http://192.168.2.1/igd.xml",
        "http://127.0.0.1/igd.xml",
        "http://192.168.1.20/igd.xml",
        "http://169.254.169.254/latest/meta-data",
        "http://router.example.org/igd.xml",
        "http://[fe80::1]/igd.xml",
        "https://192.168.1.1/igd.xml",
        "file:///etc/passwd",
        "http://192.168.1.1@203.0.113.9/igd.xml",
        "nonsense",
    ] {
        let mut search = search();
        search.handle_input(Duration::ZERO, from(ROUTER), &answer(location));
        assert_eq!(search.poll_found(), None, "{location}");
        let said = search.bystanders().next();
        assert!(
            matches!(said, Some(Bystander::ForeignLocation { .. })),
            "{location}: {said:?}"
        );
    }
}

#[test]
fn who_is_not_the_router_is_named_and_not_asked() {
    let mut search = search();
    let other = Ipv4Addr::new(192, 168, 1, 77);
    search.handle_input(
        Duration::ZERO,
        from(other),
        &answer("http://192.168.1.1/igd.xml"),
    );
    search.handle_input(
        Duration::ZERO,
        from(other),
        &answer("http://192.168.1.77/igd.xml"),
    );
    assert_eq!(search.poll_found(), None);
    let bystanders: Vec<_> = search.bystanders().cloned().collect();
    assert_eq!(bystanders, [Bystander::OtherGateway(other.into())]);
}

#[test]
fn what_is_no_answer_of_a_gateway_is_nothing() {
    for packet in [
        &b""[..],
        b"NOTIFY * HTTP/1.1\r\nNT: x\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:MediaServer:1\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
    ] {
        let mut search = search();
        search.handle_input(Duration::ZERO, from(ROUTER), packet);
        assert_eq!(search.poll_found(), None);
        assert_eq!(search.bystanders().count(), 0);
    }
}

#[test]
fn endless_answers_use_up_nothing() {
    let mut search = search();
    for number in 0..1000u16 {
        search.handle_input(
            Duration::ZERO,
            from(ROUTER),
            &answer(&format!("http://192.168.1.1:{number}/")),
        );
        let stranger = Ipv4Addr::from(0xc0a8_0200 + u32::from(number));
        search.handle_input(
            Duration::ZERO,
            from(stranger),
            &answer("http://192.168.1.1/"),
        );
    }
    assert!(std::iter::from_fn(|| search.poll_found()).count() <= 8);
    assert!(search.bystanders().count() <= 8);
}

#[test]
fn prefixes_of_all_lengths() {
    let network = |prefix| LocalNetwork {
        address: LOCAL,
        prefix,
    };
    assert!(network(0).contains(Ipv4Addr::new(8, 8, 8, 8)));
    assert!(network(31).contains(Ipv4Addr::new(192, 168, 1, 21)));
    assert!(!network(32).contains(Ipv4Addr::new(192, 168, 1, 21)));
    assert!(network(32).contains(LOCAL));
}

proptest! {
    #[test]
    fn only_the_router_or_its_network_is_ever_connected_to(
        packet in prop::collection::vec(any::<u8>(), 0..600),
        location in "[a-z]{0,5}:?//?[0-9.@:a-z/]{0,30}",
    ) {
        for bytes in [packet, answer(&location)] {
            let mut search = search();
            search.handle_input(Duration::ZERO, from(ROUTER), &bytes);
            while let Some(found) = search.poll_found() {
                let SocketAddr::V4(address) = found.address else {
                    panic!("{found:?}");
                };
                prop_assert!(NETWORK.contains(*address.ip()) && *address.ip() != LOCAL);
            }
        }
    }
}
