//! Staying at a place, a room or a broker: who visits it comes again by itself whenever the connection drops.

use std::task::{self, Poll};
use std::time::Duration;

use rand::Rng;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::base::bounds;
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::net::rendezvous::client::Event;
use crate::net::rendezvous::failure::Failure;
use crate::net::rendezvous::steps::Steps;
use crate::net::rendezvous::waiting;
use crate::proto::signal::seal::MAX_ENVELOPE;
use crate::proto::signal::wire::Refusal;

/// Before each further try; the last one stays. A server that restarts is back within a second.
pub(in crate::net) const BACKOFF: [u64; 6] = [100, 200, 500, 1000, 2000, 5000];
/// A connection that lasted for so long has been a good one: the waits begin anew.
pub(in crate::net) const GOOD_AFTER: Duration = Duration::from_secs(5);

/// Who visits a place, again and again if need be.
pub(super) trait Visitor: Send + 'static {
    type Connection: Send;

    /// Comes to the place. Gives whether the other side is there, where that is told.
    fn join(
        &mut self,
        steps: &Steps,
    ) -> impl Future<Output = Result<(Self::Connection, Option<bool>), Failure>> + Send;

    /// Says what waits and tells what happens, as long as the connection stands and it is wanted.
    fn talk(
        &mut self,
        connection: Self::Connection,
        waiting: &mut waiting::Receiver,
        say: &mpsc::Sender<Event>,
    ) -> impl Future<Output = Ending> + Send;
}

pub(super) enum Ending {
    Done,
    Broken(Failure),
}

/// A place in a room, or at a broker. Dropping it ends the connection without a word.
#[derive(Debug)]
pub struct Rendezvous {
    envelopes: waiting::Sender,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
}

impl Drop for Rendezvous {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rendezvous {
    /// Comes to the place for the first time; the first event is [`Event::Joined`].
    pub(super) async fn begin(
        mut visitor: impl Visitor,
        clock: Clock,
        steps: &Steps,
    ) -> Result<Self, ErrorReport> {
        let joined = visitor.join(steps).await;
        let (connection, peer) = joined.map_err(|failure| failure.report)?;
        let (envelopes, waiting) = waiting::channel();
        // While they wait to be taken, the rendezvous waits too.
        let (say, events) = mpsc::channel(bounds::RENDEZVOUS_EVENTS);
        // The receiver is still here, and empty.
        let _ = say.try_send(Event::Joined { peer });
        let task = tokio::spawn(stay(visitor, connection, clock, waiting, say));
        Ok(Self {
            envelopes,
            events,
            task,
        })
    }

    /// Sends an envelope to the other member. It is lost if that one is not there, or there is no
    /// connection at the moment.
    pub fn send(&self, envelope: Vec<u8>) -> Result<(), ErrorReport> {
        if envelope.len() > MAX_ENVELOPE {
            return Err(Failure::of_refusal(Refusal::TooLarge).report);
        }
        self.envelopes.send(envelope);
        Ok(())
    }

    /// The next event; `None` after [`Event::Refused`]. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The same, for who looks at several places at once.
    pub fn poll_next(&mut self, context: &mut task::Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(context)
    }

    /// Sends what is still waiting and closes the connection, within `patience`.
    pub async fn close(mut self, patience: Duration) {
        let (closed, _) = waiting::channel();
        // Without a sender, the task sends what is left and ends.
        drop(std::mem::replace(&mut self.envelopes, closed));
        // A task that cannot end in time is aborted when this is dropped.
        let _ = timeout(patience, &mut self.task).await;
    }
}

/// Keeps the place until it is not wanted any more, or cannot be had.
async fn stay<V: Visitor>(
    mut visitor: V,
    connection: V::Connection,
    clock: Clock,
    mut waiting: waiting::Receiver,
    say: mpsc::Sender<Event>,
) {
    let mut connected = Some(connection);
    let mut tries = 0;
    let mut told = None;
    loop {
        let failure = if let Some(connection) = connected.take() {
            let since = clock.now();
            told = None;
            match visitor.talk(connection, &mut waiting, &say).await {
                Ending::Done => return,
                Ending::Broken(failure) => {
                    if clock.now() >= since + GOOD_AFTER {
                        tries = 0;
                    }
                    failure
                }
            }
        } else {
            match visitor.join(&Steps::default()).await {
                Ok((connection, peer)) => {
                    // What was to be sent meanwhile will be sent again.
                    waiting.forget();
                    let _ = say.send(Event::Joined { peer }).await;
                    connected = Some(connection);
                    continue;
                }
                Err(failure) => failure,
            }
        };
        if failure.is_final {
            // Whoever has dropped the receiver does not want to know.
            let _ = say.send(Event::Refused(failure.report)).await;
            return;
        }
        if told != Some(failure.report.code) {
            told = Some(failure.report.code);
            if say.send(Event::Lost(failure.report)).await.is_err() {
                return;
            }
        }
        if !pause(&mut tries, &mut waiting).await {
            return;
        }
    }
}

/// Waits before the next try; what is to be sent meanwhile is lost. Gives false if none is wanted.
async fn pause(tries: &mut usize, waiting: &mut waiting::Receiver) -> bool {
    let most = BACKOFF[(*tries).min(BACKOFF.len() - 1)];
    *tries += 1;
    // Not everybody at once after a restart.
    let wait = Duration::from_millis(rand::rng().random_range(most * 3 / 4..=most));
    let mut over = std::pin::pin!(tokio::time::sleep(wait));
    loop {
        tokio::select! {
            () = &mut over => return true,
            envelope = waiting.recv() => if envelope.is_none() {
                return false;
            },
        }
    }
}
