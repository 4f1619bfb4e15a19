//! What one end alone does not prove, and what would.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::base::codes::Code;
use crate::proto::evidence::account::{Account, StateKind, ToldCandidate};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::pairs::CallPair;
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::evidence::facts::{JudgedCall, is_record};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Cause, ServerFacts, Whose};
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::Transport;

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
    if !has_record {
        return text;
    }
    // Whose checks arrived is counted by nobody.
    let missing = [
        "since the other side's record is missing",
        "since the other side does not tell",
    ];
    let came = text.replace(
        "got no answer and none of the other side's arrived here; whether",
        "got no answer; whether",
    );
    let unknown = "since the browser does not count them";
    missing
        .iter()
        .fold(came, |text, missing| text.replace(missing, unknown))
}

/// The network that both sides have different private addresses of, as far as those tell.
fn common_net(one: &KnownSide, two: &KnownSide) -> Option<String> {
    let hosts = |side: &KnownSide| -> Vec<Ipv4Addr> {
        let hosts = side.candidates.iter();
        let hosts = hosts.filter(|c| c.kind == CandidateType::Host && !is_global(c.address.ip()));
        let v4 = hosts.filter_map(|c| match c.address.ip() {
            IpAddr::V4(ip) if !ip.is_unspecified() => Some(ip),
            _ => None,
        });
        v4.collect()
    };
    let net = |ip: &Ipv4Addr| [ip.octets()[0], ip.octets()[1], ip.octets()[2]];
    let others = hosts(two);
    let mut near = hosts(one).into_iter().filter(|ip| {
        let mut others = others.iter();
        others.any(|other| other != ip && net(other) == net(ip))
    });
    let [a, b, c] = net(&near.next()?);
    Some(format!("{a}.{b}.{c}.0/24"))
}

/// A server that answers over UDP, and with nothing but a refusal.
fn refuses_over_udp(side: &KnownSide) -> Option<&ServerFacts> {
    let mut rows = side.servers.iter().flatten();
    rows.find(|row| row.transport == Transport::Udp && row.error.is_some_and(is_answer))
}

/// Whether an error is what a server said.
const fn is_answer(code: Code) -> bool {
    !matches!(
        code,
        Code::Timeout | Code::Unreachable | Code::Rejected | Code::Dns | Code::CutShort
    )
}

/// How long a side that trickles may take to tell a candidate.
const TOLD_MS: f64 = 5000.0;

/// Whether the files show all that a side told: by its own record, or by that of the other one.
fn shows_all(call: &JoinedCall, end: usize, side: &KnownSide) -> bool {
    // Masked by the program, or by a person.
    let is_masked = |c: &ToldCandidate| c.place.ip().is_none() && !c.place.is_mdns();
    if side.told.udp().any(is_masked) {
        return false;
    }
    let waited = |account: &Account, since: Option<f64>| {
        let ms = account.ended.zip(since).map(|(ended, since)| ended - since);
        ms.is_some_and(|ms| ms >= TOLD_MS)
    };
    // Pairs are made of candidates of both ends: a record that has checks and no candidates lacks them.
    let was_checked = |account: &Account| {
        let states = ["checking", "connected", "completed"];
        !account.pairs.is_empty() || account.reached(StateKind::Ice, &states).is_some()
    };
    if call.ends.iter().flatten().any(was_checked) {
        return false;
    }
    let by_itself = call.ends[end].as_ref().is_some_and(|own| {
        let began = own.reached(StateKind::Gathering, &["gathering"]);
        let is_over =
            own.own.complete_at.is_some() || waited(own, began.and_then(|change| change.at));
        own.has_events && is_over
    });
    let by_other = call.ends[1 - end].as_ref().is_some_and(|other| {
        let told = other.other.descriptions.first();
        let is_over = other.other.complete_at.is_some()
            || told.is_some_and(|(at, read)| read.is_complete || waited(other, *at));
        other.has_events && told.is_some() && is_over
    });
    by_itself || by_other
}

