//! The scripted side.

use std::time::Duration;

use rand::distr::{Alphanumeric, SampleString};
use rtcdiag::base::family::Family;
use rtcdiag::net::clock::Clock;
use rtcdiag::net::host::Source;
use rtcdiag::net::rendezvous::client::{Event, Rendezvous, Target, Way};
use rtcdiag::proto::ice::checks::{Credentials, Role};
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::description::Description;
use rtcdiag::proto::signal::message::{End, Greeting, Kind, Message, VERSION};
use rtcdiag::proto::signal::rooms::{RoomKind, RoomName};
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::session::{Incoming, Session};

use super::lab::Lab;

/// How long the program has for what it is to say next.
const PATIENCE: Duration = Duration::from_secs(20);

/// A side that is in the room and does what the test says.
pub struct Peer {
    pub rendezvous: Rendezvous,
    pub session: Session,
    pub name: Name,
    pub own: Credentials,
    /// The program's, once it has greeted.
    pub greeting: Option<Greeting>,
    /// The program's, once it has described itself.
    pub description: Option<Description>,
    /// Everything that it has said.
    pub heard: Vec<Message>,
    /// All that came from the rendezvous, as it saw it.
    pub seen: Vec<Vec<u8>>,
    /// When the program left the room, if it has not come back.
    pub left_at: Option<Duration>,
    clock: Clock,
    /// Whether what this side sends leaves by itself.
    pub is_held: bool,
}

/// What a sane side greets with: it is controlled, so that the program nominates.
pub fn greeting() -> Greeting {
    Greeting {
        version: VERSION,
        software: "rtcdiag/0.1.0".to_owned(),
        role: Some(Role::Controlled),
        relay_only: false,
        tells_servers: false,
        kind: Kind::Program,
        media: false,
    }
}

/// A target in the lab.
pub fn target(lab: &Lab, code: &Code, member: Name) -> Target {
    Target {
        way: Way {
            url: format!("ws://127.0.0.1:{}", lab.port)
                .parse()
                .expect("a URL"),
            source: Source::default(),
            families: vec![Family::Ipv4],
        },
        room: RoomName::from(code),
        kind: RoomKind::Pair,
        member,
    }
}

impl Peer {
    /// In the lab's room, with a greeting as it should be.
    pub async fn join(lab: &Lab) -> Self {
        Self::join_with(lab, greeting().encode()).await
    }

    /// With a greeting of any bytes.
    pub async fn join_with(lab: &Lab, greeting: Vec<u8>) -> Self {
        Self::join_as(lab, &lab.code, Name(rand::random()), greeting).await
    }

    /// With everything given. The session's code may be another than the room's.
    pub async fn join_as(lab: &Lab, code: &Code, name: Name, greeting: Vec<u8>) -> Self {
        let target = target(lab, &lab.code, name);
        let rendezvous = Rendezvous::connect(target, lab.clock)
            .await
            .expect("the rendezvous is there");
        let random = |length| Alphanumeric.sample_string(&mut rand::rng(), length);
        Self {
            rendezvous,
            session: Session::new(code.clone(), name, greeting),
            name,
            own: Credentials {
                ufrag: random(6),
                password: random(24),
            },
            greeting: None,
            description: None,
            heard: Vec::new(),
            seen: Vec::new(),
            left_at: None,
            clock: lab.clock,
            is_held: false,
        }
    }

