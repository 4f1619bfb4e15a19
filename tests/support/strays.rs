//! Datagrams that nobody asked for.

use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{Rng, RngCore};

use super::stun_wire::{
    self, BINDING_REQUEST, BINDING_SUCCESS, Message, TransactionId, XOR_MAPPED_ADDRESS,
};

/// Draws one that the client's datagram `payload` from `local` to `destination` provokes, straight
/// to a local socket: (the socket's address, the source, the bytes). None of them may be taken for
/// an answer (RFC 8489 6.3: transaction ID and source have to match).
pub fn draw(
    rng: &mut StdRng,
    sockets: &[SocketAddr],
    local: SocketAddr,
    destination: SocketAddr,
    payload: &[u8],
) -> (SocketAddr, SocketAddr, Vec<u8>) {
    let stranger = match local {
        SocketAddr::V4(_) => SocketAddr::from(([192, 0, 2, rng.random_range(1..255)], 3478)),
        SocketAddr::V6(_) => SocketAddr::from(([0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 9], 3478)),
    };
    let mut noise = vec![0; rng.random_range(0..200)];
    rng.fill_bytes(&mut noise);
    let mut random_id: TransactionId = [0; 12];
    rng.fill_bytes(&mut random_id);
    let lie = |id| {
        Message::new(BINDING_SUCCESS, id)
            .xor_address(XOR_MAPPED_ADDRESS, stranger)
            .finish()
    };
    let right_id = stun_wire::transaction_id(payload).unwrap_or(random_id);
    match rng.random_range(0..5) {
        0 => (local, stranger, noise),
        1 => (local, destination, noise),
        2 => (local, destination, lie(random_id)),
        3 => (local, stranger, lie(right_id)),
        _ => {
            let other = sockets[rng.random_range(0..sockets.len())];
            let request = Message::new(BINDING_REQUEST, random_id).finish();
            (other, stranger, request)
        }
    }
}
