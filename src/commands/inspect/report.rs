//! The result of `rtcdiag inspect`.

mod ends;
mod media;
mod timeline;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::report::{ErrorReport, Millis};
use crate::commands::pair::report::{PairState, PathKind};
use crate::commands::sdp::report::SdpResult;
use crate::proto::evidence::account::{Account, FileKind, Record, Told};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Cause, Way};
use crate::proto::ice::checks::Role;
use crate::proto::ice::checks::pair::CheckState;
use crate::proto::ice::facts::NatFacts;
pub use crate::proto::ice::steps::{Entry as CallStep, Event as CallEvent, StepReport, StepSide};
use crate::proto::stun::uri::Transport;
pub use media::{MANY, MediaReport};

/// Candidates and pairs of one call that are printed; a call has some dozens.
pub const MAX_LISTED: usize = 2000;

/// Calls whose descriptions are held against each other line by line; with more, nobody reads it.
const DESCRIBED: usize = 50;

/// Everything that the files tell.
#[derive(Debug, Clone, Serialize)]
pub struct InspectResult {
    pub sources: Vec<SourceReport>,
    /// Each call that one of the files tells of, in the order of the files.
    pub calls: Vec<CallReport>,
}

/// One file.
#[derive(Debug, Clone, Serialize)]
pub struct SourceReport {
    pub file: String,
    /// `None` if it is none of those that are read.
    pub kind: Option<FileKind>,
    /// Which end's it is in its first call: 0 is that of the first file.
    pub side: Option<usize>,
    /// The calls that it tells of, by their places.
    pub calls: Vec<usize>,
    pub agent: Option<String>,
    /// RFC 3339, by the clock of the machine that made it.
    pub captured_at: Option<String>,
}

/// One call, with the keys of the result of `pair` where the files have something for them.
#[derive(Debug, Clone, Serialize)]
pub struct CallReport {
    pub role: Option<Role>,
    /// `None` if it was not settled when the files were saved.
    pub state: Option<PairState>,
    /// How ICE connected the two, whatever came after.
    pub path: Option<PathKind>,
    pub connected_ms: Option<Millis>,
    pub local: CallSide,
    pub remote: CallSide,
    pub pairs: Vec<CallPairReport>,
    pub selected: Option<CallEnds>,
    pub causes: Vec<Cause>,
    pub relay_causes: Vec<Cause>,
    pub dtls: Option<DtlsReport>,
    /// `None` if neither descriptions nor statistics tell of media.
    pub media: Option<Vec<MediaReport>>,
    /// `None` if offer and answer are not both known.
    pub sdp: Option<SdpResult>,
    /// From the first moment that the files tell of.
    pub timeline: Vec<CallStep>,
    /// What belongs to the call, in its order, and at which step it stopped, as far as the files tell.
    pub steps: Vec<StepReport>,
    /// How far it came, for people.
    #[serde(skip)]
    pub standing: Standing,
    #[serde(skip)]
    pub facts: CallFacts,
    /// Offers and answers that a program could not make or did not take, with whose it was.
    #[serde(skip)]
    pub failures: Vec<String>,
    /// Candidates that came to a side, and that its program did not take.
    #[serde(skip)]
    pub refused: Vec<String>,
}

/// What the verdict needs beside the result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct CallFacts {
    pub is_good: bool,
    pub is_explained: bool,
    /// Whether nothing tells if the other side closed the call or the path was lost.
    pub is_end_open: bool,
    /// Whether a file lacks parts of the call.
    pub has_gap: bool,
    /// Whether files of both ends are there.
    pub has_both_ends: bool,
    pub is_late: bool,
    /// The end of the path in use of which the address alone is known.
    pub may_be_relay: Option<usize>,
    /// How many candidates each end has in the files, and how many pairs the call has.
    pub candidates: [usize; 2],
    pub pairs: usize,
}

/// One end of a call.
#[derive(Debug, Clone, Serialize)]
pub struct CallSide {
    pub candidates: Vec<CallCandidate>,
    pub nat: Option<NatFacts>,
    pub nats: Vec<NatFacts>,
    pub is_complete: bool,
    /// `None` if no file has its configuration.
    pub servers: Option<Vec<CallServer>>,
}

/// A server that an end was given.
#[derive(Debug, Clone, Serialize)]
pub struct CallServer {
    pub uri: String,
    /// What the program said of it; silence is not told.
    pub error: Option<ErrorReport>,
}

/// A candidate. Browsers hide addresses: then it has a name, or nothing.
#[derive(Debug, Clone, Serialize)]
pub struct CallCandidate {
    #[serde(rename = "type")]
    pub kind: CandidateType,
    pub transport: Transport,
    pub address: Option<String>,
    pub port: u16,
    pub related_address: Option<String>,
    pub related_port: Option<u16>,
    pub foundation: String,
    pub component: u16,
    pub priority: u32,
    pub server: Option<String>,
    pub relay_transport: Option<Transport>,
    pub found_ms: Option<Millis>,
    /// Whether it was told to the other end, by what the files have.
    pub signalled: bool,
    pub sdp: Option<String>,
}

