//! The scripted side's ICE: it answers checks, makes its own, and sends data back if it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::net::servers::rendezvous::Limits;
use rtcdiag::proto::ice::candidate::{self, Candidate, CandidateType, Origin};
use rtcdiag::proto::ice::checks::{Base, Checks, Input, Role};
use rtcdiag::proto::signal::message::Message;
use tokio::net::UdpSocket;

use super::lab::{self, Ended, Lab};
use super::peer::Peer;

/// One socket on loopback.
pub struct Ice {
    socket: UdpSocket,
    checks: Checks,
    pub address: SocketAddr,
    /// Whether data goes back to the program, as its test of the path wants it.
    pub echoes: bool,
}

/// What the scripted side says in the course of a session that is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Honest {
    /// All of it.
    Yes,
    /// Nothing of what it has seen: the test says that.
    No,
}

impl Ice {
    /// A socket, and the candidate line of it.
    pub async fn new(peer: &Peer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("it is bound");
        let checks = Checks::new(peer.own.clone(), Role::Controlled, rand::random());
        Self {
            socket,
            checks: checks.expect("good credentials"),
            address,
            echoes: true,
        }
    }

    fn priority(kind: CandidateType) -> u32 {
        candidate::priority(kind, Origin::default().local_preference(kind), 1)
    }

    /// The candidate of its socket.
    pub fn line(&self) -> String {
        let candidate = Candidate {
            foundation: "1".to_owned(),
            component: 1,
            priority: Self::priority(CandidateType::Host),
            address: self.address,
            kind: CandidateType::Host,
            related: None,
        };
        candidate.to_string()
    }

    /// Says everything that a sane side says before checks: description, candidate, that there are
    /// no more; and learns what the program has.
    pub async fn introduce(&mut self, lab: &Lab, peer: &mut Peer) {
        peer.described().await;
        peer.describe();
        peer.candidate(&self.line());
        peer.complete();
        self.begin(lab, peer);
    }

    /// The same when the program's description is there and this side's own is said.
    pub async fn connect(&mut self, lab: &Lab, peer: &mut Peer) {
        peer.candidate(&self.line());
        peer.complete();
        self.begin(lab, peer);
        self.serve(lab, peer, Honest::Yes).await;
    }

    /// Begins to check.
    pub fn begin(&mut self, lab: &Lab, peer: &Peer) {
        let now = lab.clock.now();
        let description = peer.description.as_ref().expect("the program's is there");
        let remote = rtcdiag::proto::ice::checks::Credentials {
            ufrag: description.ufrag.clone(),
            password: description.password.clone(),
        };
        assert!(self.checks.set_remote(remote, Role::Controlled));
        let base = Base {
            address: self.address,
            is_relay: false,
            priority: Self::priority(CandidateType::Host),
            reflexive_priority: Self::priority(CandidateType::Prflx),
        };
        self.checks.add_base(now, base);
    }

    /// Goes on until the program has left, and says what is so at each point.
    pub async fn serve(&mut self, lab: &Lab, peer: &mut Peer, honest: Honest) {
        let mut answered = 0;
        let mut buffer = vec![0; 2048];
        loop {
            self.flush().await;
            for index in answered..peer.heard.len() {
                let message = peer.heard[index].clone();
                self.answer(lab, peer, &message, honest);
            }
            answered = peer.heard.len();
            if peer
                .heard
                .iter()
                .any(|m| matches!(m, Message::Ended { .. }))
            {
                return;
            }
            let now = lab.clock.now();
            if peer.left_at.is_some_and(|at| now >= at + GONE) {
                return;
            }
            let due = self.checks.poll_timeout().map(|at| lab.clock.instant(at));
            let wake = due.unwrap_or_else(|| lab.clock.instant(lab.clock.now() + IDLE));
            tokio::select! {
                () = peer.step() => {}
                came = self.socket.recv_from(&mut buffer) => {
                    // An ICMP error of the program's end comes up here.
                    if let Ok((length, source)) = came {
                        self.take(lab, source, &buffer[..length]).await;
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            self.checks.handle_timeout(lab.clock.now());
        }
    }

    fn answer(&mut self, lab: &Lab, peer: &mut Peer, message: &Message, honest: Honest) {
        match message {
            Message::Candidate { line, .. } => {
                let candidate = line.parse().expect("the program writes candidates");
                // The other candidate types are of no use on loopback.
                let _ = self.checks.add_remote(lab.clock.now(), candidate);
            }
            _ if honest == Honest::No => {}
            Message::Connected { local, .. } => peer.say(&Message::Connected {
                local: Some(self.address),
                remote: *local,
            }),
            Message::Finished => {
                peer.say(&Message::Finished);
                let arrived = self.checks.arrived().to_vec();
                peer.say(&Message::Record {
                    arrived,
                    troubles: vec![],
                    own_relays: vec![],
                    found: Box::default(),
                });
            }
            _ => {}
        }
    }

    async fn take(&mut self, lab: &Lab, source: SocketAddr, bytes: &[u8]) {
        let input = self.checks.handle_input(lab.clock.now(), 0, source, bytes);
        if let (Input::Data(_), true) = (input, self.echoes)
            && bytes.starts_with(b"RTCp")
        {
            let mut echo = bytes.to_vec();
            echo[..4].copy_from_slice(b"RTCe");
            self.socket.send_to(&echo, source).await.expect("loopback");
        }
    }

    async fn flush(&mut self) {
        while self.checks.poll_event().is_some() {}
        while let Some(transmit) = self.checks.poll_transmit() {
            // The program may have ended.
            let _ = self
                .socket
                .send_to(&transmit.payload, transmit.destination)
                .await;
        }
    }
}

const IDLE: Duration = Duration::from_millis(50);
/// After this time without a place in the room, the program does not come back.
const GONE: Duration = Duration::from_secs(5);

/// A whole session as it should be, after whatever the test has done to it.
pub async fn connect(lab: &Lab, peer: &mut Peer) {
    let mut ice = Ice::new(peer).await;
    ice.introduce(lab, peer).await;
    ice.serve(lab, peer, Honest::Yes).await;
}

/// A side that knows the program's description does what the test says; then the two connect.
pub fn connected(say: impl AsyncFnOnce(&Lab, &mut Peer)) -> Ended {
    connected_within(Limits::default(), "20", async |lab, peer| {
        peer.described().await;
        say(lab, peer).await;
    })
}

/// The same from the moment when it joins, with a rendezvous that has these limits, and so many seconds.
pub fn connected_within(
    limits: Limits,
    seconds: &str,
    say: impl AsyncFnOnce(&Lab, &mut Peer),
) -> Ended {
    lab::with_limits(limits, async |lab: Lab| {
        let program = lab.pair(&["--timeout", seconds]);
        let mut peer = Peer::join(&lab).await;
        say(&lab, &mut peer).await;
        connect(&lab, &mut peer).await;
        let ended = program.end().await;
        ended.assert_connected();
        ended
    })
}
