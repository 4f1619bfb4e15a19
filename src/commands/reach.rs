//! IPv4 servers on a network of IPv6 alone: they are reached by the prefix of its NAT64.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::codes::Code;
use crate::base::fact::Fact;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Finding};
use crate::commands::lookup;
use crate::net::host::Source;
use crate::net::nat64;
use crate::proto::nat::nat64::Prefix;
use crate::proto::stun::uri::{Host, ServerUri};

/// The addresses of a server as this host reaches them.
///
/// # Errors
///
/// Those of [`lookup::addresses`], and `unreachable` if the server has IPv4 alone, this host has IPv6
/// alone, and no prefix of a NAT64 is known.
pub async fn addresses(
    uri: &ServerUri,
    wanted: &[Family],
    patience: Duration,
    source: &Source,
) -> Result<Vec<SocketAddr>, ErrorReport> {
    let found = lookup::addresses(uri, wanted, patience).await?;
    if !is_stranded(&found, wanted, source) {
        return Ok(found);
    }
    match nat64::discover().await {
        Fact::Determined(prefixes) => {
            let by_prefix = |prefix: &Prefix| found.iter().map(|a| prefix.reach(*a)).collect();
            Ok(prefixes.first().map_or(found.clone(), by_prefix))
        }
        _ => Err(ErrorReport::new(
            Code::Unreachable,
            format!("no route to it: this machine has IPv6 alone, and {uri} is an IPv4 address or has no other"),
        )
        .with_hint("name the server by a name that has an IPv6 address (AAAA record), or use a network with IPv4; no NAT64 is known here (DNS tells no prefix, RFC 7050)")),
    }
}

/// Whether there is a way to IPv6 and none to these.
fn is_stranded(found: &[SocketAddr], wanted: &[Family], source: &Source) -> bool {
    /// Any address on the internet: nothing is sent to it.
    const SOMEWHERE: &str = "[2001:db8::1]:3478";
    let v4_only = found.iter().all(SocketAddr::is_ipv4);
    let no_way = found.iter().all(|a| source.local_address_to(*a).is_err());
    let v6_way = SOMEWHERE
        .parse()
        .is_ok_and(|a| source.local_address_to(a).is_ok());
    v4_only && no_way && v6_way && wanted.contains(&Family::Ipv6)
}

/// What it means that a server named by an IPv4 address was reached by an IPv6 address.
pub fn finding(uri: &str, addresses: impl IntoIterator<Item = SocketAddr>) -> Option<Finding> {
    let Host::Ip(named) = uri.parse::<ServerUri>().ok()?.host else {
        return None;
    };
    let reached = addresses
        .into_iter()
        .find(|a| named.is_ipv4() && a.is_ipv6())?;
    Some(Finding::new(
        Code::Ipv4AddressOnIpv6Network,
        format!(
            "this network is IPv6-only, and the server is named by an IPv4 address: {named} was reached as {}, by the network's NAT64 prefix; browsers and most programs do not do that",
            reached.ip()
        ),
        "name the server by a name: DNS64 then gives it an IPv6 address, or give it an AAAA record",
    ))
}
