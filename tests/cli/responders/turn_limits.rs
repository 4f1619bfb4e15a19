//! The TURN server: what a client may not have.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use rtcdiag::net::clock::Clock;
use rtcdiag::net::servers::turn::{Config, TurnLimits, TurnServer};
use rtcdiag::proto::turn::credentials::Secret;
use rtcdiag::proto::turn::server::answer::Refusal;
use rtcdiag::proto::turn::server::users::Users;

use super::running::{Running, closed, eventually, open, turn};
use crate::support::turn_client::{Client, Relayed, Wire, code, connect, send, udp};
use crate::support::turn_server::wire::{self, Incoming};
use crate::support::turn_server::{Method, minted_password};

fn address(server: &Running<TurnServer>) -> SocketAddr {
    server.server.addresses()[0]
}

/// A client that has been challenged.
fn client_of(server: &Running<TurnServer>, user: &str, password: &str) -> (Box<dyn Wire>, Client) {
    let mut wire = udp(address(server));
    let mut client = Client::new(user, password);
    wire.put(&client.allocate()).expect("sent");
    client.challenged(&wire.take().expect("a challenge"));
    (wire, client)
}

fn ask(wire: &mut Box<dyn Wire>, bytes: &[u8]) -> Vec<u8> {
    wire.put(bytes).expect("sent");
    wire.take().expect("an answer")
}

/// Minted credentials end by the clock on the wall, also where the machine has slept or its clock was
/// set since the server started.
#[test]
fn minted_credentials_end_by_the_clock_on_the_wall() {
    const HOUR: Duration = Duration::from_secs(3600);
    let clock = Clock::start();
    let server = turn(Config {
        users: Users::default().with_secret(Secret::new("north")),
        clock: clock.after_sleep(HOUR),
        ..closed()
    });
    let codes = [-1800, 1800].map(|ahead| {
        let name = format!("{}:ann", clock.unix_now().saturating_add_signed(ahead));
        let (mut wire, mut client) = client_of(&server, &name, &minted_password("north", &name));
        code(&ask(&mut wire, &client.allocate()))
    });
    assert_eq!(codes, [401, 0], "half an hour ago, in half an hour");
}

#[test]
fn quotas_hold_for_each_user_and_for_all() {
    let server = turn(Config {
        users: Users::read("ann:a\nbob:b\neve:e").expect("users"),
        limits: TurnLimits {
            allocations: 3,
            per_user: 2,
            ..TurnLimits::default()
        },
        ..closed()
    });
    let mut clients: Vec<_> = [
        ("ann", "a"),
        ("ann", "a"),
        ("ann", "a"),
        ("bob", "b"),
        ("eve", "e"),
    ]
    .into_iter()
    .map(|(user, password)| client_of(&server, user, password))
    .collect();
    let codes: Vec<u16> = clients
        .iter_mut()
        .map(|(wire, client)| code(&ask(wire, &client.allocate())))
        .collect();
    assert_eq!(codes, [0, 0, 486, 0, 508]);
    assert_eq!(server.server.counters().allocations_now, 3);
    // Room again.
    let (wire, client) = &mut clients[0];
    assert_eq!(code(&ask(wire, &client.refresh(0))), 0);
    let (wire, client) = &mut clients[2];
    assert_eq!(code(&ask(wire, &client.allocate())), 0);
    let counters = server.server.counters();
    assert_eq!(counters.refused[&Refusal::QuotaReached], 1);
    assert_eq!(counters.refused[&Refusal::InsufficientCapacity], 1);
    assert_eq!(counters.allocations, 4);
}

#[test]
fn another_user_does_not_get_at_an_allocation() {
    let server = turn(Config {
        users: Users::read("ann:a\nbob:b").expect("users"),
        ..closed()
    });
    let (mut wire, mut ann) = client_of(&server, "ann", "a");
    assert_eq!(code(&ask(&mut wire, &ann.allocate())), 0);
    let mut bob = Client::new("bob", "b");
    bob.realm.clone_from(&ann.realm);
    bob.nonce.clone_from(&ann.nonce);
    bob.transactions = 100;
    assert_eq!(code(&ask(&mut wire, &bob.refresh(0))), 441);
    assert_eq!(code(&ask(&mut wire, &ann.refresh(600))), 0);
    // Another realm than ours is a wrong key.
    ann.realm = b"elsewhere".to_vec();
    assert_eq!(code(&ask(&mut wire, &ann.refresh(600))), 401);
}

