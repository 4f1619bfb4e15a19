//! A client, a server, and a link between them. Time is a number.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use rtcdiag::base::time::Time;
use rtcdiag::proto::machine::{Machine as _, Transmit};
use rtcdiag::proto::turn::client::{
    Allocation, Answer, Client, Config, Event, PATIENCE, RequestId,
};
use rtcdiag::proto::turn::credentials::{Credentials, Secret};
use rtcdiag::proto::turn::error::Failure;
use rtcdiag::proto::turn::frame::FrameReader;

use crate::support::turn_server::wire::{self, Incoming};
use crate::support::turn_server::{
    CountingRelays, FiveTuple, Method, Output, TurnConfig, TurnCore,
};

pub const CLIENT: &str = "198.51.100.9:5000";
pub const PEER: &str = "192.0.2.40:6000";

/// How bytes travel between client and server.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// One way.
    pub delay: Duration,
    /// At most so much more, drawn for each message: what is later may overtake.
    pub jitter: Duration,
    /// Probability of each direction.
    pub loss: f64,
    pub duplicates: f64,
    /// So many datagrams that nobody asked for come with each answer.
    pub strays: usize,
    pub stream: bool,
}

pub const GOOD: Link = Link {
    delay: Duration::from_millis(20),
    jitter: Duration::ZERO,
    loss: 0.0,
    duplicates: 0.0,
    strays: 0,
    stream: false,
};

pub const STREAM: Link = Link {
    stream: true,
    ..GOOD
};

/// What may become of a message on its way to the client.
pub type Tamper = Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>>>;

/// What is on its way: to the server, to the client, from a peer.
enum Parcel {
    Up(Vec<u8>),
    Down(Vec<u8>),
    AtRelay {
        relay: SocketAddr,
        from: SocketAddr,
        payload: Vec<u8>,
    },
}

pub struct Lab {
    pub now: Time,
    pub client: Client,
    pub core: TurnCore,
    pub link: Link,
    /// Peers send everything back to where it came from.
    pub echo: bool,
    pub tamper: Option<Tamper>,
    /// Everything that the client sent, and when.
    pub sent: Vec<(Time, Vec<u8>)>,
    pub events: Vec<(Time, Event)>,
    /// What came out of relays: relay, peer, payload.
    pub at_peers: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    from: FiveTuple,
    rng: StdRng,
    queue: BTreeMap<(Time, u64), Parcel>,
    parcels: u64,
    reader: FrameReader,
    at_server: Vec<u8>,
}

