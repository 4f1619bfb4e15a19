//! What is said of names of servers that lead to no server, or to one of this network.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::report::{ErrorReport, Finding, Severity};
use crate::base::words::listed;
use crate::net::misdirected::{HINT, is_localhost};
use crate::proto::nat::address::{is_fake, is_global, of_no_server};
use crate::proto::stun::uri::{Host, ServerUri};

/// How many names a sentence lists.
const MOST_NAMES: usize = 3;

/// Endings of names that are meant to stay within a network.
const INNER: [&str; 9] = [
    "local",
    "lan",
    "home",
    "internal",
    "intranet",
    "corp",
    "private",
    "localdomain",
    "arpa",
];

/// One sentence on all names that lead nowhere: what each row with such an error says. `is_fatal` where no
/// other server is left.
pub fn finding<'a>(
    rows: impl Iterator<Item = (&'a str, Option<&'a ErrorReport>)>,
    is_fatal: bool,
) -> Option<Finding> {
    let mut names: Vec<String> = Vec::new();
    let mut first: Option<&ErrorReport> = None;
    for (uri, error) in rows {
        let Some(error) = error.filter(|e| e.code == Code::NameMisdirected) else {
            continue;
        };
        first.get_or_insert(error);
        if let Some(name) = name_in(uri).filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    let first = first?;
    let others = names.get(1..).unwrap_or_default();
    let message = match others.len() {
        0 => first.message.clone(),
        1..MOST_NAMES => format!("{}; the same goes for {}", first.message, listed(others)),
        count => format!("{}; the same goes for {count} other names", first.message),
    };
    let severity = if is_fatal {
        Severity::Error
    } else {
        Severity::Warning
    };
    let hint = first.hint.unwrap_or(HINT);
    Some(Finding::new(Code::NameMisdirected, message, hint).severity(severity))
}

/// A name with an address that local proxies give out: what is tried leads to the proxy, not to the server.
pub fn fake<'a>(rows: impl Iterator<Item = (&'a str, Option<SocketAddr>)>) -> Option<Finding> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (uri, address) in rows {
        if let Some((name, address)) = name_in(uri).zip(address)
            && is_fake(address.ip())
        {
            found.insert(format!("{name} resolves to {}", address.ip()));
        }
    }
    let found: Vec<String> = found.into_iter().collect();
    (!found.is_empty()).then(|| {
        Finding::new(
            Code::NameResolvesPrivate,
            format!(
                "{}, of a range that no server has (198.18.0.0/15): a proxy on this machine or router, such as Clash, Surge or sing-box, answers names so (fake IP), and what is tested leads through it",
                listed(&found)
            ),
            "switch the proxy off, or have it leave out this name and UDP, and test again",
        )
        .severity(Severity::Warning)
    })
}

/// A public name with a private address: right within some networks, and wrong outside.
pub fn private<'a>(rows: impl Iterator<Item = (&'a str, Option<SocketAddr>)>) -> Option<Finding> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (uri, address) in rows {
        let Some((name, ip)) = name_in(uri).zip(address.map(|a| a.ip())) else {
            continue;
        };
        let last = name
            .trim_end_matches('.')
            .rsplit_once('.')
            .map(|(_, last)| last.to_lowercase());
        let is_public = last.is_some_and(|last| !INNER.contains(&&*last)) && !is_localhost(&name);
        if is_public && of_no_server(ip).is_none() && !is_global(ip) {
            found.insert(format!("{name} resolves to {ip}"));
        }
    }
    let found: Vec<String> = found.into_iter().collect();
    (!found.is_empty()).then(|| {
        Finding::new(
            Code::NameResolvesPrivate,
            format!(
                "{}, a private address: this network has its own answer for that name",
                listed(&found)
            ),
            "right within a company's or a server's own network (split DNS, a VPN); if the server is meant to be on the internet, look at this network's DNS and at the hosts file",
        )
    })
}

/// Names of operators that have nothing to do with each other, and one address for all of them: somebody on
/// this network answers for everybody.
pub fn one_for_all<'a>(
    rows: impl Iterator<Item = (&'a str, Option<SocketAddr>)>,
) -> Option<Finding> {
    const FEWEST: usize = 3;
    let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for (uri, address) in rows {
        names.extend(name_in(uri));
        addresses.extend(address.map(|a| a.ip()));
    }
    let ip = addresses.first()?;
    (names.len() >= FEWEST && addresses.len() == 1).then(|| {
        Finding::new(
            Code::NameMisdirected,
            format!(
                "the names of {} servers of different operators all resolve to {ip}: something on this network answers every name with its own address, as a captive portal does before a login, or a filter with a page of its own",
                names.len()
            ),
            "open a web page in a browser and log in there, then try again; else look at this network's DNS",
        )
        .severity(Severity::Error)
    })
}

/// An address that this machine has given itself, since nobody gave it one.
pub fn self_assigned(ip: IpAddr, interface: Option<&str>) -> Option<Finding> {
    let IpAddr::V4(v4) = ip else {
        return None;
    };
    let on = interface.map_or_else(String::new, |name| format!(" on {name}"));
    v4.is_link_local().then(|| {
        Finding::new(
            Code::NoNetwork,
            format!(
                "this machine has a self-assigned address alone, {ip}{on}, as where no DHCP server answers: nothing beyond this cable or Wi-Fi can be reached from it"
            ),
            "look at the cable or Wi-Fi and the router's DHCP, or set an address by hand",
        )
    })
}

fn name_in(uri: &str) -> Option<String> {
    match uri.parse::<ServerUri>().ok()?.host {
        Host::Name(name) => Some(name),
        Host::Ip(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_local_proxies_give_out_are_named() {
        let fake_of = |uri: &'static str, ip: &str| {
            let address = SocketAddr::new(ip.parse().expect("an address"), 3478);
            fake([(uri, Some(address))].into_iter())
        };
        let found = fake_of("stun:stun.example.org", "198.18.0.7").expect("a finding");
        assert!(found.message.contains("198.18.0.7") && found.message.contains("Clash"));
        assert!(fake_of("turn:turn.example.org", "198.19.255.1").is_some());
        for (uri, ip) in [
            ("stun:198.18.0.7", "198.18.0.7"),
            ("stun:stun.example.org", "198.20.0.1"),
            ("stun:stun.example.org", "198.51.100.1"),
        ] {
            assert!(fake_of(uri, ip).is_none(), "{uri} {ip}");
        }
    }

    #[test]
    fn private_addresses_of_public_names_are_told() {
        let private_of = |uri: &'static str, ip: &str| {
            let address = SocketAddr::new(ip.parse().expect("an address"), 3478);
            private([(uri, Some(address))].into_iter())
        };
        assert!(private_of("stun:stun.example.org", "10.0.0.5").is_some());
        assert!(private_of("stun:stun.example.org", "fd00::5").is_some());
        for (uri, ip) in [
            ("stun:turn.lan", "10.0.0.5"),
            ("stun:turn", "10.0.0.5"),
            ("stun:10.0.0.5", "10.0.0.5"),
            ("stun:stun.example.org", "192.0.2.1"),
            ("stun:stun.example.org", "127.0.0.1"),
        ] {
            assert!(private_of(uri, ip).is_none(), "{uri}");
        }
    }
}