impl JudgedCall {
    /// What is missing, where a judgement would rest on what the files do not have.
    pub(super) fn too_little(&self, call: &JoinedCall, late_only: bool) -> Option<Cause> {
        if self.has_path() {
            return None;
        }
        let open = |message: &str| Some(Cause::new(Code::Unknown, Whose::Between, message));
        let known = |side: &KnownSide| side.told.udp().next().is_some();
        let is_known = known(&self.local) && known(&self.remote);
        // The descriptions have the candidates, and that all of it failed is told.
        if late_only && !(is_known && self.standing == Standing::Failed) {
            if is_known {
                return open(
                    "the file was begun in the middle of the call and has no earlier states: open the page before the call",
                );
            }
            return open(
                "the file was begun in the middle of the call and has neither candidates nor earlier states: open the page before the call",
            );
        }
        let has_events = call.ends.iter().flatten().any(|account| account.has_events);
        if !has_events && self.standing == Standing::Failed && self.pairs.is_empty() && !is_known {
            return open(
                "when ICE has failed, browsers forget the pairs and the other side's candidates: statistics from before that, or a dump, tell the cause",
            );
        }
        let is_hidden = self.local.is_hidden() || self.remote.is_hidden();
        let mut pairs = self.pairs.iter();
        if !is_hidden
            && pairs.any(|pair| pair.record.checks() > 0)
            && self
                .pairs
                .iter()
                .all(|pair| pair.facts(&self.remote).is_none())
        {
            return open(
                "the files hide the addresses of all pairs that were checked, so why they got no answer cannot be told: the descriptions with their candidates, or the dump of each side, tell",
            );
        }
        if !has_events && !is_known {
            return open(
                "the candidates of both sides are needed: the other side's description or dump has them",
            );
        }
        None
    }

    /// The sides to which no server answers over UDP, if that is why they tell no address: they may be down, or it is blocked.
    fn unanswered(&self) -> Option<Whose> {
        let lacks = |side: &KnownSide| {
            let mut own = side.told.udp().peekable();
            let has_some = own.peek().is_some();
            has_some
                && side.is_unanswered
                && !side.is_hidden()
                && !own.any(|c| c.kind == CandidateType::Srflx)
        };
        let is_answered = self.pairs.iter().any(CallPair::works);
        Whose::of(lacks(&self.local), lacks(&self.remote)).filter(|_| !is_answered)
    }

    /// Servers that are silent are neither shown to be down nor to be out of reach.
    pub(super) fn without_servers(&self, causes: &mut [Cause]) {
        let Some(side) = self.unanswered() else {
            return;
        };
        let (whom, it_tells, at) = match side {
            Whose::Local => ("this side", "it tells", "this side"),
            Whose::Remote => ("the other side", "it tells", "the other side"),
            _ => ("either side", "neither tells", "both sides"),
        };
        let port = self
            .only_port(side)
            .map_or_else(|| "their ports".to_owned(), |port| format!("port {port}"));
        let none = if side == Whose::Both { "an" } else { "no" };
        for cause in causes {
            let is_meant = match cause.code {
                Code::NoCandidates => cause.side == side,
                // Without a pair that was checked it is the checks that are missing.
                Code::Unknown => {
                    !self.pairs.is_empty()
                        && self.pairs.iter().all(|pair| pair.arrived.unwrap_or(0) == 0)
                }
                _ => false,
            };
            if !is_meant {
                continue;
            }
            let message = format!(
                "no STUN server answers {whom}, so {it_tells} {none} address that can be reached from outside: the servers are down, or UDP to {port} is blocked at {at}, which rtcdiag nat there tells"
            );
            // That neither has such an address is so, whatever the reason.
            let code = if side == Whose::Both {
                Code::NoCandidates
            } else {
                Code::Unknown
            };
            let of = if side == Whose::Both {
                side
            } else {
                Whose::Between
            };
            *cause = Cause {
                evidence: std::mem::take(&mut cause.evidence),
                remedies: std::mem::take(&mut cause.remedies),
                ..Cause::new(code, of, message)
            };
        }
    }

