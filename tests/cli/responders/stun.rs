//! The STUN server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use rtcdiag::net::servers::stun::{BindError, Config, StunServer};
use rtcdiag::proto::stun::message::{Change, binding_request, decode_binding_response};

use super::running::{Running, at, eventually, stun};
use crate::support::program::{GOOD, anonymous, json};

fn two() -> Running<StunServer> {
    stun(Config::new(at("127.0.0.1"), Some(at("127.0.0.2"))))
}

fn one() -> Running<StunServer> {
    stun(Config::new(at("127.0.0.1"), None))
}

fn uri(server: &Running<StunServer>) -> String {
    format!("stun:{}", server.server.addresses().primary)
}

fn socket(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(server).expect("loopback");
    let patience = Some(Duration::from_secs(5));
    socket.set_read_timeout(patience).expect("a timeout");
    socket
}

/// The main job: with it, `nat` knows everything.
#[test]
fn nat_is_determined_with_two_addresses() {
    let server = two();
    let uri = uri(&server);
    let run = json(anonymous(&["nat", "-4", "-s", &uri]));
    run.assert_code(GOOD);
    let path = &run.result()["paths"][0];
    for fact in ["mapping", "filtering"] {
        assert_eq!(path[fact]["status"], "determined", "{path:#}");
        assert_eq!(path[fact]["value"], "endpoint-independent", "{path:#}");
    }
    assert_eq!(path["nat"]["value"], false);
    let server_row = &run.servers()[0];
    assert_eq!(server_row["behavior_discovery"], "supported");
    let software = server_row["software"].as_str().expect("it says who it is");
    assert!(software.starts_with("rtcdiag/"), "{software}");
    let other = server.server.addresses().alternate.expect("two addresses");
    assert_eq!(server_row["other_address"], other.to_string());
    let counters = server.server.counters();
    assert!(counters.answers > 5, "{counters:?}");
    assert_eq!((counters.limited, counters.malformed), (0, 0));
}

#[test]
fn one_address_gives_candidates_and_no_behavior() {
    let server = one();
    let uri = uri(&server);
    let run = json(anonymous(&["gather", "-4", "-s", &uri]));
    assert_eq!(run.servers()[0]["status"], "ok", "{:#}", run.document);
    let run = json(anonymous(&["nat", "-4", "-s", &uri]));
    assert_eq!(run.servers()[0]["behavior_discovery"], "absent");
}

#[test]
fn answers_come_from_the_socket_that_is_asked_for() {
    let server = two();
    let addresses = server.server.addresses();
    let other = addresses.alternate.expect("two addresses");
    assert_ne!(addresses.primary.ip(), other.ip());
    assert_ne!(addresses.primary.port(), other.port());
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let patience = Some(Duration::from_secs(5));
    client.set_read_timeout(patience).expect("a timeout");
    for (change, ip, port) in [
        (
            Change::None,
            addresses.primary.ip(),
            addresses.primary.port(),
        ),
        (Change::Port, addresses.primary.ip(), other.port()),
        (Change::Ip, other.ip(), addresses.primary.port()),
        (Change::IpAndPort, other.ip(), other.port()),
    ] {
        let request = binding_request([3; 12], change);
        client.send_to(&request, addresses.primary).expect("sent");
        let mut buffer = [0; 512];
        let (length, from) = client.recv_from(&mut buffer).expect("an answer");
        assert_eq!(from, SocketAddr::new(ip, port), "{change:?}");
        let answer = decode_binding_response(&buffer[..length]).expect("an answer");
        let success = answer.outcome.expect("a success");
        assert_eq!(success.reflexive(), client.local_addr().ok());
        assert_eq!(success.response_origin, Some(from));
        assert_eq!(success.other_address, Some(other));
    }
}

