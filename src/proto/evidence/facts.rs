//! Why a call failed, by what its files tell: the rules of [`crate::proto::ice::causes`], and those of
//! the stages that come after ICE.
//!
//! One end alone proves less. What is not proved is [`Code::Unknown`], with what would tell.

pub mod clocks;
mod gaps;
mod hidden;
mod one_end;
pub mod pairs;
mod promises;
mod relays;
pub mod sides;
pub mod stages;
pub mod standing;
mod turned;

use crate::base::codes::Code;
use crate::proto::evidence::account::{Account, FoundCauses, StateKind};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::{Cause, PairFacts, Party, Situation, Way, Whose};
use crate::proto::ice::prediction::Side;
use pairs::CallPair;
use sides::KnownSide;
use standing::Standing;

/// A call, judged.
#[derive(Debug, Clone)]
pub struct JudgedCall {
    pub local: KnownSide,
    pub remote: KnownSide,
    pub standing: Standing,
    /// How ICE connected them, whatever came after.
    pub path: Option<Way>,
    /// Whether there is one, and the address of its far end alone does not tell whether that is a relay.
    pub is_path_supposed: bool,
    /// Whether it was connected, and nothing tells whether the other side closed it or the path was lost.
    pub is_end_open: bool,
    pub pairs: Vec<CallPair>,
    /// Those that must have been there and have failed, where no file has any.
    pub forgotten: Vec<CallPair>,
    /// Why there is no direct path, and what went wrong after ICE; weightiest first.
    pub causes: Vec<Cause>,
    pub relay_causes: Vec<Cause>,
    /// From the moment when both descriptions were known here until ICE was connected.
    pub connected_ms: Option<f64>,
}

impl JudgedCall {
    /// Whether the call worked as it should, and all of it.
    pub fn is_good(&self) -> bool {
        let later = |cause: &Cause| is_of_later_stage(cause.code);
        self.standing == Standing::Connected && !self.is_end_open && !self.causes.iter().any(later)
    }

    /// Whether any cause is named. That relays alone are wanted is none, for a relay may carry the call.
    pub fn is_explained(&self) -> bool {
        let mut all = self.causes.iter().chain(&self.relay_causes);
        all.any(|cause| !matches!(cause.code, Code::Unknown | Code::RelayOnly))
    }
}

/// Codes of causes that have nothing to do with whether there is a direct path.
pub const fn is_of_later_stage(code: Code) -> bool {
    matches!(
        code,
        Code::DtlsFailed
            | Code::DescriptionFailed
            | Code::NoAnswer
            | Code::CandidatesLost
            | Code::PathLost
            | Code::NoCommonCodec
            | Code::NoMedia
            | Code::SdpBundle
    )
}

pub fn judge(call: &JoinedCall) -> JudgedCall {
    if turned::is_recorded_there(call) {
        return from_here(&turned::turned_call(call)).turned();
    }
    let judged = from_here(call);
    if turned::is_led_there(call) {
        return judged.with_verdict_of(from_here(&turned::turned_call(call)).turned());
    }
    judged
}

