//! What kind of network an interface leads to, as far as its name says.

use serde::Serialize;

/// A kind of interface whose candidates often spoil the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    /// A tunnel of a virtual private network.
    Vpn,
    /// A bridge to containers or virtual machines on this host.
    Container,
}

const VPN: [&str; 12] = [
    "tun",
    "tap",
    "wg",
    "utun",
    "ppp",
    "ipsec",
    "tailscale",
    "zt",
    "nordlynx",
    "proton",
    "cscotun",
    "gpd",
];
const CONTAINER: [&str; 14] = [
    "docker",
    "br-",
    "veth",
    "virbr",
    "vmnet",
    "vboxnet",
    "cni",
    "flannel",
    "cali",
    "podman",
    "lxc",
    "lxdbr",
    "vEthernet",
    "bridge1",
];

/// The kind, by the names that well-known software gives; `None` for others.
pub fn kind_of(name: &str) -> Option<InterfaceKind> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if begins(&VPN) {
        Some(InterfaceKind::Vpn)
    } else if begins(&CONTAINER) {
        Some(InterfaceKind::Container)
    } else {
        None
    }
}

impl InterfaceKind {
    /// As people say it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Vpn => "a VPN",
            Self::Container => "containers or virtual machines on this host",
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
        for plain in ["eth0", "enp3s0", "wlan0", "br0", "lo", "en0"] {
            assert_eq!(kind_of(plain), None, "{plain}");
        }
    }
}