#[test]
fn over_tcp_many_requests_on_one_connection() {
    let server = two();
    let mut stream = TcpStream::connect(server.server.addresses().primary).expect("it listens");
    let patience = Some(Duration::from_secs(5));
    stream.set_read_timeout(patience).expect("a timeout");
    let request = binding_request([4; 12], Change::None);
    // Two and a half at once, then the rest.
    let three = [&request[..], &request, &request].concat();
    stream.write_all(&three[..50]).expect("sent");
    std::thread::sleep(Duration::from_millis(20));
    stream.write_all(&three[50..]).expect("sent");
    for _ in 0..3 {
        let mut header = [0; 20];
        stream.read_exact(&mut header).expect("an answer");
        let mut message = header.to_vec();
        message.resize(
            20 + usize::from(u16::from_be_bytes([header[2], header[3]])),
            0,
        );
        stream.read_exact(&mut message[20..]).expect("all of it");
        let answer = decode_binding_response(&message).expect("an answer");
        let success = answer.outcome.expect("a success");
        assert_eq!(success.reflexive(), stream.local_addr().ok());
    }
    // What is not STUN ends the connection, and that one alone.
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x40, 0, 0xff, 0xff],
        &[0xff; 64],
    ] {
        let mut foreign =
            TcpStream::connect(server.server.addresses().primary).expect("it listens");
        foreign.set_read_timeout(patience).expect("a timeout");
        foreign.write_all(garbage).expect("sent");
        let _ = foreign.write_all(&[0; 4096]);
        let end = foreign.read(&mut [0; 64]);
        assert!(!matches!(end, Ok(1..)), "{garbage:?} was answered");
    }
    stream.write_all(&request).expect("still open");
    assert!(stream.read(&mut [0; 512]).is_ok_and(|length| length > 20));
}

#[test]
fn garbage_gets_nothing_and_does_no_harm() {
    let server = two();
    let client = socket(server.server.addresses().primary);
    let answer_like = [&[1, 1][..], &binding_request([1; 12], Change::None)[2..]].concat();
    let indication = [&[0, 0x11][..], &binding_request([1; 12], Change::None)[2..]].concat();
    let garbage = [
        &b""[..],
        b"x",
        &[0; 1400],
        &[0xff; 1400],
        &answer_like,
        &indication,
    ];
    for bytes in garbage {
        client.send(bytes).expect("sent");
    }
    client
        .send(&binding_request([5; 12], Change::None))
        .expect("sent");
    let mut buffer = [0; 512];
    let length = client.recv(&mut buffer).expect("an answer");
    let answer = decode_binding_response(&buffer[..length]).expect("an answer");
    assert_eq!(
        answer.transaction_id, [5; 12],
        "the first answer is to the request"
    );
    let counters = server.server.counters();
    assert_eq!((counters.requests, counters.answers), (1, 1));
    assert_eq!(counters.malformed + counters.ignored, 6);
}

#[test]
fn a_flood_is_limited() {
    let server = one();
    let client = socket(server.server.addresses().primary);
    let request = binding_request([6; 12], Change::None);
    let began = std::time::Instant::now();
    eventually("most are limited", || {
        for _ in 0..100 {
            let _ = client.send(&request);
        }
        server.server.counters().limited > 500
    });
    // The burst and the rate.
    let most = 301.0 + 100.0 * began.elapsed().as_secs_f64();
    let answers = u32::try_from(server.server.counters().answers).expect("not so many");
    assert!(f64::from(answers) <= most, "{answers} answers");
}

#[test]
fn addresses_that_do_not_fit_are_named() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let _entered = runtime.enter();
    let error = |primary: &str, alternate: Option<&str>| {
        let config = Config::new(at(primary), alternate.map(at));
        let error = StunServer::bind(&config).expect_err("it does not fit");
        error.to_string()
    };
    assert!(error("127.0.0.1", Some("127.0.0.1")).contains("127.0.0.1"));
    assert!(error("127.0.0.1", Some("::1")).contains("family"));
    assert!(error("0.0.0.0", Some("127.0.0.2")).contains("0.0.0.0"));
    assert!(error("192.0.2.77", None).contains("192.0.2.77"));
    let server = one();
    let taken = Config::new(server.server.addresses().primary, None);
    let refused = StunServer::bind(&taken).expect_err("it is taken");
    assert!(
        matches!(&refused, BindError::Listen(e) if e.address == taken.primary),
        "{refused}"
    );
}

#[test]
fn the_alternate_port_is_the_one_given_or_the_next() {
    let free = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let primary = SocketAddr::from(([127, 0, 0, 1], port));
    for (given, expected) in [(0, port.wrapping_add(1)), (port, port.wrapping_add(1))] {
        let alternate = SocketAddr::from(([127, 0, 0, 3], given));
        let server = stun(Config::new(primary, Some(alternate)));
        let bound = server.server.addresses().alternate.expect("two addresses");
        assert_eq!(bound.port(), expected);
    }
}
