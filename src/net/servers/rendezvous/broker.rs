//! The connection to the broker at which several servers share their rooms: the sockets under
//! [`crate::proto::signal::siblings`]. It is made again whenever it breaks, and never given up: who runs the server
//! may put right what is wrong.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::time::{Instant, timeout, timeout_at};

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::base::time::Time;
use crate::net::host::Source;
use crate::net::rendezvous::broker::failure;
use crate::net::rendezvous::broker::pipe::{self, Pipe};
use crate::net::rendezvous::client::{PATIENCE, Steps, Way};
use crate::net::rendezvous::failure::Failure;
use crate::net::rendezvous::look::Look;
use crate::net::rendezvous::stay::{BACKOFF, GOOD_AFTER};
use crate::net::servers::rendezvous::Event;
use crate::net::servers::rendezvous::shared::Shared;
use crate::proto::signal::mqtt::line::{Line, LineEvent, LineSettings};
use crate::proto::signal::mqtt::{Fault, Login};
use crate::proto::signal::rooms::Sibling;
use crate::proto::signal::siblings::frame::Frame;
use crate::proto::signal::siblings::{Wish, topic_of, topic_of_all};
use crate::proto::signal::url::RendezvousUrl;

const LOGIN: &str =
    "give --broker-username, and the password in RTCDIAG_BROKER_PASSWORD or --broker-password-file";
const RIGHTS: &str =
    "the user needs the right to read and write all topics below rtcdiag/ (rtcdiag/#)";
const ANOTHER: &str = "use another broker: any that speaks MQTT 3.1.1";

/// How long a write may take: a broker that takes nothing is given up.
const WRITING: Duration = Duration::from_secs(15);
/// Wishes that are written together.
const AT_ONCE: usize = 64;

/// Where rooms are shared.
#[derive(Debug, Clone)]
pub struct Broker {
    pub url: RendezvousUrl,
    pub login: Option<Login>,
    /// Families of its addresses.
    pub families: Vec<Family>,
}

/// A broker that hands on what it is given.
pub(super) struct Connection {
    pipe: Pipe,
    line: Line,
}

impl Broker {
    /// Connects, subscribes, and sees that messages come back, within [`PATIENCE`].
    pub(super) async fn reach(&self, shared: &Shared) -> Result<Connection, Failure> {
        let reached = self.come(shared).await.map_err(worded);
        if reached.is_err() {
            shared.broker_is_away();
        }
        reached
    }

    async fn come(&self, shared: &Shared) -> Result<Connection, Failure> {
        let way = Way {
            url: self.url.clone(),
            source: Source::default(),
            families: self.families.clone(),
        };
        let by = shared.clock.instant(shared.clock.now() + PATIENCE);
        let opened = pipe::open(&way, by, &Steps::default()).await;
        let (pipe, addresses) = opened.map_err(failure::of_way)?;
        let own = Sibling(rand::rng().random());
        let settings = LineSettings {
            id: format!("rtcdiag-{own}"),
            login: self.login.clone(),
            will: (topic_of_all(), Frame::Gone.encode(own)),
            topics: vec![topic_of_all(), topic_of(own)],
        };
        let line = Line::new(shared.clock.now(), settings);
        let mut connection = Connection { pipe, line };
        match connection.until_ready(shared, own, by).await {
            Ok(()) => Ok(connection),
            Err(failure) if failure::may_be_tls(&failure) && !self.url.tls => {
                let look = Look {
                    way: &way,
                    addresses: &addresses,
                };
                // A broker with TLS ends a connection without it in silence.
                Err(if look.speaks_tls().await {
                    failure::needs_tls(&self.url)
                } else {
                    failure
                })
            }
            Err(failure) => Err(failure),
        }
    }

    fn fault(&self, fault: Fault) -> Failure {
        failure::of_fault(fault, &self.url)
    }
}

/// The words for whoever runs the server.
fn worded(failure: Failure) -> Failure {
    let hint = match failure.report.code {
        Code::BrokerLogin => Some(LOGIN),
        Code::BrokerForbids => Some(RIGHTS),
        Code::BrokerUnavailable | Code::BrokerFlood => Some(ANOTHER),
        _ => failure.report.hint,
    };
    Failure {
        report: ErrorReport {
            hint,
            ..failure.report
        },
        ..failure
    }
}

impl Connection {
    async fn until_ready(
        &mut self,
        shared: &Shared,
        own: Sibling,
        by: Instant,
    ) -> Result<(), Failure> {
        let taken = timeout_at(by, self.until_taken(shared)).await;
        taken.unwrap_or_else(|_| Err(failure::silent(self.line.is_let_in(), ANOTHER)))?;
        shared.broker_takes(own);
        let handed_on = async {
            while !shared.state().rooms.is_ready() {
                self.turn(shared).await?;
            }
            Ok(())
        };
        let handed_on = timeout_at(by, handed_on).await;
        handed_on.unwrap_or_else(|_| Err(shared.fault(Fault::Swallows)))
    }

    /// The broker takes connection and subscriptions.
    async fn until_taken(&mut self, shared: &Shared) -> Result<(), Failure> {
        loop {
            self.flush().await?;
            self.wait(shared).await?;
            // What others say before that is not for this one.
            while let Some(event) = self.line.poll_event() {
                if event == LineEvent::Ready {
                    return Ok(());
                }
            }
        }
    }

    /// Tells what is to be told, and waits for something to happen.
    async fn turn(&mut self, shared: &Shared) -> Result<(), Failure> {
        while shared.fill(&mut self.line) {
            self.flush().await?;
        }
        self.flush().await?;
        self.wait(shared).await?;
        shared.hear(&mut self.line)
    }

