//! One or more boxes in a row between the client and the Internet.

use std::net::SocketAddr;
use std::time::Duration;

use super::nat_model::{Nat, NatConfig};

/// What became of a packet from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed {
    /// It is on the Internet, with this source.
    Internet(SocketAddr),
    /// It came back to a local socket, carrying this source.
    Inside {
        local: SocketAddr,
        source: SocketAddr,
    },
    /// It is gone.
    Dropped,
}

/// The boxes, the innermost first.
#[derive(Debug)]
pub struct Path {
    boxes: Vec<Nat>,
}

impl Path {
    pub fn new(configs: &[NatConfig], seed: u64) -> Self {
        let boxes = configs
            .iter()
            .zip(1..)
            .map(|(config, i)| Nat::new(config.clone(), seed ^ (i * 0x9e37_79b9)))
            .collect();
        Self { boxes }
    }

    /// The client sends.
    pub fn send(&mut self, now: Duration, local: SocketAddr, destination: SocketAddr) -> Routed {
        let mut source = local;
        for i in 0..self.boxes.len() {
            let inside = source;
            match self.boxes[i].outbound(now, inside, destination) {
                Some(outside) => source = outside,
                None => return Routed::Dropped,
            }
            if self.boxes[i].owns(destination.ip()) {
                let turned = self.boxes[i].hairpin(inside, source, destination);
                return turned
                    .and_then(|(target, carried)| {
                        let local = self.descend(now, i, target, carried)?;
                        Some(Routed::Inside {
                            local,
                            source: carried,
                        })
                    })
                    .unwrap_or(Routed::Dropped);
            }
        }
        Routed::Internet(source)
    }

    /// A packet comes from the Internet.
    pub fn receive(
        &mut self,
        now: Duration,
        external: SocketAddr,
        from: SocketAddr,
    ) -> Option<SocketAddr> {
        self.descend(now, self.boxes.len(), external, from)
    }

    /// Whether a gateway on the way rewrites MAPPED-ADDRESS.
    pub fn rewrites(&self) -> bool {
        self.boxes.iter().any(|b| b.config.alg)
    }

    /// The outermost box, whose external addresses the Internet sees.
    pub fn outermost(&self) -> Option<&Nat> {
        self.boxes.last()
    }

    fn descend(
        &mut self,
        now: Duration,
        below: usize,
        external: SocketAddr,
        from: SocketAddr,
    ) -> Option<SocketAddr> {
        self.boxes[..below]
            .iter_mut()
            .rev()
            .try_fold(external, |address, b| b.inbound(now, address, from))
    }
}
