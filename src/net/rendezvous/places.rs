//! Several places at once, beside each other: what is said goes to all of them, and what is heard comes
//! with the place that it comes from. A dead one holds nobody up.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::join_all;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::net::clock::Clock;
use crate::net::rendezvous::broker::{self, Access};
use crate::net::rendezvous::client::{Event, Rendezvous, Steps, Target};

/// One place, and what is needed there.
#[derive(Debug, Clone)]
pub struct Place {
    pub target: Target,
    /// For a broker.
    pub access: Option<Access>,
}

/// What happens at a place.
#[derive(Debug)]
pub enum Happening {
    /// It was not reached, and is not tried again.
    NotReached(ErrorReport),
    Said(Event),
}

type Opening = Pin<Box<dyn Future<Output = Result<Rendezvous, ErrorReport>> + Send>>;

enum State {
    Opening(Opening),
    In(Rendezvous),
    /// It shares its rooms with another place where this side is, and has one connection of each member. It is
    /// joined again when the other one is lost.
    Reserve,
    Out,
}

struct Visited {
    place: Place,
    clock: Clock,
    state: State,
    steps: Arc<Steps>,
    is_broker: bool,
}

pub struct Places {
    visited: Vec<Visited>,
    /// Whose turn it is: a place that talks without end does not silence the others.
    turn: usize,
}

impl Places {
    /// Begins to join all of them; what comes of it, [`Places::next`] tells.
    pub fn open(places: Vec<Place>, clock: Clock) -> Self {
        let visited = places.into_iter().map(|place| {
            let steps = Arc::new(Steps::default());
            let is_broker = place.target.way.url.is_broker();
            let opening = open(place.clone(), clock, Arc::clone(&steps));
            Visited {
                place,
                clock,
                state: State::Opening(Box::pin(opening)),
                steps,
                is_broker,
            }
        });
        Self {
            visited: visited.collect(),
            turn: 0,
        }
    }

    /// What happens next, and at which place; `None` once all are out. May be dropped and called again.
    pub async fn next(&mut self) -> Option<(usize, Happening)> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Happening)>> {
        let count = self.visited.len();
        let mut is_any_left = false;
        for offset in 0..count {
            let place = (self.turn + offset) % count;
            let polled = self.visited[place].poll_next(context);
            is_any_left |= polled.is_some();
            if let Some(Poll::Ready(happening)) = polled {
                self.turn = (place + 1) % count;
                match &happening {
                    Happening::Said(Event::Refused(error))
                        if error.code == Code::Replaced && self.may_be_elsewhere() =>
                    {
                        self.visited[place].state = State::Reserve;
                        is_any_left = true;
                        continue;
                    }
                    Happening::NotReached(_)
                    | Happening::Said(Event::Lost(_) | Event::Refused(_)) => self.call_reserve(),
                    Happening::Said(_) => {}
                }
                return Poll::Ready(Some((place, happening)));
            }
        }
        if is_any_left {
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    }

    /// Whether this side is at a place, or about to come to one; the one that says so is out already.
    fn may_be_elsewhere(&self) -> bool {
        let may_be = |place: &Visited| matches!(place.state, State::Opening(_) | State::In(_));
        self.visited.iter().any(may_be)
    }

    fn call_reserve(&mut self) {
        for visited in &mut self.visited {
            if matches!(visited.state, State::Reserve) {
                let steps = Arc::clone(&visited.steps);
                let opening = open(visited.place.clone(), visited.clock, steps);
                visited.state = State::Opening(Box::pin(opening));
            }
        }
    }

    /// Sends an envelope to one place. It is lost there if nobody is, or there is no connection.
    pub fn send(&self, place: usize, envelope: &[u8]) {
        if let State::In(rendezvous) = &self.visited[place].state {
            // No message of ours is too large: `Session` has seen to that.
            let _ = rendezvous.send(envelope.to_vec());
        }
    }

    /// The places that are joined, or being joined again.
    pub fn joined(&self) -> Vec<usize> {
        let is_in = |place: &usize| matches!(self.visited[*place].state, State::In(_));
        (0..self.visited.len()).filter(is_in).collect()
    }

    pub fn is_broker(&self, place: usize) -> bool {
        self.visited[place].is_broker
    }

    /// Whether there is any that is in, or may come to be.
    pub fn is_any_left(&self) -> bool {
        let is_left = |place: &Visited| !matches!(place.state, State::Out);
        self.visited.iter().any(is_left)
    }

    /// How far the way to a place has been gone, if it ends here; `None` where it is known how it ended.
    pub fn unfinished(&self, place: usize) -> Option<ErrorReport> {
        let visited = &self.visited[place];
        match visited.state {
            State::Opening(_) => visited
                .steps
                .unfinished()
                .map(|report| visited.worded(report)),
            State::In(_) | State::Reserve | State::Out => None,
        }
    }

    /// Sends what is still waiting and closes all connections, within `patience`.
    pub async fn close(self, patience: Duration) {
        let closing = self.visited.into_iter().map(|place| async move {
            if let State::In(rendezvous) = place.state {
                rendezvous.close(patience).await;
            }
        });
        join_all(closing).await;
    }
}

impl Visited {
    /// `None` once it is out.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Option<Poll<Happening>> {
        if let State::Opening(opening) = &mut self.state {
            match opening.as_mut().poll(context) {
                Poll::Pending => return Some(Poll::Pending),
                Poll::Ready(Ok(rendezvous)) => self.state = State::In(rendezvous),
                Poll::Ready(Err(report)) => {
                    self.state = State::Out;
                    return Some(Poll::Ready(Happening::NotReached(self.worded(report))));
                }
            }
        }
        let polled = match &mut self.state {
            State::In(rendezvous) => rendezvous.poll_next(context),
            State::Reserve => return Some(Poll::Pending),
            State::Opening(_) | State::Out => return None,
        };
        match polled {
            Poll::Pending => Some(Poll::Pending),
            Poll::Ready(Some(event)) => {
                if matches!(event, Event::Refused(_)) {
                    self.state = State::Out;
                }
                Some(Poll::Ready(Happening::Said(event)))
            }
            Poll::Ready(None) => {
                self.state = State::Out;
                None
            }
        }
    }

    fn worded(&self, report: ErrorReport) -> ErrorReport {
        if self.is_broker {
            broker::worded(report)
        } else {
            report
        }
    }
}

async fn open(place: Place, clock: Clock, steps: Arc<Steps>) -> Result<Rendezvous, ErrorReport> {
    let Place { target, access } = place;
    match access {
        Some(access) => broker::connect(target, access, clock, &steps).await,
        None => Rendezvous::connect_by_steps(target, clock, &steps).await,
    }
}
