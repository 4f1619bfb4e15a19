//! What one end alone does not prove, and what would.

use crate::base::codes::Code;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::JudgedCall;
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::{Cause, Whose};

impl JudgedCall {
    /// What is missing, where a judgement would rest on what the files do not have.
    pub(super) fn too_little(&self, call: &JoinedCall, late_only: bool) -> Option<Cause> {
        if self.path.is_some() {
            return None;
        }
        let open = |message: &str| Some(Cause::new(Code::Unknown, Whose::Between, message));
        if late_only {
            return open(
                "the file was begun in the middle of the call and has neither candidates nor earlier states: open the page before the call",
            );
        }
        let has_events = call.ends.iter().flatten().any(|account| account.has_events);
        let known = |side: &KnownSide| side.told.udp().next().is_some();
        if !has_events && self.standing == Standing::Failed && self.pairs.is_empty() {
            return open(
                "when ICE has failed, browsers forget the pairs and the other side's candidates: statistics from before that, or a dump, tell the cause",
            );
        }
        let is_known = known(&self.local) && known(&self.remote);
        if !has_events && !is_known {
            return open(
                "the candidates of both sides are needed: the other side's description or dump has them",
            );
        }
        None
    }

    /// That a side told nothing better is known; why, is not always.
    pub(super) fn doubt(&self, call: &JoinedCall, causes: &mut [Cause]) {
        for cause in causes {
            let (end, who, side) = match cause.side {
                Whose::Local => (0, "this side", &self.local),
                Whose::Remote => (1, "the other side", &self.remote),
                _ => continue,
            };
            if cause.code != Code::NoCandidates || side.told.udp().next().is_none() {
                continue;
            }
            let message = if call.ends[end].is_none() {
                format!(
                    "{who} told no address that can be reached from outside: its UDP may be blocked, or it has no STUN server that answers"
                )
            } else if side
                .servers
                .iter()
                .flatten()
                .any(|server| server.error.is_some())
            {
                format!(
                    "{who} got no answer from its servers over UDP, so it told no address that can be reached from outside: its UDP is blocked, or they are down, which rtcdiag nat with them tells there"
                )
            } else {
                continue;
            };
            *cause = Cause {
                evidence: std::mem::take(&mut cause.evidence),
                ..Cause::new(Code::Unknown, Whose::Between, message)
            };
        }
    }

    /// An unknown cause says what would make it known.
    pub(super) fn name_what_would_tell(&mut self, call: &JoinedCall) {
        let missing = match (&call.ends[0], &call.ends[1]) {
            (Some(_), None) => Some("the dump of the other side"),
            (None, Some(_)) => Some("the dump of this side"),
            _ => None,
        };
        for cause in self.causes.iter_mut().chain(&mut self.relay_causes) {
            if cause.code != Code::Unknown {
                continue;
            }
            let nat = "rtcdiag nat on each host tells how its NAT maps and filters";
            if let Some(missing) = missing
                && !cause.message.contains(missing)
            {
                cause.message = cause
                    .message
                    .replace(nat, &format!("get {missing}, or run rtcdiag nat there"));
                if !cause.message.contains("get the dump") {
                    cause.message = format!("{}; {missing} would tell", cause.message);
                }
            }
        }
    }

    /// The rules speak to somebody who runs `rtcdiag pair`.
    pub(super) fn in_words_of_calls(&mut self) {
        for cause in self.causes.iter_mut().chain(&mut self.relay_causes) {
            for remedy in &mut cause.remedies {
                for (flag, words) in [
                    (" (-s turns:HOST:443)", " (turns:HOST:443 in iceServers)"),
                    (" (-s turn:HOST)", " (turn:HOST in iceServers)"),
                    (" (-s stun:HOST)", " (stun:HOST in iceServers)"),
                    (
                        "leaving out --policy relay",
                        "iceTransportPolicy all instead of relay",
                    ),
                ] {
                    remedy.message = remedy.message.replace(flag, words);
                }
            }
            for text in &mut cause.evidence {
                *text = text.replace("--policy relay", "iceTransportPolicy: relay");
            }
        }
    }
}
