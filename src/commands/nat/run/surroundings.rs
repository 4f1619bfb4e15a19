//! What the parts of a run share.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::base::fact::Reason;
use crate::base::family::Family;
use crate::commands::nat::run::{Depth, Event};
use crate::net::clock::Clock;
use crate::net::host::{self, Source};
use crate::net::route;
use crate::net::stream::Attempt;
use crate::proto::nat::address::is_global;
use crate::proto::nat::behavior::earlier::Earlier;
use crate::proto::stun::uri::Host;

/// The names of server addresses, for certificates; filled as names are resolved.
pub type Names = Arc<Mutex<BTreeMap<SocketAddr, Host>>>;

/// Servers that are asked over TCP and TLS because their URIs say so; filled likewise.
pub type NamedStreams = Arc<Mutex<Vec<Attempt>>>;
/// What rounds before have left behind.
pub type EarlierRounds = Arc<Mutex<Earlier>>;

#[derive(Clone)]
pub struct Surroundings {
    pub source: Source,
    pub clock: Clock,
    pub stop: watch::Receiver<Option<Reason>>,
    pub events: mpsc::UnboundedSender<Event>,
    pub seed: u64,
    /// Whether no server is another one's alternate.
    pub independent: bool,
    pub names: Names,
    pub streams: NamedStreams,
    pub depth: Depth,
    pub rounds: EarlierRounds,
}

impl Surroundings {
    /// The address that a server is asked from: the one that the system chooses. IPv6 may choose
    /// another one of the same interface for each destination (RFC 6724); there it is the one that
    /// leads to the internet, so that servers on one way are asked from one address.
    pub fn local_to(&self, server: SocketAddr) -> io::Result<IpAddr> {
        let local = self.source.local_address_to(server)?;
        if local.is_ipv4() || !is_global(local) {
            return Ok(local);
        }
        let usual = route::usual_address(&self.source, Family::Ipv6);
        let usual = usual.filter(|usual| *usual != local && is_global(*usual));
        let interface = |ip| host::interface_of(ip);
        Ok(usual
            .filter(|usual| interface(*usual) == interface(local))
            .unwrap_or(local))
    }

    pub fn names(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Host>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn streams(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn earlier(&self) -> MutexGuard<'_, Earlier> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
