//! What all connections of a server share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::base::time::Time;
use crate::net::clock::Clock;
use crate::net::servers::rendezvous::CertificateFilesError;
use crate::net::servers::rendezvous::outbox::Outbox;
use crate::net::servers::rendezvous::totals::{self, Current, Totals};
use crate::net::servers::rendezvous::unfinished::Budget;
use crate::net::servers::rendezvous::{Event, Limits, Options, Patience, Proxies};
use crate::proto::signal::rooms::{Connection, Joined, NotJoined, RoomName, Rooms};
use crate::proto::signal::visitors::{Network, Visitors};
use crate::proto::signal::wire::{Join, Notice, Refusal};

/// Connections beyond the limits that are told so, at one time. More are closed without a word.
const MOST_TOLD: usize = 64;

pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) patience: Patience,
    pub(super) proxies: Proxies,
    /// Whether `/health` and `/metrics` are elsewhere.
    pub(super) has_admin: bool,
    started: Time,
    state: Mutex<State>,
    /// For what has come and is not delivered.
    pub(super) budget: Budget,
    more_metrics: OnceLock<MoreMetrics>,
}

/// The metrics of services beside this one.
type MoreMetrics = Box<dyn Fn() -> String + Send + Sync>;

struct State {
    visitors: Visitors,
    /// Connections that are being told that they are too many.
    told: usize,
    rooms: Rooms,
    outboxes: BTreeMap<Connection, Arc<Outbox>>,
    next: Connection,
    totals: Totals,
    stopping: bool,
    log: Option<mpsc::UnboundedSender<Event>>,
    logs_clients: bool,
}

/// A connection that is counted; dropping it ends the count.
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    /// Of the client, once a proxy has said whom it speaks for.
    pub(super) address: SocketAddr,
    pub(super) refusal: Option<Refusal>,
    /// As whose it is counted; a proxy's are nobody's until it says so.
    counted_for: Option<Network>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        let now = self.shared.clock.now();
        let mut state = self.shared.state();
        if self.refusal.is_some() {
            state.told -= 1;
        } else {
            state.visitors.leave(now, self.counted_for);
        }
    }
}

/// A WebSocket whose client can be sent something; dropping it ends that.
pub(super) struct Desk {
    pub(super) visit: Visit,
    pub(super) outbox: Arc<Outbox>,
    number: Connection,
    room: Option<RoomName>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.leave();
        self.visit.shared.state().outboxes.remove(&self.number);
    }
}

impl Shared {
    pub(super) fn new(options: &Options, clock: Clock) -> Self {
        let limits = options.limits.clone();
        Self {
            clock,
            patience: options.patience,
            proxies: options.proxies.clone(),
            has_admin: options.admin.is_some(),
            started: clock.now(),
            budget: Budget::default(),
            state: Mutex::new(State {
                visitors: Visitors::new(limits.visitors),
                told: 0,
                rooms: Rooms::new(limits.rooms),
                outboxes: BTreeMap::new(),
                next: 0,
                totals: Totals::default(),
                stopping: false,
                log: None,
                logs_clients: false,
            }),
            more_metrics: OnceLock::new(),
            limits,
        }
    }

    /// The table is whole at any moment: nothing below panics half way through a change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn log_to(&self, log: mpsc::UnboundedSender<Event>, clients: bool) {
        let mut state = self.state();
        state.log = Some(log);
        state.logs_clients = clients;
    }

    pub(super) fn certificate_read(&self, read: Result<(), CertificateFilesError>) {
        if let Some(log) = &self.state().log {
            let problem = read.err().map(|error| error.to_string());
            // Nobody reads the log any more when the server is being stopped.
            let _ = log.send(Event::Certificate { problem });
        }
    }

    /// The first one counts.
    pub(super) fn add_metrics(&self, more: MoreMetrics) {
        let _ = self.more_metrics.set(more);
    }

    /// A connection comes. `None` if it is to be closed at once.
    pub(super) fn arrive(shared: &Arc<Self>, address: SocketAddr) -> Option<Visit> {
        let mut state = shared.state();
        state.totals.connections += 1;
        let is_proxy = shared.proxies.trusts(address.ip());
        let counted_for = (!is_proxy).then(|| Network::of(address.ip()));
        let refusal = state.visitors.arrive(counted_for).err();
        if refusal.is_some() {
            if state.told >= MOST_TOLD {
                state.totals.turned_away += 1;
                return None;
            }
            state.told += 1;
        }
        Some(Visit {
            shared: Arc::clone(shared),
            address,
            refusal,
            counted_for,
        })
    }

    pub(super) fn accept_failed(&self) {
        self.state().totals.accept_errors += 1;
    }

    /// A connection has carried no whole HTTP request.
    pub(super) fn was_foreign(&self) {
        self.state().totals.foreign += 1;
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        for outbox in state.outboxes.values() {
            outbox.end(Refusal::ShuttingDown);
        }
    }

    pub(super) fn members_are_gone(&self) -> bool {
        self.state().outboxes.is_empty()
    }

    pub(super) fn tidy(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        state.visitors.tidy(now);
        for connection in state.rooms.expire(now) {
            state.end(connection, Refusal::RoomExpired);
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.state().totals.clone()
    }

    pub(super) fn metrics(&self) -> String {
        let state = self.state();
        let current = Current {
            connections: state.visitors.open(),
            rooms: state.rooms.open(),
            uptime: self.clock.now().saturating_sub(self.started),
        };
        let mut text = totals::metrics(&state.totals, current);
        drop(state);
        if let Some(more) = self.more_metrics.get() {
            text.push_str(&more());
        }
        text
    }
}

