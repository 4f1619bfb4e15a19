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

    /// Works until so many messages have been heard, and all of its own were.
    pub async fn work(&mut self, wanted: usize) {
        while self.heard.len() < wanted || !self.session.is_confirmed() {
            self.flush();
            match self.client.next().await.expect("it goes on") {
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
        self.flush();
    }

    /// Hands over what is to be sent.
    pub fn flush(&mut self) {
        while let Some(envelope) = self.session.poll_transmit() {
            self.client.send(envelope).expect("small");
        }
    }
}
