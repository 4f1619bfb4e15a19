//! One side of a pair: a session over a client.

use rtcdiag::net::rendezvous::client::{Event, Rendezvous, Target};
use rtcdiag::proto::signal::session::{Incoming, Session};

use super::{code, connect};

/// One side: what it says, and what it has heard.
pub struct Side {
    pub session: Session,
    client: Rendezvous,
    pub heard: Vec<Vec<u8>>,
    pub joins: usize,
}

impl Side {
    pub async fn new(target: Target) -> Self {
        Self {
            session: Session::new(code(1), target.member, b"hello".to_vec()),
            client: connect(target).await.expect("the server is there"),
            heard: Vec::new(),
            joins: 0,
        }
    }

    /// Works until both have heard so many messages, and know that all of their own were. Each goes on as long
    /// as the other needs it: who reads nothing any more sends nothing either.
    pub async fn work_together(a: &mut Self, b: &mut Self, wanted: usize) {
        while !(a.is_done(wanted) && b.is_done(wanted)) {
            a.flush();
            b.flush();
            tokio::select! {
                event = a.client.next() => a.take(event.expect("it goes on")),
                event = b.client.next() => b.take(event.expect("it goes on")),
            }
        }
        a.flush();
        b.flush();
    }

    fn is_done(&self, wanted: usize) -> bool {
        self.heard.len() >= wanted && self.session.is_confirmed()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Joined { .. } => {
                self.joins += 1;
                self.session.joined().expect("small");
            }
            Event::PeerJoined => self.session.joined().expect("small"),
            Event::Envelope(envelope) => {
                if let Incoming::Message(text) = self.session.handle_input(&envelope) {
                    self.heard.push(text);
                }
            }
            Event::Refused(error) => panic!("{error:?}"),
            _ => {}
        }
    }

    /// Hands over what is to be sent.
    pub fn flush(&mut self) {
        while let Some(envelope) = self.session.poll_transmit() {
            self.client.send(envelope).expect("small");
        }
    }
}
