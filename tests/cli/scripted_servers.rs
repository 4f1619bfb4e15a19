//! The real servers on loopback do what their scripts say: the machine that the simulated network
//! tests is run here over real sockets, and TCP and TLS are spoken by hand.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtcdiag::base::fact::Reason;
use rtcdiag::proto::machine::{Flow, Machine as _};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping, PathFacts};
use rtcdiag::proto::nat::behavior::{Discovery, SOCKETS};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring,
};

use crate::support::check::{is, why};
use crate::support::nat_model::{Hairpin, NatConfig, Ports};
use crate::support::scripted_server::{
    Authority, Certificate, EXTERNAL, Loopback, Role, Script, TcpRole, TcpServer,
};
use crate::support::sim_server::Change;
use crate::support::stun_wire::{self, BINDING_REQUEST, BINDING_SUCCESS, Message};

/// Runs the machine over real sockets.
fn discover(servers: &[SocketAddr]) -> io::Result<PathFacts> {
    let ip: IpAddr = match servers[0] {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let sockets: Vec<UdpSocket> = (0..SOCKETS)
        .map(|_| UdpSocket::bind((ip, 0)))
        .collect::<io::Result<_>>()?;
    let mut locals = Vec::new();
    for socket in &sockets {
        socket.set_nonblocking(true)?;
        locals.push(socket.local_addr()?);
    }
    let started = Instant::now();
    let mut machine = Discovery::new(&locals, 1, Duration::ZERO);
    for server in servers {
        machine.add_server(started.elapsed(), *server);
    }
    machine.servers_complete(started.elapsed());
    while !machine.is_finished() {
        assert!(started.elapsed() < Duration::from_secs(60), "no end");
        while let Some(transmit) = machine.poll_transmit() {
            assert!(transmit.flow.remote.ip().is_loopback(), "{transmit:?}");
            let _ = sockets[transmit.flow.socket].send_to(&transmit.payload, transmit.flow.remote);
        }
        let mut buffer = [0; 2048];
        for (index, socket) in sockets.iter().enumerate() {
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                let flow = Flow {
                    socket: index,
                    remote: from,
                };
                machine.handle_input(started.elapsed(), flow, &buffer[..size]);
            }
        }
        machine.handle_timeout(started.elapsed());
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(machine.facts())
}

fn run(script: &Script) -> PathFacts {
    let servers = Loopback::start(script).expect("loopback has ports");
    let addresses: Vec<SocketAddr> = (0..script.servers.len())
        .map(|i| servers.address(i))
        .collect();
    let facts = discover(&addresses).expect("loopback works");
    assert!(servers.requests() > 0);
    facts
}

#[test]
fn emulated_nats_behave_as_configured() {
    for (mapping, filtering) in [
        (Mapping::EndpointIndependent, Filtering::EndpointIndependent),
        (Mapping::AddressDependent, Filtering::AddressDependent),
        (
            Mapping::AddressAndPortDependent,
            Filtering::AddressAndPortDependent,
        ),
    ] {
        let mut nat = NatConfig::nat(mapping, filtering);
        nat.hairpin = Hairpin::ExternalSource;
        nat.ports = Ports::Sequential(2);
        let mut script = Script::new(nat, vec![Role::Discovery]);
        script.delay = Duration::from_millis(5);
        let facts = run(&script);
        is(&facts.nat, true)
            .and(is(&facts.mapping, mapping))
            .and(is(&facts.filtering, filtering))
            .and(is(&facts.hairpinning, true))
            .and(is(&facts.port_step, 2))
            .unwrap_or_else(|complaint| panic!("{complaint}\n{facts:#?}"));
        assert_eq!(facts.reflexive_addresses[0].ip(), IpAddr::V4(EXTERNAL));
    }
}

#[test]
fn without_a_nat_the_local_address_is_seen() {
    let facts = run(&Script::new(
        NatConfig::open(),
        vec![Role::Discovery, Role::Plain],
    ));
    is(&facts.nat, false)
        .and(is(&facts.filtering, Filtering::EndpointIndependent))
        .unwrap_or_else(|complaint| panic!("{complaint}\n{facts:#?}"));
}

#[test]
fn policies_silence_and_blocked_udp() {
    let mut script = Script::new(NatConfig::open(), vec![Role::Silent, Role::Discovery]);
    script.tamper = |_, config| config.change = Change::Ignore;
    let facts = run(&script);
    why(&facts.filtering, &[Reason::ServerIgnoresChangeRequest])
        .unwrap_or_else(|complaint| panic!("{complaint}\n{facts:#?}"));

    let mut blocked = NatConfig::open();
    blocked.blocked = true;
    let facts = run(&Script::new(blocked, vec![Role::Discovery]));
    assert!(!facts.nat.is_determined(), "{facts:#?}");
}

#[test]
fn ipv6_has_one_address_with_two_ports() {
    let mut script = Script::new(NatConfig::open(), vec![Role::Discovery]);
    script.ipv6 = true;
    let facts = run(&script);
    is(&facts.nat, false).unwrap_or_else(|complaint| panic!("{complaint}\n{facts:#?}"));
    assert!(!facts.filtering.is_determined(), "{facts:#?}");
}

fn ask(mut stream: impl Read + Write) -> io::Result<Vec<u8>> {
    let request = Message::new(BINDING_REQUEST, [7; 12]).finish();
    stream.write_all(&request)?;
    stream.flush()?;
    let mut answer = vec![0; 512];
    let size = stream.read(&mut answer)?;
    answer.truncate(size);
    Ok(answer)
}

fn connect(server: &TcpServer) -> TcpStream {
    let stream = TcpStream::connect(server.address).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("a timeout can be set");
    stream
}

#[test]
fn tcp_roles() {
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let start = |role| TcpServer::start(ip, role, None).expect("a port is free");
    let stun = start(TcpRole::stun());
    let answer = ask(connect(&stun)).expect("an answer");
    assert_eq!(stun_wire::message_type(&answer), Some(BINDING_SUCCESS));
    assert_eq!(stun_wire::transaction_id(&answer), Some([7; 12]));
    assert_eq!(stun.connections(), 1);
    let http = ask(connect(&start(TcpRole::Http))).expect("an answer");
    assert!(http.starts_with(b"HTTP/1.1 400"));
    assert!(ask(connect(&start(TcpRole::Silent))).is_err());
    let closed = ask(connect(&start(TcpRole::Close)));
    assert!(closed.is_err() || closed.is_ok_and(|answer| answer.is_empty()));
}

#[test]
fn tls_certificates_good_and_bad() {
    let authority = Authority::new().expect("a temporary file");
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(authority.file()).expect("it was written");
    roots
        .add(CertificateDer::from_pem_slice(&pem).expect("a certificate"))
        .expect("an authority");
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Arc::new(client);
    for (kind, complaint) in [
        (Certificate::Good, None),
        (Certificate::Expired, Some("expired")),
        (Certificate::WrongName, Some("not valid for name")),
        (Certificate::UnknownIssuer, Some("UnknownIssuer")),
    ] {
        let config = authority.server(kind).expect("a certificate");
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let server = TcpServer::start(ip, TcpRole::stun(), Some(config)).expect("a port is free");
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::clone(&client), name).expect("a client");
        let answer = ask(StreamOwned::new(connection, connect(&server)));
        match complaint {
            None => {
                let answer = answer.expect("an answer");
                assert_eq!(stun_wire::message_type(&answer), Some(BINDING_SUCCESS));
            }
            Some(words) => {
                let error = answer.expect_err("a bad certificate").to_string();
                assert!(error.contains(words), "{kind:?}: {error}");
            }
        }
    }
    let file = authority.file().to_owned();
    drop(authority);
    assert!(!file.exists());
}
