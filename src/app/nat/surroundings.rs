//! What the parts of a run share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::{Depth, Event};
use crate::fact::Reason;
use crate::nat::earlier::Earlier;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::stream::Attempt;
use crate::stun::uri::Host;

/// The names of server addresses, for certificates; filled as names are resolved.
pub type Names = Arc<Mutex<BTreeMap<SocketAddr, Host>>>;

/// Servers that are asked over TCP and TLS because their URIs say so; filled likewise.
pub type NamedStreams = Arc<Mutex<Vec<Attempt>>>;
/// What rounds before have left behind.
pub type EarlierRounds = Arc<Mutex<Earlier>>;

/// What a path needs from outside.
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
    /// What is tested beside the behaviour of the NAT.
    pub depth: Depth,
    /// What rounds before have left behind.
    pub rounds: EarlierRounds,
}

impl Surroundings {
    /// Remembers the name of an address.
    pub fn name(&self, address: SocketAddr, host: Host) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(address, host);
    }

    /// What rounds before have left behind.
    pub fn earlier(&self) -> MutexGuard<'_, Earlier> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names known by now.
    pub fn host_names(&self) -> BTreeMap<SocketAddr, Host> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.clone()
    }

    /// Remembers a server that is asked over TCP or TLS.
    pub fn name_stream(&self, attempt: Attempt) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.push(attempt);
    }

    /// Those known by now.
    pub fn named_streams(&self) -> Vec<Attempt> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.clone()
    }
}
