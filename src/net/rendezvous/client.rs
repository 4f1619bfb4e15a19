//! A client of the rendezvous, which joins again by itself whenever its connection drops.

pub(in crate::net::rendezvous) mod dial;
pub(in crate::net::rendezvous) mod failure;
pub(in crate::net::rendezvous) mod look;
pub(in crate::net::rendezvous) mod steps;
pub(in crate::net::rendezvous) mod waiting;

use std::task::{self, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::base::bounds;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::proto::signal::rooms::RoomName;
use crate::proto::signal::seal::{MAX_ENVELOPE, Name};
use crate::proto::signal::url::RendezvousUrl;
use crate::proto::signal::wire::{Join, Notice, Refusal};
use dial::Socket;
use failure::Failure;
use steps::Step;
pub use steps::Steps;

/// For the whole way to the room: name, connection, TLS, WebSocket, join.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Before each further try; the last one stays. A server that restarts is back within a second.
const BACKOFF: [u64; 6] = [100, 200, 500, 1000, 2000, 5000];
/// A connection that lasted for so long has been a good one: the waits begin anew.
pub(in crate::net::rendezvous) const GOOD_AFTER: Duration = Duration::from_secs(5);
/// How often the server is asked for a sign of life, and how long one is waited for. A session is
/// short, so a connection that has died without a word has to be noticed soon.
const PING_EVERY: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Clone)]
pub struct Target {
    pub url: RendezvousUrl,
    pub room: RoomName,
    /// This side's name for the run.
    pub member: Name,
    pub source: Source,
    /// Families of the server's addresses.
    pub families: Vec<Family>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// In the room, for the first time or again. What was sent before may be lost.
    Joined { peer: bool },
    /// The other member has come, or has joined again.
    PeerJoined,
    /// The other member has gone; it may come back.
    PeerLeft,
    /// A third one wanted to join the room, and was refused.
    ThirdRefused,
    /// The place did not hand on what this side said, though the connection stands: it is to be said again.
    Forgotten,
    /// A message of the other member, not opened yet.
    Envelope(Vec<u8>),
    /// The connection has dropped. Others are being tried; [`Event::Joined`] says when one has
    /// succeeded.
    Lost(ErrorReport),
    /// The end: trying again cannot help.
    Refused(ErrorReport),
}

/// A place in a room. Dropping it ends the connection without a word.
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
    /// Joins a room, within [`PATIENCE`]. The first event is [`Event::Joined`]. Needs a tokio runtime
    /// around it.
    /// Why this does not succeed at the first try: `dns`, `wrong-family`, `refused`, `unreachable`,
    /// `timeout`, `tls`, `certificate-...`, `not-a-rendezvous`, or a code of [`Refusal`].
    pub async fn connect(target: Target, clock: Clock) -> Result<Self, ErrorReport> {
        Self::connect_by_steps(target, clock, &Steps::default()).await
    }

    /// The same; `steps` tell meanwhile how far it got.
    pub async fn connect_by_steps(
        target: Target,
        clock: Clock,
        steps: &Steps,
    ) -> Result<Self, ErrorReport> {
        let (socket, peer) = join(&target, clock, steps)
            .await
            .map_err(|failure| failure.report)?;
        let (envelopes, waiting) = waiting::channel();
        // While they wait to be taken, the rendezvous waits too.
        let (say, events) = mpsc::channel(bounds::RENDEZVOUS_EVENTS);
        // The receiver is still here, and empty.
        let _ = say.try_send(Event::Joined { peer });
        let task = tokio::spawn(stay(target, clock, socket, waiting, say));
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

async fn join(target: &Target, clock: Clock, steps: &Steps) -> Result<(Socket, bool), Failure> {
    let by = clock.instant(clock.now() + PATIENCE);
    let mut socket = dial::dial(target, by, steps).await?;
    steps.begin(Step::Join);
    let answer = timeout_at(by, ask_for_a_place(target, &mut socket)).await;
    let peer = answer.unwrap_or_else(|_| Err(Failure::timeout("the join is not answered")))?;
    Ok((socket, peer))
}

/// Joins the room. Gives whether the other member is there.
async fn ask_for_a_place(target: &Target, socket: &mut Socket) -> Result<bool, Failure> {
    let join = Join {
        room: target.room,
        member: target.member,
    };
    let sent = socket.send(Message::text(join.to_text())).await;
    if let Err(error) = sent {
        return Err(last_words(socket, &error).await);
    }
    loop {
        match read(socket).await? {
            Came::Notice(Notice::Joined { peer }) => return Ok(peer),
            Came::Notice(Notice::Error { code, message }) => {
                return Err(Failure::of_error(&code, &message));
            }
            Came::Notice(_) | Came::Life => {}
            Came::Envelope(_) => {
                return Err(Failure::not_a_rendezvous(
                    "it sends something before the join",
                ));
            }
        }
    }
}

enum Came {
    Notice(Notice),
    Envelope(Vec<u8>),
    /// Nothing but a sign of life.
    Life,
}

async fn read(socket: &mut Socket) -> Result<Came, Failure> {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Notice::parse(&text)
            .map(Came::Notice)
            .ok_or_else(|| Failure::not_a_rendezvous("what it says cannot be understood")),
        Some(Ok(Message::Binary(envelope))) => Ok(Came::Envelope(envelope.into())),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Came::Life),
        Some(Ok(Message::Close(_))) | None => Err(Failure::closed()),
        Some(Err(error)) => Err(Failure::of_websocket(&error)),
    }
}

