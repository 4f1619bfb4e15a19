//! What pairs with relays show, and what it shows that there are none.

use std::net::{Ipv4Addr, SocketAddr};

use crate::base::codes::Code;
use crate::proto::evidence::account::Account;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::JudgedCall;
use crate::proto::evidence::facts::pairs::{self, CallPair};
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::{Cause, Effect, PairFacts, Remedy, RemedyCode, ServerFacts, Whose};
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::{ServerUri, Transport};

/// What one end's file has of the pairs with its relay.
#[derive(Debug, Clone, Copy)]
struct Abandoned {
    /// Whether the other side has an address of the relay's family.
    is_met: bool,
    has_file: bool,
    /// Whether a pair with the relay was checked to the end.
    is_tried: bool,
    /// How many pairs were.
    checked: usize,
}

impl JudgedCall {
    /// A relay that is still being checked is not yet a relay that does not help.
    pub(super) fn has_given_up(&self) -> bool {
        let enough = |pair: &CallPair| {
            let record = &pair.record;
            record.requests_sent >= 7 || !record.is_counted && record.state == "failed"
        };
        self.standing == Standing::Failed
            || self.standing == Standing::Untried
            || self.pairs.iter().any(enough)
    }

    /// A relay without any pair, though the other side has addresses of its family: Chromium forgets
    /// the pairs that a TURN server gives no permission for (RFC 8656 9).
    pub(super) fn given_up_at_once(&self, call: &JoinedCall, cause: &mut Cause) {
        // Whose relay is silent is known, if not whose doing it is.
        let side = match (cause.side, cause.code) {
            (Whose::Between, Code::Unknown) => {
                let has_relay = |side: &KnownSide| {
                    let mut all = side.candidates.iter();
                    all.any(|c| c.kind == CandidateType::Relay)
                };
                Whose::of(has_relay(&self.local), has_relay(&self.remote))
            }
            (side, _) => Some(side),
        };
        let side = side.unwrap_or(Whose::Between);
        let (sides, who): (&[Whose], &str) = match side {
            Whose::Local => (&[Whose::Local], "this side"),
            Whose::Remote => (&[Whose::Remote], "the other side"),
            Whose::Both => (&[Whose::Local, Whose::Remote], "both sides"),
            Whose::Between => return,
        };
        let found: Vec<Abandoned> = sides
            .iter()
            .map(|side| self.abandoned(call, *side))
            .collect();
        let is_like_closed = [Code::RelayPortsClosed, Code::Unknown].contains(&cause.code)
            && found.iter().all(|one| one.has_file && !one.is_tried);
        let is_met = found.iter().all(|one| one.is_met);
        // Nothing comes in there, either.
        if !(is_met && (cause.code == Code::NoCommonFamily || is_like_closed)) {
            return;
        }
        let checked = found.iter().map(|one| one.checked).max().unwrap_or(0);
        let end = usize::from(side == Whose::Remote);
        let is_full = side != Whose::Both && call.ends[end].as_ref().is_some_and(is_out_of_quota);
        *cause = if is_full {
            out_of_quota(side, who)
        } else if checked > 0 {
            forbidden(side, who, checked)
        } else {
            let message = format!(
                "nothing is told of the pairs with the relay of {who}: the dump from there has them"
            );
            Cause::new(Code::Unknown, Whose::Between, message)
        };
    }

    /// Without the configuration, a side without a relay may have a TURN server that failed.
    pub(super) fn without_configuration(&self, cause: &mut Cause) {
        let is_open = match cause.side {
            Whose::Local => self.local.servers.is_none(),
            Whose::Remote => self.remote.servers.is_none(),
            Whose::Both => self.local.servers.is_none() || self.remote.servers.is_none(),
            Whose::Between => false,
        };
        if cause.code == Code::NoTurnServer && is_open {
            let is_supposed = self.pairs.iter().any(|pair| pair.record.is_supposed);
            let message = if is_supposed {
                "no address is known to be a relay, and whether there is a TURN server is not told: the capture of the other side, or a dump, tells"
            } else {
                "there is no relayed candidate, and whether there is a TURN server is not told: a dump has the configuration"
            };
            *cause = Cause {
                remedies: std::mem::take(&mut cause.remedies),
                ..Cause::new(Code::Unknown, Whose::Between, message)
            };
        }
    }

