//! What all connections of a server share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Message;

use crate::base::time::Time;
use crate::net::clock::Clock;
use crate::net::servers::rendezvous::CertificateFilesError;
use crate::net::servers::rendezvous::broker::Broker;
use crate::net::servers::rendezvous::budget::{Budget, Share};
use crate::net::servers::rendezvous::connection::REQUESTING;
use crate::net::servers::rendezvous::outbox::Outbox;
use crate::net::servers::rendezvous::totals::{self, Current, Totals};
use crate::net::servers::rendezvous::{Event, Limits, Options, Patience, Proxies};
use crate::proto::signal::lobbies::Lobbies;
use crate::proto::signal::rooms::Connection;
use crate::proto::signal::siblings::{Deed, SharedRooms};
use crate::proto::signal::visitors::{Network, Visitors};
use crate::proto::signal::wire::{Notice, Refusal};

pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) patience: Patience,
    pub(super) proxies: Proxies,
    /// Whether `/health` and `/metrics` are elsewhere.
    pub(super) has_admin: bool,
    started: Time,
    /// Where the rooms are shared with other processes.
    pub(super) broker: Option<Broker>,
    /// There is something for the broker, or it is to be looked at earlier.
    pub(super) for_broker: Notify,
    state: Mutex<State>,
    /// For what has come and is not delivered.
    pub(super) budget: Budget,
    /// For requests that are being read.
    pub(super) requesting: Semaphore,
    more_metrics: OnceLock<MoreMetrics>,
}

/// The metrics of services beside this one.
type MoreMetrics = Box<dyn Fn() -> String + Send + Sync>;

pub(super) struct State {
    pub(super) visitors: Visitors,
    /// Connections that are being told that they are too many.
    told: usize,
    pub(super) rooms: SharedRooms,
    pub(super) lobbies: Lobbies,
    /// When the broker is looked at without being asked to.
    pub(super) broker_at: Time,
    pub(super) broker_away_since: Option<Time>,
    pub(super) outboxes: BTreeMap<Connection, Arc<Outbox>>,
    pub(super) next: Connection,
    pub(super) totals: Totals,
    pub(super) stopping: bool,
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
            requesting: Semaphore::new(REQUESTING),
            broker: options.broker.clone(),
            for_broker: Notify::new(),
            state: Mutex::new(State {
                visitors: Visitors::new(limits.visitors),
                told: 0,
                rooms: SharedRooms::new(limits.rooms, options.broker.is_some()),
                lobbies: Lobbies::new(limits.rooms),
                broker_at: Time::MAX,
                broker_away_since: None,
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
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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
        if refusal.is_some() && !state.may_tell(&shared.limits) {
            return None;
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

    /// Whether there is a broker, and it cannot be reached.
    pub(super) fn is_alone(&self) -> bool {
        self.broker.is_some() && !self.state().rooms.is_ready()
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
        state.rooms.expire(now);
        self.carry_out(&mut state);
        for connection in state.lobbies.expire(now) {
            state.end(connection, Refusal::RoomExpired);
        }
        drop(state);
        // While there is no connection to the broker, nobody else does.
        self.look_at_rooms();
    }

    /// After each change of the rooms: does for connections what is to be done, and sees that the broker hears of it.
    pub(super) fn carry_out(&self, state: &mut State) {
        while let Some(deed) = state.rooms.poll_deed() {
            match deed {
                Deed::Tell(connection, notice) => self.tell(state, connection, &notice),
                Deed::Deliver(connection, message) => {
                    self.push(state, connection, Message::binary(message));
                }
                Deed::End(connection, refusal) => state.end(connection, refusal),
            }
        }
        let due = state.rooms.poll_timeout();
        if state.rooms.has_wishes() || due.is_some_and(|due| due < state.broker_at) {
            self.for_broker.notify_one();
        }
    }

    pub(super) fn tell(&self, state: &State, connection: Connection, notice: &Notice) {
        self.push(state, connection, Message::text(notice.to_text()));
    }

    /// What a connection is sent, if it is still there.
    pub(super) fn push(&self, state: &State, connection: Connection, message: Message) {
        if let Some(outbox) = state.outboxes.get(&connection) {
            outbox.push(message, self.limits.queue);
        }
    }

    /// Something about the broker, for the log.
    pub(super) fn tell_log(&self, event: Event) {
        if let Some(log) = &self.state().log {
            // Nobody reads the log any more when the server is being stopped.
            let _ = log.send(event);
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.state().totals(self.clock.now())
    }

    pub(super) fn metrics(&self) -> String {
        let state = self.state();
        let current = Current {
            connections: state.visitors.open(),
            rooms: state.rooms.open() + state.lobbies.open(),
            uptime: self.clock.now().saturating_sub(self.started),
            broker: self.broker.as_ref().map(|_| state.rooms.standing()),
        };
        let totals = state.totals(self.clock.now());
        let mut text = totals::metrics(&totals, current);
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

    /// It is this client's, and counts as such. False if it is to be closed at once.
    pub(super) fn is_of(&mut self, client: SocketAddr) -> bool {
        self.address = client;
        if self.counted_for.is_some() || self.refusal.is_some() {
            return true;
        }
        let network = Network::of(client.ip());
        let mut state = self.shared.state();
        match state.visitors.is_of(network) {
            Ok(()) => self.counted_for = Some(network),
            Err(refusal) => {
                if !state.may_tell(&self.shared.limits) {
                    return false;
                }
                // From now on it only waits to be told.
                let now = self.shared.clock.now();
                state.visitors.leave(now, None);
                self.refusal = Some(refusal);
            }
        }
        true
    }

    /// What its address may hold.
    pub(super) fn share(&self) -> Share {
        let network = Network::of(self.address.ip());
        self.shared.budget.share(network)
    }
}

impl State {
    /// Whether one more connection beyond the limits is told so; it counts as that until it ends.
    fn may_tell(&mut self, limits: &Limits) -> bool {
        let may = self.told < limits.told;
        if may {
            self.told += 1;
        } else {
            self.totals.turned_away += 1;
        }
        may
    }

    fn totals(&self, now: Time) -> Totals {
        let since = self.broker_away_since.unwrap_or(now);
        Totals {
            siblings: self.rooms.counts(),
            broker_away: self.totals.broker_away + now.saturating_sub(since),
            ..self.totals.clone()
        }
    }

    pub(super) fn end(&self, connection: Connection, refusal: Refusal) {
        if let Some(outbox) = self.outboxes.get(&connection) {
            outbox.end(refusal);
        }
    }

    pub(super) fn log(&self, event: Event) {
        if let Some(log) = self.log.as_ref().filter(|_| self.logs_clients) {
            // Nobody reads the log any more when the server is being stopped.
            let _ = log.send(event);
        }
    }
}
