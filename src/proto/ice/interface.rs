//! What kind of network an interface leads to, as far as its name says.

use serde::Serialize;

/// A kind of interface whose candidates often spoil the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    /// A tunnel of a virtual private network.
    Vpn,
    /// A bridge to containers or virtual machines on the same host.
    Container,
}

/// What VPN software calls its interfaces. Not `ppp`: DSL and mobile uplinks are called so too.
const VPN: [&str; 18] = [
    "tun",
    "tap",
    "wg",
    "utun",
    "ipsec",
    "xfrm",
    "vti",
    "l2tp",
    "vpn",
    "tailscale",
    "zt",
    "nebula",
    "nordlynx",
    "mullvad",
    "proton",
    "cscotun",
    "gpd",
    "outline-tun",
];
/// The same where more than these letters has to be looked at: a number follows (`NetBird`, Hamachi).
const VPN_NUMBERED: [&str; 2] = ["wt", "ham"];
/// What containers and virtual machines on this host are behind.
const CONTAINER: [&str; 21] = [
    "docker",
    "veth",
    "virbr",
    "vnet",
    "vmnet",
    "vboxnet",
    "cni",
    "flannel",
    "cali",
    "cilium",
    "weave",
    "kube-",
    "nodelocaldns",
    "podman",
    "lxc",
    "lxdbr",
    "incusbr",
    "waydroid",
    "vEthernet",
    "bridge1",
    "anbox",
];

/// The kind, by the names that well-known software gives; `None` for others.
pub fn kind_of(name: &str) -> Option<InterfaceKind> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let numbered = |prefix: &&str| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    if begins(&VPN) || VPN_NUMBERED.iter().any(numbered) {
        Some(InterfaceKind::Vpn)
    } else if begins(&CONTAINER) || is_network_of_docker(name) {
        Some(InterfaceKind::Container)
    } else {
        None
    }
}

/// `br-` and a part of the network's number. The bridge of a router's own network is `br-lan`.
fn is_network_of_docker(name: &str) -> bool {
    name.strip_prefix("br-")
        .is_some_and(|rest| rest.len() >= 6 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

impl InterfaceKind {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Vpn => "VPN",
            Self::Container => "containers",
        }
    }

    pub const fn text(self) -> &'static str {
        match self {
            Self::Vpn => "a VPN",
            Self::Container => "containers or virtual machines on this host",
        }
    }

    /// The same of another host's interface.
    pub const fn text_of_other(self) -> &'static str {
        match self {
            Self::Vpn => "a VPN",
            Self::Container => "containers or virtual machines on that host",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_well_known_software() {
        assert_eq!(kind_of("wg0"), Some(InterfaceKind::Vpn));
        assert_eq!(kind_of("docker0"), Some(InterfaceKind::Container));
        assert_eq!(kind_of("br-1a2b3c"), Some(InterfaceKind::Container));
        assert_eq!(kind_of("wt0"), Some(InterfaceKind::Vpn));
        let uplinks = ["ppp0", "br-lan", "wtap", "hamlet", "wwan0", "usb0"];
        let plain = ["eth0", "enp3s0", "wlan0", "br0", "lo", "en0"];
        for plain in plain.into_iter().chain(uplinks) {
            assert_eq!(kind_of(plain), None, "{plain}");
        }
    }
}