    /// What is told of a TURN server that gave no relay: a record that ends soon does not tell that it is
    /// silent, and one that answers STUN is reached.
    pub(super) fn silent_server(&self, cause: &mut Cause) {
        if cause.code != Code::TurnUnreachable {
            return;
        }
        // Where TCP does not get out either, nothing shows that TLS does.
        let is_stream =
            |row: &ServerFacts| row.transport != Transport::Udp && row.error == Some(Code::Timeout);
        let rows = [&self.local, &self.remote]
            .into_iter()
            .flat_map(|side| &side.servers);
        if rows.flatten().any(is_stream) {
            cause
                .remedies
                .iter_mut()
                .for_each(|remedy| remedy.is_sure = false);
        }
        let sides: &[(&KnownSide, &str)] = match cause.side {
            Whose::Local => &[(&self.local, "this side")],
            Whose::Remote => &[(&self.remote, "the other side")],
            _ => &[(&self.local, "this side"), (&self.remote, "the other side")],
        };
        let found: Vec<(&ServerFacts, &str, bool)> = sides
            .iter()
            .filter_map(|(side, who)| {
                let row = side.servers.iter().flatten().find(|row| row.is_turn)?;
                Some((row, *who, answers_stun(side, row)))
            })
            .collect();
        let is_open = |side: &KnownSide| {
            let mut rows = side.servers.iter().flatten().filter(|row| row.is_turn);
            rows.all(|row| row.error == Some(Code::CutShort))
        };
        let words = |(row, who, answers): &(&ServerFacts, &str, bool)| {
            let but = if *answers {
                ", though it answers STUN"
            } else {
                ""
            };
            format!("{} had given {who} no relay{but}", row.uri)
        };
        let said: Vec<String> = found.iter().map(words).collect();
        if sides.iter().all(|(side, _)| is_open(side)) {
            let message = format!(
                "{} when the record ended, and no error is told: a dump that is saved later, or rtcdiag turn, tells whether it works",
                said.join(", and ")
            );
            *cause = Cause::new(Code::Unknown, Whose::Between, message);
            return;
        }
        if found.iter().all(|(_, _, answers)| *answers) {
            let words = |(row, who, _): &(&ServerFacts, &str, bool)| {
                format!("{} answers STUN of {who} and is silent to TURN", row.uri)
            };
            let said: Vec<String> = found.iter().map(words).collect();
            cause.message = said.join("; ");
            cause.brief = None;
        }
    }

    /// A side that uses relays alone, and has no TURN server: whatever else is missing, nothing works without one.
    pub(super) fn policy_without_server(&self) -> Option<Cause> {
        let lacks = |side: &KnownSide| {
            let servers = side.servers.as_ref();
            side.relay_only && servers.is_some_and(|rows| !rows.iter().any(|row| row.is_turn))
        };
        let side = Whose::of(lacks(&self.local), lacks(&self.remote))?;
        let (who, on) = match side {
            Whose::Local => ("this side uses relays alone and has", "this side"),
            Whose::Remote => ("the other side uses relays alone and has", "the other side"),
            _ => ("both sides use relays alone and have", "both sides"),
        };
        let remedy = Remedy {
            code: RemedyCode::Turn,
            side,
            message: format!("a TURN server for {on} (turn:HOST in iceServers)"),
            brief: None,
            effect: Effect::Relay,
            is_sure: side == Whose::Both,
        };
        Some(Cause {
            remedies: vec![remedy],
            ..Cause::new(Code::NoTurnServer, side, format!("{who} no TURN server"))
        })
    }

    fn abandoned(&self, call: &JoinedCall, whose: Whose) -> Abandoned {
        let (end, side, other) = match whose {
            Whose::Remote => (&call.ends[1], &self.remote, &self.local),
            _ => (&call.ends[0], &self.local, &self.remote),
        };
        let mut relays = side
            .candidates
            .iter()
            .filter(|c| c.kind == CandidateType::Relay);
        let is_met = relays.any(|relay| {
            let mut others = other.candidates.iter();
            others.any(|c| c.address.is_ipv4() == relay.address.is_ipv4())
        });
        let of_file = || end.iter().flat_map(|account| &account.pairs);
        let has_events = end.as_ref().is_some_and(|account| account.has_events);
        Abandoned {
            is_met,
            has_file: end.is_some(),
            is_tried: of_file()
                .any(|pair| pair.local.kind == CandidateType::Relay && pair.requests_sent >= 7),
            checked: of_file()
                .filter(|pair| has_events && pair.requests_sent >= 10)
                .count(),
        }
    }
}