    /// Private addresses of one subnet are of one network, where no server outside would help, or of two that number
    /// their hosts alike.
    pub(super) fn in_one_network(&self, causes: &mut [Cause]) {
        let Some(net) = common_net(&self.local, &self.remote) else {
            return;
        };
        let meant = causes
            .iter_mut()
            .filter(|cause| cause.code == Code::NoCandidates && !self.pairs.is_empty());
        for cause in meant {
            let message = format!(
                "both sides have addresses of {net}, and checks between them get no answer: if that is one network, it keeps its hosts apart (client isolation) or a firewall on one of the machines drops them; if it is two networks that number their hosts alike, a STUN server is missing on both sides"
            );
            *cause = Cause {
                evidence: std::mem::take(&mut cause.evidence),
                ..Cause::new(Code::Unknown, Whose::Between, message)
            };
        }
    }

    /// That a side told nothing better is known; why, is not always.
    pub(super) fn doubt(&self, call: &JoinedCall, causes: &mut [Cause]) {
        for cause in causes {
            if cause.code != Code::NoCandidates {
                continue;
            }
            if let Some(message) = self.of_one_configuration(cause.side) {
                cause.message = message;
            }
            if let Some(message) = self.untold(call, cause.side) {
                *cause = Cause::new(Code::Unknown, Whose::Between, message);
                continue;
            }
            let (end, who, side) = match cause.side {
                Whose::Local => (0, "this side", &self.local),
                Whose::Remote => (1, "the other side", &self.remote),
                _ => continue,
            };
            if side.told.udp().next().is_none() {
                continue;
            }
            let has_record = |account: &Account| is_record(account) || account.servers.is_some();
            let message = if !call.ends[end].as_ref().is_some_and(has_record) {
                format!(
                    "{who} told no address that can be reached from outside: its UDP may be blocked, or it has no STUN server that answers"
                )
            } else if let Some(row) = refuses_over_udp(side) {
                format!(
                    "{who} told no address that can be reached from outside: the TURN server {} answers it over UDP and refuses it, and no STUN server has told it one",
                    row.uri
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
            } else if !call.ends[end]
                .as_ref()
                .is_some_and(|own| own.has_configuration)
            {
                format!(
                    "{who} told no address that can be reached from outside, and no request of it to a STUN server over UDP is recorded: it has no such server, or a firewall on its own machine lets none out, which a dump tells, since it has the configuration"
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

    /// Both sides told no public address, and of one alone the files have the servers.
    fn of_one_configuration(&self, whose: Whose) -> Option<String> {
        let (side, who, other) = match (&self.local.servers, &self.remote.servers) {
            _ if whose != Whose::Both => return None,
            // What STUN servers answer there is not told.
            _ if self.local.relay_only || self.remote.relay_only => return None,
            (Some(_), None) => (&self.local, "this side", "the other side"),
            (None, Some(_)) => (&self.remote, "the other side", "this side"),
            _ => return None,
        };
        let servers = side.servers.iter().flatten();
        let mut over_udp = servers
            .filter(|row| row.transport == Transport::Udp)
            .peekable();
        let why = if over_udp.peek().is_none() {
            "has no STUN server over UDP"
        } else if over_udp.all(|row| row.error == Some(Code::Dns)) {
            "found no address for the names of its servers"
        } else if side.is_unanswered {
            "got no answer from its STUN servers (they are down, or UDP to them is blocked)"
        } else {
            "got no answer from a STUN server in time"
        };
        Some(format!(
            "both sides tell no address that can be reached from outside: {who} {why}, and why {other} has none is not told: the dump from there tells"
        ))
    }

    /// Why nothing is concluded from it that the files have no address of a side: they need not have them all.
    fn untold(&self, call: &JoinedCall, whose: Whose) -> Option<String> {
        let is_bare = |side: &KnownSide| {
            let mut others = side
                .candidates
                .iter()
                .filter(|c| c.kind != CandidateType::Relay);
            others.next().is_none()
        };
        let sides = [&self.local, &self.remote];
        let open = [0, 1].map(|end| is_bare(sides[end]) && !shows_all(call, end, sides[end]));
        let meant = [whose != Whose::Remote, whose != Whose::Local];
        let side = Whose::of(open[0] && meant[0], open[1] && meant[1])?;
        let (who, there) = match side {
            Whose::Local => ("this side", "of this side"),
            Whose::Remote => ("the other side", "of the other side"),
            _ => ("either side", "of each side"),
        };
        Some(format!(
            "the files have no address of {who}, which is not to say that it has told none: the dump {there}, or its description with the candidates in it, tells"
        ))
    }

    /// An unknown cause says what would make it known.
    pub(super) fn name_what_would_tell(&mut self, call: &JoinedCall) {
        let missing = match (&call.ends[0], &call.ends[1]) {
            (Some(_), None) => Some("the dump of the other side"),
            (None, Some(_)) => Some("the dump of this side"),
            _ => None,
        };
        let seen_once = || self.seen_once().filter(|_| missing.is_none());
        let more = self.only_relayed(call).or_else(seen_once);
        for cause in self.causes.iter_mut().chain(&mut self.relay_causes) {
            if cause.code != Code::Unknown {
                continue;
            }
            // What has failed was checked, and the files have nothing of it.
            if self.pairs.is_empty() && self.standing == Standing::Failed {
                cause.message = cause.message.replace(
                    "the direct pairs were not checked to the end",
                    "the files have no pair of candidates with its checks, so why they failed cannot be told: a dump that was begun before the call has them",
                );
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
    fn only_relayed(&self, call: &JoinedCall) -> Option<String> {
        let is_so = |side: &KnownSide| {
            let mut others = side
                .candidates
                .iter()
                .filter(|c| c.kind != CandidateType::Relay);
            let is_answered = |c: &ToldCandidate| {
                c.kind == CandidateType::Srflx || c.relay_transport == Some(Transport::Udp)
            };
            side.has_relay()
                && side.blocked.is_none()
                && !side.told.udp().any(is_answered)
                && others.all(|c| c.kind == CandidateType::Host && !is_global(c.address.ip()))
        };
        let are_so = [is_so(&self.local), is_so(&self.remote)];
        let (who, whose) = match Whose::of(are_so[0], are_so[1])? {
            Whose::Local => ("this side has", "its UDP"),
            Whose::Remote => ("the other side has", "its UDP"),
            _ => ("both sides have", "their UDP"),
        };
        let is_dump = |end: &Option<Account>| end.as_ref().is_some_and(|end| end.has_configuration);
        let lacks_dump = (0..2).any(|end| are_so[end] && !is_dump(&call.ends[end]));
        let tells = if lacks_dump {
            "the dump from there, which has the servers, tells, and so does rtcdiag nat there"
        } else {
            "rtcdiag nat there tells"
        };
        Some(format!(
            "{who} a relay and no address that a STUN server saw, so {whose} may be blocked: {tells}"
        ))
    }

    /// Both sides were seen by one server each, which does not tell how a NAT maps.
    fn seen_once(&self) -> Option<String> {
        let is_seen = |side: &KnownSide| {
            let mut all = side.candidates.iter();
            let servers = side.servers.iter().flatten();
            let of_udp = servers.filter(|server| server.transport == Transport::Udp);
            let asked: BTreeSet<_> = of_udp.filter_map(|server| server.address).collect();
            side.dependent.is_none()
                && !side.is_independent
                && asked.len() < 2
                && all.any(|c| c.kind == CandidateType::Srflx)
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
