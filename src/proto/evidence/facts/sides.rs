//! What each end is known to have: candidates, NATs and servers, as the rules want them.

mod blocked;
mod mapping;

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::proto::evidence::account::{Account, Place, Told, ToldCandidate};
use crate::proto::evidence::events::add_candidate;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::{Found, ServerFacts};
use crate::proto::ice::facts::NatFacts;
use crate::proto::nat::behavior::words::Mapping;
use crate::proto::stun::uri::{Host, ServerUri, Transport};
use blocked::{asked_for, blocked, is_unanswered, only_port};
use mapping::Sockets;

/// Servers that did not answer for so long do not: seven requests were sent (RFC 8489 6.2.1).
const SILENT_MS: f64 = 9500.0;
/// Candidates of an end that are judged by; calls have some dozens.
pub const KNOWN: usize = 5000;

/// One end, as all files together know it.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct KnownSide {
    /// What it told, and what the other one was told of it.
    pub told: Told,
    pub candidates: Vec<Candidate>,
    pub nats: Vec<NatFacts>,
    /// `None` if no file tells.
    pub servers: Option<Vec<ServerFacts>>,
    pub relay_only: bool,
    pub found: Found,
    /// Whether the other side was told names of multicast DNS alone, whatever this one's own record has.
    is_masked: bool,
    /// Why UDP is known to be blocked, if it is.
    pub blocked: Option<String>,
    /// Whether all servers that it asked over UDP are silent to it, and nothing shows why.
    pub is_unanswered: bool,
    /// The port that its servers were asked at over UDP, if that is one.
    pub only_port: Option<u16>,
    /// What shows that its mapping depends on the endpoint.
    pub dependent: Option<String>,
    /// Whether packets show that several servers see one socket at the same port.
    pub is_independent: bool,
    sockets: Sockets,
    by_port: HashMap<(CandidateType, u16), Endpoint>,
}

/// The address of a candidate and its base, as far as they are told.
#[derive(Debug, Clone, Copy, Default)]
struct Endpoint {
    address: Option<SocketAddr>,
    base: Option<SocketAddr>,
}

impl KnownSide {
    /// `own` is the account of this end, `other` that of the other one.
    pub fn new(own: Option<&Account>, other: Option<&Account>) -> Self {
        let mut told = own.map_or_else(Told::default, |account| account.own.cropped(KNOWN));
        if let Some(other) = other {
            for candidate in other.other.candidates.iter().take(KNOWN) {
                add_candidate(&mut told, candidate.clone());
            }
            told.ufrags.extend(other.other.ufrags.iter().cloned());
            told.complete_at = told.complete_at.or(other.other.complete_at);
            if told.descriptions.is_empty() {
                told.descriptions.clone_from(&other.other.descriptions);
            }
            if told.nats.is_empty() {
                told.nats.clone_from(&other.other.nats);
            }
        }
        let is_srflx = |c: &ToldCandidate| c.kind == CandidateType::Srflx;
        if told.udp().any(|c| is_srflx(c) && !c.is_nowhere()) {
            told.candidates.retain(|c| !is_srflx(c) || !c.is_nowhere());
        }
        let candidates = usable(&told);
        let blocked = own.and_then(|account| blocked(account, &told, other));
        let dependent = mapping::dependent(&told, own, other);
        let servers = own.and_then(|account| servers(account, &told, blocked.is_some()));
        let sockets = Sockets::new(&told, own, other);
        let is_unanswered =
            blocked.is_none() && own.is_some_and(|account| is_unanswered(account, &told));
        let mut side = Self {
            relay_only: own.is_some_and(|account| account.relay_only),
            found: Found {
                ended_relays: own.map_or_else(Vec::new, |account| account.ended_relays.clone()),
                ..Found::default()
            },
            is_masked: other.is_some_and(|account| is_masked(&account.other)),
            told,
            candidates,
            nats: Vec::new(),
            servers,
            is_unanswered,
            only_port: own.and_then(only_port),
            is_independent: dependent.is_none()
                && own.is_some_and(|account| mapping::is_independent(&account.seen)),
            blocked,
            dependent,
            sockets,
            by_port: HashMap::new(),
        };
        side.index();
        side.nats = if side.told.nats.is_empty() {
            side.derived_nats()
        } else {
            side.told.nats.clone()
        };
        side
    }

    fn index(&mut self) {
        for candidate in self.told.udp() {
            let known = self
                .by_port
                .entry((candidate.kind, candidate.port))
                .or_default();
            known.address = known.address.or(candidate.socket_address());
            known.base = known.base.or(candidate.related);
        }
    }

    /// The address of an end that hides it: that of the candidate with the same port.
    pub fn resolved(&self, kind: CandidateType, port: u16) -> Option<SocketAddr> {
        self.by_port.get(&(kind, port))?.address
    }

    /// The base of a reflexive candidate.
    pub fn base_of(&self, kind: CandidateType, port: u16) -> Option<SocketAddr> {
        self.by_port.get(&(kind, port))?.base
    }