/// By the record of this end, if there is any.
fn from_here(call: &JoinedCall) -> JudgedCall {
    let [one, two] = [call.ends[0].as_ref(), call.ends[1].as_ref()];
    let local = KnownSide::new(one, two);
    let remote = KnownSide::new(two, one);
    let mut pairs = pairs::joined(one, two, &local, &remote);
    let up = one.and_then(|account| account.reached(StateKind::Ice, &["connected", "completed"]));
    pairs::before_connected(&mut pairs, up.and_then(|change| change.at));
    let standing = standing_of(call);
    let used = used(&pairs, standing);
    let path = used.and_then(CallPair::way);
    let is_path_supposed = used.is_some() && path.is_none();
    // The two descriptions may be in two files.
    let is_recorded = call
        .ends
        .iter()
        .flatten()
        .any(|account| !account.changes.is_empty());
    let is_described = [&local, &remote]
        .iter()
        .all(|side| !side.told.descriptions.is_empty());
    let standing = match standing {
        // What came of ICE's path is not told, and a certificate that is refused is.
        Standing::Checking if used.is_some() && stages::is_refused_certificate(call) => {
            Standing::DtlsFailed
        }
        Standing::Unanswered if is_recorded && is_described => Standing::Untried,
        Standing::Nothing if is_of_servers_alone(call) => Standing::Untried,
        // Descriptions and candidates of both ends say nothing of what was tried, in one file or in two.
        Standing::Untried if !call.ends.iter().flatten().any(is_record) => Standing::Unanswered,
        standing => standing,
    };
    // An end that was closed has gone, and nothing was lost.
    let has_gone = is_closed(call) || call.ends.iter().flatten().any(stages::has_left);
    let lost = stages::path_lost(call, standing);
    let is_end_open = lost
        .as_ref()
        .is_some_and(|cause| cause.code == Code::Unknown);
    let standing = match standing {
        Standing::Lost if is_end_open || has_gone && lost.is_none() => Standing::Connected,
        standing => standing,
    };
    let is_forgotten = pairs.is_empty()
        && standing == Standing::Failed
        && !call.ends.iter().flatten().any(|a| a.has_events);
    let forgotten = if is_forgotten {
        pairs::forgotten(&local, &remote)
    } else {
        Vec::new()
    };
    let mut judged = JudgedCall {
        connected_ms: call.ends.iter().flatten().find_map(connected_ms),
        local,
        remote,
        standing,
        path,
        is_path_supposed,
        is_end_open,
        pairs,
        forgotten,
        causes: Vec::new(),
        relay_causes: Vec::new(),
    };
    judged.find_causes(call);
    judged.hedge(call);
    judged.mind_gaps(call);
    judged
}

/// Whether nothing is seen of it but what servers said.
fn is_of_servers_alone(call: &JoinedCall) -> bool {
    let mut all = call.ends.iter().flatten();
    all.any(|account| account.is_of_servers_alone)
}

/// Whether it tells of anything that happened.
fn is_record(account: &Account) -> bool {
    account.has_events
        || !account.changes.is_empty()
        || !account.pairs.is_empty()
        || account.dtls.state.is_some()
}

fn is_closed(call: &JoinedCall) -> bool {
    let mut all = call.ends.iter().flatten();
    all.any(|account| account.reached(StateKind::Closed, &["closed"]).is_some())
}

/// Of both ends, that which says more: a failure before a success, but nothing before something.
fn standing_of(call: &JoinedCall) -> Standing {
    let mut all: Vec<Standing> = call.ends.iter().flatten().map(Standing::of).collect();
    all.sort();
    let trouble = [Standing::DtlsFailed, Standing::Insecure, Standing::Lost];
    // Who is not yet checking may be at an end that waits for something.
    trouble
        .into_iter()
        .find(|standing| all.contains(standing))
        .or(all.last().copied())
        .unwrap_or(Standing::Nothing)
}

fn used(pairs: &[CallPair], standing: Standing) -> Option<&CallPair> {
    let selected = pairs.iter().find(|pair| pair.record.is_selected);
    let worked = standing >= Standing::Insecure;
    selected.filter(|pair| worked || pair.works())
}

/// Why it is not known what came of a path that ICE found.
fn half_seen(account: &Account) -> Option<String> {
    const HALF: &str = "ICE has found a way, DTLS was begun over it, and neither media nor data is in the capture, so whether the handshake ended well is not told; the dump of the browser tells";
    const BARE: &str = "ICE has found a way, and neither DTLS nor media is in the capture: it was begun later, or nothing of them was sent; the dump of the browser tells";
    let gap = account.gap.clone();
    let words = if account.dtls.role.is_some() {
        HALF
    } else {
        BARE
    };
    gap.or_else(|| account.is_bare_ice.then(|| words.to_owned()))
}

fn connected_ms(account: &Account) -> Option<f64> {
    let own = account.own.descriptions.first()?.0?;
    let other = account.other.descriptions.first()?.0?;
    let up = account
        .reached(StateKind::Ice, &["connected", "completed"])?
        .at?;
    Some(up - own.max(other)).filter(|ms| *ms >= 0.0)
}

