//! What one end of a call tells, as a file has it.

mod fault;
mod pair;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::base::codes::Code;
use crate::proto::capture::paths::Flights;
use crate::proto::evidence::described::Described;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Cause, EndedRelay};
use crate::proto::ice::checks::Role;
use crate::proto::ice::facts::NatFacts;
use crate::proto::stun::uri::{ServerUri, Transport};
pub use fault::Fault;
pub use pair::{EndRecord, PairRecord};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FileKind {
    /// Download of `chrome://webrtc-internals`.
    WebrtcInternals,
    /// The other download of that page, a line for each event.
    Rtcstats,
    /// Firefox's page, saved.
    AboutWebrtc,
    /// What `getStats()` gave, once or at several times.
    Getstats,
    Pcap,
    Sdp,
    /// Lines of candidates without a description around them.
    Candidates,
    /// The JSON of `rtcdiag pair`.
    Rtcdiag,
}

/// One file, read.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub kind: Option<FileKind>,
    /// The program that made it, if it says so.
    pub agent: Option<String>,
    /// When it was saved, in milliseconds since 1970.
    pub captured_at: Option<f64>,
    pub accounts: Vec<Account>,
    /// What could not be read, and where.
    pub faults: Vec<Fault>,
    /// Which addresses are taken for this side, where nothing in the file tells at which end it was taken.
    pub supposed_side: Option<String>,
    /// Whether labels stand in place of addresses: each file has its own.
    pub is_redacted: bool,
}

impl Record {
    pub fn of(kind: FileKind) -> Self {
        Self {
            kind: Some(kind),
            ..Self::default()
        }
    }

    /// Notes that parts are missing from all that it tells.
    pub fn has_gap(&mut self) {
        for account in &mut self.accounts {
            account.gap.get_or_insert_with(|| DAMAGED.to_owned());
            account.has_events = false;
        }
    }

    /// Whether it tells of a connection that no description came to.
    pub fn has_bare_connection(&self) -> bool {
        self.faults.iter().any(|fault| fault.is_bare_connection)
    }

    pub fn unreadable(kind: Option<FileKind>, fault: Fault) -> Self {
        Self {
            kind,
            faults: vec![fault],
            ..Self::default()
        }
    }
}

/// Of what a damaged file tells.
pub(super) const DAMAGED: &str = "the file is damaged where it tells of this call, and what is missing there may tell more: save or copy it again";

/// One end of a call, by one file.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Account {
    /// What the file calls the connection.
    pub label: Option<String>,
    /// The servers that it was given, or that failed.
    pub servers: Option<Vec<ServerRecord>>,
    /// Whether the file has the configuration, so that there are no other servers.
    pub has_configuration: bool,
    pub relay_only: bool,
    /// What this end told the other one.
    pub own: Told,
    /// What it was told.
    pub other: Told,
    pub pairs: Vec<PairRecord>,
    pub changes: Vec<Change>,
    pub dtls: DtlsRecord,
    pub streams: Vec<StreamRecord>,
    pub role: Option<Role>,
    /// The first and the last moment that it tells of.
    pub began: Option<f64>,
    pub ended: Option<f64>,
    /// Whether it began to be recorded in the middle of the call.
    pub is_late: bool,
    /// Whether the page was asked for an offer or answer, or anything else happened.
    pub is_begun: bool,
    /// Offers and answers that could not be made or set.
    pub failures: Vec<Failure>,
    /// Candidates of the other end that came and that the program did not take, and what it said.
    pub refused_candidates: u32,
    pub refused_since: Option<String>,
    /// Whether the last candidate that came was a new one.
    pub is_last_new: bool,
    /// Whether it shows every event, so that what is not there has not happened.
    pub has_events: bool,
    /// Whether a description is being set that the page did not hand over, or a rollback.
    pub is_own_implicit: bool,
    pub is_other_implicit: bool,
    /// Relays of it that ended while they were in use.
    pub ended_relays: Vec<EndedRelay>,
    /// What `rtcdiag pair` itself found on this end, which knew more than its document has.
    pub found: Option<FoundCauses>,
    /// How many transports of ICE it has, and how many of them were never begun.
    pub transports: (usize, usize),
    /// Whether packets show nothing of it but what its servers said.
    pub is_of_servers_alone: bool,
    /// Whether a path of ICE is up, and nothing but checks was seen on it.
    pub is_bare_ice: bool,
    /// Why what is not in it may have happened all the same, with what would mend it.
    pub gap: Option<String>,
    /// Whether its events have times of a wall clock whose zone is not told.
    pub is_of_wall_clock: bool,
    /// Where servers see its sockets, as packets show it.
    pub seen: Vec<Seen>,
    /// Somebody beyond its network that it exchanged other datagrams with.
    pub udp_peer: Option<SocketAddr>,
    /// Somebody far away who has answered over TCP, where packets show it.
    pub tcp_peer: Option<SocketAddr>,
}

/// What a STUN server told of a socket (RFC 8489 14.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub base: SocketAddr,
    pub server: SocketAddr,
    pub url: String,
    pub at: SocketAddr,
    pub told_at: Option<f64>,
}

