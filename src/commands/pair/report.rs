//! The result of `rtcdiag pair`.

mod failure;
pub mod media;

use std::net::{IpAddr, SocketAddr};

use serde::{Serialize, Serializer};

use crate::base::report::{ErrorReport, Millis};
use crate::base::time::Time;
use crate::commands::gather::report::{CandidateReport, GatherServerReport};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::Cause;
pub use crate::proto::ice::checks::Role;
pub use crate::proto::ice::checks::pair::CheckState;
use crate::proto::ice::facts::NatFacts;
pub use crate::proto::ice::steps::{
    Entry as TimelineEntry, Event as TimelineEvent, StepReport, StepSide,
};
use crate::proto::stun::uri::Transport;
pub use failure::{CutShort, PairEvidence, explain};
pub use media::{DirectionReport, MediaReport};

/// What became of a session with another host. Each side has its own, and both agree.
#[derive(Debug, Clone, Serialize)]
pub struct PairResult {
    /// This side's part (RFC 8445 6.1.1).
    pub role: Role,
    pub state: PairState,
    pub path: Option<PathKind>,
    /// From the moment when both descriptions were known here to the nominated pair.
    pub connected_ms: Option<Millis>,
    pub local: SideReport,
    pub remote: SideReport,
    /// Every pair, by priority; the selected one first.
    pub pairs: Vec<PairReport>,
    pub selected: Option<SelectedReport>,
    pub quality: Option<QualityReport>,
    /// Audio and video with a browser; `None` where they were not tested.
    pub media: Option<Vec<MediaReport>>,
    pub prediction: PredictionReport,
    /// Why there is no direct path, weightiest first; empty where there is one.
    pub causes: Vec<Cause>,
    /// Why no relay helped; empty where one did, or none was needed.
    pub relay_causes: Vec<Cause>,
    pub timeline: Vec<TimelineEntry>,
    /// What belongs to the call, in its order, and at which step it stopped.
    pub steps: Vec<StepReport>,
    pub session: SessionReport,
    /// The places to meet at, in the order in which they were named; empty where people carry the descriptions.
    pub rendezvous: Vec<PlaceReport>,
    /// This side's servers, and for each candidate missing, why.
    pub servers: Vec<GatherServerReport>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum PairState {
    /// Data goes both ways, and both sides say so.
    Connected,
    /// The other side was there, and no pair came about.
    Failed,
    NoPeer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    Direct,
    /// Through a TURN server of one side, or one of each.
    Relayed,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct SideReport {
    /// Its candidates, by priority.
    pub candidates: Vec<CandidateReport>,
    /// Its NAT: that of IPv4 if there is one; `None` if nothing is known of it.
    pub nat: Option<NatFacts>,
    pub nats: Vec<NatFacts>,
    /// Whether it has said that no more candidates will come (RFC 8838 14).
    pub is_complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndReport {
    #[serde(rename = "type")]
    pub kind: CandidateType,
    pub address: IpAddr,
    pub port: u16,
    pub interface: Option<String>,
    /// How its TURN server is talked to, if it is relayed and that is known.
    pub relay_transport: Option<Transport>,
}

/// A candidate pair: one base of this side with one candidate of the other.
#[derive(Debug, Clone, Serialize)]
pub struct PairReport {
    /// This side's: the base, which is a host or a relayed candidate (RFC 8445 6.1.2.4).
    pub local: EndReport,
    pub remote: EndReport,
    /// RFC 8445 6.1.2.3.
    pub priority: u64,
    pub state: CheckState,
    pub nominated: bool,
    pub selected: bool,
    pub path: PathKind,
    pub requests_sent: u32,
    pub responses_received: u32,
    /// Checks of the other side that came by this pair.
    pub requests_received: u32,
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
    pub failure: Option<ErrorReport>,
}

/// The pair that data goes over, as valid pair (RFC 8445 7.2.5.3.2): its local candidate is the one
/// that the other side sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelectedReport {
    pub local: EndReport,
    pub remote: EndReport,
}

/// How good the path is: datagrams sent over it, which the other side sends back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityReport {
    /// Datagrams sent, until the path ended if it did.
    pub sent: u32,
    /// How many of them the other side saw, those that were lost on the way back included; `None` if it did not
    /// tell.
    pub arrived: Option<u32>,
    pub received: u32,
    /// What did not come back, in percent.
    pub loss_percent: f64,
    /// Round trips; `None` if none came back.
    pub rtt_ms: Option<RttReport>,
    /// Interarrival jitter of the other side's datagrams (RFC 3550 6.4.1).
    pub jitter_ms: Option<Millis>,
    /// If the path ended during the test: when, from its beginning.
    pub ended_after_ms: Option<Millis>,
    /// The same with large datagrams; `None` if none were sent.
    pub large: Option<LargeReport>,
    /// The largest datagram that passes each way without being cut into fragments, to 8 bytes.
    pub largest_datagram_bytes: LargestReport,
    /// How it went, in parts of equal length.
    pub course: Vec<SpanReport>,
}

/// What became of the datagrams that were sent in a part of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpanReport {
    /// When it begins, from the beginning of the test.
    pub at_ms: Millis,
    pub sent: u32,
    pub received: u32,
    /// The median of those that came back.
    pub rtt_ms: Option<Millis>,
}