pub fn credentials(user: &str, password: &str) -> Credentials {
    Credentials::new(user, &Secret::new(password)).expect("they can be used")
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Lab {
    /// An honest client with the right password over a good link.
    pub fn new(config: TurnConfig) -> Self {
        Self::over(config, GOOD)
    }

    pub fn over(config: TurnConfig, link: Link) -> Self {
        let who = credentials(&config.username, &config.password);
        Self::with(config, link, Some(who), 1)
    }

    pub fn with(config: TurnConfig, link: Link, who: Option<Credentials>, seed: u64) -> Self {
        let client = address(CLIENT);
        let from = if link.stream {
            FiveTuple::tcp(client)
        } else {
            FiveTuple::udp(client)
        };
        Self {
            now: seconds(5),
            client: Client::new(Config {
                credentials: who,
                stream: link.stream,
                patience: PATIENCE,
                seed,
            }),
            core: TurnCore::new(config, CountingRelays::default()),
            link,
            echo: false,
            tamper: None,
            sent: Vec::new(),
            events: Vec::new(),
            at_peers: Vec::new(),
            from,
            rng: StdRng::seed_from_u64(seed),
            queue: BTreeMap::new(),
            parcels: 0,
            reader: FrameReader::default(),
            at_server: Vec::new(),
        }
    }

    /// One that has an allocation.
    pub fn allocated(config: TurnConfig, link: Link) -> (Self, Allocation) {
        let mut lab = Self::over(config, link);
        let allocation = lab.allocate().expect("an honest server");
        (lab, allocation)
    }

    pub fn allocate(&mut self) -> Result<Allocation, Failure> {
        match self.ask(|c, now| c.allocate(now, None)).0 {
            Ok(Answer::Allocated(allocation)) => Ok(allocation),
            Ok(other) => panic!("{other:?} is no answer to Allocate"),
            Err(failure) => Err(failure),
        }
    }

    pub fn permit(&mut self, peer: &str) -> Result<Answer, Failure> {
        let peer: IpAddr = address(peer).ip();
        self.ask(|c, now| c.permit(now, vec![peer])).0
    }

    pub fn bind(&mut self, peer: &str) -> Result<Answer, Failure> {
        let peer = address(peer);
        self.ask(|c, now| c.bind_channel(now, peer)).0
    }

    /// Makes a request and runs until it has ended.
    pub fn ask(
        &mut self,
        request: impl FnOnce(&mut Client, Time) -> RequestId,
    ) -> (Result<Answer, Failure>, Option<Duration>) {
        let id = self.begin(request);
        self.wait(id)
    }

    pub fn begin(&mut self, request: impl FnOnce(&mut Client, Time) -> RequestId) -> RequestId {
        let id = request(&mut self.client, self.now);
        self.flush();
        id
    }

    pub fn wait(&mut self, id: RequestId) -> (Result<Answer, Failure>, Option<Duration>) {
        loop {
            let done = self.events.iter().find_map(|(_, event)| match event {
                Event::Done {
                    request,
                    outcome,
                    rtt,
                } if *request == id => Some((outcome.clone(), *rtt)),
                _ => None,
            });
            if let Some(done) = done {
                return done;
            }
            assert!(self.step(Time::MAX), "a request never ends");
        }
    }

    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    pub fn send(&mut self, peer: &str, payload: &[u8]) {
        assert!(self.client.send(address(peer), payload), "it is not long");
        self.flush();
    }

    /// A datagram from a peer to a relayed address.
    pub fn peer_sends(&mut self, relay: SocketAddr, peer: &str, payload: &[u8]) {
        let from = address(peer);
        let payload = payload.to_vec();
        self.post(Parcel::AtRelay {
            relay,
            from,
            payload,
        });
    }

    /// Bytes that arrive at the client now.
    pub fn inject(&mut self, bytes: &[u8]) {
        self.client.handle_input(self.now, (), bytes);
        self.flush();
    }

    /// Data that came so far, without where from.
    pub fn data(&self) -> Vec<(Option<u16>, Vec<u8>)> {
        self.events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Data {
                    channel, payload, ..
                } => Some((*channel, payload.clone())),
                _ => None,
            })
            .collect()
    }

    pub fn fadings(&self) -> usize {
        let events = self.events.iter();
        events
            .filter(|(_, e)| matches!(e, Event::Fading(_)))
            .count()
    }

    /// The requests of this kind that the client sent, repetitions included.
    pub fn sent_of(&self, method: Method) -> Vec<(Time, Vec<u8>)> {
        let is_such = |bytes: &[u8]| {
            Incoming::parse(bytes).is_some_and(|message| message.method() == Some(method))
        };
        let sent = self.sent.iter().filter(|(_, bytes)| is_such(bytes));
        sent.cloned().collect()
    }

    /// One thing happens; `false` if nothing is left until `end`.
    fn step(&mut self, end: Time) -> bool {
        let parcel = self.queue.first_key_value().map(|((at, _), _)| *at);
        let due = self.client.poll_timeout();
        let Some(next) = [parcel, due].into_iter().flatten().min() else {
            return false;
        };
        if next > end {
            return false;
        }
        self.now = self.now.max(next);
        if parcel == Some(next)
            && let Some((_, parcel)) = self.queue.pop_first()
        {
            self.deliver(parcel);
        } else {
            self.client.handle_timeout(self.now);
        }
        self.flush();
        true
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Up(bytes) if self.link.stream => {
                self.at_server.extend(bytes);
                while let Some(frame) = wire::take_frame(&mut self.at_server).expect("TURN") {
                    let outputs = self.core.handle(self.now, self.from, &frame);
                    self.take(outputs);
                }
            }
            Parcel::Up(bytes) => {
                let outputs = self.core.handle(self.now, self.from, &bytes);
                self.take(outputs);
            }
            Parcel::Down(bytes) if self.link.stream => {
                self.reader.push(&bytes);
                while let Some(frame) = self.reader.next_frame().expect("TURN") {
                    self.client.handle_input(self.now, (), &frame);
                }
            }
            Parcel::Down(bytes) => self.client.handle_input(self.now, (), &bytes),
            Parcel::AtRelay {
                relay,
                from,
                payload,
            } => {
                let outputs = self.core.relay_input(self.now, relay, from, &payload);
                self.take(outputs);
            }
        }
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::ToClient { bytes, .. } => {
                    for _ in 0..self.link.strays {
                        let stray = self.stray();
                        self.post(Parcel::Down(stray));
                    }
                    let all = match &mut self.tamper {
                        Some(tamper) => tamper(&bytes),
                        None => vec![bytes],
                    };
                    for bytes in all {
                        self.post(Parcel::Down(bytes));
                    }
                }
                Output::FromRelay {
                    relay,
                    peer,
                    payload,
                } => {
                    self.at_peers.push((relay, peer, payload.clone()));
                    if self.echo {
                        self.post(Parcel::AtRelay {
                            relay,
                            from: peer,
                            payload,
                        });
                    }
                }
            }
        }
    }

    fn stray(&mut self) -> Vec<u8> {
        let mut noise = vec![0; self.rng.random_range(0..100)];
        self.rng.fill_bytes(&mut noise);
        noise
    }

    fn flush(&mut self) {
        while let Some(Transmit { payload, .. }) = self.client.poll_transmit() {
            self.sent.push((self.now, payload.clone()));
            self.post(Parcel::Up(payload));
        }
        while let Some(event) = self.client.poll_event() {
            self.events.push((self.now, event));
        }
    }

    fn post(&mut self, parcel: Parcel) {
        let Link {
            delay,
            jitter,
            loss,
            duplicates,
            stream,
            ..
        } = self.link;
        let on_link = !matches!(parcel, Parcel::AtRelay { .. });
        let is_lost = on_link && self.rng.random_bool(loss);
        let is_doubled = on_link && self.rng.random_bool(duplicates);
        let mut late = || {
            let most = u64::try_from(jitter.as_micros()).expect("short");
            delay + Duration::from_micros(self.rng.random_range(0..=most))
        };
        let (first, second) = (late(), late());
        if is_lost {
            return;
        }
        match parcel {
            // A stream arrives in pieces.
            Parcel::Down(bytes) if stream => {
                for piece in bytes.chunks(7) {
                    self.enqueue(delay, Parcel::Down(piece.to_vec()));
                }
            }
            Parcel::Down(bytes) if is_doubled => {
                self.enqueue(second, Parcel::Down(bytes.clone()));
                self.enqueue(first, Parcel::Down(bytes));
            }
            Parcel::Up(bytes) if is_doubled => {
                self.enqueue(second, Parcel::Up(bytes.clone()));
                self.enqueue(first, Parcel::Up(bytes));
            }
            other => self.enqueue(first, other),
        }
    }

    fn enqueue(&mut self, late: Duration, parcel: Parcel) {
        self.parcels += 1;
        self.queue.insert((self.now + late, self.parcels), parcel);
    }
}
