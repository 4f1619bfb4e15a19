//! Which sockets have sent where, for whoever tests again from this host.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::behavior::evidence::Changed;

impl Discovery {
    /// Whether an answer came in from an address that nothing had been sent to.
    pub fn has_let_strangers_in(&self) -> bool {
        (0..self.trials.len())
            .filter(|trial| !self.trials[*trial].alternate_visited)
            .any(|trial| {
                let [other, _, other_ip] = self.form_outcomes(trial);
                [other, other_ip].contains(&Changed::Arrived)
            })
    }

    /// Every address that this host has sent to, or is known to have.
    pub fn visited(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.visited.iter().copied()
    }

    /// The local addresses of the sockets that sent anything, each with whether it has travelled: sent
    /// elsewhere than to the server of a filtering test. Through the holes of those, the answers of a
    /// later filtering test would come in.
    pub fn used_sockets(&self) -> Vec<(SocketAddr, bool)> {
        let primaries: BTreeSet<IpAddr> = self.trials.iter().map(|t| t.primary.ip()).collect();
        (0..self.sockets.len())
            .filter_map(|socket| {
                let sent: BTreeSet<IpAddr> = self
                    .probes
                    .iter()
                    .filter(|p| p.socket == socket && !p.transmissions.is_empty())
                    .map(|p| p.destination.ip())
                    .collect();
                let stayed = sent.len() == 1 && sent.is_subset(&primaries);
                (!sent.is_empty()).then(|| (self.sockets[socket], !stayed))
            })
            .collect()
    }
}