/// What `rtcdiag pair` found on this end, if nothing but such files tells of the call.
fn found_by_pair(call: &JoinedCall) -> Option<&FoundCauses> {
    let mut all = call.ends.iter().flatten();
    let found = call.ends[0].as_ref()?.found.as_ref();
    let is_all = all.all(|account| account.found.is_some());
    found.filter(|found| is_all && !found.causes.is_empty())
}

impl JudgedCall {
    /// Whether ICE found a way, relayed or not.
    pub const fn has_path(&self) -> bool {
        self.path.is_some() || self.is_path_supposed
    }

    fn find_causes(&mut self, call: &JoinedCall) {
        if is_of_servers_alone(call) {
            self.relay_causes = self.of_servers();
            self.in_words_of_calls();
            return;
        }
        let late_only = call.ends.iter().flatten().all(|account| account.is_late);
        let before_ice = stages::glare(call, self.standing)
            .or_else(|| stages::not_described(call, self.standing))
            .or_else(|| stages::altered(call, self.standing))
            .or_else(|| stages::refused_checks(call, self.standing))
            .or_else(|| stages::deaf(call, self.standing))
            .or_else(|| stages::no_answer(call));
        if let Some(cause) = before_ice {
            // What is refused is no way, whatever the end takes it for that was answered itself.
            if cause.code == Code::Unauthorized {
                (self.path, self.is_path_supposed) = (None, false);
            }
            self.causes.push(cause);
            return;
        }
        if let Some(cause) = stages::unbundled(call, self.standing) {
            // Without the descriptions it is not known what is waited for.
            if cause.code == Code::Unknown {
                self.standing = Standing::Checking;
            }
            self.causes.push(cause);
            return;
        }
        if self.standing == Standing::Nothing || self.standing == Standing::Unanswered {
            self.causes.extend(stages::no_common_codec(call));
            return;
        }
        let later = [
            stages::dtls(call, self.standing),
            stages::path_lost(call, self.standing),
            stages::no_common_codec(call),
            stages::no_media(call, self.standing),
        ];
        self.causes.extend(later.into_iter().flatten());
        if self.has_path()
            && self.standing == Standing::Checking
            && let Some(why) = call.ends.iter().flatten().find_map(half_seen)
        {
            self.causes
                .push(Cause::new(Code::Unknown, Whose::Between, why));
            // Why the way is no direct one is known all the same, where nothing is missing.
            let has_gap = call.ends.iter().flatten().any(|end| end.gap.is_some());
            if has_gap || self.path != Some(Way::Relayed) {
                return;
            }
        }
        if self.is_path_supposed
            || self.path == Some(Way::Direct)
            || (self.path.is_none() && self.standing >= Standing::Insecure)
        {
            return;
        }
        if !self.has_path()
            && let Some(cause) = stages::candidates_lost(call).or_else(|| stages::some_lost(call))
        {
            self.causes.insert(0, cause);
            return;
        }
        if let Some(found) = found_by_pair(call) {
            self.causes.extend(found.causes.iter().cloned());
            self.relay_causes.clone_from(&found.relay_causes);
            return;
        }
        let (direct, relay) = if let Some(open) = self.too_little(call, late_only) {
            (vec![open], Vec::new())
        } else {
            self.by_rules(call)
        };
        self.causes.extend(direct);
        self.relay_causes = relay;
        self.name_what_would_tell(call);
        self.in_words_of_calls();
    }

    /// Why there is no relay, where nothing but the servers is known.
    fn of_servers(&self) -> Vec<Cause> {
        let some = [relays::some_address()];
        let situation = Situation {
            local: party(&self.local, &some, &[]),
            remote: party(&self.remote, &some, &[]),
            pairs: &[],
            path: None,
        };
        let mut causes = situation.relay_causes();
        for cause in &mut causes {
            self.silent_server(cause);
            let seen = "no connectivity check is in the capture";
            cause.evidence.push(seen.to_owned());
        }
        causes
    }