/// An offer or answer that the program could not make, or did not take.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Failure {
    pub at: Option<f64>,
    /// The call of RTCPeerConnection.
    pub step: String,
    /// What the program said, if anything.
    pub said: String,
    /// What was to be set, if it was.
    pub is_offer: Option<bool>,
}

impl Failure {
    /// As in "createOffer failed (...)".
    pub fn text(&self) -> String {
        match self.said.as_str() {
            "" => format!("{} failed", self.step),
            said => format!("{} failed ({said})", self.step),
        }
    }

    pub fn is_of_other(&self) -> bool {
        self.step == "setRemoteDescription"
    }
}

/// Why there was no direct path, and why no relay helped, as this end saw it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct FoundCauses {
    pub causes: Vec<Cause>,
    pub relay_causes: Vec<Cause>,
}

impl Account {
    /// Takes notice of a moment.
    pub fn saw(&mut self, at: Option<f64>) {
        let Some(at) = at.filter(|at| at.is_finite()) else {
            return;
        };
        self.began = Some(self.began.map_or(at, |began| began.min(at)));
        self.ended = Some(self.ended.map_or(at, |ended| ended.max(at)));
    }

    /// Sets times of a wall clock to those of the statistics, of which the page takes the first within minutes: zones
    /// are apart by quarters of an hour. Without any the times are good for differences alone.
    pub fn set_to(&mut self, first_sample: Option<f64>) {
        const QUARTER_MS: f64 = 900_000.0;
        const NEAR_MS: f64 = 300_000.0;
        let Some(differs) = self.began.zip(first_sample).map(|(one, two)| two - one) else {
            return;
        };
        let by = (differs / QUARTER_MS).round() * QUARTER_MS;
        let is_near = (differs - by).abs() <= NEAR_MS;
        // Times that do not fit together are none.
        let shift = |at: &mut Option<f64>| *at = at.map(|at| at + by).filter(|_| is_near);
        for told in [&mut self.own, &mut self.other] {
            told.descriptions.iter_mut().for_each(|(at, _)| shift(at));
            told.candidates.iter_mut().for_each(|c| shift(&mut c.at));
            shift(&mut told.complete_at);
        }
        self.changes
            .iter_mut()
            .for_each(|change| shift(&mut change.at));
        let servers = self.servers.iter_mut().flatten();
        servers.for_each(|server| shift(&mut server.error_at));
        self.failures
            .iter_mut()
            .for_each(|failure| shift(&mut failure.at));
        shift(&mut self.began);
        shift(&mut self.ended);
    }

    /// What could not be made or set, and never was.
    pub fn open_failure(&self) -> Option<&Failure> {
        self.failures.iter().rev().find(|failure| {
            let (told, is_offer) = match failure.step.as_str() {
                "setRemoteDescription" => (&self.other, failure.is_offer),
                "createAnswer" => (&self.own, Some(false)),
                _ => (&self.own, failure.is_offer),
            };
            let mut all = told.descriptions.iter();
            match is_offer {
                Some(false) => all.all(|(_, read)| read.is_offer != Some(false)),
                _ => all.next().is_none(),
            }
        })
    }

    /// The last state of a kind.
    pub fn state(&self, kind: StateKind) -> Option<&str> {
        let kind = self.kind_of(kind);
        let of_kind = self.changes.iter().rev().find(|change| change.kind == kind);
        of_kind.map(|change| change.value.as_str())
    }

    /// Statistics have the state of the transport alone, and events are better.
    fn kind_of(&self, kind: StateKind) -> StateKind {
        let has_events = || {
            self.changes
                .iter()
                .any(|change| change.kind == StateKind::Ice)
        };
        if kind == StateKind::Ice && !has_events() {
            return StateKind::IceTransport;
        }
        kind
    }

    /// Whether a state was ever reached, and when first.
    pub fn reached(&self, kind: StateKind, values: &[&str]) -> Option<&Change> {
        let kind = self.kind_of(kind);
        let mut all = self.changes.iter();
        all.find(|change| change.kind == kind && values.contains(&change.value.as_str()))
    }
}

/// What one end told: descriptions and candidates.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// In order; the last one counts.
    pub descriptions: Vec<(Option<f64>, Described)>,
    pub candidates: Vec<ToldCandidate>,
    pub ufrags: BTreeSet<String>,
    /// Of its certificate, as the description has them: algorithm, a space, and hex in upper case.
    pub fingerprints: BTreeSet<String>,
    /// When it said that there are no more candidates.
    pub complete_at: Option<f64>,
    /// Its NATs, where they were measured.
    pub nats: Vec<NatFacts>,
}

impl Told {
    pub fn is_empty(&self) -> bool {
        self.descriptions.is_empty() && self.candidates.is_empty() && self.ufrags.is_empty()
    }

