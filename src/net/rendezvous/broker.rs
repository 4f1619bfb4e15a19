//! A meeting at an MQTT broker: the sockets under [`crate::proto::signal::mqtt`]. From outside it is like
//! [`crate::net::rendezvous::client`], and joins again by itself as that does.

pub(in crate::net) mod failure;
pub(in crate::net) mod pipe;

use std::time::Duration;

use rand::Rng;
use tokio::sync::mpsc;
use tokio::time::{timeout, timeout_at};

use crate::base::bounds;
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::net::rendezvous::client::{Event, PATIENCE, Target, Way};
use crate::net::rendezvous::failure::Failure;
use crate::net::rendezvous::look::Look;
use crate::net::rendezvous::stay::{Ending, Rendezvous, Visitor};
use crate::net::rendezvous::steps::{Step, Steps};
use crate::net::rendezvous::waiting;
use crate::proto::signal::mqtt::{self, Budget, Client, Fault, Login, SMALL, Settings, Used};
pub use failure::worded;
use pipe::Pipe;

/// How long a write may take: a broker that takes nothing is given up.
const WRITING: Duration = Duration::from_secs(15);

/// What is needed beside the place itself.
#[derive(Debug, Clone)]
pub struct Access {
    pub topic: String,
    pub login: Option<Login>,
}

/// Connects, subscribes, and sees that a message comes back, within [`PATIENCE`]. `steps` tell meanwhile how
/// far it got. Where the place is dropped, the broker tells the other side.
pub async fn connect(
    target: Target,
    access: Access,
    clock: Clock,
    steps: &Steps,
) -> Result<Rendezvous, ErrorReport> {
    let guest = Guest {
        budget: Budget::of(target.kind),
        way: target.way,
        access,
        clock,
        used: Used::default(),
        largest: bounds::BROKER_PIECE,
        has_ended: false,
    };
    Rendezvous::begin(guest, clock, steps).await
}

/// Who visits a broker.
struct Guest {
    way: Way,
    access: Access,
    budget: Budget,
    clock: Clock,
    /// By all connections together.
    used: Used,
    /// The largest message that it is given.
    largest: usize,
    /// Whether a connection has ended while a small message was under way.
    has_ended: bool,
}

impl Visitor for Guest {
    type Connection = (Pipe, Client);

    async fn join(&mut self, steps: &Steps) -> Result<((Pipe, Client), Option<bool>), Failure> {
        // Whether the other side is there cannot be known.
        self.come(steps).await.map(|joined| (joined, None))
    }

    async fn talk(
        &mut self,
        (mut pipe, mut client): (Pipe, Client),
        waiting: &mut waiting::Receiver,
        say: &mpsc::Sender<Event>,
    ) -> Ending {
        let ending = self.exchange(&mut pipe, &mut client, waiting, say).await;
        self.used = client.used();
        match ending {
            Ending::Done => Ending::Done,
            Ending::Broken(failure) => Ending::Broken(self.of_size(&client, failure)),
        }
    }
}

