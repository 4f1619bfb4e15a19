//! The sessions of this host, each as `pair` has it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use rand::Rng as _;
use tokio::sync::{mpsc, watch};

use crate::base::fact::Reason;
use crate::base::time::Time;
use crate::commands::mesh::report::{of_error, of_session};
use crate::commands::mesh::run::Options;
use crate::commands::pair;
use crate::commands::pair::run::{MeetingPlace, NatSource, Signalling};
use crate::net::clock::Clock;
use crate::proto::ice::facts::NatFacts;
use crate::proto::mesh::beat::Report;
use crate::proto::mesh::lobby::Start;
use crate::proto::signal::code::Code;
use crate::proto::signal::seal::Name;

/// How long a session may take: the longest that has a result waits 12 s for its pairs, and some for facts.
const LONGEST: Duration = Duration::from_secs(30);

/// What all sessions have in common.
pub(super) struct Terms<'a> {
    pub options: &'a Options,
    pub nats: Option<watch::Receiver<Option<Vec<NatFacts>>>>,
}

struct Running {
    since: Time,
    stop: watch::Sender<Option<Reason>>,
}

pub(super) struct Sessions<'a> {
    terms: Terms<'a>,
    clock: Clock,
    running: BTreeMap<Name, Running>,
    ends: FuturesUnordered<LocalBoxFuture<'static, (Name, Report)>>,
}

impl<'a> Sessions<'a> {
    pub(super) fn new(terms: Terms<'a>, clock: Clock) -> Self {
        Self {
            terms,
            clock,
            running: BTreeMap::new(),
            ends: FuturesUnordered::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Begins a session, at these places of the lobby.
    pub(super) fn begin(&mut self, start: Start, places: &[MeetingPlace]) {
        let (stop, stopped) = watch::channel(None);
        let options = self.terms.of_session(start, places);
        let with = start.with;
        self.ends.push(Box::pin(async move {
            // Nobody looks on. The clock is the session's own: times in it count from its beginning.
            let (events, _) = mpsc::unbounded_channel();
            let done = pair::run::run(&options, Clock::start(), stopped, events).await;
            let report = match done {
                Ok(run) => of_session(&run.result, &run.context),
                Err(error) => of_error(&error),
            };
            (with, report)
        }));
        let since = self.clock.now();
        self.running.insert(with, Running { since, stop });
    }

    /// The next one that has ended. May be dropped and called again.
    pub(super) async fn next(&mut self) -> (Name, Report) {
        match self.ends.next().await {
            Some((with, report)) => {
                self.running.remove(&with);
                (with, report)
            }
            None => std::future::pending().await,
        }
    }

    /// Nobody else takes part in it any more.
    pub(super) fn end(&self, with: Name, reason: Reason) {
        if let Some(running) = self.running.get(&with) {
            // It may have ended by itself.
            let _ = running.stop.send(Some(reason));
        }
    }

    pub(super) fn end_overdue(&self, now: Time) {
        for running in self.running.values() {
            if now >= running.since + LONGEST && running.stop.borrow().is_none() {
                let _ = running.stop.send(Some(Reason::Timeout));
            }
        }
    }

    pub(super) fn end_all(&self, reason: Reason) {
        for running in self.running.values() {
            let _ = running.stop.send(Some(reason));
        }
    }
}

impl Terms<'_> {
    fn of_session(&self, start: Start, places: &[MeetingPlace]) -> pair::run::Options {
        let Options {
            gather,
            code,
            lobby,
            duration,
            ..
        } = self.options;
        let code = code_of(code, lobby.own, start);
        let member = Name(rand::rng().random());
        let places = places.iter().map(|place| place.of_pair(&code, member));
        let mut gather = gather.clone();
        gather.seed = rand::rng().random();
        pair::run::Options {
            gather,
            nat: self.nats.clone().map(NatSource::Shared),
            signalling: Signalling::Rendezvous {
                places: places.collect(),
                member,
                code,
                is_new: true,
                invitation: None,
            },
            role: None,
            duration: *duration,
            media: Vec::new(),
            shares_password: false,
            wanted: None,
            is_watched: false,
            seed: rand::rng().random(),
        }
    }
}

/// The code of a session, which both sides make alike.
fn code_of(code: &Code, own: Name, start: Start) -> Code {
    let (low, high) = (own.min(start.with), own.max(start.with));
    let attempt = start.attempt.to_be_bytes();
    code.part(&[b"way", &low.0, &high.0, &attempt])
}