    /// Whether a port that it is seen at, and that no server saw, shows another mapping: not if it may be that of
    /// another socket.
    pub fn is_other_mapping(&self, seen: SocketAddr) -> bool {
        self.sockets.is_other_mapping(seen)
    }

    /// What candidates tell of its NAT: less than a test.
    fn derived_nats(&self) -> Vec<NatFacts> {
        [Family::Ipv4, Family::Ipv6]
            .into_iter()
            .filter_map(|family| self.derived_nat(family))
            .collect()
    }

    fn derived_nat(&self, family: Family) -> Option<NatFacts> {
        let of = |kind: CandidateType| {
            let all = self.candidates.iter();
            all.filter(move |c| c.kind == kind && Family::of(c.address.ip()) == family)
        };
        let local = of(CandidateType::Host)
            .next()
            .map_or(unspecified(family), |c| c.address.ip());
        if self.blocked.is_some() && family == Family::Ipv4 {
            return Some(NatFacts::blocked(family, local));
        }
        let seen = of(CandidateType::Srflx).next()?.address;
        let mut facts = NatFacts::seen(local, seen);
        facts.family = family;
        // A reflexive candidate that is the same as the host candidate is left out (RFC 8445 5.1.3).
        facts.nat = Fact::Determined(true);
        let all = of(CandidateType::Srflx).chain(of(CandidateType::Prflx));
        let ips: BTreeSet<IpAddr> = all.map(|c| c.address.ip()).collect();
        facts.reflexive_addresses = vec![seen];
        if self.is_independent && ips.len() < 2 {
            facts.mapping = Fact::Determined(Mapping::EndpointIndependent);
        }
        if self.dependent.is_some() && ips.len() < 2 {
            facts.mapping = Fact::inconclusive(Reason::EndpointDependent, "seen at two ports");
        }
        Some(facts)
    }

    /// Whether all that it told are names that only its own network knows.
    pub fn is_hidden(&self) -> bool {
        self.is_masked || is_masked(&self.told)
    }

    pub fn has_relay(&self) -> bool {
        self.candidates
            .iter()
            .any(|c| c.kind == CandidateType::Relay)
    }
}

fn is_masked(told: &Told) -> bool {
    let mut own = told.udp().filter(|c| c.kind != CandidateType::Relay);
    told.udp().any(|c| c.place.is_mdns())
        && own.all(|c| c.place.is_mdns() || c.place == Place::Hidden)
}

const fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}

/// Those with an address, over UDP.
fn usable(told: &Told) -> Vec<Candidate> {
    let all = told.udp().filter_map(|candidate| {
        Some(Candidate {
            foundation: candidate.foundation.clone(),
            component: candidate.component,
            priority: candidate.priority,
            address: candidate.socket_address()?,
            kind: candidate.kind,
            related: candidate.related,
        })
    });
    all.take(crate::proto::evidence::MAX_PARTS).collect()
}

/// What became of its servers, as the rules want it.
fn servers(account: &Account, told: &Told, is_blocked: bool) -> Option<Vec<ServerFacts>> {
    let records = account.servers.as_deref()?;
    let asked = asked_for(account).unwrap_or(0.0);
    let has_turn_error = records
        .iter()
        .any(|r| r.uri.as_ref().is_some_and(ServerUri::is_turn));
    if !account.has_configuration && !has_turn_error {
        return None;
    }
    // Where no candidate stands among the events, errors do not either.
    let has_events = told.candidates.is_empty() || told.candidates.iter().any(|c| c.is_signalled);
    let all = records.iter().filter_map(|record| {
        let uri = record.uri.as_ref()?;
        // What a STUN server answered is not told where relays alone are wanted.
        if account.relay_only && !uri.is_turn() && record.error.is_none() {
            return None;
        }
        let from = |c: &&ToldCandidate| {
            let url = c.url.as_ref().and_then(|url| url.parse::<ServerUri>().ok());
            url.as_ref() == Some(uri)
        };
        let helped = if uri.is_turn() {
            let mut relays = told.udp().filter(|c| c.kind == CandidateType::Relay);
            // Not every browser says which server a relay is from.
            relays.any(|c| from(&c) || (c.url.is_none() && record.error.is_none()))
        } else {
            // A second server that sees the same makes no second candidate.
            told.udp().any(|c| c.kind == CandidateType::Srflx)
        };
        let error = match (&record.error, helped) {
            (_, true) => None,
            (Some((code, _)), _) => Some(*code),
            (None, _) if is_blocked && uri.transport == Transport::Udp => Some(Code::Timeout),
            (None, _) if asked >= SILENT_MS && has_events => Some(Code::Timeout),
            (None, _) => Some(Code::CutShort),
        };
        Some(ServerFacts {
            uri: record.url.clone(),
            address: match uri.host {
                Host::Ip(ip) => Some(SocketAddr::new(ip, uri.port)),
                Host::Name(_) => None,
            },
            transport: uri.transport,
            is_turn: uri.is_turn(),
            error,
            // A firewall on one's own machine has the same code.
            detail: (error == Some(Code::Forbidden)).then(|| "error 403".to_owned()),
        })
    });
    Some(all.collect())
}