/// Whether a TURN server refused one of several sockets for the number of allocations: the relay that there is may be
/// of a socket that is not used (BUNDLE, RFC 9143).
fn is_out_of_quota(account: &Account) -> bool {
    let servers = account.servers.as_deref().unwrap_or_default().iter();
    let mut errors = servers.filter_map(|server| server.error.as_ref());
    errors.any(|(code, _)| *code == Code::AllocationQuotaReached)
}

fn out_of_quota(side: Whose, who: &str) -> Cause {
    let message = format!(
        "the TURN server of {who} gave one socket a relay and refused another for its quota (486), and the pairs of the relay were not used"
    );
    Cause {
        evidence: vec!["the error 486 of the TURN server".to_owned()],
        remedies: vec![Remedy {
            code: RemedyCode::TurnConfiguration,
            side,
            message: "a higher quota in the TURN server (coturn: user-quota, total-quota)"
                .to_owned(),
            brief: None,
            effect: Effect::Relay,
            is_sure: true,
        }],
        ..Cause::new(Code::TurnRefused, side, message)
    }
}

fn forbidden(side: Whose, who: &str, checked: usize) -> Cause {
    let message = format!(
        "the TURN server of {who} gave a relay, and every pair with it was given up at once, as browsers do where the server refuses permission for the other side's addresses (403)"
    );
    let seen =
        format!("no pair of the relay is left, and {checked} others were checked to the end");
    Cause {
        evidence: vec![seen],
        remedies: vec![Remedy {
            code: RemedyCode::TurnConfiguration,
            side,
            message: "public peer addresses allowed by the TURN server (coturn: allowed-peer-ip)"
                .to_owned(),
            brief: None,
            effect: Effect::Relay,
            is_sure: true,
        }],
        ..Cause::new(Code::TurnPeerForbidden, side, message)
    }
}

/// Whether the host and port of a TURN server answered STUN over UDP.
fn answers_stun(side: &KnownSide, row: &ServerFacts) -> bool {
    let Ok(turn) = row.uri.parse::<ServerUri>() else {
        return false;
    };
    let is_it = |url: &String| {
        let stun = url.parse::<ServerUri>();
        stun.is_ok_and(|stun| stun.host == turn.host && stun.port == turn.port)
    };
    row.transport == Transport::Udp
        && side
            .told
            .udp()
            .filter(|c| c.kind == CandidateType::Srflx)
            .any(|c| c.url.as_ref().is_some_and(is_it))
}

/// A server that forbids a peer says so in packets; browsers do not tell it, and give such pairs up at once.
pub(super) fn inferred(call: &JoinedCall, cause: &mut Cause) {
    if cause.code != Code::TurnPeerForbidden {
        return;
    }
    let ends = match cause.side {
        Whose::Local => 0..1,
        Whose::Remote => 1..2,
        _ => 0..2,
    };
    let mut all = call.ends[ends].iter().flatten();
    if all.all(|account| pairs::forbidden(account) == Some(false)) {
        cause.evidence = vec![
            "inferred: the pairs of that relay with public addresses were given up at once, as Chromium does where the server gives no permission; it does not tell the answer itself".to_owned(),
        ];
    }
}

/// The other side's candidates for the question why there is no relay: where a TURN server failed,
/// that the other side told nothing weighs less.
pub(super) fn with_some_address(own: &KnownSide, others: &[Candidate]) -> Vec<Candidate> {
    let mut rows = own.servers.iter().flatten().filter(|row| row.is_turn);
    let failed = !own.has_relay() && rows.any(|row| row.error.is_some());
    if !failed || !others.is_empty() {
        return others.to_vec();
    }
    vec![some_address()]
}

/// Whatever it is.
pub(super) fn some_address() -> Candidate {
    Candidate {
        foundation: String::new(),
        component: 1,
        priority: 0,
        address: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        kind: CandidateType::Host,
        related: None,
    }
}

/// What a TURN server says of public peers.
pub(super) fn troubles(pairs: &[PairFacts], kind: CandidateType) -> Vec<Code> {
    let forbidden = pairs.iter().any(|pair| {
        let public = is_global(pair.remote.1.ip());
        pair.local.0 == kind
            && pair.remote.0 != kind
            && public
            && pair.failure == Some(Code::ForbiddenIp)
    });
    forbidden.then_some(Code::ForbiddenIp).into_iter().collect()
}
