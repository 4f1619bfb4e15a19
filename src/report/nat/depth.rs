//! What the tests in depth show of a path: lifetimes, the router's port mappings, TCP.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::fact::{Fact, Reason};
use crate::nat::behavior::Mapping;
use crate::nat::port_control::Protocol;

/// Bounds of a time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// At least this.
    pub at_least: f64,
    /// At most this; `None` if it outlived the longest wait.
    pub at_most: Option<f64>,
}

/// Lifetimes of bindings, refreshed by packets from inside only.
#[derive(Debug, Clone, Serialize)]
pub struct LifetimeReport {
    /// After a single packet that was not answered.
    pub one_packet: Fact<Bounds>,
    /// After packets both ways.
    pub two_way: Fact<Bounds>,
    /// How it was found out whether a binding still lived.
    pub method: Option<LifetimeMethod>,
    /// With which server.
    pub server: Option<SocketAddr>,
    /// A packet so often keeps either kind alive, even if one is lost.
    pub keepalive_s: Fact<f64>,
    /// Datagrams that were sent for it.
    pub packets: usize,
    /// Sockets that were open at the same time, at most.
    pub sockets: usize,
}

/// How it is found out whether a binding still lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LifetimeMethod {
    /// The answer to another socket's request is led to it (RFC 5780 4.6).
    ResponsePort,
    /// The server answers later.
    DelayedAnswer,
}

impl LifetimeReport {
    /// Not measured.
    pub const fn not_tested(reason: Reason) -> Self {
        Self {
            one_packet: Fact::not_tested(reason),
            two_way: Fact::not_tested(reason),
            method: None,
            server: None,
            keepalive_s: Fact::not_tested(reason),
            packets: 0,
            sockets: 0,
        }
    }
}

/// Protocols to ask the router for a mapping.
#[derive(Debug, Clone, Serialize)]
pub struct PortMapping {
    /// RFC 6887.
    pub pcp: Fact<bool>,
    /// RFC 6886.
    pub nat_pmp: Fact<bool>,
    /// UPnP Internet Gateway Device.
    pub upnp_igd: Fact<bool>,
    /// What the router says its own external address is.
    pub router_external_address: Fact<IpAddr>,
    /// The router that was asked.
    pub router: Option<IpAddr>,
    /// Whether a mapping that the router made lets packets in from outside (`--port-mapping-test`).
    pub mapping_works: Fact<bool>,
    /// That mapping; `None` if none was made.
    pub tested_mapping: Option<TestedMapping>,
    /// Datagrams and HTTP requests that the router was sent, or its group of gateway devices.
    pub requests: usize,
}

/// A mapping that the router made for a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TestedMapping {
    /// By which protocol.
    pub protocol: Protocol,
    /// Its external address, if the protocol names it with the mapping.
    pub external_address: Option<IpAddr>,
    /// Its external port.
    pub external_port: u16,
    /// For how long it was made, in seconds; 0 if until it is removed.
    pub lifetime_s: u32,
    /// Whether the router confirmed that it is removed.
    pub removed: bool,
}

impl PortMapping {
    /// The router was not asked.
    pub const fn not_tested(reason: Reason) -> Self {
        Self {
            pcp: Fact::not_tested(reason),
            nat_pmp: Fact::not_tested(reason),
            upnp_igd: Fact::not_tested(reason),
            router_external_address: Fact::not_tested(reason),
            router: None,
            mapping_works: Fact::not_tested(reason),
            tested_mapping: None,
            requests: 0,
        }
    }
}

/// The path over TCP.
#[derive(Debug, Clone, Serialize)]
pub struct TcpReport {
    /// Whether STUN over TCP or TLS gets through.
    pub open: Fact<bool>,
    /// What servers see.
    pub reflexive_addresses: Vec<SocketAddr>,
    /// Mapping behaviour (RFC 5382 4.1), from connections of one local port.
    pub mapping: Fact<Mapping>,
    /// How many server addresses did what.
    pub servers: StreamCounts,
}

/// How many server addresses did what over TCP and TLS; each counts once, for the best that came of
/// it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StreamCounts {
    /// Answered STUN.
    pub answered: usize,
    /// Accepted the connection and did not answer STUN.
    pub not_stun: usize,
    /// Refused the connection.
    pub refused: usize,
    /// Were silent.
    pub silent: usize,
    /// Could not be connected to from here.
    pub failed: usize,
}

impl TcpReport {
    /// Nothing was sent over TCP.
    pub const fn not_tested(reason: Reason) -> Self {
        Self {
            open: Fact::not_tested(reason),
            reflexive_addresses: Vec::new(),
            mapping: Fact::not_tested(reason),
            servers: StreamCounts {
                answered: 0,
                not_stun: 0,
                refused: 0,
                silent: 0,
                failed: 0,
            },
        }
    }
}
