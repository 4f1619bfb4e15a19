//! A UDP socket of this host that exchanges datagrams with a relayed address.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use crate::base::family::Family;
use crate::net::host::Source;
use crate::proto::nat::address::is_global;
use crate::proto::turn::client::Allocation;

/// Opens it, if the families let it and the relay send to each other.
pub fn open(
    source: &Source,
    local: IpAddr,
    server: SocketAddr,
    allocation: &Allocation,
) -> Option<UdpSocket> {
    // A public server has no business to send us to an address of our own network.
    if is_global(server.ip()) && !is_global(allocation.relayed.ip()) {
        return None;
    }
    let family = Family::of(allocation.relayed.ip());
    let mapped = Family::of(allocation.mapped?.ip());
    (Family::of(local) == family && mapped == family)
        .then(|| source.udp(local).ok())
        .flatten()
}

/// What comes to it; for ever nothing if there is none.
pub async fn receive(
    probe: Option<&UdpSocket>,
    buffer: &mut [u8],
) -> io::Result<(usize, SocketAddr)> {
    match probe {
        Some(probe) => probe.recv_from(buffer).await,
        None => std::future::pending().await,
    }
}
