//! From server URIs to addresses.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType};

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::net::descriptors;
use crate::proto::stun::uri::{Host, ServerUri};

/// How many addresses of one family a name may stand for. Some names have dozens, all the same
/// machine or cluster.
const ADDRESSES_PER_FAMILY: usize = 2;
/// How long it is asked for addresses of the other family, only to say why there are none: a name server that answered
/// for the one answers for the other within round trips, or never.
const OTHER_FAMILY: Duration = Duration::from_secs(1);

/// The addresses of a server, in the order of the system's resolver, of the wanted families.
/// Fails if the name does not exist, or has no address of a wanted family.
pub async fn resolve(uri: &ServerUri, wanted: &[Family]) -> io::Result<Vec<SocketAddr>> {
    host(&uri.host, uri.port, wanted).await
}

pub async fn host(host: &Host, port: u16, wanted: &[Family]) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = match host {
        Host::Ip(ip) => vec![SocketAddr::new(*ip, port)],
        Host::Name(name) => descriptors::noted(of_name(name, port, wanted).await)?
            .into_iter()
            .map(|found| SocketAddr::new(found.ip().to_canonical(), found.port()))
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
            format!("{host} has no {} address", names.join(" or ")),
        ));
    }
    Ok(addresses)
}

/// Some name servers never answer for one of the families, and the system's resolver waits for both where both are asked
/// for: where one alone is wanted, nothing waits for the other.
async fn of_name(name: &str, port: u16, wanted: &[Family]) -> io::Result<Vec<SocketAddr>> {
    let &[family] = wanted else {
        return Ok(tokio::net::lookup_host((name, port)).await?.collect());
    };
    let (kind, error) = match of_family(name, port, family).await? {
        Ok(found) => return Ok(found),
        Err(error) => (error.kind(), io::Error::from(error)),
    };
    if matches!(kind, LookupErrorKind::Again) {
        return Err(error);
    }
    // An address of the other family tells a name that lacks the wanted one from a name that does not exist.
    let other = of_family(name, port, family.other());
    match tokio::time::timeout(OTHER_FAMILY, other).await {
        Ok(Ok(Ok(found))) => Ok(found),
        _ => Err(error),
    }
}

/// Asks the system's resolver for addresses of one family.
async fn of_family(
    name: &str,
    port: u16,
    family: Family,
) -> io::Result<Result<Vec<SocketAddr>, LookupError>> {
    let hints = AddrInfoHints {
        address: match family {
            Family::Ipv4 => AddrFamily::Inet.into(),
            Family::Ipv6 => AddrFamily::Inet6.into(),
        },
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let name = name.to_owned();
    let lookup = move || {
        let found = dns_lookup::getaddrinfo(Some(&name), None, Some(hints))?;
        let found = found.map(|info| info.map(|info| SocketAddr::new(info.sockaddr.ip(), port)));
        found
            .collect::<io::Result<Vec<_>>>()
            .map_err(LookupError::from)
    };
    tokio::task::spawn_blocking(lookup)
        .await
        .map_err(io::Error::other)
}

pub fn error_report(host: &Host, error: &io::Error) -> ErrorReport {
    if error.kind() == io::ErrorKind::AddrNotAvailable {
        return ErrorReport::new(Code::WrongFamily, error.to_string())
            .with_hint("leave -4 or -6 out, or name a server with an address of that family");
    }
    let reason = reason(error);
    let hint = hint(&reason);
    ErrorReport::new(Code::Dns, format!("{host} cannot be resolved: {reason}")).with_hint(hint)
}

/// What to do, by the words of the system's resolver (`getaddrinfo`), in which alone it tells its reasons apart.
fn hint(reason: &str) -> &'static str {
    let reason = reason.to_ascii_lowercase();
    if reason.contains("temporary failure") || reason.contains("try again") {
        "the name need not be wrong: the name server does not answer, or fails itself (SERVFAIL); check this machine's network and DNS settings, or name the server by its IP address"
    } else if reason.contains("no address") || reason.contains("no data") {
        "the name exists and has no address: it may have SRV records alone, which browsers do not look up, so name the host that they lead to; or the name server refuses to answer"
    } else {
        "check the spelling of the name"
    }
}

/// What the resolver says, without the words that the standard library has before all of it.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once("failed to lookup address information: ") {
        Some(("", reason)) => reason.to_owned(),
        _ => text,
    }
}

/// The name servers did not answer in time.
pub fn silence(host: &Host) -> ErrorReport {
    ErrorReport::new(
        Code::Dns,
        format!("{host} was not resolved in time: the name servers are silent, or leave one of the questions for IPv4 and IPv6 unanswered"),
    )
    .with_hint("check the DNS settings (some routers never answer for IPv6, AAAA: with -4 they are not asked for it), or name the server by its IP address")
}