/// One end of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallEnd {
    #[serde(rename = "type")]
    pub kind: CandidateType,
    pub address: Option<String>,
    pub port: u16,
    pub relay_transport: Option<Transport>,
}

/// The ends of the pair in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallEnds {
    pub local: CallEnd,
    pub remote: CallEnd,
}

/// A candidate pair.
#[derive(Debug, Clone, Serialize)]
pub struct CallPairReport {
    pub local: CallEnd,
    pub remote: CallEnd,
    pub priority: u64,
    /// By its counters, not by what the program called it.
    pub state: CheckState,
    pub nominated: bool,
    pub selected: bool,
    /// `None` if nothing but packets of the other end tells whether its address is a relay.
    pub path: Option<PathKind>,
    /// `None` if the program does not count them.
    pub requests_sent: Option<u32>,
    pub responses_received: Option<u32>,
    pub requests_received: Option<u32>,
    pub responses_sent: Option<u32>,
    /// How many requests the other end saw; `None` if no file tells.
    pub requests_arrived: Option<u32>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub rtt_ms: Option<Millis>,
    /// At the latest: statistics are taken each second.
    pub first_sent_ms: Option<Millis>,
    pub first_answered_ms: Option<Millis>,
    pub failure: Option<ErrorReport>,
}

/// The DTLS association, by this end's files if there are any.
#[derive(Debug, Clone, Serialize)]
pub struct DtlsReport {
    pub state: Option<String>,
    /// This end's.
    pub role: Option<String>,
    pub version: Option<String>,
    pub cipher: Option<String>,
    pub local_fingerprint: Option<String>,
    pub remote_fingerprint: Option<String>,
    pub alert: Option<String>,
}

/// A time in a call, from its beginning.
fn since(began: Option<f64>, at: Option<f64>) -> Option<Millis> {
    span(at? - began?)
}

/// Milliseconds, where they are sensible.
fn span(ms: f64) -> Option<Millis> {
    // A clock that was set in between.
    const LONGEST_MS: f64 = 1e12;
    (ms.is_finite() && ms < LONGEST_MS)
        .then(|| Millis(Duration::from_secs_f64(ms.max(0.0) / 1000.0)))
}

impl InspectResult {
    /// Each call is let go when its report is made: of thousands, both together need much memory.
    pub fn new(names: &[String], records: &[Record], joined: Vec<JoinedCall>) -> Self {
        let sources = names
            .iter()
            .zip(records)
            .enumerate()
            .map(|(file, (name, record))| {
                let of_file = |call: &&JoinedCall| call.files.iter().any(|(of, _)| *of == file);
                let first = joined.iter().find(of_file);
                let side = first.and_then(|call| call.files.iter().find(|(of, _)| *of == file));
                SourceReport {
                    file: name.clone(),
                    kind: record.kind,
                    side: side.map(|(_, side)| *side),
                    calls: joined
                        .iter()
                        .enumerate()
                        .filter(|(_, call)| of_file(call))
                        .map(|(place, _)| place)
                        .collect(),
                    agent: record.agent.clone(),
                    captured_at: record.captured_at.and_then(rfc3339),
                }
            })
            .collect();
        let calls = joined
            .into_iter()
            .enumerate()
            .map(|(place, call)| CallReport::new(&call, place < DESCRIBED));
        Self {
            sources,
            calls: calls.collect(),
        }
    }
}

fn rfc3339(ms: f64) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "out of range is no time")]
    let time = jiff::Timestamp::from_millisecond(ms as i64).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

