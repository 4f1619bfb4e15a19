//! A TURN client between a user who asks for things and a server that says anything, on datagrams or
//! on a stream: `cargo +nightly fuzz run turn_client`.
//!
//! The input is a script: each step a letter and what belongs to it.
#![no_main]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rtcdiag::proto::turn::client::{Client, Config, Event, RequestId};
use rtcdiag::proto::turn::credentials::{Credentials, Secret};
use rtcdiag::proto::turn::frame::{self, FrameReader};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const LIFETIME: u16 = 0x000d;
const ERROR_CODE: u16 = 0x0009;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const MESSAGE_INTEGRITY: u16 = 0x0008;

/// More steps find nothing new.
const MAX_STEPS: usize = 200;
/// A client that writes more than this at one step would never stop.
const MAX_TRANSMITS: usize = 400;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut script = Script(bytes);
    if let Some(mode) = script.byte() {
        Run::start(mode).play(&mut script);
    }
});

/// What is left of the input.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Bytes with their length before them.
    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte().unwrap_or(0)) * 4;
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

struct Run {
    client: Client,
    now: Duration,
    stream: bool,
    reader: FrameReader,
    /// The stream cannot be understood any more.
    lost: bool,
    /// Requests as they went out.
    sent: Vec<Vec<u8>>,
    asked: BTreeSet<RequestId>,
    ended: BTreeSet<RequestId>,
    /// From here on requests are signed, and nobody else has the key.
    signed: bool,
}

impl Run {
    /// With the lowest bit on a stream, with the next one past the challenge of a server that wants
    /// credentials, with the one after that with an allocation.
    fn start(mode: u8) -> Self {
        let stream = mode & 1 != 0;
        let signed = mode & 2 != 0;
        let credentials = Credentials::new("user", &Secret::new("secret")).expect("they are valid");
        let mut run = Self {
            client: Client::new(Config {
                credentials: signed.then_some(credentials),
                stream,
                patience: Duration::from_millis(2500),
                seed: u64::from(mode),
            }),
            now: Duration::ZERO,
            stream,
            reader: FrameReader::default(),
            lost: false,
            sent: Vec::new(),
            asked: BTreeSet::new(),
            ended: BTreeSet::new(),
            signed: false,
        };
        let id = run.client.allocate(run.now, None);
        run.asked.insert(id);
        run.settle();
        if signed {
            let challenge = [
                (ERROR_CODE, &[0, 0, 4, 1][..]),
                (REALM, b"example.org"),
                (NONCE, b"0123456789abcdef"),
            ];
            run.answer(0, 0x0110, &challenge);
            run.signed = true;
            assert!(run.sent.iter().skip(1).all(|m| has(m, MESSAGE_INTEGRITY)));
        } else if mode & 4 != 0 {
            // 203.0.113.10:50000, without a key.
            let relayed = [0, 1, 0xe2, 0x42, 0xea, 0x12, 0xd5, 0x48];
            let lifetime = 600_u32.to_be_bytes();
            let granted = [(XOR_RELAYED_ADDRESS, &relayed[..]), (LIFETIME, &lifetime)];
            run.answer(0, 0x0100, &granted);
            assert!(run.client.allocation().is_some());
        }
        run
    }

    fn play(mut self, script: &mut Script) {
        for _ in 0..MAX_STEPS {
            let Some(step) = script.byte() else { break };
            match step % 12 {
                0 => {
                    let datagram = script.bytes();
                    self.take(datagram);
                }
                1 => {
                    // An answer of any kind to a request, with any attributes.
                    let (which, kind) = (script.byte(), script.byte());
                    let class = if kind.unwrap_or(0) & 1 == 0 {
                        0x0100
                    } else {
                        0x0110
                    };
                    let body = script.bytes().to_vec();
                    self.answer_with(which.unwrap_or(0).into(), class, &body);
                }
                2 => {
                    let which = script.byte().unwrap_or(0);
                    let lifetime = u32::from(script.byte().unwrap_or(0)) * 10;
                    let granted = [(LIFETIME, &lifetime.to_be_bytes()[..])];
                    self.answer(which.into(), 0x0100, &granted);
                }
                3 => {
                    let which = script.byte().unwrap_or(0);
                    let code = script.byte().unwrap_or(0);
                    let code = [0, 0, 3 + code / 100 % 4, code % 100];
                    let nonce = [b'0' + which % 10; 16];
                    let error = [(ERROR_CODE, &code[..]), (REALM, b"realm"), (NONCE, &nonce)];
                    self.answer(which.into(), 0x0110, &error);
                }
                4 => self.now += Duration::from_millis(u64::from(script.byte().unwrap_or(0)) * 10),
                5 => {
                    // To the next thing that is due, and a little beyond.
                    if let Some(due) = self.client.poll_timeout() {
                        self.now = self.now.max(due);
                        self.client.handle_timeout(self.now);
                        self.settle();
                        let next = self.client.poll_timeout();
                        assert!(next.is_none_or(|next| next > self.now), "it never sleeps");
                    }
                }
                6 => {
                    let id = self
                        .client
                        .refresh(self.now, u32::from(script.byte().unwrap_or(0)));
                    self.asked.insert(id);
                }
                7 => {
                    let peers = vec![IpAddr::V4(Ipv4Addr::new(
                        192,
                        0,
                        2,
                        script.byte().unwrap_or(0),
                    ))];
                    let id = self.client.permit(self.now, peers);
                    self.asked.insert(id);
                }
                8 => {
                    let id = self.client.bind_channel(self.now, peer(script.byte()));
                    self.asked.insert(id);
                }
                9 => {
                    let to = peer(script.byte());
                    self.client.send(to, script.bytes());
                }
                10 => {
                    let id = self.client.allocate(self.now, None);
                    self.asked.insert(id);
                }
                _ => {
                    if script.byte() == Some(0) {
                        self.client.handle_closed();
                    }
                }
            }
            self.settle();
        }
        // Whatever came, each request ends, and once.
        self.client.handle_closed();
        self.settle();
        assert_eq!(self.ended, self.asked);
        assert_eq!(self.client.poll_timeout(), None);
    }

