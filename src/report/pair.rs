//! The result of `rtcdiag pair`.

mod failure;
mod findings;
mod verdict;
mod why;

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::gather::GatherServerReport;
use super::{ErrorReport, Millis};
use crate::ice::candidate::CandidateType;
pub use crate::ice::checks::Role;
pub use crate::ice::checks::pair::CheckState;
use crate::ice::facts::NatFacts;
use crate::stun::uri::Transport;
pub use failure::{CutShort, PairEvidence, Permission, SendFault, explain};
pub use verdict::{Context, PeerEnd, WantedPair, verdict};

/// What became of a session with another host. Each side has its own, and both agree.
#[derive(Debug, Clone, Serialize)]
pub struct PairResult {
    /// This side's part (RFC 8445 6.1.1).
    pub role: Role,
    /// How it ended.
    pub state: PairState,
    /// The way that was taken.
    pub path: Option<PathKind>,
    /// From the moment when both descriptions were known here to the nominated pair.
    pub connected_ms: Option<Millis>,
    /// What this side has.
    pub local: SideReport,
    /// What the other side has, as it told.
    pub remote: SideReport,
    /// Every pair, by priority; the selected one first.
    pub pairs: Vec<PairReport>,
    /// The pair that data goes over.
    pub selected: Option<SelectedReport>,
    /// How good the path is.
    pub quality: Option<QualityReport>,
    /// What the behaviour of both NATs promised.
    pub prediction: PredictionReport,
    /// The call flow.
    pub timeline: Vec<TimelineEntry>,
    /// How the two sides found each other.
    pub session: SessionReport,
    /// This side's servers, and for each candidate missing, why.
    pub servers: Vec<GatherServerReport>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairState {
    /// Data goes both ways, and both sides say so.
    Connected,
    /// The other side was there, and no pair came about.
    Failed,
    /// The other side never came.
    NoPeer,
}

/// The way between two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// Without a relay.
    Direct,
    /// Through a TURN server of one side, or one of each.
    Relayed,
}

/// One side.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SideReport {
    /// Its candidates, by priority.
    pub candidates: Vec<SideCandidate>,
    /// Its NAT: that of IPv4 if there is one; `None` if nothing is known of it.
    pub nat: Option<NatFacts>,
    /// The NATs of all its families.
    pub nats: Vec<NatFacts>,
    /// Whether it has said that no more candidates will come (RFC 8838 14).
    pub is_complete: bool,
}

/// A candidate of either side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideCandidate {
    /// How it was learned.
    #[serde(rename = "type")]
    pub kind: CandidateType,
    /// Always UDP.
    pub transport: Transport,
    /// Where to send to.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// RFC 8839 5.1.
    pub related_address: Option<IpAddr>,
    /// Its port.
    pub related_port: Option<u16>,
    /// RFC 8445 5.1.1.3.
    pub foundation: String,
    /// RFC 8445 5.1.1.
    pub component: u16,
    /// RFC 8445 5.1.2.
    pub priority: u32,
    /// Its interface; of the other side, if that told.
    pub interface: Option<String>,
    /// Where it was learned from; of the other side, if that told.
    pub server: Option<String>,
    /// Between the host and its TURN server.
    pub relay_transport: Option<Transport>,
    /// When it was found or came here, from the start of the command.
    pub found_ms: Millis,
    /// The line as signalled.
    pub sdp: String,
}

impl SideCandidate {
    /// Address and port together.
    pub const fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// The one with an address, among several.
    pub fn at(candidates: &[Self], address: SocketAddr) -> Option<&Self> {
        let mut candidates = candidates.iter();
        candidates.find(|candidate| candidate.socket_address() == address)
    }
}

/// One end of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndReport {
    /// The candidate's type.
    #[serde(rename = "type")]
    pub kind: CandidateType,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Its interface, if known.
    pub interface: Option<String>,
    /// How its TURN server is talked to, if it is relayed and that is known.
    pub relay_transport: Option<Transport>,
}

