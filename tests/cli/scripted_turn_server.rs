//! The scripted TURN server is itself known to be right, and wrong where it is told to be: its
//! messages are checked against the RFCs' examples, and clients speak with it by hand.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::support::certificates::{Authority, Certificate};
use crate::support::stun_wire::{ALTERNATE_SERVER, Message, XOR_MAPPED_ADDRESS};
use crate::support::turn_client::{
    Client, LOCALHOST, PATIENCE, Relayed, Stream, UDP, Wire, code, connect, send, tcp, tls, udp,
};
use crate::support::turn_server::wire::{self, Digest, Incoming};
use crate::support::turn_server::{
    CountingRelays, Family, FiveTuple, Malformed, Method, Output, StreamFault, Transport,
    TurnConfig, TurnCore, TurnServer, prefix,
};

const NOW: Duration = Duration::from_secs(1);
type Attribute<'a> = (u16, &'a [u8]);

/// A core, and one client that speaks with it.
struct Talk {
    core: TurnCore,
    from: FiveTuple,
    client: Client,
}

impl Talk {
    fn new(config: TurnConfig, client: Client) -> Self {
        Self {
            core: TurnCore::new(config, CountingRelays::default()),
            from: FiveTuple::udp(address("198.51.100.9:5000")),
            client,
        }
    }

    fn handle(&mut self, bytes: &[u8]) -> Vec<Output> {
        self.core.handle(NOW, self.from, bytes)
    }