/// Bytes of data, no more than a link of the sender carries; `None` where that was not found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LargestReport {
    /// From this side to the other.
    pub sent: Option<usize>,
    pub received: Option<usize>,
}

/// Datagrams as large as those of video and of DTLS handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LargeReport {
    /// Their length.
    pub bytes: usize,
    pub sent: u32,
    pub received: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RttReport {
    pub min: Millis,
    pub median: Millis,
    /// Only one in twenty was longer.
    pub p95: Millis,
    pub max: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PredictionReport {
    pub expected: Expected,
    /// Whether it came so; `None` where nothing was expected or nothing came of it.
    pub agrees: Option<bool>,
    pub because: String,
}

pub use crate::proto::ice::prediction::Expected;

/// An entry of the timeline as an event of `--jsonl`, whose key `event` says that it is one.
pub(super) fn as_event<S: Serializer>(
    entry: &TimelineEntry,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        at_ms: Millis,
        side: StepSide,
        step: TimelineEvent,
        detail: &'a Option<String>,
    }
    let line = Line {
        at_ms: entry.at_ms,
        side: entry.side,
        step: entry.event,
        detail: &entry.detail,
    };
    line.serialize(serializer)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionReport {
    pub mode: SessionMode,
    pub rendezvous: Option<String>,
    /// The version of the other side, if it told.
    pub peer_version: Option<String>,
    /// Whether the other side's own verdict is known: connected or not, over which pair.
    pub peer_agrees: Option<bool>,
    pub reconnects: u32,
    /// Messages that were refused, each kind once.
    pub refused: Vec<String>,
}

/// A place to meet at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceReport {
    /// As the other side reaches it.
    pub url: String,
    #[serde(skip)]
    pub kind: PlaceKind,
    pub status: PlaceStatus,
    /// Until it was reached, or had failed.
    pub elapsed_ms: Option<Millis>,
    /// Why it was not reached, or is not any more; the last one, where it was reached again.
    pub error: Option<ErrorReport>,
}

impl PlaceReport {
    /// Notes what became of it; how long that took stays what it was the first time.
    pub fn settle(&mut self, now: Time, status: PlaceStatus, error: Option<ErrorReport>) {
        self.elapsed_ms = self.elapsed_ms.or(Some(Millis(now)));
        self.status = status;
        self.error = error;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceStatus {
    /// It was not settled when the run ended.
    Unsettled,
    Reached,
    /// It was reached, and is not any more.
    Lost,
    Failed,
}

impl PlaceStatus {
    /// The same once it is not tried any more.
    #[must_use]
    pub const fn given_up(self) -> Self {
        match self {
            Self::Unsettled | Self::Failed => Self::Failed,
            Self::Reached | Self::Lost => Self::Lost,
        }
    }
}

/// Where a place comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// In this program.
    Lan,
    Public,
    Named,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum SessionMode {
    Rendezvous,
    /// Through a rendezvous server in one of the two sides.
    Embedded,
    Manual,
    ManualSdp,
}
