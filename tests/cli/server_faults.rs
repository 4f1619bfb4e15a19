//! What servers do wrong, for `gather` and `turn` alike, and the codes that it comes out with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use crate::support::certificates::{Authority, Certificate};
use crate::support::program::{Run, json, program, side_by_side, tcp, tls, with_env};
use crate::support::turn_server::{Method, StreamFault, TurnConfig, TurnServer};

pub const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub fn refusing(code: u16) -> TurnConfig {
    TurnConfig {
        error_on_allocate: Some((code, "as scripted")),
        ..TurnConfig::default()
    }
}

/// Each error of TURN, and its name.
pub fn turn_errors() -> [(TurnConfig, &'static str); 13] {
    let stale = TurnConfig {
        always_stale: true,
        ..TurnConfig::default()
    };
    [
        (refusing(400), "unauthorized"),
        (refusing(401), "unauthorized"),
        (refusing(403), "forbidden"),
        (refusing(420), "unknown-attribute"),
        (refusing(437), "allocation-mismatch"),
        (stale, "stale-nonce"),
        (refusing(441), "wrong-credentials"),
        (refusing(442), "unsupported-transport-protocol"),
        (refusing(486), "allocation-quota-reached"),
        (refusing(500), "server-error"),
        (refusing(508), "insufficient-capacity"),
        (refusing(300), "try-alternate"),
        (refusing(599), "stun-error"),
    ]
}

pub const CERTIFICATES: [(Certificate, &str); 4] = [
    (Certificate::Expired, "certificate-expired"),
    (Certificate::NotYetValid, "certificate-not-yet-valid"),
    (Certificate::WrongName, "certificate-wrong-name"),
    (Certificate::UnknownIssuer, "certificate-unknown-issuer"),
];

/// A server with TLS, and this certificate.
pub fn encrypted(config: TurnConfig, authority: &Authority, kind: Certificate) -> TurnServer {
    let certificate = authority.server(kind).expect("a certificate");
    TurnServer::start_all(config, LOCALHOST, Some(certificate)).expect("loopback has ports")
}

/// Runs a command, which ends with the server's URI, against each server that is none over TCP or TLS.
pub fn each_stream_fault(command: &[&str], look: impl Fn(&Run, &str, &str) + Sync) {
    let authority = Authority::new().expect("a temporary file");
    let cases = [
        (StreamFault::Http, false, "allocate", "not-stun"),
        (StreamFault::Http, true, "allocate", "not-stun"),
        (
            StreamFault::CloseAfterAccept,
            false,
            "allocate",
            "nothing-behind",
        ),
        (StreamFault::CloseInHandshake, false, "allocate", "closed"),
        (StreamFault::CloseAfterAccept, true, "tls", "nothing-behind"),
        (StreamFault::CloseInHandshake, true, "tls", "tls"),
        (
            StreamFault::SilentInHandshake,
            true,
            "tls",
            "nothing-behind",
        ),
    ];
    side_by_side(&cases, |(fault, is_encrypted, stage, code)| {
        let config = TurnConfig::faulty(*fault);
        let server = encrypted(config, &authority, Certificate::Good);
        let uri = if *is_encrypted { tls } else { tcp }(&server);
        let command = program(&[command, &[&uri]].concat());
        let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
        look(&run, stage, code);
    });
}

/// The first refuses and names the second; the second, too, once it is told to go in a circle.
pub fn two_that_name_each_other() -> (TurnServer, TurnServer) {
    let second = crate::support::program::server(TurnConfig::default());
    let first = crate::support::program::server(TurnConfig {
        alternate_server: Some(second.address),
        ..refusing(300)
    });
    (first, second)
}

pub fn go_in_a_circle(first: &TurnServer, second: &TurnServer) {
    second.configure(|config| {
        config.error_on_allocate = Some((300, "Try Alternate"));
        config.alternate_server = Some(first.address);
    });
}

/// How many allocations were asked for at both.
pub fn asked(first: &TurnServer, second: &TurnServer) -> usize {
    first.requests(Method::Allocate) + second.requests(Method::Allocate)
}

/// Addresses where nobody listens, over UDP and TCP.
pub fn nobody() -> (SocketAddr, SocketAddr) {
    let udp = UdpSocket::bind((LOCALHOST, 0)).expect("a port");
    let tcp = TcpListener::bind((LOCALHOST, 0)).expect("a port");
    let addresses = (udp.local_addr(), tcp.local_addr());
    (addresses.0.expect("bound"), addresses.1.expect("bound"))
}