    /// The same with so many candidates at most.
    #[must_use]
    pub fn cropped(&self, most: usize) -> Self {
        Self {
            descriptions: self.descriptions.clone(),
            candidates: self.candidates.iter().take(most).cloned().collect(),
            ufrags: self.ufrags.clone(),
            fingerprints: self.fingerprints.clone(),
            complete_at: self.complete_at,
            nats: self.nats.clone(),
        }
    }

    /// Candidates that were signalled, or would have been.
    pub fn udp(&self) -> impl Iterator<Item = &ToldCandidate> {
        self.candidates.iter().filter(|c| !c.is_tcp)
    }
}

/// Where a candidate is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    Ip(IpAddr),
    /// A name of multicast DNS, or another.
    Name(String),
    /// Browsers do not tell everything.
    Hidden,
}

impl Place {
    /// An address, a name, or nothing.
    pub fn of(text: &str) -> Self {
        let bare = text.trim_matches(['[', ']']);
        let bare = bare.split('%').next().unwrap_or(bare);
        match bare.parse() {
            Ok(ip) => Self::Ip(ip),
            Err(_) if text.is_empty() || text == "(redacted)" => Self::Hidden,
            Err(_) => Self::Name(crate::base::words::printable(text)),
        }
    }

    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            _ => None,
        }
    }

    /// Whether it is a name that only its own network resolves (RFC 6762); others are labels and masks.
    pub fn is_mdns(&self) -> bool {
        let Self::Name(name) = self else {
            return false;
        };
        let top = name.trim_end_matches('.').rsplit_once('.');
        top.is_some_and(|(_, top)| top.eq_ignore_ascii_case("local"))
    }
}

/// A candidate that one end told, or has.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldCandidate {
    /// When it was found, or came.
    pub at: Option<f64>,
    pub kind: CandidateType,
    pub is_tcp: bool,
    pub place: Place,
    pub port: u16,
    pub related: Option<SocketAddr>,
    pub foundation: String,
    pub component: u16,
    pub priority: u32,
    /// The server that it is from.
    pub url: Option<String>,
    /// How its TURN server is talked to.
    pub relay_transport: Option<Transport>,
    pub ufrag: Option<String>,
    /// Whether it was told to the other end, which statistics do not say.
    pub is_signalled: bool,
    /// The line, if that is where it is from.
    pub line: Option<String>,
}

impl ToldCandidate {
    pub fn socket_address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.place.ip()?, self.port))
    }

    /// Whether not even its port is told.
    pub fn is_nowhere(&self) -> bool {
        self.port == 0 && self.place == Place::Hidden
    }

    /// What tells candidates of one end apart.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.port == other.port
            && self.is_tcp == other.is_tcp
            && (self.place == other.place
                || self.place == Place::Hidden
                || other.place == Place::Hidden)
    }
}

/// The URL of a server of which only the address is known.
pub(super) fn server_url(server: SocketAddr, is_tcp: bool, is_turn: bool) -> String {
    match (is_turn, is_tcp) {
        (true, true) => format!("turn:{server}?transport=tcp"),
        (true, false) => format!("turn:{server}"),
        (false, _) => format!("stun:{server}"),
    }
}

/// A server that an end was given.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerRecord {
    /// As it was given.
    pub url: String,
    pub uri: Option<ServerUri>,
    /// What went wrong, by what the program says: the code and its text.
    pub error: Option<(Code, String)>,
    pub error_at: Option<f64>,
}

/// What a [`Change`] is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateKind {
    Signaling,
    Gathering,
    /// `iceConnectionState`.
    Ice,
    /// `iceState` of the transport, in statistics.
    IceTransport,
    /// `connectionState`.
    Connection,
    Dtls,
    /// The application closed the connection.
    Closed,
    DataChannel,
    Track,
}

/// A state that was reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub at: Option<f64>,
    pub kind: StateKind,
    pub value: String,
}

/// The DTLS association (RFC 8842).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DtlsRecord {
    /// new, connecting, connected, closed or failed.
    pub state: Option<String>,
    /// When statistics last had it.
    pub told_at: Option<f64>,
    /// client or server.
    pub role: Option<String>,
    pub version: Option<String>,
    pub cipher: Option<String>,
    /// Of the certificates in use.
    pub own_fingerprint: Option<String>,
    pub peer_fingerprint: Option<String>,
    /// An alert of one end (RFC 8446 6), if packets show one, and whether it is this end's.
    pub alert: Option<String>,
    pub is_own_alert: bool,
    /// Datagrams of the handshake of this end and of the other one, where packets show them.
    pub flights: Option<[Flights; 2]>,
    /// Bytes of the transport, STUN left out.
    pub bytes_sent: u64,
    pub bytes_received: u64,
}

/// What came or went for one m-line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamRecord {
    pub mid: Option<String>,
    /// audio, video or data.
    pub kind: String,
    pub codec: Option<String>,
    pub sent: Option<u64>,
    pub received: Option<u64>,
    pub lost: Option<i64>,
    /// What the other end reports as lost of what was sent (RFC 3550 6.4.1).
    pub reported_lost: Option<i64>,
    pub jitter_ms: Option<f64>,
    pub frames_decoded: Option<u64>,
}
