//! From server URIs to addresses.

use std::io;
use std::net::SocketAddr;

use crate::family::Family;
use crate::stun::uri::{Host, ServerUri};

/// How many addresses of one family a name may stand for. Some names have dozens, all the same
/// machine or cluster.
const ADDRESSES_PER_FAMILY: usize = 2;

/// The addresses of a server, in the order of the system's resolver, of the wanted families.
///
/// # Errors
///
/// If the name does not exist, or has no address of a wanted family.
pub async fn resolve(uri: &ServerUri, wanted: &[Family]) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = match &uri.host {
        Host::Ip(ip) => vec![SocketAddr::new(*ip, uri.port)],
        Host::Name(name) => tokio::net::lookup_host((name.as_str(), uri.port))
            .await?
            .collect(),
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for family in wanted {
        let mut of_family: Vec<SocketAddr> = Vec::new();
        for address in found.iter().filter(|a| Family::of(a.ip()) == *family) {
            if !of_family.contains(address) && of_family.len() < ADDRESSES_PER_FAMILY {
                of_family.push(*address);
            }
        }
        addresses.extend(of_family);
    }
    if addresses.is_empty() {
        let names: Vec<&str> = wanted.iter().map(|f| f.name()).collect();
        return Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            format!("{} has no {} address", uri.host, names.join(" or ")),
        ));
    }
    Ok(addresses)
}