impl Guest {
    async fn come(&mut self, steps: &Steps) -> Result<(Pipe, Client), Failure> {
        let by = self.clock.instant(self.clock.now() + PATIENCE);
        let opened = pipe::open(&self.way, by, steps).await;
        let (mut pipe, addresses) = opened.map_err(failure::of_way)?;
        steps.begin(Step::Broker);
        let settings = Settings {
            topic: self.access.topic.clone(),
            login: self.access.login.clone(),
            sender: rand::rng().random(),
            largest: self.largest,
            budget: self.budget,
        };
        let mut client = Client::new(self.clock.now(), settings, self.used);
        let joining = self.until_joined(&mut pipe, &mut client);
        let joined = timeout_at(by, joining).await;
        self.used = client.used();
        let silence = |_| Err(failure::silent(client.is_let_in(), failure::ANOTHER));
        match joined.unwrap_or_else(silence) {
            Ok(()) => Ok((pipe, client)),
            Err(failure)
                if !client.is_let_in() && failure::may_be_tls(&failure) && !self.way.url.tls =>
            {
                let look = Look {
                    way: &self.way,
                    addresses: &addresses,
                };
                // A broker with TLS ends a connection without it in silence.
                Err(if look.speaks_tls().await {
                    failure::needs_tls(&self.way.url)
                } else {
                    failure
                })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn until_joined(&self, pipe: &mut Pipe, client: &mut Client) -> Result<(), Failure> {
        loop {
            flush(pipe, client).await?;
            self.turn(pipe, client).await?;
            if let Some(event) = client.poll_event() {
                debug_assert_eq!(event, mqtt::Event::Joined);
                return Ok(());
            }
        }
    }

    /// Waits for something to happen to the connection. May be dropped.
    async fn turn(&self, pipe: &mut Pipe, client: &mut Client) -> Result<(), Failure> {
        // A session that has no budget left has none for another connection either.
        self.check(client)?;
        let due = client.poll_timeout().unwrap_or(Duration::MAX);
        tokio::select! {
            read = pipe.read() => client.handle_input(self.clock.now(), &read?),
            () = tokio::time::sleep_until(self.clock.instant(due)) => {
                client.handle_timeout(self.clock.now());
            }
        }
        self.check(client)
    }

    fn check(&self, client: &Client) -> Result<(), Failure> {
        let fault = client.fault();
        fault.map_or(Ok(()), |fault| Err(failure::of_fault(fault, &self.way.url)))
    }

    /// Whether the size of a message was why the connection ended: then smaller ones are tried.
    fn of_size(&mut self, client: &Client, failure: Failure) -> Failure {
        let size = client.unanswered().unwrap_or(0);
        if client.fault() == Some(Fault::Silent) || size == 0 || failure.is_final {
            return failure;
        }
        // Once may be a broker that ends.
        if self.largest == SMALL || (size <= SMALL && std::mem::replace(&mut self.has_ended, true))
        {
            return failure::too_large(size);
        }
        if size > SMALL {
            self.largest = SMALL;
        }
        failure
    }

    async fn exchange(
        &self,
        pipe: &mut Pipe,
        client: &mut Client,
        waiting: &mut waiting::Receiver,
        say: &mpsc::Sender<Event>,
    ) -> Ending {
        loop {
            while let Some(event) = client.poll_event() {
                if say.send(told(event)).await.is_err() {
                    return Ending::Done;
                }
            }
            if let Err(failure) = flush(pipe, client).await {
                return Ending::Broken(failure);
            }
            tokio::select! {
                turned = self.turn(pipe, client) => if let Err(failure) = turned {
                    return Ending::Broken(failure);
                },
                envelope = waiting.recv() => {
                    let Some(envelope) = envelope else {
                        client.leave(self.clock.now());
                        // A broker that is gone needs no good-bye.
                        let _ = flush(pipe, client).await;
                        pipe.close().await;
                        return Ending::Done;
                    };
                    client.send(self.clock.now(), envelope);
                }
            }
            if let Err(failure) = self.check(client) {
                return Ending::Broken(failure);
            }
        }
    }
}

async fn flush(pipe: &mut Pipe, client: &mut Client) -> Result<(), Failure> {
    while let Some(bytes) = client.poll_transmit() {
        let written = timeout(WRITING, pipe.write(&bytes)).await;
        written.unwrap_or_else(|_| Err(failure::unanswered()))?;
    }
    Ok(())
}

fn told(event: mqtt::Event) -> Event {
    match event {
        mqtt::Event::Joined => Event::Joined { peer: None },
        mqtt::Event::Envelope(envelope) => Event::Envelope(envelope),
        mqtt::Event::Forgotten => Event::Forgotten,
        mqtt::Event::PeerLeft => Event::PeerLeft,
    }
}
