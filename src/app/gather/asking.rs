//! Who is asked what: each server's address from each base that could reach it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::sync::mpsc;

use super::rows::{self, Row, RowKey};
use super::{Happening, Run, bases, reflexive, relay};
use crate::net::link::Target;
use crate::net::stream;
use crate::report::ErrorReport;
use crate::report::gather::Policy;
use crate::report::stage::Stage;
use crate::stun::uri::Transport;

impl Run<'_> {
    /// Asks a server's address from each base that could reach it.
    pub(super) fn ask(
        &mut self,
        server: usize,
        number: usize,
        address: SocketAddr,
        took: Duration,
    ) {
        let preferred = self.options.source.local_address_to(address);
        let first_of_host = match &preferred {
            Ok(local) => self.ensure_base(*local),
            Err(_) => None,
        };
        let usable: Vec<usize> = (0..self.bases.len())
            .filter(|index| self.bases[*index].may_ask(address.ip()))
            .collect();
        if usable.is_empty() {
            let error = match preferred {
                Err(error) => stream::io_error(&error),
                Ok(_) => ErrorReport::new("unreachable", "no local address of that family"),
            };
            let uri = &self.options.servers[server].uri;
            let mut report = rows::unresolved(uri, error, took, self.clock.now());
            report.address = Some(address);
            report.is_default_route = true;
            report.stage = Stage::Connect;
            self.collector.server(report.clone());
            self.unresolved.push((server, report));
            return;
        }
        for base in usable {
            let key = RowKey {
                server,
                number,
                base,
                address,
                place: server * 4 + number,
            };
            self.start(key, Some(base) == first_of_host, took);
        }
    }

    /// The base with this address, made if there is none.
    fn ensure_base(&mut self, local: IpAddr) -> Option<usize> {
        if let Some(index) = self.bases.iter().position(|b| b.address.ip() == local) {
            return Some(index);
        }
        let base = bases::open(&self.options.source, local)?;
        let index = self.bases.len();
        self.bases.push(base);
        self.announce_host(index);
        Some(index)
    }

    fn start(&mut self, key: RowKey, is_default_route: bool, took: Duration) {
        let named = &self.options.servers[key.server];
        let is_turn = named.uri.is_turn();
        let wants_reflexive = self.options.policy == Policy::All;
        let over_udp = named.uri.transport == Transport::Udp;
        let row = Row::new(
            &named.uri,
            took,
            wants_reflexive && (over_udp || !is_turn),
            is_turn,
            is_default_route,
        );
        if row.wants_binding {
            if over_udp {
                self.ask_binding(key);
            } else {
                self.ask_binding_over_stream(key);
            }
        }
        if is_turn {
            self.ask_relay(key);
        }
        self.rows.insert(key, row);
    }

    /// Starts the task of a base's socket, if it does not run yet.
    pub(super) fn start_base(&mut self, index: usize) {
        let base = &mut self.bases[index];
        if let Some(socket) = base.socket.take() {
            let (questions, receiver) = mpsc::unbounded_channel();
            self.asked.insert(index, questions);
            self.tasks.spawn(reflexive::run(
                reflexive::Task {
                    address: base.address,
                    socket,
                    kept: self.kept.clone(),
                    source: self.options.source.clone(),
                    local: base.address.ip(),
                    base: index,
                    seed: self.options.seed ^ (index as u64 + 1),
                    clock: self.clock,
                },
                receiver,
                self.sender.clone(),
            ));
        }
    }

    fn ask_binding(&mut self, key: RowKey) {
        self.start_base(key.base);
        self.pending_bindings
            .push((key.base, key.address, self.clock.now()));
        if let Some(questions) = self.asked.get(&key.base) {
            let _ = questions.send(key.address);
        }
    }

    fn ask_binding_over_stream(&mut self, key: RowKey) {
        let target = self.target(key);
        let (source, clock, sender) =
            (self.options.source.clone(), self.clock, self.sender.clone());
        let local = self.bases[key.base].address.ip();
        let seed = self.seed_of(key);
        self.tasks.spawn(async move {
            let outcome = rows::bind_over_stream(&target, &source, local, &clock, seed).await;
            let _ = sender.send(Happening::Streamed { row: key, outcome });
        });
    }

    fn ask_relay(&mut self, key: RowKey) {
        let task = relay::Task {
            row: key,
            target: self.target(key),
            source: self.options.source.clone(),
            local: self.bases[key.base].address.ip(),
            credentials: self.options.servers[key.server].credentials.clone(),
            families: self.options.families.clone(),
            seed: self.seed_of(key),
            clock: self.clock,
        };
        let sender = self.sender.clone();
        match self.kept.clone() {
            None => self.tasks.spawn(relay::run(task, sender)),
            Some(kept) => self.tasks.spawn(relay::run_and_keep(task, sender, kept)),
        };
    }

    fn target(&self, key: RowKey) -> Target {
        let uri = &self.options.servers[key.server].uri;
        Target {
            address: key.address,
            host: uri.host.clone(),
            transport: uri.transport,
        }
    }

    fn seed_of(&self, key: RowKey) -> u64 {
        let place = (key.place as u64) << 8 | key.base as u64;
        self.options
            .seed
            .wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}
