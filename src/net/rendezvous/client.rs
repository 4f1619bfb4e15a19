//! A client of the rendezvous, which joins again by itself whenever its connection drops.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::rendezvous::dial::{self, Socket};
use crate::net::rendezvous::failure::Failure;
pub use crate::net::rendezvous::stay::Rendezvous;
use crate::net::rendezvous::stay::{Ending, Visitor};
use crate::net::rendezvous::steps::Step;
pub use crate::net::rendezvous::steps::Steps;
use crate::net::rendezvous::waiting;
use crate::proto::signal::rooms::{RoomKind, RoomName};
use crate::proto::signal::seal::Name;
use crate::proto::signal::url::RendezvousUrl;
use crate::proto::signal::wire::{Join, Notice};

/// For the whole way to the room: name, connection, TLS, WebSocket, join.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How often the server is asked for a sign of life, and how long one is waited for. A session is
/// short, so a connection that has died without a word has to be noticed soon.
const PING_EVERY: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(15);

/// How a place is reached.
#[derive(Debug, Clone)]
pub struct Way {
    pub url: RendezvousUrl,
    pub source: Source,
    /// Families of the server's addresses.
    pub families: Vec<Family>,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub way: Way,
    pub room: RoomName,
    pub kind: RoomKind,
    /// This side's name for the run.
    pub member: Name,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// In the room, for the first time or again. What was sent before may be lost.
    /// `peer`: whether the other member is there; a broker does not tell.
    Joined { peer: Option<bool> },
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

impl Rendezvous {
    /// Joins a room, within [`PATIENCE`]. The first event is [`Event::Joined`]. Needs a tokio runtime
    /// around it.
    /// Why this does not succeed at the first try: `dns`, `wrong-family`, `refused`, `unreachable`,
    /// `timeout`, `tls`, `certificate-...`, `not-a-rendezvous`, or a code of [`Refusal`].
    ///
    /// [`Refusal`]: crate::proto::signal::wire::Refusal
    pub async fn connect(target: Target, clock: Clock) -> Result<Self, ErrorReport> {
        Self::connect_by_steps(target, clock, &Steps::default()).await
    }

    /// The same; `steps` tell meanwhile how far it got.
    pub async fn connect_by_steps(
        target: Target,
        clock: Clock,
        steps: &Steps,
    ) -> Result<Self, ErrorReport> {
        Self::begin(Member { target, clock }, clock, steps).await
    }
}

/// Who visits a room.
struct Member {
    target: Target,
    clock: Clock,
}

impl Visitor for Member {
    type Connection = Socket;

    async fn join(&mut self, steps: &Steps) -> Result<(Socket, Option<bool>), Failure> {
        join(&self.target, self.clock, steps).await
    }

    async fn talk(
        &mut self,
        mut socket: Socket,
        waiting: &mut waiting::Receiver,
        say: &mpsc::Sender<Event>,
    ) -> Ending {
        talk(&mut socket, self.clock, waiting, say).await
    }
}

async fn join(
    target: &Target,
    clock: Clock,
    steps: &Steps,
) -> Result<(Socket, Option<bool>), Failure> {
    let by = clock.instant(clock.now() + PATIENCE);
    let mut socket = dial::dial(&target.way, by, steps).await?;
    steps.begin(Step::Join);
    let answer = timeout_at(by, ask_for_a_place(target, &mut socket)).await;
    let peer = answer.unwrap_or_else(|_| Err(Failure::timeout("the join is not answered")))?;
    Ok((socket, Some(peer)))
}

/// Joins the room. Gives whether the other member is there.
async fn ask_for_a_place(target: &Target, socket: &mut Socket) -> Result<bool, Failure> {
    let join = Join {
        room: target.room,
        kind: target.kind,
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

/// May be dropped and called again without loss.
async fn read(socket: &mut Socket) -> Result<Came, Failure> {
    // A rendezvous that always has more to say does not keep timers and signals from being looked at.
    tokio::task::coop::consume_budget().await;
    let came = socket.next().await;
    if let Some(Ok(message)) = &came {
        socket.get_mut().finished(message);
    }
    match came {
        Some(Ok(Message::Text(text))) => Notice::parse(&text)
            .map(Came::Notice)
            .ok_or_else(|| Failure::not_a_rendezvous("what it says cannot be understood")),
        Some(Ok(Message::Binary(envelope))) => Ok(Came::Envelope(envelope.into())),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Came::Life),
        Some(Ok(Message::Close(_))) | None => Err(Failure::closed()),
        Some(Err(error)) => Err(Failure::of_open_websocket(&error)),
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
                    while read(socket).await.is_ok() {}
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
        .unwrap_or_else(|| Failure::of_open_websocket(error))
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