impl Visit {
    /// Whether a proxy brings it, which may say whom it speaks for.
    pub(super) fn is_of_proxy(&self) -> bool {
        self.shared.proxies.trusts(self.address.ip())
    }

    /// It is this client's, and counts as such.
    pub(super) fn is_of(&mut self, client: SocketAddr) {
        self.address = client;
        if self.counted_for.is_some() || self.refusal.is_some() {
            return;
        }
        let network = Network::of(client.ip());
        let mut state = self.shared.state();
        match state.visitors.is_of(network) {
            Ok(()) => self.counted_for = Some(network),
            Err(refusal) => {
                // From now on it only waits to be told.
                let now = self.shared.clock.now();
                state.visitors.leave(now, None);
                state.told += 1;
                self.refusal = Some(refusal);
            }
        }
    }
}

impl State {
    fn end(&self, connection: Connection, refusal: Refusal) {
        if let Some(outbox) = self.outboxes.get(&connection) {
            outbox.end(refusal);
        }
    }

    fn tell(&self, connection: Connection, notice: &Notice, limit: usize) {
        if let Some(outbox) = self.outboxes.get(&connection) {
            outbox.tell(notice, limit);
        }
    }

    fn log(&self, event: Event) {
        if let Some(log) = self.log.as_ref().filter(|_| self.logs_clients) {
            // Nobody reads the log any more when the server is being stopped.
            let _ = log.send(event);
        }
    }
}

impl Desk {
    pub(super) fn open(visit: Visit) -> Self {
        let outbox = Arc::new(Outbox::new(visit.shared.budget.clone()));
        let mut state = visit.shared.state();
        let number = state.next;
        state.next += 1;
        state.outboxes.insert(number, Arc::clone(&outbox));
        if state.stopping {
            outbox.end(Refusal::ShuttingDown);
        }
        drop(state);
        Self {
            visit,
            outbox,
            number,
            room: None,
        }
    }

    /// Takes a seat in a room. Everybody is told who has to know.
    pub(super) fn join(&mut self, join: &Join) -> Result<(), Refusal> {
        let shared = &self.visit.shared;
        let (now, limit) = (shared.clock.now(), shared.limits.queue);
        let mut state = shared.state();
        let network = Network::of(self.visit.address.ip());
        state.visitors.join(now, network)?;
        let room = (join.room, join.kind);
        let joined = state.rooms.join(now, room, join.member, self.number);
        let Joined {
            others,
            replaced,
            is_new,
        } = joined.map_err(|NotJoined { refusal, members }| {
            for member in members {
                state.tell(member, &Notice::ThirdRefused, limit);
            }
            refusal
        })?;
        self.room = Some(join.room);
        state.totals.joins += 1;
        state.totals.rooms += u64::from(is_new);
        if let Some(older) = replaced {
            state.end(older, Refusal::Replaced);
        }
        let peer_is_there = !others.is_empty();
        self.outbox.tell(
            &Notice::Joined {
                peer: peer_is_there,
            },
            limit,
        );
        for other in others {
            state.tell(other, &Notice::PeerJoined, limit);
        }
        state.log(Event::Joined {
            address: self.visit.address,
            room: join.room.shortened(),
            peer: peer_is_there,
        });
        Ok(())
    }

    pub(super) fn forward(&self, message: &Bytes) -> Result<(), Refusal> {
        let shared = &self.visit.shared;
        let room = self.room.ok_or(Refusal::BadJoin)?;
        let bytes = message.len() as u64;
        let mut state = shared.state();
        let now = shared.clock.now();
        let others = state.rooms.forward(now, room, self.number, bytes)?;
        if others.is_empty() {
            state.totals.dropped += 1;
            return Ok(());
        }
        state.totals.messages += 1;
        state.totals.bytes += bytes;
        for other in others {
            if let Some(outbox) = state.outboxes.get(&other) {
                outbox.push(Message::Binary(message.clone()), shared.limits.queue);
            }
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        let Some(room) = self.room.take() else {
            return;
        };
        let shared = &self.visit.shared;
        let mut state = shared.state();
        for other in state.rooms.leave(room, self.number) {
            state.tell(other, &Notice::PeerLeft, shared.limits.queue);
        }
        state.log(Event::Left {
            address: self.visit.address,
            room: room.shortened(),
        });
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        let mut state = self.visit.shared.state();
        *state.totals.refused.entry(refusal).or_default() += 1;
        state.log(Event::Refused {
            address: self.visit.address,
            refusal,
        });
    }
}
