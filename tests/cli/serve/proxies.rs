//! Behind a reverse proxy: whose a connection is, what is said to whom, and which pages may connect.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use crate::support::program::until;

use super::lab::{Client, Server, connect, join};

/// What a proxy does to a connection: bytes before the first, and headers.
#[derive(Clone, Copy, Default)]
struct Through<'a> {
    before: &'a [u8],
    headers: &'a [(&'static str, &'a str)],
}

fn open(address: SocketAddr, through: Through<'_>) -> Result<Client, Box<Error>> {
    let mut stream = connect(address);
    // In two pieces, as a network may bring it.
    let (one, two) = through.before.split_at(through.before.len() / 2);
    for piece in [one, two] {
        stream.write_all(piece).expect("it is sent");
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
    let mut request = format!("ws://{address}/pair")
        .into_client_request()
        .expect("a URL");
    let own = [("sec-websocket-protocol", "rtcdiag.1")];
    for (name, value) in own.iter().chain(through.headers) {
        let value = HeaderValue::from_str(value).expect("a value");
        request
            .headers_mut()
            .append(HeaderName::from_static(name), value);
    }
    match tokio_tungstenite::tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(Client(socket)),
        Err(tokio_tungstenite::tungstenite::HandshakeError::Failure(error)) => Err(Box::new(error)),
        Err(other) => panic!("{other:?}"),
    }
}

/// Joins a room of its own, as one who may or may not.
fn joined(server: &Server, room: u8, through: Through<'_>) -> Client {
    let mut client = open(server.address, through).expect("a WebSocket");
    client.send(&join(room, 1));
    client
}

const FEW: [&str; 2] = ["--max-connections-per-address", "2"];
const JOINED: &str = r#"{"type":"joined","peer":false}"#;

/// Connections of one client beyond the limit: few are told so, and the others closed at once, also where a proxy brings
/// them.
#[test]
fn one_client_of_a_proxy_holds_no_more_than_one_without() {
    let args = ["--trusted-proxy", "127.0.0.0/8", "--request-timeout", "60"];
    let server = Server::start(&[&FEW[..], &args, &["--join-timeout", "60"]].concat());
    let held: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(server.address);
            let begin = b"PROXY TCP4 203.0.113.5 192.0.2.1 4711 80\r\nGET /pair HTTP/1.1\r\n";
            stream.write_all(begin).expect("it is sent");
            stream
        })
        .collect();
    // Two may stay, and 64 are being told.
    until(|| server.metric("rtcdiag_turned_away_total") > 33.5);
    drop(held);
}

