//! Names of servers that lead to no server: to this machine itself, or to an address that nobody has. A
//! DNS filter or a line in the hosts file gives such answers. What is tried with them says nothing of the
//! network.

use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::net::host::is_broadcast;
use crate::proto::nat::address::of_no_server;
use crate::proto::stun::uri::Host;

pub const HINT: &str = "look up who says so: take the name off the list of the DNS filter (Pi-hole, AdGuard, the router, the provider), or out of the hosts file; on the server itself, test from another machine";

/// Why an address of a server leads nowhere, if it does. An address that was typed is meant, unless no
/// host can have it, and so is `localhost`.
pub fn error(host: &Host, ip: IpAddr) -> Option<ErrorReport> {
    let Host::Name(name) = host else {
        if ip.is_unspecified() {
            let message = format!(
                "{ip} is no address of a server: it stands for any address that one listens on"
            );
            return Some(ErrorReport::new(Code::NameMisdirected, message).with_hint(
                "name the server by its name, or by the address that clients reach it at",
            ));
        }
        return is_broadcast(ip).then(|| {
            let message = format!("{ip} is a broadcast address: no server has it");
            ErrorReport::new(Code::BroadcastAddress, message)
                .with_hint("name the server by its name, or by the address of its own")
        });
    };
    let what = of_no_server(ip).filter(|_| !is_localhost(name))?;
    let message = format!(
        "{name} resolves to {ip}, which is {what}: such an answer mostly comes from a DNS filter or from a line in the hosts file"
    );
    Some(ErrorReport::new(Code::NameMisdirected, message).with_hint(HINT))
}

/// Names that mean this machine.
pub fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_lowercase();
    let first = name.split('.').next().unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or_default();
    last == "localhost"
        || matches!(
            first,
            "localhost" | "ip6-localhost" | "localhost4" | "localhost6"
        )
}

/// The addresses of a name that lead somewhere; if none does, why.
pub fn without(host: &Host, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ErrorReport> {
    let (usable, odd): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| error(host, address.ip()).is_none());
    match odd.first().and_then(|address| error(host, address.ip())) {
        Some(error) if usable.is_empty() => Err(error),
        _ => Ok(usable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::stun::uri::ServerUri;

    #[test]
    fn names_lead_nowhere_and_typed_addresses_are_meant() {
        let leads_nowhere = |host: &str, ip: &str| {
            let uri: ServerUri = format!("stun:{host}").parse().expect("a URI");
            error(&uri.host, ip.parse().expect("an address")).is_some()
        };
        for ip in [
            "0.0.0.0",
            "127.0.0.1",
            "127.0.1.1",
            "::",
            "::1",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
        ] {
            assert!(leads_nowhere("stun.example.org", ip), "{ip}");
            assert!(
                !leads_nowhere("localhost", ip) && !leads_nowhere("a.localhost", ip),
                "{ip}"
            );
        }
        assert!(!leads_nowhere("127.0.0.1", "127.0.0.1"));
        for ip in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "fd00::1"] {
            assert!(!leads_nowhere("stun.example.org", ip), "{ip}");
        }
    }
}
