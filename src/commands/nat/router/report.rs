//! What the router offers, and whether a mapping of it works.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::base::fact::{Fact, Reason};
use crate::commands::nat::report::PathReport;
use crate::proto::ice::interface::InterfaceKind;
use crate::proto::nat::router::layers::Layers;
use crate::proto::nat::router::{Granted, Protocol};

#[derive(Debug, Clone, Serialize)]
pub struct PortMapping {
    /// RFC 6887.
    pub pcp: Fact<bool>,
    /// RFC 6886.
    pub nat_pmp: Fact<bool>,
    pub upnp_igd: Fact<bool>,
    /// What the router says its own external address is.
    pub router_external_address: Fact<IpAddr>,
    pub router: Option<IpAddr>,
    /// Whether a mapping that the router made lets packets in from outside (`--port-mapping-test`).
    pub mapping_works: Fact<bool>,
    /// That mapping; `None` if none was made.
    pub tested_mapping: Option<TestedMapping>,
    /// Datagrams and HTTP requests that the router was sent, or its group of gateway devices.
    pub requests: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TestedMapping {
    pub protocol: Protocol,
    #[serde(flatten)]
    pub granted: Granted,
    /// Whether the router confirmed it.
    pub removed: bool,
}

impl PortMapping {
    /// Nothing is known of the router.
    pub fn all(why: &Fact<Infallible>) -> Self {
        Self {
            pcp: why.unknown(),
            nat_pmp: why.unknown(),
            upnp_igd: why.unknown(),
            router_external_address: why.unknown(),
            router: None,
            mapping_works: why.unknown(),
            tested_mapping: None,
            requests: 0,
        }
    }

    pub fn not_tested(reason: Reason) -> Self {
        Self::all(&Fact::not_tested(reason))
    }
}

impl PathReport {
    /// The NATs behind each other, once it is known what servers see over UDP, or else over TCP.
    /// `on_path` says that the servers are reached over the router that was asked.
    pub fn set_layers(&mut self, on_path: bool) {
        let seen = match self.facts.reflexive_addresses.as_slice() {
            [] => &self.tcp.reflexive_addresses,
            seen => seen,
        };
        let reflexive: Vec<IpAddr> = seen.iter().map(SocketAddr::ip).collect();
        // PPP may be a tunnel, and the line of a provider too.
        let interface = self.interface.as_deref().unwrap_or_default();
        let is_vpn = self.interface_kind == Some(InterfaceKind::Vpn);
        let layers = Layers {
            local: self.local_address,
            tunnel: is_vpn && !interface.starts_with("ppp"),
            router: self.port_mapping.router,
            on_path,
            external: &self.port_mapping.router_external_address,
            reflexive: &reflexive,
            nat: &self.facts.nat,
        };
        (self.carrier_nat, self.double_nat) = (layers.carrier_nat(), layers.double_nat());
    }
}