/// A candidate pair: one base of this side with one candidate of the other.
#[derive(Debug, Clone, Serialize)]
pub struct PairReport {
    /// This side's: the base, which is a host or a relayed candidate (RFC 8445 6.1.2.4).
    pub local: EndReport,
    /// The other side's.
    pub remote: EndReport,
    /// RFC 8445 6.1.2.3.
    pub priority: u64,
    /// How far it got.
    pub state: CheckState,
    /// Whether it was nominated.
    pub nominated: bool,
    /// Whether data goes over it.
    pub selected: bool,
    /// Whether a relay takes part.
    pub path: PathKind,
    /// Checks of this side.
    pub requests_sent: u32,
    /// Answers to them.
    pub responses_received: u32,
    /// Checks of the other side that came by this pair.
    pub requests_received: u32,
    /// Answers to them.
    pub responses_sent: u32,
    /// How many of this side's checks the other side says it has seen; `None` if it did not tell.
    pub requests_arrived: Option<u32>,
    /// The median round trip of its checks.
    pub rtt_ms: Option<Millis>,
    /// When the first check was sent, from the start of the command.
    pub first_sent_ms: Option<Millis>,
    /// When the first answer came, from the start of the command.
    pub first_answered_ms: Option<Millis>,
    /// Where the other side sees this one, as its answers say (RFC 8445 7.2.5.3.1).
    pub mapped_address: Option<SocketAddr>,
    /// Why it did not work.
    pub failure: Option<ErrorReport>,
}

/// The pair that data goes over, as valid pair (RFC 8445 7.2.5.3.2): its local candidate is the one
/// that the other side sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelectedReport {
    /// This side's.
    pub local: EndReport,
    /// The other side's.
    pub remote: EndReport,
}

/// How good the path is: datagrams sent over it, which the other side sends back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityReport {
    /// Datagrams sent, until the path ended if it did.
    pub sent: u32,
    /// Those that came back.
    pub received: u32,
    /// The rest, in percent.
    pub loss_percent: f64,
    /// Round trips; `None` if none came back.
    pub rtt_ms: Option<RttReport>,
    /// Interarrival jitter of the other side's datagrams (RFC 3550 6.4.1).
    pub jitter_ms: Option<Millis>,
    /// If the path ended during the test: when, from its beginning.
    pub ended_after_ms: Option<Millis>,
}

/// Round trips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RttReport {
    /// The shortest.
    pub min: Millis,
    /// The one in the middle.
    pub median: Millis,
    /// Only one in twenty was longer.
    pub p95: Millis,
    /// The longest.
    pub max: Millis,
}

/// What the behaviour of both sides' NATs promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PredictionReport {
    /// The way that was to be expected.
    pub expected: Expected,
    /// Whether it came so; `None` where nothing was expected or nothing came of it.
    pub agrees: Option<bool>,
    /// The reasoning, for a person.
    pub because: String,
}

pub use crate::ice::prediction::Expected;

/// A step of the call flow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineEntry {
    /// From the start of the command.
    pub at_ms: Millis,
    /// What happened.
    pub event: TimelineEvent,
    /// With what.
    pub detail: Option<String>,
}

/// Steps of the call flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimelineEvent {
    /// The rendezvous was joined.
    RendezvousJoined,
    /// Its connection was lost.
    RendezvousLost,
    /// It was joined again.
    RendezvousRejoined,
    /// The other side is there.
    PeerJoined,
    /// It has gone.
    PeerLeft,
    /// This side's description was sent.
    DescriptionSent,
    /// The other side's came.
    DescriptionReceived,
    /// A candidate of this side was found.
    CandidateFound,
    /// One of the other side came.
    CandidateReceived,
    /// All candidates of this side are known.
    GatheringComplete,
    /// The other side has said the same of its own.
    RemoteGatheringComplete,
    /// The first check of a pair was sent.
    CheckSent,
    /// The first answer of a pair came.
    CheckSucceeded,
    /// A pair was given up.
    CheckFailed,
    /// A pair was chosen.
    PairNominated,
    /// Nominated, and checked both ways.
    Connected,
    /// Data went both ways.
    DataExchanged,
    /// The path quality is known.
    QualityMeasured,
    /// What the other side recorded came.
    RecordReceived,
    /// The other side ended the session, or was ended.
    PeerEnded,
}

/// How the two sides found each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionReport {
    /// By which way.
    pub mode: SessionMode,
    /// The rendezvous, if there is one.
    pub rendezvous: Option<String>,
    /// The version of the other side, if it told.
    pub peer_version: Option<String>,
    /// Whether the other side's own verdict is known: connected or not, over which pair.
    pub peer_agrees: Option<bool>,
    /// How often the rendezvous was joined again.
    pub reconnects: u32,
    /// Messages that were refused, each kind once.
    pub refused: Vec<String>,
}

/// How descriptions travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionMode {
    /// Through a rendezvous server that somebody runs.
    Rendezvous,
    /// Through a rendezvous server in one of the two sides.
    Embedded,
    /// Lines of text that people carry.
    Manual,
    /// SDP that people or another program carry.
    ManualSdp,
}