    async fn wait(&mut self, shared: &Shared) -> Result<(), Failure> {
        let due = shared.broker_due(self.line.poll_timeout());
        let clock = shared.clock;
        tokio::select! {
            read = self.pipe.read() => self.line.handle_input(clock.now(), &read?),
            () = shared.for_broker.notified() => {}
            () = tokio::time::sleep_until(clock.instant(due)) => {
                self.line.handle_timeout(clock.now());
                shared.look_at_rooms();
            }
        }
        match self.line.fault() {
            Some(fault) => Err(shared.fault(fault)),
            None => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        while let Some(bytes) = self.line.poll_transmit() {
            let written = timeout(WRITING, self.pipe.write(&bytes)).await;
            written.unwrap_or_else(|_| Err(failure::unanswered()))?;
        }
        Ok(())
    }
}

/// Keeps rooms shared for as long as the server runs. `reached` is what came of the first try.
pub(super) async fn stay(shared: Arc<Shared>, reached: Option<Result<Connection, ErrorReport>>) {
    let Some(broker) = &shared.broker else {
        return;
    };
    let mut tries = 0;
    let mut told = None;
    let mut reached = match reached {
        Some(reached) => reached,
        None => broker
            .reach(&shared)
            .await
            .map_err(|failure| failure.report),
    };
    loop {
        let report = match reached {
            Ok(mut connection) => {
                told = None;
                let since = shared.clock.now();
                shared.broker_is_there();
                let failure = loop {
                    if let Err(failure) = connection.turn(&shared).await {
                        break failure;
                    }
                };
                shared.broker_is_away();
                if shared.clock.now() >= since + GOOD_AFTER {
                    tries = 0;
                }
                worded(failure).report
            }
            Err(report) => report,
        };
        if told != Some(report.code) {
            told = Some(report.code);
            shared.tell_log(Event::BrokerLost(report));
        }
        let most = BACKOFF[tries.min(BACKOFF.len() - 1)];
        tries += 1;
        // Not all servers at once after a restart of the broker.
        let wait = Duration::from_millis(rand::rng().random_range(most * 3 / 4..=most));
        tokio::time::sleep(wait).await;
        reached = broker
            .reach(&shared)
            .await
            .map_err(|failure| failure.report);
    }
}

/// What the rooms have to do with the broker.
impl Shared {
    fn fault(&self, fault: Fault) -> Failure {
        let broker = self.broker.as_ref().map(|broker| broker.fault(fault));
        broker.unwrap_or_else(failure::closed)
    }

    /// It has taken the first subscriptions.
    fn broker_takes(&self, own: Sibling) {
        let now = self.clock.now();
        self.state().rooms.connected(now, own);
    }

    fn broker_is_there(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        state.totals.broker_connections += 1;
        let since = state.broker_away_since.take();
        let away = now.saturating_sub(since.unwrap_or(now));
        state.totals.broker_away += away;
        drop(state);
        self.tell_log(Event::BrokerReached);
    }

    fn broker_is_away(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        state.broker_away_since.get_or_insert(now);
        state.rooms.disconnected(now);
        state.broker_at = Time::MAX;
        self.carry_out(&mut state);
    }

    /// Does what is due in the rooms.
    pub(super) fn look_at_rooms(&self) {
        let (now, wall) = (self.clock.now(), self.clock.unix_now_ms());
        let mut state = self.state();
        state.rooms.handle_timeout(now, wall);
        self.carry_out(&mut state);
    }

    /// When the broker is to be looked at again.
    fn broker_due(&self, of_line: Option<Time>) -> Time {
        let mut state = self.state();
        let due = [of_line, state.rooms.poll_timeout()];
        state.broker_at = due.into_iter().flatten().min().unwrap_or(Time::MAX);
        state.broker_at
    }

    /// Gives the broker what waits for it; whether there is more.
    fn fill(&self, line: &mut Line) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        let mut topics = Vec::new();
        let mut count = 0;
        while count < AT_ONCE
            && let Some(wish) = state.rooms.poll_wish()
        {
            count += 1;
            match wish {
                // Many rooms come at a time where a process is not alone any more. What is said in them comes behind.
                Wish::Subscribe(topic) => topics.push(topic),
                Wish::Unsubscribe(topic) => {
                    subscribe(line, now, &mut topics);
                    line.unsubscribe(now, topic);
                }
                Wish::Publish(topic, message) => {
                    subscribe(line, now, &mut topics);
                    line.publish(now, topic, message);
                }
            }
        }
        subscribe(line, now, &mut topics);
        count == AT_ONCE
    }

    /// Takes what the broker has said.
    fn hear(&self, line: &mut Line) -> Result<(), Failure> {
        let (now, wall) = (self.clock.now(), self.clock.unix_now_ms());
        let mut state = self.state();
        let before = state.rooms.processes();
        while let Some(event) = line.poll_event() {
            if let LineEvent::Message(message) = event {
                state.rooms.hear(now, wall, &message);
            }
        }
        self.carry_out(&mut state);
        let siblings = state.rooms.processes();
        let is_stuck = state.rooms.is_stuck();
        drop(state);
        if siblings != before {
            self.tell_log(Event::Siblings(siblings));
        }
        if is_stuck {
            return Err(failure::unanswered());
        }
        Ok(())
    }
}

fn subscribe(line: &mut Line, now: Time, topics: &mut Vec<String>) {
    if !topics.is_empty() {
        line.subscribe(now, std::mem::take(topics));
    }
}
