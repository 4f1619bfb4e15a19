//! Who is asked what: each server's address from each base that could reach it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::stage::Stage;
use crate::commands::gather::report::GatherServerReport;
use crate::commands::gather::run::rows::{self, Row, RowKey};
use crate::commands::gather::run::{GatherRun, Happening, bases, reflexive, relay};
use crate::commands::gather::verdict::Policy;
use crate::net::link::Target;
use crate::net::stream;
use crate::proto::stun::uri::Transport;

impl GatherRun<'_> {
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
                Err(error) => stream::local_error(&error),
                Ok(_) => ErrorReport::new(Code::Unreachable, "no local address of that family"),
            };
            let report = GatherServerReport {
                address: Some(address),
                stage: Stage::Connect,
                ..rows::resolved(&self.options.servers[server].uri, took)
            };
            return self.give_up(server, report, error);
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
        let base = &self.bases[key.base];
        let report = GatherServerReport {
            address: Some(key.address),
            local_address: Some(base.address.ip()),
            interface: base.interface.clone(),
            is_default_route,
            ..rows::resolved(&named.uri, took)
        };
        let wants_binding = wants_reflexive && (over_udp || !is_turn);
        let row = Row::new(report, wants_binding, is_turn);
        if wants_binding {
            if over_udp {
                self.ask_binding(key);
            } else {
                self.ask_binding_over_stream(key);
            }
        }
        if is_turn {
            self.ask_relay(key, is_default_route);
        }
        self.rows.insert(key, row);
    }

    pub(super) fn start_base(&mut self, index: usize) {
        let base = &mut self.bases[index];
        if let Some(socket) = base.socket.take() {
            let (questions, receiver) = mpsc::unbounded_channel();
            self.asked.insert(index, questions);
            self.tasks.spawn(reflexive::run(
                reflexive::ReflexiveTask {
                    address: base.address,
                    socket,
                    supply: self.supply.clone(),
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

    /// From the other bases a server need not answer: there it is not looked at again.
    fn ask_relay(&mut self, key: RowKey, looks: bool) {
        let task = relay::RelayTask {
            row: key,
            target: self.target(key),
            source: self.options.source.clone(),
            local: self.bases[key.base].address.ip(),
            credentials: self.options.servers[key.server].credentials.clone(),
            families: self.options.families.clone(),
            seed: self.seed_of(key),
            clock: self.clock,
            lease: self.lease.clone(),
            slack: self.options.slack.clone(),
            looks,
        };
        let sender = self.sender.clone();
        match self.supply.clone() {
            None => self.tasks.spawn(relay::run(task, sender)),
            Some(supply) => self.tasks.spawn(relay::run_and_keep(task, sender, supply)),
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