enum Ending {
    Done,
    Broken(Failure),
}

/// Keeps a place in the room until it is not wanted any more.
async fn stay(
    target: Target,
    clock: Clock,
    socket: Socket,
    mut waiting: waiting::Receiver,
    say: mpsc::Sender<Event>,
) {
    let mut connected = Some(socket);
    let mut tries = 0;
    let mut told = None;
    loop {
        let failure = if let Some(mut socket) = connected.take() {
            let since = clock.now();
            told = None;
            match talk(&mut socket, clock, &mut waiting, &say).await {
                Ending::Done => return,
                Ending::Broken(failure) => {
                    if clock.now() >= since + GOOD_AFTER {
                        tries = 0;
                    }
                    failure
                }
            }
        } else {
            match join(&target, clock, &Steps::default()).await {
                Ok((socket, peer)) => {
                    // What was to be sent meanwhile will be sent again.
                    waiting.forget();
                    let _ = say.send(Event::Joined { peer }).await;
                    connected = Some(socket);
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
pub(in crate::net::rendezvous) async fn pause(
    tries: &mut usize,
    waiting: &mut waiting::Receiver,
) -> bool {
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

async fn talk(
    socket: &mut Socket,
    clock: Clock,
    waiting: &mut waiting::Receiver,
    say: &mpsc::Sender<Event>,
) -> Ending {
    let mut heard = clock.now();
    let mut ping_at = heard + PING_EVERY;
    loop {
        let wake = ping_at.min(heard + SILENCE);
        let message = tokio::select! {
            came = read(socket) => {
                heard = clock.now();
                match came {
                    Err(failure) => return Ending::Broken(failure),
                    Ok(Came::Notice(Notice::Error { code, message })) => {
                        return Ending::Broken(Failure::of_error(&code, &message));
                    }
                    Ok(came) => {
                        if let Some(event) = event(came)
                            && say.send(event).await.is_err()
                        {
                            return Ending::Done;
                        }
                        continue;
                    }
                }
            }
            envelope = waiting.recv() => {
                let Some(envelope) = envelope else {
                    // A server that is gone needs no good-bye.
                    let _ = socket.close(None).await;
                    while let Some(Ok(_)) = socket.next().await {}
                    return Ending::Done;
                };
                Message::Binary(Bytes::from(envelope))
            }
            () = tokio::time::sleep_until(clock.instant(wake)) => {
                if clock.now() >= heard + SILENCE {
                    return Ending::Broken(Failure::silent());
                }
                ping_at = clock.now() + PING_EVERY;
                Message::Ping(Bytes::new())
            }
        };
        match timeout(SILENCE, socket.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Ending::Broken(last_words(socket, &error).await),
            Err(_) => return Ending::Broken(Failure::silent()),
        }
    }
}

/// A connection that takes nothing any more may still say why.
async fn last_words(socket: &mut Socket, error: &tokio_tungstenite::tungstenite::Error) -> Failure {
    let reading = async {
        loop {
            match read(socket).await {
                Ok(Came::Notice(Notice::Error { code, message })) => {
                    return Some(Failure::of_error(&code, &message));
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    };
    let said = timeout(Duration::from_millis(200), reading).await;
    said.ok()
        .flatten()
        .unwrap_or_else(|| Failure::of_websocket(error))
}

fn event(came: Came) -> Option<Event> {
    match came {
        Came::Envelope(envelope) => Some(Event::Envelope(envelope)),
        Came::Notice(Notice::PeerJoined) => Some(Event::PeerJoined),
        Came::Notice(Notice::PeerLeft) => Some(Event::PeerLeft),
        Came::Notice(Notice::ThirdRefused) => Some(Event::ThirdRefused),
        Came::Notice(_) | Came::Life => None,
    }
}