    fn by_rules(&self, call: &JoinedCall) -> (Vec<Cause>, Vec<Cause>) {
        let direct = self.path.is_none().then(|| self.hidden()).flatten();
        let facts: Vec<PairFacts> = self
            .pairs
            .iter()
            .chain(&self.forgotten)
            .filter_map(|pair| pair.facts(&self.remote))
            .filter(|pair| {
                pair.sent > 0 || pair.received > 0 || pair.failure != Some(Code::NotChecked)
            })
            .collect();
        let (local, remote) = (
            hidden::with_hidden(&self.local, &self.remote),
            hidden::with_hidden(&self.remote, &self.local),
        );
        // What is forbidden there, the other end's file alone has.
        let is_forbidden_there = call.ends[1].as_ref().and_then(pairs::forbidden).is_some();
        let (local_codes, remote_codes) = (
            relays::troubles(&facts, CandidateType::Relay),
            Vec::from_iter(is_forbidden_there.then_some(Code::ForbiddenIp)),
        );
        let situation = Situation {
            local: party(&self.local, &local, &local_codes),
            remote: party(&self.remote, &remote, &remote_codes),
            pairs: &facts,
            path: self.path,
        };
        let causes = match direct {
            Some(cause) => vec![cause],
            None => situation.causes(),
        };
        let mut causes: Vec<Cause> = causes
            .into_iter()
            .map(|cause| self.with_proof(cause))
            .collect();
        self.doubt(call, &mut causes);
        self.without_servers(&mut causes);
        self.in_one_network(&mut causes);
        let told = relays::with_some_address(&self.local, &remote);
        let mut relay = if self.has_given_up() {
            Situation {
                remote: party(&self.remote, &told, &remote_codes),
                ..situation
            }
            .relay_causes()
        } else {
            Vec::new()
        };
        self.doubt(call, &mut relay);
        for cause in &mut relay {
            self.silent_server(cause);
            self.given_up_at_once(call, cause);
            self.without_configuration(cause);
            relays::inferred(call, cause);
        }
        if let Some(cause) = self.policy_without_server() {
            relay = vec![cause];
        }
        (causes, relay)
    }

    /// The one port that servers were asked at where UDP is blocked.
    fn only_port(&self, side: Whose) -> Option<u16> {
        match side {
            Whose::Local => self.local.only_port,
            Whose::Remote => self.remote.only_port,
            _ => self
                .local
                .only_port
                .filter(|port| self.remote.only_port == Some(*port)),
        }
    }

    /// What the files show in place of a test.
    fn with_proof(&self, mut cause: Cause) -> Cause {
        let of = |side: Whose, proof: fn(&KnownSide) -> &Option<String>| -> Vec<String> {
            let mut all = Vec::new();
            if side != Whose::Remote {
                all.extend(
                    proof(&self.local)
                        .iter()
                        .map(|text| format!("this side: {text}")),
                );
            }
            if side != Whose::Local {
                all.extend(
                    proof(&self.remote)
                        .iter()
                        .map(|text| format!("the other side: {text}")),
                );
            }
            all
        };
        let proofs = match cause.code {
            Code::UdpBlocked => of(cause.side, |side| &side.blocked),
            Code::EndpointDependentMapping => of(cause.side, |side| &side.dependent),
            _ => Vec::new(),
        };
        if let (Code::UdpBlocked, Some(port)) = (cause.code, self.only_port(cause.side)) {
            cause.message = format!("{}, at least to port {port}", cause.message);
        }
        if !proofs.is_empty() {
            cause.evidence.retain(|text| {
                !text.contains("unknown mapping") && !text.contains("no server answers")
            });
            cause.evidence.splice(0..0, proofs);
        }
        cause
    }
}

fn party<'a>(known: &'a KnownSide, candidates: &'a [Candidate], troubles: &'a [Code]) -> Party<'a> {
    Party {
        side: Side {
            nats: &known.nats,
            candidates,
            relay_only: known.relay_only,
        },
        servers: known.servers.as_deref(),
        troubles,
        left_out: None,
        own_relays: &[],
        found: &known.found,
        tunnels: &[],
    }
}
