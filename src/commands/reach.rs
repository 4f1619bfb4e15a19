//! IPv4 servers on a network of IPv6 alone: they are reached by the prefix of its NAT64.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::codes::Code;
use crate::base::fact::Fact;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Finding};
use crate::commands::lookup;
use crate::net::host::{self, Source};
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
    let Some(stranded) = stranded(&found, wanted, source) else {
        return Ok(found);
    };
    if stranded == Family::Ipv6 {
        return Err(ErrorReport::new(
            Code::Unreachable,
            format!("no route to it: this machine has IPv4 alone, and {uri} is an IPv6 address or has no other"),
        )
        .with_hint("give the name an IPv4 address too (A record), or use a network with IPv6"));
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

/// The one family that all of these have, where there is a way to the other family alone.
fn stranded(found: &[SocketAddr], wanted: &[Family], source: &Source) -> Option<Family> {
    /// Any addresses on the internet: nothing is sent to them.
    const SOMEWHERE: [(Family, &str); 2] = [
        (Family::Ipv4, "192.0.2.1:3478"),
        (Family::Ipv6, "[2001:db8::1]:3478"),
    ];
    let family = Family::of(found.first()?.ip());
    let has_way = |a: SocketAddr| source.local_address_to(a).is_ok();
    if found
        .iter()
        .any(|a| Family::of(a.ip()) != family || has_way(*a))
    {
        return None;
    }
    // With an address of that family only the route is missing, which says something else.
    let has_address =
        || host::interfaces().is_ok_and(|all| all.iter().any(|i| i.has(Family::Ipv6)));
    if family == Family::Ipv6 && has_address() {
        return None;
    }
    let (other, somewhere) = SOMEWHERE.into_iter().find(|(other, _)| *other != family)?;
    let other_works = somewhere.parse().is_ok_and(has_way);
    (other_works && wanted.contains(&other)).then_some(family)
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