    /// The one answer.
    fn ask(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut outputs = self.handle(bytes);
        assert_eq!(outputs.len(), 1, "{outputs:?}");
        match outputs.remove(0) {
            Output::ToClient { to, bytes } if to == self.from => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// 0 for success.
    fn code(&mut self, bytes: &[u8]) -> u16 {
        code(&self.ask(bytes))
    }

    fn ask_to_allocate(&mut self) -> Vec<u8> {
        let request = self.client.allocate();
        self.ask(&request)
    }

    /// The first request, its challenge, and the answer to the second.
    fn log_in(&mut self) -> Vec<u8> {
        let challenge = self.ask_to_allocate();
        assert_eq!(code(&challenge), 401);
        assert_eq!(self.client.is_signed(&challenge), None);
        self.client.challenged(&challenge);
        self.ask_to_allocate()
    }

    fn permit(&mut self, peer: &str) -> u16 {
        let request = self.client.permit(&[address(peer)]);
        self.code(&request)
    }

    fn bind(&mut self, number: u16, peer: &str) -> u16 {
        let request = self.client.bind(number, address(peer));
        self.code(&request)
    }

    fn refresh(&mut self, lifetime: u32) -> u16 {
        let request = self.client.refresh(lifetime);
        self.code(&request)
    }
}

/// An allocation with good credentials.
fn allocated(config: TurnConfig) -> Talk {
    let mut talk = Talk::new(config, Client::good());
    assert_eq!(code(&talk.log_in()), 0);
    talk
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

#[test]
fn the_examples_of_the_rfcs() {
    // RFC 5769 2.4: long-term authentication.
    let example = hex("000100602112a44278ad3433c6ad72c029da412e
         00060012e3839ee38388e383aae38383e382afe382b90000
         0015001c662f2f3439396b3935346436 4f4c33346f4c394653547679363473 41
         0014000b6578616d706c652e6f726700
         00080014f67024656dd64a3e02b8e0712e85c9a28ca89666");
    let username = "マトリックス";
    let key = wire::key(wire::MD5, username, "example.org", "TheMatrIX");
    let message = Incoming::parse(&example).expect("STUN");
    assert_eq!(message.get(wire::USERNAME), Some(username.as_bytes()));
    assert_eq!(message.is_signed(Digest::Sha1, &key), Some(true));
    let mut again = wire::omit(&example, &[wire::MESSAGE_INTEGRITY]);
    wire::sign(&mut again, Digest::Sha1, &key);
    assert_eq!(again, example);
    // RFC 5769 2.1: short-term authentication and FINGERPRINT.
    let example = hex("000100582112a442b7e7a701bc34d686fa87dfae
         802200105354554e207465737420636c69656e74
         002400046e0001ff80290008932ff9b151263b36
         000600096576746a3a68367659202020
         000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
         80280004e57a3bcf");
    let message = Incoming::parse(&example).expect("STUN");
    let key = b"VOkJxbRl1RmTxUk/WvJxBt";
    assert_eq!(message.is_signed(Digest::Sha1, key), Some(true));
    assert_eq!(message.fingerprint(), Some(true));
    let mut again = wire::omit(&example, &[wire::FINGERPRINT]);
    wire::add_fingerprint(&mut again);
    assert_eq!(again, example);
    // RFC 8489 B.1: USERHASH.
    let hash = hex("4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704");
    assert_eq!(wire::userhash(username, "example.org"), hash);
}

#[test]
fn an_allocation_from_the_challenge_to_its_end() {
    let mut talk = Talk::new(TurnConfig::default(), Client::good());
    let binding = talk.client.request(Method::Binding, |m| m);
    let answer = talk.ask(&binding);
    let mapped = Incoming::parse(&answer).and_then(|a| a.xor_address(XOR_MAPPED_ADDRESS));
    assert_eq!(mapped, Some(talk.from.client));

    let challenge = talk.ask_to_allocate();
    talk.client.challenged(&challenge);
    let request = talk.client.allocate();
    let success = talk.ask(&request);
    assert_eq!(talk.client.is_signed(&success), Some(true));
    let answer = Incoming::parse(&success).expect("STUN");
    let relay = answer.xor_address(wire::XOR_RELAYED_ADDRESS);
    let relay = relay.expect("a relayed address");
    assert_eq!(answer.xor_address(XOR_MAPPED_ADDRESS), mapped);
    assert_eq!(answer.u32(wire::LIFETIME), Some(600));
    assert_eq!(talk.core.relays_of(talk.from), [relay]);
    // The same request again, and another one.
    assert_eq!(talk.ask(&request), success);
    assert_eq!(code(&talk.ask_to_allocate()), 437);

    let peer = address("192.0.2.4:4000");
    let both = [peer, address("192.0.2.5:1")];
    let request = talk.client.permit(&both);
    let answer = talk.ask(&request);
    assert_eq!(
        (code(&answer), talk.client.is_signed(&answer)),
        (0, Some(true))
    );
    let out = |payload: &[u8]| Output::FromRelay {
        relay,
        peer,
        payload: payload.to_vec(),
    };
    assert_eq!(talk.handle(&send(peer, b"to")), [out(b"to")]);
    assert_eq!(talk.handle(&send(address("192.0.2.6:1"), b"no")), []);
    let back = talk.core.relay_input(NOW, relay, peer, b"back");
    let [Output::ToClient { bytes, .. }] = &back[..] else {
        panic!("{back:?}");
    };
    let data = Incoming::parse(bytes).expect("STUN");
    assert_eq!(data.kind, Method::Data.indication());
    assert_eq!(data.get(wire::DATA), Some(&b"back"[..]));
    assert_eq!(data.xor_address(wire::XOR_PEER_ADDRESS), Some(peer));
    let stranger = address("192.0.2.6:1");
    assert_eq!(talk.core.relay_input(NOW, relay, stranger, b"x"), []);

    for (number, peer, expected) in [
        (0x4001, "192.0.2.4:4000", 0),
        (0x4001, "192.0.2.4:4000", 0),
        (0x4001, "192.0.2.4:4001", 400),
        (0x4002, "192.0.2.4:4000", 400),
        (0x3fff, "192.0.2.7:1", 400),
        (0x5000, "192.0.2.7:1", 400),
    ] {
        assert_eq!(talk.bind(number, peer), expected, "{number:x} {peer}");
    }
    let bytes = wire::channel_data(0x4001, b"three", false);
    assert_eq!(talk.handle(&bytes), [out(b"three")]);
    assert_eq!(
        talk.core.relay_input(NOW, relay, peer, b"three"),
        [Output::ToClient {
            to: talk.from,
            bytes
        }]
    );
    assert_eq!(talk.handle(&wire::channel_data(0x4002, b"x", false)), []);

    assert_eq!(talk.refresh(600), 0);
    assert_eq!(talk.core.live_allocations(), 1);
    assert_eq!(talk.refresh(0), 0);
    assert_eq!(talk.core.live_allocations(), 0);
    assert_eq!(talk.refresh(0), 437);
    assert_eq!(talk.permit("192.0.2.4:1"), 437);
    assert_eq!(talk.core.allocations(), 1);
    assert_eq!(talk.core.requests(Method::Refresh), 3);
    assert_eq!(
        talk.core.violations().len(),
        2,
        "{:?}",
        talk.core.violations()
    );
}

#[test]
fn credentials_good_and_bad() {
    for (username, password, sha256, expected) in [
        ("user", "secret", false, 0),
        ("user", "secret", true, 0),
        ("other", "too", false, 0),
        ("user", "wrong", false, 401),
        ("user", "wrong", true, 401),
        ("nobody", "secret", false, 401),
    ] {
        let config = TurnConfig {
            sha256,
            realm: "Bücher \"realm\"".to_owned(),
            other_users: vec![("other".to_owned(), "too".to_owned())],
            ..TurnConfig::default()
        };
        let mut talk = Talk::new(config, Client::new(username, password));
        let answer = talk.log_in();
        assert_eq!(code(&answer), expected, "{username} {password} {sha256}");
        assert_eq!(talk.client.algorithms.is_some(), sha256);
        assert_eq!(talk.client.nonce.starts_with(b"obMatJos2gAAA"), sha256);
        let signed = (expected == 0).then_some(true);
        assert_eq!(talk.client.is_signed(&answer), signed);
    }
    // With SHA-256 nothing less will do.
    let sha256 = TurnConfig {
        sha256: true,
        ..TurnConfig::default()
    };
    let mut talk = Talk::new(sha256.clone(), Client::good());
    let challenge = talk.ask_to_allocate();
    talk.client.challenged(&challenge);
    talk.client.algorithms = None;
    assert_eq!(code(&talk.ask_to_allocate()), 400);
    // A name that nobody else can read.
    let mut talk = Talk::new(
        TurnConfig {
            userhash: true,
            ..sha256
        },
        Client::good(),
    );
    talk.client.is_anonymous = true;
    assert_eq!(code(&talk.log_in()), 0);
    assert!(talk.client.nonce.starts_with(b"obMatJos2wAAA"));
    // Somebody else's allocation.
    let mut talk = allocated(TurnConfig {
        other_users: vec![("other".to_owned(), "too".to_owned())],
        ..TurnConfig::default()
    });
    talk.client.username = "other".to_owned();
    talk.client.password = "too".to_owned();
    assert_eq!(talk.permit("192.0.2.4:1"), 441);
    // Anybody.
    let any = TurnConfig {
        ignores_password: true,
        ..TurnConfig::default()
    };
    assert_eq!(code(&Talk::new(any, Client::new("x", "y")).log_in()), 0);
    let open = TurnConfig {
        no_auth: true,
        ..TurnConfig::default()
    };
    let answer = Talk::new(open, Client::good()).ask_to_allocate();
    assert_eq!(code(&answer), 0);
}

#[test]
fn what_an_allocation_may_ask_for() {
    let only_v4 = TurnConfig {
        families: vec![Family::V4],
        unknown: vec![wire::DONT_FRAGMENT],
        ..TurnConfig::default()
    };
    let tcp = [6, 0, 0, 0];
    let cases: [(&[Attribute<'_>], u16); 7] = [
        (&[], 400),
        (&[(wire::REQUESTED_TRANSPORT, &tcp)], 442),
        (
            &[
                (wire::REQUESTED_TRANSPORT, &UDP),
                (wire::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]),
            ],
            440,
        ),
        (
            &[
                (wire::REQUESTED_TRANSPORT, &UDP),
                (wire::REQUESTED_ADDRESS_FAMILY, &[9, 0, 0, 0]),
            ],
            440,
        ),
        (
            &[
                (wire::REQUESTED_TRANSPORT, &UDP),
                (wire::DONT_FRAGMENT, &[]),
            ],
            420,
        ),
        (&[(wire::REQUESTED_TRANSPORT, &UDP), (0x7f00, &[])], 420),
        (
            &[
                (wire::REQUESTED_TRANSPORT, &UDP),
                (wire::REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]),
            ],
            0,
        ),
    ];
    for (attributes, expected) in cases {
        let mut talk = Talk::new(only_v4.clone(), Client::good());
        let challenge = talk.ask_to_allocate();
        talk.client.challenged(&challenge);
        let request = talk.client.request(Method::Allocate, |message| {
            let add = |m: Message, (kind, value): &(u16, &[u8])| m.attribute(*kind, value);
            attributes.iter().fold(message, add)
        });
        assert_eq!(talk.code(&request), expected, "{attributes:?}");
    }
    // Both families (RFC 8656 7.2).
    for (config, addresses) in [(TurnConfig::default(), 2), (only_v4, 1)] {
        let mut talk = Talk::new(config, Client::good());
        let challenge = talk.ask_to_allocate();
        talk.client.challenged(&challenge);
        let request = talk.client.request(Method::Allocate, |m| {
            m.attribute(wire::REQUESTED_TRANSPORT, &UDP)
                .attribute(wire::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0])
        });
        let answer = talk.ask(&request);
        let answer = Incoming::parse(&answer).expect("STUN");
        let relays = answer.xor_addresses(wire::XOR_RELAYED_ADDRESS);
        assert_eq!(relays.map(|r| r.len()), Some(addresses));
        assert_eq!(answer.has(wire::ADDRESS_ERROR_CODE), addresses == 1);
    }
}

#[test]
fn peers_that_are_refused() {
    let mut talk = allocated(TurnConfig {
        refuse_permissions: vec![prefix("10.0.0.0/8"), prefix("127.0.0.1")],
        ..TurnConfig::default()
    });
    for (peer, expected) in [
        ("10.1.2.3:1", 403),
        ("127.0.0.1:1", 403),
        ("127.0.0.2:1", 0),
        ("11.0.0.1:1", 0),
        ("[2001:db8::1]:1", 443),
    ] {
        assert_eq!(talk.permit(peer), expected, "{peer}");
        let both = [address("192.0.2.1:1"), address(peer)];
        let request = talk.client.permit(&both);
        assert_eq!(talk.code(&request), expected, "{peer}");
    }
    assert_eq!(talk.bind(0x4000, "10.1.2.3:1"), 403);
    let empty = talk.client.permit(&[]);
    assert_eq!(talk.code(&empty), 400);
}

#[test]
fn nonces_go_stale() {
    let mut talk = allocated(TurnConfig {
        nonce_requests: Some(2),
        realm_after_stale: Some("elsewhere".to_owned()),
        ..TurnConfig::default()
    });
    assert_eq!(talk.refresh(600), 0);
    let request = talk.client.refresh(600);
    let stale = talk.ask(&request);
    assert_eq!(code(&stale), 438);
    let old = talk.client.nonce.clone();
    talk.client.challenged(&stale);
    assert_ne!(talk.client.nonce, old);
    assert_eq!(talk.client.realm, b"elsewhere");
    assert_eq!(talk.refresh(600), 0);

    let mut talk = Talk::new(
        TurnConfig {
            always_stale: true,
            ..TurnConfig::default()
        },
        Client::good(),
    );
    let mut answer = talk.log_in();
    for _ in 0..5 {
        assert_eq!(code(&answer), 438);
        talk.client.challenged(&answer);
        answer = talk.ask_to_allocate();
    }
}

#[test]
fn everything_has_its_time() {
    let mut talk = allocated(TurnConfig::default());
    let peer = address("192.0.2.4:4000");
    assert_eq!(talk.bind(0x4000, "192.0.2.4:4000"), 0);
    let data = wire::channel_data(0x4000, b"x", false);
    let mut at = |seconds| {
        let now = NOW + Duration::from_secs(seconds);
        talk.core.handle(now, talk.from, &data).len()
    };
    assert_eq!((at(0), at(299), at(300)), (1, 1, 0));
    let relay = talk.core.relays_of(talk.from)[0];
    let now = NOW + Duration::from_secs(301);
    assert_eq!(talk.core.relay_input(now, relay, peer, b"x"), []);
    talk.core.expire(NOW + Duration::from_secs(599));
    assert!(talk.core.owns_relay(relay));
    talk.core.expire(NOW + Duration::from_secs(600));
    assert!(!talk.core.owns_relay(relay));
}

/// How many outputs an Allocate with good credentials has, and what the first one is.
fn faulty(config: TurnConfig) -> (Talk, Vec<Output>) {
    let mut talk = Talk::new(config, Client::good());
    let request = talk.client.allocate();
    let outputs = talk.handle(&request);
    let challenge = outputs.iter().find_map(|output| match output {
        Output::ToClient { bytes, .. } => Incoming::parse(bytes).filter(|m| m.has(wire::NONCE)),
        Output::FromRelay { .. } => None,
    });
    if let Some(challenge) = challenge {
        let bytes = challenge.bytes.to_vec();
        talk.client.challenged(&bytes);
    }
    let request = talk.client.allocate();
    let outputs = talk.handle(&request);
    (talk, outputs)
}

fn last(outputs: &[Output]) -> &[u8] {
    match outputs.last() {
        Some(Output::ToClient { bytes, .. }) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn faults_of_the_server() {
    let default = TurnConfig::default;
    let elsewhere = address("192.0.2.8:3478");
    let (talk, outputs) = faulty(TurnConfig {
        error_on_allocate: Some((300, "go away")),
        alternate_server: Some(elsewhere),
        alternate_domain: Some("turn.example".to_owned()),
        ..default()
    });
    let answer = Incoming::parse(last(&outputs)).expect("STUN");
    assert_eq!(answer.error_code(), Some(300));
    assert!(answer.has(ALTERNATE_SERVER) && answer.has(wire::ALTERNATE_DOMAIN));
    assert_eq!(talk.client.is_signed(last(&outputs)), Some(true));

    let (_, outputs) = faulty(TurnConfig {
        error_unauthenticated: Some(500),
        ..default()
    });
    assert_eq!(code(last(&outputs)), 500);
    let (mut talk, outputs) = faulty(TurnConfig {
        error_on_allocate: Some((486, "full")),
        error_on_allocate_times: 1,
        ..default()
    });
    assert_eq!(code(last(&outputs)), 486);
    assert_eq!(code(&talk.ask_to_allocate()), 0);

    for (bad_integrity, no_integrity, expected) in [
        (false, false, Some(true)),
        (true, false, Some(false)),
        (false, true, None),
    ] {
        let (talk, outputs) = faulty(TurnConfig {
            bad_integrity,
            no_integrity,
            ..default()
        });
        assert_eq!(code(last(&outputs)), 0);
        assert_eq!(talk.client.is_signed(last(&outputs)), expected);
    }
    let (_, outputs) = faulty(TurnConfig {
        relayed_address_override: Some(Ipv4Addr::UNSPECIFIED.into()),
        omits: vec![wire::LIFETIME],
        ..default()
    });
    let answer = Incoming::parse(last(&outputs)).expect("STUN");
    let relay = answer.xor_address(wire::XOR_RELAYED_ADDRESS);
    assert_eq!(relay, Some(address("0.0.0.0:49152")));
    assert!(!answer.has(wire::LIFETIME));

    let (_, outputs) = faulty(TurnConfig {
        duplicate_responses: true,
        strays: 5,
        ..default()
    });
    assert_eq!(outputs.len(), 7);
    let (_, outputs) = faulty(TurnConfig::silent_to(&[Method::Allocate]));
    assert_eq!(outputs, []);
    let (_, outputs) = faulty(TurnConfig {
        silent_once_authenticated: true,
        ..TurnConfig::silent_to(&[Method::Allocate])
    });
    assert_eq!(outputs, []);
    for malformed in [
        Malformed::AttributeLength,
        Malformed::MessageLength,
        Malformed::Truncated,
        Malformed::Noise,
    ] {
        let (_, outputs) = faulty(TurnConfig {
            malformed: Some(malformed),
            faults_after: 1,
            ..default()
        });
        assert!(Incoming::parse(last(&outputs)).is_none(), "{malformed:?}");
    }
    for config in [
        TurnConfig {
            half_duplex: true,
            ..default()
        },
        TurnConfig {
            drop_relay: true,
            ..default()
        },
    ] {
        let mut talk = allocated(config);
        let peer = address("192.0.2.4:4000");
        assert_eq!(talk.permit("192.0.2.4:4000"), 0);
        let relay = talk.core.relays_of(talk.from)[0];
        let outgoing = talk.handle(&send(peer, b"x")).len();
        assert_eq!(outgoing, usize::from(talk.core.config().half_duplex));
        assert_eq!(talk.core.relay_input(NOW, relay, peer, b"x"), []);
    }
    let mut talk = Talk::new(
        TurnConfig {
            loss: 0.5,
            ..default()
        },
        Client::good(),
    );
    let binding = talk.client.request(Method::Binding, |m| m);
    let answered: usize = (0..400).map(|_| talk.handle(&binding).len()).sum();
    assert!((60..140).contains(&answered), "{answered}");
}

#[test]
fn two_allocations_reach_each_other_over_every_transport() {
    let authority = Authority::new().expect("a temporary file");
    let config = authority.server(Certificate::Good).expect("a certificate");
    let server = TurnServer::start_all(TurnConfig::default(), LOCALHOST, Some(config));
    let server = server.expect("ports are free");
    let tls_address = server.tls_address.expect("TLS");
    let wires = [
        (udp(server.address), Transport::Udp),
        (tcp(server.address), Transport::Tcp),
        (tls(tls_address, &authority, PATIENCE), Transport::Tls),
    ];
    for (wire, transport) in wires {
        let padded = transport != Transport::Udp;
        let mut one = Relayed::new(wire).expect("an allocation");
        let mut two = Relayed::new(udp(server.address)).expect("an allocation");
        let permit = one.client.permit(&[two.relay]);
        assert_eq!(one.ask(&permit), 0);
        let bind = two.client.bind(0x4123, one.relay);
        assert_eq!(two.ask(&bind), 0);

        one.wire.put(&send(two.relay, b"hello")).expect("sent");
        let got = two.wire.take().expect("relayed");
        assert_eq!(got, wire::channel_data(0x4123, b"hello", false));
        let back = wire::channel_data(0x4123, b"there", false);
        two.wire.put(&back).expect("sent");
        let got = one.wire.take().expect("relayed");
        let got = Incoming::parse(&got).expect("STUN");
        assert_eq!(got.get(wire::DATA), Some(&b"there"[..]));
        assert_eq!(got.xor_address(wire::XOR_PEER_ADDRESS), Some(two.relay));

        // ChannelData both ways, and two in a row: on streams the padding keeps them apart.
        let bind = one.client.bind(0x4001, two.relay);
        assert_eq!(one.ask(&bind), 0);
        for payload in [&b"1"[..], b"22", b"333", b"4444", b""] {
            let message = wire::channel_data(0x4001, payload, padded);
            assert!(!padded || message.len().is_multiple_of(4));
            one.wire.put(&message).expect("sent");
            let got = two.wire.take().expect("relayed");
            assert_eq!(got, wire::channel_data(0x4123, payload, false));
            two.wire.put(&got).expect("sent");
            assert_eq!(one.wire.take().expect("relayed"), message);
        }
        let uri = server.uri(transport);
        assert_eq!(uri.starts_with("turns:"), transport == Transport::Tls);
        let end = one.client.refresh(0);
        assert_eq!(one.ask(&end), 0);
        let end = two.client.refresh(0);
        assert_eq!(two.ask(&end), 0);
    }
    assert_eq!(server.connections(), 2);
    assert_eq!((server.allocations(), server.live_allocations()), (6, 0));
    assert_eq!(server.requests(Method::Allocate), 12);
    assert_eq!(server.violations(), Vec::<String>::new());
}

#[test]
fn an_allocation_ends_with_its_connection() {
    let server = TurnServer::start(TurnConfig::default(), LOCALHOST, None, Transport::Tcp);
    let server = server.expect("a port is free");
    let relayed = Relayed::new(tcp(server.address)).expect("an allocation");
    assert_eq!(server.live_allocations(), 1);
    drop(relayed);
    for _ in 0..500 {
        if server.live_allocations() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it is still there");
}

#[test]
fn answers_may_be_slow() {
    let config = TurnConfig {
        delay: Duration::from_millis(30),
        ..TurnConfig::default()
    };
    let server = TurnServer::start_all(config, LOCALHOST, None).expect("ports are free");
    for wire in [udp(server.address), tcp(server.address)] {
        let started = Instant::now();
        Relayed::new(wire).expect("an allocation");
        assert!(started.elapsed() >= Duration::from_millis(120));
    }
}

#[test]
fn faults_on_streams() {
    use io::ErrorKind::{TimedOut, UnexpectedEof, WouldBlock};
    let authority = Authority::new().expect("a temporary file");
    let closed = [
        UnexpectedEof,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::BrokenPipe,
    ];
    let silent = [TimedOut, WouldBlock];
    for (fault, expected) in [
        (StreamFault::None, None),
        (StreamFault::HalfFrame, Some(&silent[..])),
        (StreamFault::HalfFrameThenClose, Some(&closed)),
        (StreamFault::OverlongFrame, Some(&closed)),
        (StreamFault::CloseAfterAccept, Some(&closed)),
        (StreamFault::CloseInHandshake, Some(&closed)),
        (StreamFault::SilentInHandshake, Some(&silent)),
        (StreamFault::CloseAfterAllocate, None),
        (StreamFault::ByteByByte, None),
        // "HTTP" reads as the beginning of long ChannelData.
        (StreamFault::Http, Some(&closed)),
    ] {
        let config = authority.server(Certificate::Good).expect("a certificate");
        let server = TurnServer::start_all(TurnConfig::faulty(fault), LOCALHOST, Some(config));
        let server = server.expect("ports are free");
        let patience = if expected == Some(&silent) {
            Duration::from_millis(300)
        } else {
            PATIENCE
        };
        let tls_address = server.tls_address.expect("TLS");
        let plain: Box<dyn Wire> = Box::new(Stream(connect(server.address, patience), Vec::new()));
        for wire in [plain, tls(tls_address, &authority, patience)] {
            match (Relayed::new(wire), expected) {
                (Ok(mut relayed), None) => {
                    let is_closed = fault == StreamFault::CloseAfterAllocate;
                    let permit = relayed.client.permit(&[relayed.relay]);
                    let done = relayed.wire.put(&permit).and_then(|()| relayed.wire.take());
                    assert_eq!(done.is_err(), is_closed, "{fault:?}");
                }
                (Err(error), Some(kinds)) => {
                    assert!(kinds.contains(&error.kind()), "{fault:?}: {error:?}");
                }
                (result, _) => panic!("{fault:?}: {:?}", result.err()),
            }
        }
        assert_eq!(server.connections(), 2, "{fault:?}");
    }
}

#[test]
fn channel_data_that_should_not_be() {
    let unknown = wire::channel_data(0x4fff, b"nobody's", true);
    let server = TurnServer::start_all(
        TurnConfig::faulty(StreamFault::UnknownChannelData),
        LOCALHOST,
        None,
    );
    let server = server.expect("ports are free");
    let mut wire = tcp(server.address);
    wire.put(&Client::good().allocate()).expect("sent");
    assert_eq!(wire.take().expect("a stray"), unknown);
    assert_eq!(code(&wire.take().expect("an answer")), 401);

    server.configure(|config| config.stream_fault = StreamFault::UnpaddedChannelData);
    let mut relayed = Relayed::new(tcp(server.address)).expect("an allocation");
    let peer = UdpSocket::bind((LOCALHOST, 0)).expect("a port");
    let bind = relayed
        .client
        .bind(0x4000, peer.local_addr().expect("bound"));
    assert_eq!(relayed.ask(&bind), 0);
    for payload in [&b"odd"[..], b"x"] {
        peer.send_to(payload, relayed.relay).expect("sent");
    }
    // Read with padding, the second header goes wrong.
    let first = relayed.wire.take().expect("relayed");
    assert_eq!(
        first,
        [&wire::channel_data(0x4000, b"odd", false)[..], &[0x40]].concat()
    );
}
