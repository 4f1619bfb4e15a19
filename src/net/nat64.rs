//! The prefix by which this network reaches IPv4 from IPv6, asked for in DNS (RFC 7050).
//!
//! The system's resolver is asked for the addresses of `ipv4only.arpa`: one query for AAAA beside the
//! one for A that resolvers always make. Router Advertisements (RFC 8781) are not read: that takes
//! rights that a program does not have.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::base::fact::{Fact, Reason};
use crate::net::resolve;
use crate::proto::nat::nat64::{Prefix, WELL_KNOWN_NAME, discovered};

/// How long the answer is waited for. A resolver that answers at all needs a few round trips to its
/// name server; those of a usual one are over after one timeout of 5 s, which is too long to hold up
/// servers that need no prefix.
const PATIENCE: Duration = Duration::from_secs(2);

/// The prefixes of the network, the preferred one first; never determined as an empty list.
pub async fn discover() -> Fact<Vec<Prefix>> {
    let lookup = tokio::net::lookup_host((WELL_KNOWN_NAME, 0));
    match tokio::time::timeout(PATIENCE, lookup).await {
        Ok(Ok(addresses)) => from_answers(addresses),
        Ok(Err(error)) => from_error(&error),
        Err(_) => Fact::inconclusive(
            Reason::NoResponse,
            format!("the name servers did not say in time what {WELL_KNOWN_NAME} is (RFC 7050)"),
        ),
    }
}

fn from_answers(addresses: impl Iterator<Item = SocketAddr>) -> Fact<Vec<Prefix>> {
    let answers: Vec<Ipv6Addr> = addresses
        .filter_map(|address| match address {
            SocketAddr::V6(v6) => Some(*v6.ip()),
            SocketAddr::V4(_) => None,
        })
        .collect();
    let prefixes = discovered(&answers);
    if !prefixes.is_empty() {
        return Fact::Determined(prefixes);
    }
    let detail = match answers.first() {
        None => format!("DNS has no IPv6 address for {WELL_KNOWN_NAME} (RFC 7050)"),
        Some(answer) => format!(
            "DNS gives {WELL_KNOWN_NAME} the IPv6 address {answer}, which has neither 192.0.0.170 nor 192.0.0.171 in it (RFC 7050)"
        ),
    };
    Fact::inconclusive(Reason::NoNat64Prefix, detail)
}

fn from_error(error: &io::Error) -> Fact<Vec<Prefix>> {
    let why = resolve::reason(error);
    Fact::inconclusive(
        Reason::NoNat64Prefix,
        format!("{WELL_KNOWN_NAME} could not be resolved (RFC 7050): {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(texts: &[&str]) -> Fact<Vec<Prefix>> {
        let addresses = texts.iter().map(|text| {
            let ip = text.parse().expect("an address");
            SocketAddr::new(ip, 0)
        });
        from_answers(addresses)
    }

    #[test]
    fn only_ipv6_answers_tell_a_prefix() {
        let found = answers(&["192.0.0.170", "64:ff9b::192.0.0.170", "192.0.0.171"]);
        assert_eq!(found, Fact::Determined(vec![Prefix::WELL_KNOWN]));
    }

    #[test]
    fn answers_without_a_prefix_say_so() {
        for (texts, why) in [
            (&["192.0.0.170", "192.0.0.171"][..], "has no IPv6 address"),
            (&["2001:db8::1"][..], "2001:db8::1, which has neither"),
        ] {
            let found = answers(texts);
            let Fact::Inconclusive { reason, detail } = found else {
                panic!("{texts:?}: {found:?}");
            };
            assert_eq!(reason, Reason::NoNat64Prefix);
            assert!(detail.contains(why), "{detail}");
        }
    }

    #[test]
    fn a_failure_is_not_an_absence() {
        let error = io::Error::other("failed to lookup address information: Try again");
        let found = from_error(&error);
        assert!(
            matches!(&found, Fact::Inconclusive { detail, .. } if detail.ends_with("(RFC 7050): Try again")),
            "{found:?}"
        );
    }
}
