//! The proxy that the environment names for the web. Browsers take it for TURN over TCP and TLS too, and
//! this program goes straight to the servers: what it finds out about TCP need not hold for them.

use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::base::words::printable;
use crate::proto::stun::uri::{Host, ServerUri};

/// Where programs look for the proxy of `https:` addresses, which is the one that browsers take for TURN.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXEMPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// A proxy, and what it is not for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebProxy {
    /// The variable that names it.
    pub variable: &'static str,
    /// As it stands there, without user and password.
    pub address: String,
    /// The entries of `NO_PROXY`.
    exempt: Vec<String>,
}

impl WebProxy {
    /// What this program's environment says.
    pub fn from_environment() -> Option<Self> {
        Self::named_by(|name| std::env::var(name).ok())
    }

    fn named_by(value_of: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &&'static str| {
            let value = value_of(name)?.trim().to_owned();
            (!value.is_empty()).then_some((*name, value))
        };
        let (variable, value) = VARIABLES.iter().find_map(set)?;
        let exempt = EXEMPTIONS
            .iter()
            .find_map(set)
            .map_or_else(Vec::new, |(_, list)| {
                let entries = list
                    .split([',', ' '])
                    .map(|entry| entry.trim().to_lowercase());
                entries.filter(|entry| !entry.is_empty()).collect()
            });
        Some(Self {
            variable,
            address: without_secret(&value),
            exempt,
        })
    }

    /// Whether a browser would go through it to this host, over TCP or TLS: for UDP no proxy is taken.
    pub fn is_for(&self, host: &Host, port: u16) -> bool {
        let is_local = match host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
        };
        !is_local && !self.exempt.iter().any(|entry| covers(entry, host, port))
    }

    /// The same where a browser would take it to one of these servers.
    pub fn finding_for<'a>(servers: impl IntoIterator<Item = &'a ServerUri>) -> Option<Finding> {
        let proxy = Self::from_environment()?;
        let mut servers = servers.into_iter();
        let any = servers.any(|uri| proxy.is_for(&uri.host, uri.port));
        any.then(|| proxy.finding())
    }

    /// What it means for what this program says.
    pub fn finding(&self) -> Finding {
        Finding::new(
            Code::ProxyInEnvironment,
            format!(
                "{} is set ({}): browsers take this proxy for TURN over TCP and TLS; rtcdiag does not, so what it says of TCP and TLS is about the way without the proxy",
                self.variable, self.address
            ),
            "where the way without the proxy is closed, calls in a browser can still work through it: have a TURN server over TLS on port 443, which proxies let through",
        )
    }
}

/// A URL without user and password; what is no URL stands as it is.
fn without_secret(url: &str) -> String {
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may have a slash in it that nobody escaped.
    let rest = rest.rsplit_once('@').map_or(&rest[..end], |(_, host)| host);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let text = if scheme.is_empty() {
        rest.to_owned()
    } else {
        format!("{scheme}://{rest}")
    };
    printable(&text)
}

/// Whether an entry of `NO_PROXY` is for this host: `*`, a name with all below it, an address, a network.
fn covers(entry: &str, host: &Host, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let of_address = |address: &str| address.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let (entry, only) = match entry.rsplit_once(':') {
        // The colons of an IPv6 address part no port off.
        Some((name, digits)) if of_address(entry).is_none() && !digits.contains(']') => {
            (name, digits.parse::<u16>().ok())
        }
        _ => (entry, None),
    };
    if only.is_some_and(|only| only != port) {
        return false;
    }
    match host {
        Host::Ip(ip) => match entry.split_once('/') {
            Some((network, bits)) => of_address(network)
                .zip(bits.parse().ok())
                .is_some_and(|(network, bits)| in_network(*ip, network, bits)),
            None => of_address(entry) == Some(*ip),
        },
        Host::Name(name) => {
            let name = name.trim_end_matches('.').to_lowercase();
            let wanted = entry.trim_start_matches('*').trim_start_matches('.');
            !wanted.is_empty()
                && (name == wanted
                    || name
                        .strip_suffix(wanted)
                        .is_some_and(|before| before.ends_with('.')))
        }
    }
}

fn in_network(ip: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(bits))
                .unwrap_or(0);
            u32::from(ip) & mask == u32::from(network) & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(bits))
                .unwrap_or(0);
            u128::from(ip) & mask == u128::from(network) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)]) -> Option<WebProxy> {
        WebProxy::named_by(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn it_is_named_without_its_password() {
        for (value, shown) in [
            (
                "http://user:pa/ss@proxy.example:3128/",
                "http://proxy.example:3128",
            ),
            ("proxy.example:3128", "proxy.example:3128"),
            (
                "socks5h://u@[2001:db8::1]:1080",
                "socks5h://[2001:db8::1]:1080",
            ),
        ] {
            let named = proxy(&[("ALL_PROXY", value), ("HTTPS_PROXY", " ")]).expect("it is set");
            assert_eq!((named.variable, &*named.address), ("ALL_PROXY", shown));
        }
        assert_eq!(proxy(&[("HTTP_PROXY", "http://proxy.example")]), None);
    }

    #[test]
    fn what_is_exempt_goes_without_it() {
        let exempt = "intern.example, .corp.example,192.0.2.0/24 *.lab.example 2001:db8::7,turn.example:3478";
        let named =
            proxy(&[("https_proxy", "http://p:1"), ("no_proxy", exempt)]).expect("it is set");
        let is_for = |host: &str| {
            let uri: ServerUri = format!("turns:{host}:443").parse().expect("a URI");
            named.is_for(&uri.host, uri.port)
        };
        for host in [
            "turn.intern.example",
            "corp.example",
            "a.lab.example",
            "192.0.2.9",
            "[2001:db8::7]",
            "localhost",
        ] {
            assert!(!is_for(host), "{host}");
        }
        for host in [
            "internet.example",
            "otherintern.example",
            "192.0.3.9",
            "[2001:db8::8]",
            "turn.example",
        ] {
            assert!(is_for(host), "{host}");
        }
        let all = proxy(&[("https_proxy", "http://p:1"), ("NO_PROXY", "*")]).expect("it is set");
        assert!(!all.is_for(&Host::Name("turn.example".to_owned()), 443));
    }
}
