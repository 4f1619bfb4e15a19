//! The record of one candidate pair.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::base::time::Time;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::checks::Role;
use crate::proto::nat::SendError;
use crate::proto::stun::message::ErrorResponse;

/// The state of a pair (RFC 8445 6.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// Waits for the TURN server's permission.
    Frozen,
    Waiting,
    /// Checked, not answered yet.
    InProgress,
    Succeeded,
    /// Cannot be checked, or was answered in a way that rules it out.
    Failed,
}

/// What a TURN server says to sending to a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Permission {
    #[default]
    NotNeeded,
    /// It has been asked.
    Pending,
    Granted,
    /// It does not: the code and text of its error, or none if it did not answer.
    Refused(Option<ErrorResponse>),
}

/// One base of this side with one candidate of the other, and all that happened between them.
// Each says of another thing whether it happened.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone)]
pub struct Pair {
    pub base: usize,
    pub is_relay_base: bool,
    pub remote: SocketAddr,
    /// How it was learned: from a description, or from a check (peer reflexive).
    pub remote_kind: CandidateType,
    pub remote_priority: u32,
    /// RFC 8445 6.1.2.3.
    pub priority: u64,
    /// See [`Permission`].
    pub permission: Permission,
    pub sent: u32,
    pub answered: u32,
    /// Checks of the other side.
    pub requests_in: u32,
    pub answers_out: u32,
    pub rtts: Vec<Duration>,
    pub first_sent: Option<Time>,
    pub last_sent: Option<Time>,
    pub first_answered: Option<Time>,
    /// XOR-MAPPED-ADDRESS of the last answer.
    pub mapped: Option<SocketAddr>,
    pub send_error: Option<SendError>,
    pub error: Option<ErrorResponse>,
    /// Whether that rules the pair out (RFC 8445 7.2.5.2.4).
    pub(super) is_refused: bool,
    /// An answer came from another address than was asked (RFC 8445 7.2.5.2.1).
    pub answered_elsewhere: Option<SocketAddr>,
    /// Whether a check with USE-CANDIDATE was sent or came.
    pub nominated: bool,
    pub(super) due: Time,
    /// A check of the other side wants an answer of ours (RFC 8445 7.3.1.4).
    pub(super) triggered: bool,
    /// Whether the engine has it.
    pub(super) is_engaged: bool,
    /// Whether its base is gone.
    pub is_ended: bool,
    /// When it was checked since both sides are at it; the first ones only.
    pub(super) chances: Vec<Time>,
    /// When the check was sent that was answered first.
    pub(super) first_heard: Option<Time>,
}

/// Gaps between checks of a pair, in milliseconds; the last one goes on.
const DIRECT_GAPS: [u64; 12] = [20, 20, 20, 30, 30, 30, 50, 50, 100, 100, 100, 200];
const RELAYED_GAPS: [u64; 7] = [50, 50, 100, 100, 200, 200, 400];

/// Answers that a pair is checked for: one makes it valid, more tell its round trip.
const ENOUGH_ANSWERS: u32 = 3;
/// The same for relayed ones as long as direct ones are hoped for: more tell the loss.
const LOSS_ANSWERS: u32 = 8;

/// Checks whose times are kept: the most that a direct pair gets as its chance.
pub(super) const MOST_CHANCES: usize = 12;

/// Priorities below this are those of relayed candidates (RFC 8445 5.1.2.2: type preference 0).
const RELAYED_PRIORITIES: u32 = 1 << 24;

/// Checks without an answer after which a pair is not checked any more once one was chosen.
pub const ENOUGH_CHECKS: u32 = 8;

impl Pair {
    /// Whether a relay takes part. A check from a relayed address may come before its candidate
    /// does, but has the priority of one.
    pub fn is_relayed(&self) -> bool {
        self.is_relay_base
            || match self.remote_kind {
                CandidateType::Relay => true,
                CandidateType::Prflx => (1..RELAYED_PRIORITIES).contains(&self.remote_priority),
                CandidateType::Host | CandidateType::Srflx => false,
            }
    }

    /// RFC 8445 6.1.2.6, from what happened.
    pub fn state(&self) -> CheckState {
        if self.answered_elsewhere.is_some() {
            CheckState::Failed
        } else if self.answered > 0 {
            CheckState::Succeeded
        } else if self.is_ended
            || self.is_refused
            || matches!(self.permission, Permission::Refused(_))
            || self.cannot_send()
        {
            CheckState::Failed
        } else if self.permission == Permission::Pending {
            CheckState::Frozen
        } else if self.sent > 0 {
            CheckState::InProgress
        } else {
            CheckState::Waiting
        }
    }

    /// Whether data can go over it (RFC 8445 7.2.5.3.2).
    pub fn is_valid(&self) -> bool {
        self.state() == CheckState::Succeeded
    }

    /// A port that refuses may be a router that refuses until the other side has sent something.
    fn cannot_send(&self) -> bool {
        match self.send_error {
            None => false,
            Some(SendError::Refused) => self.sent >= ENOUGH_CHECKS,
            Some(
                SendError::Unreachable
                | SendError::Forbidden
                | SendError::Broadcast
                | SendError::Rejected(_)
                | SendError::Other,
            ) => true,
        }
    }

    pub fn rtt(&self) -> Option<Duration> {
        let mut sorted = self.rtts.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().checked_sub(1)? / 2).copied()
    }

    /// Whether it wants another check.
    pub(super) fn wants_check(&self, is_settled: bool) -> bool {
        match self.state() {
            CheckState::Frozen | CheckState::Failed => false,
            CheckState::Succeeded => {
                let enough = if self.is_relayed() && !is_settled {
                    LOSS_ANSWERS
                } else {
                    ENOUGH_ANSWERS
                };
                !self.is_ended && self.answered < enough && self.sent < 4 * ENOUGH_CHECKS
            }
            CheckState::Waiting | CheckState::InProgress => {
                !is_settled || self.sent < ENOUGH_CHECKS
            }
        }
    }

    pub(super) fn note_sent(&mut self, now: Time, has_chance: bool) {
        let gaps: &[u64] = if self.is_relayed() {
            &RELAYED_GAPS
        } else {
            &DIRECT_GAPS
        };
        // With the first real chance the short gaps begin anew.
        let place = if has_chance && !self.is_relayed() {
            self.chances.len()
        } else {
            self.sent as usize
        };
        let place = place.min(gaps.len() - 1);
        if has_chance && self.chances.len() < MOST_CHANCES {
            self.chances.push(now);
        }
        self.due = now + Duration::from_millis(gaps[place]);
        self.sent += 1;
        self.triggered = false;
        self.first_sent.get_or_insert(now);
        self.last_sent = Some(now);
    }

    /// RFC 8445 6.1.2.3, from the priorities of both candidates.
    pub(super) fn set_priority(&mut self, local: u32, role: Role) {
        let (local, remote) = (u64::from(local), u64::from(self.remote_priority));
        let (controlling, controlled) = match role {
            Role::Controlling => (local, remote),
            Role::Controlled => (remote, local),
        };
        self.priority = (controlling.min(controlled) << 32)
            + 2 * controlling.max(controlled)
            + u64::from(controlling > controlled);
    }
}
