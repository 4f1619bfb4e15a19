//! The result of `rtcdiag mesh`.

mod session;

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::report::Millis;
use crate::commands::pair::report::PlaceReport;
use crate::proto::ice::causes::Whose;
use crate::proto::mesh::beat::Outcome;
use crate::proto::mesh::lobby::Presence;
use crate::proto::mesh::matrix::{Cause, Edge, Host, Matrix};
pub use session::{of_error, of_session};

/// Who took part, and the way between each two. All members have the same.
#[derive(Debug, Clone, Serialize)]
pub struct MeshResult {
    /// By name.
    pub hosts: Vec<HostReport>,
    /// One for each two hosts.
    pub ways: Vec<WayReport>,
    /// The places to meet at, in the order in which they were named.
    pub rendezvous: Vec<PlaceReport>,
    /// Messages that were refused, each kind once.
    pub refused: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostReport {
    pub name: String,
    /// Whether it is this one.
    pub own: bool,
    pub state: HostState,
    /// The version of rtcdiag there.
    pub version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum HostState {
    Present,
    /// It has said that it goes.
    Left,
    /// It has gone without a word.
    Vanished,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WayReport {
    /// The names of both hosts.
    pub a: String,
    pub b: String,
    pub outcome: WayOutcome,
    /// The median round trip, where there is a path.
    pub rtt_ms: Option<Millis>,
    /// Why it is no better, weightiest first.
    pub causes: Vec<WayCause>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum WayOutcome {
    Direct,
    /// Through a TURN server of one host, or one of each.
    Relayed,
    /// There is a path, and it does not all that it should.
    Unsound,
    Failed,
    /// The two hosts report different things.
    Disputed,
    NotTested,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayCause {
    pub code: Code,
    pub side: WaySide,
    /// The host whose doing it is, if it is one alone's.
    pub host: Option<String>,
    /// One sentence, without a full stop, with the names of the hosts in it.
    pub message: String,
}

/// Whose doing a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum WaySide {
    A,
    B,
    Both,
    Between,
}

impl WayOutcome {
    /// Whether data goes both ways as it should.
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Direct | Self::Relayed)
    }
}

impl MeshResult {
    pub fn new(matrix: &Matrix, rendezvous: Vec<PlaceReport>, refused: Vec<String>) -> Self {
        Self {
            hosts: matrix.hosts.iter().map(HostReport::new).collect(),
            ways: matrix.edges.iter().map(|edge| way(matrix, edge)).collect(),
            rendezvous,
            refused,
        }
    }

    /// The way between two hosts, by name.
    pub fn way(&self, one: &str, other: &str) -> Option<&WayReport> {
        let is_meant =
            |way: &&WayReport| (way.a == one && way.b == other) || (way.a == other && way.b == one);
        self.ways.iter().find(is_meant)
    }
}

impl HostReport {
    pub fn new(host: &Host) -> Self {
        Self {
            name: host.label.clone(),
            own: host.is_own,
            state: match host.presence {
                Presence::Heard | Presence::Present => HostState::Present,
                Presence::Left => HostState::Left,
                Presence::Vanished => HostState::Vanished,
            },
            version: host.software.trim_start_matches("rtcdiag/").to_owned(),
        }
    }
}

pub fn way(matrix: &Matrix, edge: &Edge) -> WayReport {
    let label = |place: usize| matrix.hosts[place].label.clone();
    let [there, back] = edge.rtt;
    let outcome = match edge.outcome {
        _ if edge.is_disputed => WayOutcome::Disputed,
        Outcome::Direct | Outcome::Relayed if !edge.is_sound => WayOutcome::Unsound,
        Outcome::Direct => WayOutcome::Direct,
        Outcome::Relayed => WayOutcome::Relayed,
        Outcome::Failed => WayOutcome::Failed,
        Outcome::Undecided => WayOutcome::NotTested,
    };
    let (a, b) = (label(edge.a), label(edge.b));
    let causes = edge.causes.iter().map(|cause| cause_of(cause, &a, &b));
    WayReport {
        outcome,
        rtt_ms: there.or(back).map(Millis),
        causes: causes.collect(),
        a,
        b,
    }
}

fn cause_of(cause: &Cause, a: &str, b: &str) -> WayCause {
    let (side, host) = match cause.side {
        Whose::Local => (WaySide::A, Some(a.to_owned())),
        Whose::Remote => (WaySide::B, Some(b.to_owned())),
        Whose::Both => (WaySide::Both, None),
        Whose::Between => (WaySide::Between, None),
    };
    WayCause {
        code: cause.code,
        side,
        host,
        message: cause.message.clone(),
    }
}