#[test]
fn lifetimes_are_capped_and_end() {
    let server = turn(Config {
        limits: TurnLimits {
            lifetime: Duration::from_secs(1),
            ..TurnLimits::default()
        },
        ..closed()
    });
    let (mut wire, mut client) = client_of(&server, "user", "secret");
    let bytes = client.request(Method::Allocate, |m| {
        m.attribute(wire::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
            .attribute(wire::LIFETIME, &[0xff; 4])
    });
    let answer = ask(&mut wire, &bytes);
    let lifetime = Incoming::parse(&answer).and_then(|a| a.get(wire::LIFETIME).map(<[u8]>::to_vec));
    assert_eq!(lifetime, Some(vec![0, 0, 0, 1]));
    assert_eq!(server.server.counters().allocations_now, 1);
    eventually("it ends", || server.server.counters().allocations_now == 0);
    assert_eq!(code(&ask(&mut wire, &client.refresh(600))), 437);
    assert_eq!(code(&ask(&mut wire, &client.allocate())), 0);
}

#[test]
fn the_rate_of_an_allocation_is_limited() {
    let server = turn(Config {
        limits: TurnLimits {
            bytes_per_second: Some(20_000),
            ..TurnLimits::default()
        },
        ..open()
    });
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let target = peer.local_addr().expect("bound");
    let mut client = Relayed::new(udp(address(&server))).expect("an allocation");
    let permit = client.client.permit(&[target]);
    assert_eq!(client.ask(&permit), 0);
    for number in 0..200 {
        // No faster than the sockets take it.
        if number % 10 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        client.wire.put(&send(target, &[0; 1000])).expect("sent");
        peer.send_to(&[0; 1000], client.relay).expect("sent");
    }
    eventually("some is lost", || server.server.counters().over_rate > 100);
    let counters = server.server.counters();
    for bytes in [counters.bytes_to_peers, counters.bytes_from_peers] {
        assert!((1..100_000).contains(&bytes), "{counters:?}");
    }
}

#[test]
fn strangers_get_only_so_many_answers() {
    let server = turn(closed());
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let bytes = Client::good().allocate();
    let began = std::time::Instant::now();
    eventually("most are limited", || {
        for _ in 0..100 {
            let _ = socket.send_to(&bytes, address(&server));
        }
        server.server.counters().limited > 500
    });
    // The burst and the rate.
    let most = 301.0 + 100.0 * began.elapsed().as_secs_f64();
    let answers = server.server.counters().refused[&Refusal::Unauthorized];
    let answers = u32::try_from(answers).expect("not so many");
    assert!(f64::from(answers) <= most, "{answers} answers");
}

#[test]
fn garbage_does_no_harm() {
    let server = turn(closed());
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let request = Client::good().allocate();
    let mut truncated = request.clone();
    truncated.truncate(24);
    for bytes in [
        &b""[..],
        b"x",
        &[0; 1400],
        &[0x40, 0, 0, 9, 1],
        &[0xff; 1400],
        &truncated,
    ] {
        socket.send_to(bytes, address(&server)).expect("sent");
    }
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0x16, 3, 1, 2, 0, 1, 0],
        &[0xff; 64],
    ] {
        let mut stream = connect(address(&server), Duration::from_secs(5));
        stream.write_all(garbage).expect("sent");
        let _ = stream.write_all(&[0xff; 64]);
        assert!(!matches!(stream.read(&mut [0; 64]), Ok(1..)), "{garbage:?}");
    }
    // Half a message, and nobody there any more.
    let mut half = TcpStream::connect(address(&server)).expect("it listens");
    half.write_all(&request[..10]).expect("sent");
    drop(half);
    assert!(Relayed::new(udp(address(&server))).is_ok());
    assert!(server.server.counters().malformed > 3);
}

#[test]
fn permissions_are_bounded() {
    let server = turn(closed());
    let mut client = Relayed::new(udp(address(&server))).expect("an allocation");
    let mut codes = Vec::new();
    for block in 0..6 {
        let peers: Vec<SocketAddr> = (0..50)
            .map(|n| SocketAddr::from(([203, 0, 113 - block, n + 1], 9)))
            .collect();
        let permit = client.client.permit(&peers);
        codes.push(client.ask(&permit));
    }
    assert_eq!(codes, [0, 0, 0, 0, 0, 508]);
}

/// A connection from one address of 127.0.0.0/8, each of which is another client. It has been answered if it asked.
fn asking_from(server: &Running<TurnServer>, host: u8) -> std::io::Result<TcpStream> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into())?;
    socket.connect(&address(server).into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = b"\0\x01\0\0\x21\x12\xa4\x42".to_vec();
    request.extend([host; 12]);
    stream.write_all(&request)?;
    stream.read_exact(&mut [0; 20])?;
    Ok(stream)
}

/// Who only asks for an address, without credentials, does not keep others from the places of a server.
#[test]
fn connections_without_allocations_give_way() {
    let config = Config {
        limits: TurnLimits {
            allocations: 2,
            ..TurnLimits::default()
        },
        ..closed()
    };
    let server = turn(config);
    // Two from one address, and four in all.
    let held: Vec<TcpStream> = [2, 2, 3, 3]
        .map(|host| asking_from(&server, host).expect("an answer"))
        .into();
    assert!(asking_from(&server, 3).is_err(), "three from one address");
    let newcomer = asking_from(&server, 4);
    assert!(newcomer.is_ok(), "{newcomer:?}");
    drop(held);
}