/// Three of one client are one too many; others of the same proxy do not notice.
fn assert_told_apart(
    server: &Server,
    through: impl Fn(u8) -> (Vec<u8>, Vec<(&'static str, String)>),
) {
    let mut rooms = 0;
    let mut open = Vec::new();
    let mut come = |who: u8| {
        let (before, headers) = through(who);
        let headers: Vec<(&'static str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        rooms += 1;
        joined(
            server,
            rooms,
            Through {
                before: &before,
                headers: &headers,
            },
        )
    };
    for who in 1..=5 {
        for _ in 0..2 {
            let mut client = come(who);
            client.expect(JOINED);
            open.push(client);
        }
    }
    come(3).expect_end("too-many-connections");
    drop(open);
}

#[test]
fn clients_of_a_trusted_proxy_are_told_apart() {
    let server = Server::start(&[&FEW[..], &["--trusted-proxy", "127.0.0.0/8", "-v"]].concat());
    let common = |name: &'static str, value: fn(u8) -> String| {
        move |who: u8| (Vec::new(), vec![(name, value(who))])
    };
    assert_told_apart(
        &server,
        common("x-forwarded-for", |who| format!("203.0.113.{who}")),
    );
    // What the client wrote itself stands before.
    assert_told_apart(
        &server,
        common("x-forwarded-for", |who| {
            format!("192.0.2.{}, 198.51.100.{who}", rand::random::<u8>())
        }),
    );
    assert_told_apart(
        &server,
        common("forwarded", |who| {
            format!("for=\"[2001:db8:0:{who}::1]:99\"")
        }),
    );
    assert_told_apart(&server, |who| {
        let line = format!("PROXY TCP4 203.0.113.{} 192.0.2.1 4711 80\r\n", 100 + who);
        (line.into_bytes(), Vec::new())
    });
    assert_told_apart(&server, |who| {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        header.extend([203, 0, 113, 200 + who, 192, 0, 2, 1, 0x12, 0x67, 0, 80]);
        (header, Vec::new())
    });
    let stopped = server.stop();
    assert_eq!(stopped.refused("too-many-connections"), 5);
    for shown in [
        "203.0.113.1 joined",
        "203.0.113.101:4711 joined",
        "2001:db8:0:2::1 joined",
    ] {
        assert!(
            stopped.stderr.contains(shown),
            "{shown}: {}",
            stopped.stderr
        );
    }
}

/// Nobody else may say whose he is, and a proxy that says nothing is one client.
#[test]
fn only_trusted_proxies_are_believed() {
    for (trusted, headers) in [
        (&[][..], &[("x-forwarded-for", "203.0.113.1")][..]),
        (
            &["--trusted-proxy", "192.0.2.0/24"],
            &[("x-forwarded-for", "203.0.113.1")],
        ),
        (&["--trusted-proxy", "127.0.0.1"], &[]),
        (
            &["--trusted-proxy", "127.0.0.1"],
            &[
                ("x-forwarded-for", "203.0.113.1"),
                ("forwarded", "for=198.51.100.1"),
            ],
        ),
    ] {
        let server = Server::start(&[&FEW[..], trusted].concat());
        let mut open = Vec::new();
        for room in 1..=2 {
            let mut client = joined(
                &server,
                room,
                Through {
                    headers,
                    ..Through::default()
                },
            );
            client.expect(JOINED);
            open.push(client);
        }
        let other = [
            ("x-forwarded-for", "203.0.113.77"),
            ("forwarded", "for=203.0.113.78"),
        ];
        let other = if headers.is_empty() {
            &other[..0]
        } else {
            &other[..]
        };
        let through = Through {
            headers: other,
            ..Through::default()
        };
        joined(&server, 3, through).expect_end("too-many-connections");
    }
    // The PROXY protocol of a stranger is no HTTP.
    let server = Server::start(&[]);
    let mut stream = server.connect();
    stream
        .write_all(
            b"PROXY TCP4 203.0.113.5 192.0.2.1 1 2\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        .expect("it is sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(!answer.contains("200"), "{answer}");
}

fn get(mut stream: TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("UTF-8");
    answer
}

#[test]
fn health_and_metrics_may_have_an_address_of_their_own() {
    let server = Server::start(&["--admin-listen", "127.0.0.1:0"]);
    let admin = server.listening["admin_address"]
        .as_str()
        .expect("an address");
    let admin: SocketAddr = admin.parse().expect("an address");
    assert_ne!(admin, server.address);
    for (path, says) in [("/health", "ok"), ("/metrics", "rtcdiag_rooms")] {
        let answer = get(connect(admin), path);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains(says),
            "{answer}"
        );
        let public = get(server.connect(), path);
        assert!(public.starts_with("HTTP/1.1 404"), "{public}");
    }
    let about = get(server.connect(), "/");
    assert!(!about.contains("/metrics"), "{about}");
    for path in ["/", "/pair"] {
        let answer = get(connect(admin), path);
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    server.pair();
    // Without it, all is as before.
    let server = Server::start(&[]);
    assert!(server.listening["admin_address"].is_null());
    assert!(get(server.connect(), "/health").starts_with("HTTP/1.1 200"));
}

#[test]
fn pages_of_other_hosts_may_not_connect_unless_they_are_named() {
    let server = Server::start(&["--allow-origin", "https://app.example.org"]);
    let own = format!("http://{}", server.address);
    let opened = |origin: &str| {
        let headers = [("origin", origin)];
        open(
            server.address,
            Through {
                headers: &headers,
                ..Through::default()
            },
        )
    };
    for origin in [own.as_str(), "https://app.example.org"] {
        let mut client = opened(origin).expect(origin);
        client.send(&join(9, 1));
        client.expect(JOINED);
        drop(client);
    }
    for origin in [
        "https://evil.example.net",
        "null",
        "https://app.example.org.evil.net",
    ] {
        let Err(error) = opened(origin) else {
            panic!("{origin} may connect");
        };
        match *error {
            Error::Http(response) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {other}"),
        }
    }
}
