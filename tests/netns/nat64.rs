//! A host with IPv6 only whose STUN server is reached through NAT64 (RFC 6146) at the well-known prefix (RFC 6052).
//!
//! The kernel has no NAT64, so the translator and the server behind it are one: a server at the synthesized IPv6 addresses
//! that answers as its IPv4 self would be heard through the translator, with IPv4 in every attribute. It runs in the server's
//! namespace as another process of this very test program.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Child;
use std::sync::Arc;

use super::program;

/// Tells a process of this program that it is the server.
pub const ROLE: &str = "NETNS_TEST_IS_NAT64_SERVER";
/// The translator's own address, as whose ports the clients' packets come to the server.
const POOL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const ADDRESSES: [Ipv4Addr; 2] = [
    Ipv4Addr::new(203, 0, 113, 10),
    Ipv4Addr::new(203, 0, 113, 11),
];
const PORTS: [u16; 2] = [3478, 3479];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Starts the server in a namespace.
pub fn start(namespace: &str) -> Result<Child, String> {
    let mut command = program::part(namespace)?;
    let child = command.env(ROLE, "1").spawn();
    child.map_err(|e| format!("NAT64 server: {e}"))
}

/// Serves until the process is killed.
#[expect(clippy::print_stdout, reason = "tells the parent that it listens")]
pub fn serve() {
    let bind = |(ip, port): (Ipv4Addr, u16)| {
        let [a, b, c, d] = ip.octets();
        let synthesized = format!("[64:ff9b::{a}.{b}.{c}.{d}]:{port}");
        let address: SocketAddr = synthesized.parse().expect("an address");
        UdpSocket::bind(address).expect("the address is of this namespace")
    };
    let sockets: Vec<UdpSocket> = (0..4).map(|n| bind(endpoint(n))).collect();
    let sockets = Arc::new(sockets);
    println!("{}", program::READY);
    let threads = (0..4).map(|own| {
        let sockets = Arc::clone(&sockets);
        std::thread::spawn(move || answer_all(&sockets, own))
    });
    for thread in threads.collect::<Vec<_>>() {
        let _ = thread.join();
    }
}

/// The endpoint of a number of two bits: which address, which port.
fn endpoint(number: usize) -> (Ipv4Addr, u16) {
    (ADDRESSES[number >> 1], PORTS[number & 1])
}

fn answer_all(sockets: &[UdpSocket], own: usize) {
    let mut buffer = [0; 1500];
    while let Ok((length, client)) = sockets[own].recv_from(&mut buffer) {
        let request = &buffer[..length];
        if length < 20 || request[..2] != [0, 1] {
            continue;
        }
        // CHANGE-REQUEST: 4 asks for the other address, 2 for the other port.
        let change = attribute(request, 0x0003).map_or(0, |value| value[3]);
        let from = own ^ usize::from(change & 4 != 0) << 1 ^ usize::from(change & 2 != 0);
        let answer = response(request, client.port(), endpoint(from), endpoint(own ^ 3));
        let _ = sockets[from].send_to(&answer, client);
    }
}

fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = &message[20..];
    while let [t0, t1, l0, l1, body @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        if u16::from_be_bytes([*t0, *t1]) == wanted {
            return body.get(..length);
        }
        rest = body.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// Every address in it is what the server sees: IPv4, and the translator's port for the client (here the client's own).
fn response(request: &[u8], port: u16, origin: (Ipv4Addr, u16), other: (Ipv4Addr, u16)) -> Vec<u8> {
    let mut attributes = Vec::new();
    let mut add = |kind: u16, (ip, port): (Ipv4Addr, u16), mask: [u8; 4]| {
        attributes.extend(kind.to_be_bytes());
        attributes.extend([0, 8, 0, 1]);
        attributes.extend((port ^ u16::from_be_bytes([mask[0], mask[1]])).to_be_bytes());
        attributes.extend(ip.octets().iter().zip(mask).map(|(a, b)| a ^ b));
    };
    add(0x0020, (POOL, port), COOKIE);
    add(0x0001, (POOL, port), [0; 4]);
    add(0x802b, origin, [0; 4]);
    add(0x802c, other, [0; 4]);
    let mut message = vec![0x01, 0x01, 0, 48];
    message.extend(&request[4..20]);
    message.extend(attributes);
    message
}
