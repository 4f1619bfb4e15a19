//! What was counted on each path between two sockets.

use std::net::SocketAddr;

use super::dtls::Alert;

/// Between which two ends something went. The order of the two is that of their addresses, or, through a relay, the
/// client first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathKey {
    pub ends: [SocketAddr; 2],
    /// The TURN server that the first end talks to, and whether over TCP; the second end is the peer.
    pub relay: Option<(SocketAddr, bool)>,
}

impl PathKey {
    /// The key of a datagram, and which of its ends sent it.
    pub fn direct(from: SocketAddr, to: SocketAddr) -> (Self, usize) {
        let (ends, sender) = if from <= to {
            ([from, to], 0)
        } else {
            ([to, from], 1)
        };
        (Self { ends, relay: None }, sender)
    }

    pub const fn relayed(
        client: SocketAddr,
        server: SocketAddr,
        is_tcp: bool,
        peer: SocketAddr,
    ) -> Self {
        Self {
            ends: [client, peer],
            relay: Some((server, is_tcp)),
        }
    }
}

/// What became of the requests of one end: consent (RFC 7675 5.1) is asked for as long as a path is in use.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Asking {
    /// When one was last answered.
    pub answered: Option<f64>,
    /// When the last one was sent, and how many since the last that was answered.
    pub asked: Option<f64>,
    pub unanswered: u32,
    /// The longest time in which several were not answered, between two that were.
    pub longest: Option<(f64, f64)>,
}

impl Asking {
    /// So many are no chance.
    const SEVERAL: u32 = 3;

    pub const fn ask(&mut self, at: f64) {
        self.asked = Some(at);
        self.unanswered = self.unanswered.saturating_add(1);
    }

    pub fn answer(&mut self, at: f64) {
        // The one that is answered now was asked, too.
        if let Some(before) = self.answered.filter(|_| self.unanswered > Self::SEVERAL) {
            let longest = self.longest.map_or(0.0, |(from, to)| to - from);
            if at - before > longest {
                self.longest = Some((before, at));
            }
        }
        self.answered = Some(at);
        self.unanswered = 0;
    }

    /// Since when and until when it was asked in vain, after it had been answered.
    pub fn in_vain(&self) -> Option<(f64, f64)> {
        self.answered
            .zip(self.asked)
            .filter(|_| self.unanswered >= Self::SEVERAL)
    }
}

/// Datagrams of a handshake of DTLS in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flights {
    pub count: u32,
    pub largest: usize,
}

impl Flights {
    pub fn add(&mut self, length: usize) {
        self.count = self.count.saturating_add(1);
        self.largest = self.largest.max(length);
    }

    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            count: self.count.saturating_add(more.count),
            largest: self.largest.max(more.largest),
        }
    }
}

/// A time in which one end of a path was not heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Silence {
    pub sender: usize,
    pub from: f64,
    pub to: f64,
    /// How many requests of the other end were not answered by then.
    pub unanswered: u32,
}

impl Silence {
    /// Shorter ones are not kept.
    const LONG_MS: f64 = 3000.0;
    /// So many of one path are kept.
    const MOST: usize = 64;

    pub const fn lasted(&self) -> f64 {
        self.to - self.from
    }
}

/// What one end of a path sent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sent {
    pub requests: u32,
    /// Success responses that belong to a request of the other end.
    pub answers: u32,
    pub nominations: u32,
    pub asking: Asking,
    /// Other packets than STUN, and their bytes.
    pub packets: u64,
    pub bytes: u64,
    pub first_request: Option<f64>,
    /// When its first answer arrived or left.
    pub first_answer: Option<f64>,
    pub first_nomination: Option<f64>,
    /// The first and the last packet of any kind.
    pub first: Option<f64>,
    pub last: Option<f64>,
    pub rtp: u64,
    pub first_rtp: Option<f64>,
    /// Hellos, and what the rest of a handshake was.
    pub hellos: u32,
    pub server_hellos: u32,
    pub handshake: u32,
    /// Packets of DTLS that may be data.
    pub sealed: u32,
    pub data: u32,
    /// How many sealed packets both ends had sent when this end sent the first that has the size of an alert.
    pub sealed_alert: Option<u32>,
    pub last_dtls: Option<f64>,
    /// When something last came that ends the connection: a sealed alert (RFC 8446 6.1).
    pub closing: Option<f64>,
    /// When something other than STUN was last sent.
    pub last_data: Option<f64>,
    /// Datagrams of a handshake in the clear, and the size of the largest.
    pub flights: Flights,
    pub alert: Option<Alert>,
    /// Round trips of its requests, in milliseconds: the last one.
    pub rtt: Option<f64>,
    /// Where the other end saw its requests come from.
    pub mapped: Option<SocketAddr>,
    /// Whether it calls itself controlling.
    pub is_controlling: bool,
    /// Says of ICMP that its datagrams were not delivered.
    pub undelivered: u32,
    /// The error that its last refused check was answered with, but for conflicts of roles, which settle themselves.
    pub refused: Option<u16>,
    /// A 403 of the TURN server for this peer.
    pub is_forbidden: bool,
    /// How many routers its last check or answer might still pass.
    pub hops: Option<u8>,
    /// Whether the host that captured sent it, where the link tells.
    pub is_outgoing: Option<bool>,
}

/// What the packet at hand tells of where it was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark {
    pub hops: u8,
    pub is_outgoing: Option<bool>,
}

impl Sent {
    pub const fn mark(&mut self, mark: Mark) {
        self.hops = Some(mark.hops);
        if mark.is_outgoing.is_some() {
            self.is_outgoing = mark.is_outgoing;
        }
    }

    fn saw(&mut self, at: f64) {
        self.first.get_or_insert(at);
        self.last = Some(at);
    }
}

/// One path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// Of the two ends of its key.
    pub sent: [Sent; 2],
    /// User fragments of both ends, of the last check.
    pub fragments: Option<[String; 2]>,
    /// When an end was silent for long, between two moments at which it was heard.
    pub silences: Vec<Silence>,
}

impl Path {
    /// Something came from an end. An answer is counted after it.
    pub fn saw(&mut self, sender: usize, at: f64) {
        if let Some(from) = self.sent[sender].last
            && at - from >= Silence::LONG_MS
            && self.silences.len() < Silence::MOST
        {
            let unanswered = self.sent[1 - sender].asking.unanswered;
            self.silences.push(Silence {
                sender,
                from,
                to: at,
                unanswered,
            });
        }
        self.sent[sender].saw(at);
    }
}

/// A server that was asked by an end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asked {
    pub is_turn: bool,
    pub requests: u32,
    pub answers: u32,
    pub first: Option<f64>,
    pub last: Option<f64>,
    /// The last error that is none of the first steps of authentication.
    pub error: Option<u16>,
    /// How often credentials were refused after they had been asked for.
    pub refusals: u32,
    pub mapped: Option<SocketAddr>,
    pub mapped_at: Option<f64>,
    pub relayed: Option<SocketAddr>,
    pub relayed_at: Option<f64>,
    /// When the server ended the connection over TCP, where the client had not.
    pub ended_at: Option<f64>,
    /// Whether the client gave its relay back (RFC 8656 7.1).
    pub is_given_back: bool,
    /// How many routers the last request might still pass.
    pub hops: Option<u8>,
}
