//! What one end alone does not prove, and what would.

use crate::base::codes::Code;
use crate::proto::evidence::account::Account;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::evidence::facts::{JudgedCall, is_record};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Cause, Whose};
use crate::proto::nat::address::is_global;

/// Where checks are not counted, the number is that of the pairs they were sent over.
fn over_pairs(text: &str, pairs: Option<usize>, has_record: bool) -> String {
    let Some(pairs) = pairs else {
        return text.to_owned();
    };
    let (counted, over) = match pairs {
        1 => ("this side's only check".to_owned(), "one pair".to_owned()),
        pairs => (
            format!("this side's {pairs} checks"),
            format!("{pairs} pairs"),
        ),
    };
    let text = text.replace(&counted, &format!("this side's checks over {over}"));
    if has_record {
        let missing = "since the other side's record is missing";
        return text.replace(missing, "since the browser does not count them");
    }
    text
}

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
        let is_known = known(&self.local) && known(&self.remote);
        if !has_events && self.standing == Standing::Failed && self.pairs.is_empty() && !is_known {
            return open(
                "when ICE has failed, browsers forget the pairs and the other side's candidates: statistics from before that, or a dump, tell the cause",
            );
        }
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
            let has_record = |account: &Account| is_record(account) || account.servers.is_some();
            let message = if !call.ends[end].as_ref().is_some_and(has_record) {
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
        let seen_once = || self.seen_once().filter(|_| missing.is_none());
        let more = self.only_relayed().or_else(seen_once);
        for cause in self.causes.iter_mut().chain(&mut self.relay_causes) {
            if cause.code != Code::Unknown {
                continue;
            }
            let nat = "rtcdiag nat on each host tells how its NAT maps and filters";
            if let Some(words) = &more {
                cause.message = cause.message.replace(nat, words);
            }
            if let Some(missing) = missing
                && !cause.message.contains(missing)
            {
                cause.message = cause
                    .message
                    .replace(nat, &format!("get {missing}, or run rtcdiag nat there"));
                if !cause.message.contains("dump") {
                    cause.message = format!("{}; {missing} would tell", cause.message);
                }
            }
        }
    }

    /// A side that has a relay and no address that a server saw, though Chromium asks both at once.
    fn only_relayed(&self) -> Option<String> {
        let is_so = |side: &KnownSide| {
            let mut others = side
                .candidates
                .iter()
                .filter(|c| c.kind != CandidateType::Relay);
            side.has_relay()
                && side.blocked.is_none()
                && others.all(|c| c.kind == CandidateType::Host && !is_global(c.address.ip()))
        };
        let (who, whose) = match Whose::of(is_so(&self.local), is_so(&self.remote))? {
            Whose::Local => ("this side has", "its UDP"),
            Whose::Remote => ("the other side has", "its UDP"),
            _ => ("both sides have", "their UDP"),
        };
        Some(format!(
            "{who} a relay and no address that a STUN server saw, so {whose} may be blocked: the dump from there, which has the servers, tells, and so does rtcdiag nat there"
        ))
    }

    /// Both sides were seen by one server each, which does not tell how a NAT maps.
    fn seen_once(&self) -> Option<String> {
        let is_seen = |side: &KnownSide| {
            let mut all = side.candidates.iter();
            side.dependent.is_none() && all.any(|c| c.kind == CandidateType::Srflx)
        };
        (is_seen(&self.local) && is_seen(&self.remote)).then(|| {
            "a NAT that takes a new port for each peer, or a firewall; a second STUN server in iceServers of both ends would tell in the next dump, and rtcdiag nat on each host does now".to_owned()
        })
    }

    /// The rules speak to somebody who runs `rtcdiag pair`.
    pub(super) fn in_words_of_calls(&mut self) {
        let pairs = || self.pairs.iter().chain(&self.forgotten);
        let is_counted = pairs().all(|pair| pair.record.is_counted);
        let checked = pairs().filter(|pair| pair.record.checks() > 0 && !pair.is_relayed());
        let uncounted = (!is_counted).then(|| checked.count());
        let has_record = self.pairs.iter().any(|pair| !pair.record.is_counted);
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
                *text = over_pairs(text, uncounted, has_record);
            }
            cause.message = over_pairs(&cause.message, uncounted, has_record);
        }
    }
}