    /// Bytes from the server.
    fn take(&mut self, bytes: &[u8]) {
        if !self.stream {
            self.client.handle_input(self.now, bytes);
            return;
        }
        if self.lost {
            return;
        }
        self.reader.push(bytes);
        loop {
            match self.reader.next_frame() {
                Ok(Some(frame)) => {
                    assert!(frame::parse(&frame).is_some(), "a frame that is none");
                    self.client.handle_input(self.now, &frame);
                    self.settle();
                }
                Ok(None) => break,
                Err(_) => {
                    self.lost = true;
                    self.client.handle_closed();
                    break;
                }
            }
        }
    }

    fn answer(&mut self, which: usize, class: u16, attributes: &[(u16, &[u8])]) {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend(kind.to_be_bytes());
            body.extend(u16::try_from(value.len()).expect("short").to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.answer_with(which, class, &body);
    }

    /// An answer with the transaction ID of a request that went out, the latest first.
    fn answer_with(&mut self, which: usize, class: u16, body: &[u8]) {
        let count = self.sent.len();
        let Some(request) = self.sent.get(count.wrapping_sub(1 + which % count.max(1))) else {
            return;
        };
        let method = u16::from_be_bytes([request[0], request[1]]);
        let body = &body[..body.len() / 4 * 4];
        let length = u16::try_from(body.len()).expect("short");
        let mut answer = (method | class).to_be_bytes().to_vec();
        answer.extend(length.to_be_bytes());
        answer.extend(COOKIE);
        answer.extend(&request[8..20]);
        answer.extend(body);
        self.take(&answer);
        self.settle();
    }

    /// Takes what the client has to say.
    fn settle(&mut self) {
        let mut count = 0;
        while let Some(message) = self.client.poll_transmit() {
            count += 1;
            assert!(count <= MAX_TRANSMITS, "it never stops");
            if self.stream {
                assert_eq!(message.len() % 4, 0, "RFC 8656 12.5");
            }
            // Requests; indications and ChannelData are not answered.
            let is_request =
                message[0] & 0xc0 == 0 && message[0] & 1 == 0 && message[1] & 0x10 == 0;
            if is_request {
                assert!(!self.signed || has(&message, MESSAGE_INTEGRITY), "unsigned");
                self.sent.push(message);
            }
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Done {
                    request, outcome, ..
                } => {
                    assert!(self.asked.contains(&request), "nobody asked for it");
                    assert!(self.ended.insert(request), "a request ended twice");
                    assert!(!self.signed || outcome.is_err(), "believed without the key");
                }
                Event::Data { payload, .. } => assert!(payload.len() <= usize::from(u16::MAX)),
                Event::Fading(_) => {}
            }
        }
        let server = self.client.server();
        for text in server.software.iter().chain(&server.realm) {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
}

fn peer(byte: Option<u8>) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, byte.unwrap_or(0)], 9))
}

/// Whether a message has an attribute.
fn has(message: &[u8], kind: u16) -> bool {
    let mut rest = &message[20..];
    while let [a, b, c, d, more @ ..] = rest {
        if u16::from_be_bytes([*a, *b]) == kind {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([*c, *d])).next_multiple_of(4);
        rest = more.get(length..).unwrap_or_default();
    }
    false
}