    /// Takes the next event; nothing comes after the end of the connection.
    pub async fn step(&mut self) {
        let Some(event) = self.rendezvous.next().await else {
            return std::future::pending().await;
        };
        self.take(event);
        self.flush();
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Joined { .. } | Event::PeerJoined => {
                self.left_at = None;
                self.session.joined().expect("small");
            }
            Event::Envelope(envelope) => {
                let incoming = self.session.handle_input(&envelope);
                self.seen.push(envelope);
                match incoming {
                    Incoming::Greeting(text) => self.greeting = Greeting::decode(&text).ok(),
                    Incoming::Message(text) => {
                        let message = Message::decode(&text).expect("the program writes messages");
                        if let Message::Offer { sdp } | Message::Answer { sdp } = &message {
                            self.description = Description::from_sdp(sdp).ok();
                        }
                        self.heard.push(message);
                    }
                    _ => {}
                }
            }
            Event::PeerLeft => self.left_at = Some(self.clock.now()),
            _ => {}
        }
    }

    /// Sends what waits, unless the test wants to see it first.
    pub fn flush(&mut self) {
        if !self.is_held {
            for envelope in self.waiting() {
                self.send_raw(envelope);
            }
        }
    }

    /// What waits, for the test to do something to.
    pub fn waiting(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.session.poll_transmit()).collect()
    }

    /// An envelope of any bytes.
    pub fn send_raw(&self, envelope: Vec<u8>) {
        // What is too large is for the test to know.
        let _ = self.rendezvous.send(envelope);
    }

    /// A message.
    pub fn say(&mut self, message: &Message) {
        self.say_raw(&message.encode());
    }

    /// A message of any bytes, sealed as it should be.
    pub fn say_raw(&mut self, text: &[u8]) {
        self.session.send(text.to_vec()).expect("room for it");
        self.flush();
    }

    /// A message that holds this JSON.
    pub fn say_json(&mut self, json: &serde_json::Value) {
        self.say_raw(json.to_string().as_bytes());
    }

    /// Waits until something holds.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                self.step().await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(
            in_time,
            "the program does not come to this: {what}; {:?}",
            self.heard
        );
    }

    /// Waits until the program has greeted and described itself.
    pub async fn described(&mut self) {
        self.until("a description", |peer| peer.description.is_some())
            .await;
    }

    /// This side's description without candidates, as SDP.
    pub fn sdp(&self) -> String {
        let description = Description {
            ufrag: self.own.ufrag.clone(),
            password: self.own.password.clone(),
            trickles: true,
            ..Description::default()
        };
        description.to_sdp(1, None)
    }

    /// The same with more attributes, each without `a=`.
    pub fn sdp_with<T: std::fmt::Display>(
        &self,
        attributes: impl IntoIterator<Item = T>,
    ) -> String {
        let mut lines = vec![self.sdp()];
        lines.extend(attributes.into_iter().map(|line| format!("a={line}\r\n")));
        lines.concat()
    }

    /// Describes this side.
    pub fn describe(&mut self) {
        let sdp = self.sdp();
        self.say(&Message::Answer { sdp });
    }

    /// One candidate.
    pub fn candidate(&mut self, line: &str) {
        self.say(&Message::Candidate {
            line: line.to_owned(),
            interface: None,
            server: None,
            relay_transport: None,
        });
    }

    /// No more candidates.
    pub fn complete(&mut self) {
        self.say(&Message::DirectsComplete { udp: true });
        self.say(&Message::Complete);
    }

    /// Ends as this side's user would.
    pub fn stop(&mut self) {
        self.say(&Message::Ended {
            reason: End::Interrupted,
        });
    }

    /// Waits until the program tells that it ends, and gives why.
    pub async fn told(&mut self) -> End {
        let end = |peer: &Self| {
            peer.heard.iter().find_map(|message| match message {
                Message::Ended { reason } => Some(reason.clone()),
                _ => None,
            })
        };
        self.until("an end that is told", |peer| end(peer).is_some())
            .await;
        end(self).expect("it has just been seen")
    }

    /// Waits until everything that this side has said is confirmed.
    pub async fn confirmed(&mut self) {
        self.until("a receipt", |peer| peer.session.is_confirmed())
            .await;
    }

    /// What the rendezvous has seen shows neither the code nor a password nor an address.
    pub fn assert_sealed(&self, lab: &Lab) {
        let code = lab.code.to_string();
        let own = self.description.as_ref();
        let mut secrets = vec![code.replace('-', ""), code, "127.0.0.1".into()];
        secrets.extend(["candidate".into(), "v=0".into()]);
        secrets.extend(
            own.into_iter()
                .flat_map(|d| [d.ufrag.clone(), d.password.clone()]),
        );
        assert!(!self.seen.is_empty());
        for envelope in &self.seen {
            let shown = String::from_utf8_lossy(envelope);
            for secret in &secrets {
                assert!(!shown.contains(secret), "the rendezvous sees {secret}");
            }
        }
    }

    /// What the program has printed shows none of the passwords.
    pub fn assert_kept(&self, ended: &super::lab::Ended) {
        let theirs = self.description.as_ref().map(|d| d.password.as_str());
        for secret in theirs.into_iter().chain([self.own.password.as_str()]) {
            assert!(!ended.stdout.contains(secret), "{}", ended.stdout);
            assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
        }
    }
}