impl CallReport {
    fn new(call: &JoinedCall, with_sdp: bool) -> Self {
        let mut judged = facts::judge(call);
        let media = media::media(call);
        let has_both_ends = call.ends.iter().all(Option::is_some);
        if judged.standing == Standing::Connected
            && !judged
                .causes
                .iter()
                .any(|cause| facts::is_of_later_stage(cause.code))
        {
            let rows = media.as_deref().unwrap_or_default();
            judged.causes.extend(media::one_way(rows, has_both_ends));
        }
        let began = timeline::began(call);
        let is_over = judged.standing >= Standing::Failed;
        let (timeline, untimed) = timeline::steps(call, &judged);
        // Descriptions and candidates alone do not tell whether anything was tried.
        let has_events = call.ends.iter().flatten().any(|account| account.has_events);
        let dtls = call.ends[0]
            .as_ref()
            .map(|account| DtlsReport::of(account, false))
            .or_else(|| {
                call.ends[1]
                    .as_ref()
                    .map(|account| DtlsReport::of(account, true))
            });
        // Where the record ends while something may be on its way, nothing is settled.
        let is_open = judged.standing < Standing::Checking
            && !judged.causes.is_empty()
            && judged
                .causes
                .iter()
                .all(|cause| cause.code == Code::Unknown);
        let has_gap = call
            .ends
            .iter()
            .flatten()
            .any(|account| account.gap.is_some());
        let is_open = is_open || has_gap && judged.standing < Standing::Failed;
        let is_told = has_events || judged.standing >= Standing::Failed;
        let settled = state(judged.standing).filter(|_| is_told && !is_open);
        let role = call.ends[0].as_ref().and_then(|account| account.role);
        Self {
            role,
            state: settled,
            path: judged.path.map(path_kind),
            connected_ms: judged.connected_ms.and_then(span),
            local: CallSide::new(&judged.local, call.ends[0].as_ref(), began),
            remote: CallSide::new(&judged.remote, call.ends[1].as_ref(), began),
            pairs: judged
                .pairs
                .iter()
                .take(MAX_LISTED)
                .map(|pair| CallPairReport::new(pair, &judged.remote, is_over, began))
                .collect(),
            selected: judged
                .pairs
                .iter()
                .find(|pair| pair.record.is_selected)
                .filter(|_| judged.has_path())
                .map(|pair| CallEnds {
                    local: CallEnd::of(&pair.record.local, &judged.local),
                    remote: CallEnd::of(&pair.record.remote, &judged.remote),
                }),
            dtls: dtls.filter(|dtls| dtls.state.is_some() || dtls.alert.is_some()),
            media,
            sdp: with_sdp.then(|| media::described(call)).flatten(),
            steps: timeline::in_order(&timeline, untimed, (settled, role)),
            timeline,
            facts: CallFacts {
                may_be_relay: judged.is_path_supposed.then(|| {
                    let has_pairs = |account: &Account| !account.pairs.is_empty();
                    usize::from(call.ends[0].as_ref().is_some_and(has_pairs))
                }),
                is_good: judged.is_good(),
                is_explained: judged.is_explained(),
                is_end_open: judged.is_end_open,
                has_gap,
                has_both_ends,
                candidates: [0, 1].map(|end| candidates_of(call, end)),
                pairs: judged.pairs.len(),
                is_late: call.ends.iter().flatten().all(|account| account.is_late),
            },
            failures: failures(call),
            refused: refused(call),
            standing: judged.standing,
            causes: judged.causes,
            relay_causes: judged.relay_causes,
        }
    }
}

fn refused(call: &JoinedCall) -> Vec<String> {
    let sides = [
        ("this side", "the other side"),
        ("the other side", "this side"),
    ];
    let all = sides
        .into_iter()
        .zip(&call.ends)
        .filter_map(|((who, from), end)| {
            let refused = facts::stages::refused(end.as_ref()?)?;
            Some(format!("{who} did not take {refused} of {from}"))
        });
    all.collect()
}

/// What went wrong with descriptions, whatever came of it.
fn failures(call: &JoinedCall) -> Vec<String> {
    let sides = ["this side", "the other side"].into_iter().zip(&call.ends);
    let all = sides.flat_map(|(who, end)| {
        let failures = end.iter().flat_map(|account| &account.failures);
        failures.map(move |failure| format!("{who}: {}", failure.text()))
    });
    all.collect::<BTreeSet<String>>().into_iter().collect()
}

/// How many candidates the files have of an end: by its own, or by those of the other one.
fn candidates_of(call: &JoinedCall, end: usize) -> usize {
    let count = |end: usize, told: fn(&Account) -> &Told| {
        let account = call.ends[end].as_ref();
        account.map_or(0, |account| told(account).candidates.len())
    };
    count(end, |account| &account.own).max(count(1 - end, |account| &account.other))
}

const fn state(standing: Standing) -> Option<PairState> {
    match standing {
        Standing::Connected => Some(PairState::Connected),
        // With no pair to try, browsers wait for ever.
        Standing::Untried
        | Standing::Failed
        | Standing::Insecure
        | Standing::DtlsFailed
        | Standing::Lost => Some(PairState::Failed),
        Standing::Unanswered => Some(PairState::NoPeer),
        Standing::Nothing | Standing::Checking => None,
    }
}

const fn path_kind(way: Way) -> PathKind {
    match way {
        Way::Direct => PathKind::Direct,
        Way::Relayed => PathKind::Relayed,
    }
}

impl DtlsReport {
    fn of(account: &Account, is_other_end: bool) -> Self {
        let dtls = &account.dtls;
        let version = dtls.version.as_deref().map(|version| match version {
            "FEFC" | "fefc" => "DTLS 1.3".to_owned(),
            "FEFD" | "fefd" => "DTLS 1.2".to_owned(),
            "FEFF" | "feff" => "DTLS 1.0".to_owned(),
            other => other.to_owned(),
        });
        let role = dtls.role.as_deref().map(|role| match (role, is_other_end) {
            ("client", true) => "server".to_owned(),
            ("server", true) => "client".to_owned(),
            (role, _) => role.to_owned(),
        });
        let (mut local, mut remote) = (dtls.own_fingerprint.clone(), dtls.peer_fingerprint.clone());
        if is_other_end {
            std::mem::swap(&mut local, &mut remote);
        }
        Self {
            state: dtls.state.clone(),
            role,
            version,
            cipher: dtls.cipher.clone(),
            local_fingerprint: local,
            remote_fingerprint: remote,
            alert: dtls.alert.clone(),
        }
    }
}
