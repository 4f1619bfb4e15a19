//! What each end is known to have: candidates, NATs and servers, as the rules want them.

mod blocked;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::proto::evidence::account::{Account, Place, Told, ToldCandidate};
use crate::proto::evidence::events::add_candidate;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::ServerFacts;
use crate::proto::ice::facts::NatFacts;
use crate::proto::stun::uri::{Host, ServerUri, Transport};
use blocked::{asked_for, blocked, only_port};

/// Servers that did not answer for so long do not: seven requests were sent (RFC 8489 6.2.1).
const SILENT_MS: f64 = 9500.0;
/// Candidates of an end that are judged by; calls have some dozens.
pub const KNOWN: usize = 5000;

/// One end, as all files together know it.
#[derive(Debug, Clone, Default)]
pub struct KnownSide {
    /// What it told, and what the other one was told of it.
    pub told: Told,
    pub candidates: Vec<Candidate>,
    pub nats: Vec<NatFacts>,
    /// `None` if no file tells.
    pub servers: Option<Vec<ServerFacts>>,
    pub relay_only: bool,
    /// Why UDP is known to be blocked, if it is.
    pub blocked: Option<String>,
    /// The port that its servers were asked at over UDP, if that is one.
    pub only_port: Option<u16>,
    /// What shows that its mapping depends on the endpoint.
    pub dependent: Option<String>,
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
        let dependent = two_ports(&told, own).or_else(|| seen_elsewhere(&told, own, other));
        let servers = own.and_then(|account| servers(account, &told, blocked.is_some()));
        let mut side = Self {
            relay_only: own.is_some_and(|account| account.relay_only),
            told,
            candidates,
            nats: Vec::new(),
            servers,
            only_port: own.and_then(only_port),
            blocked,
            dependent,
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
        if self.dependent.is_some() && ips.len() < 2 {
            facts.mapping = Fact::inconclusive(Reason::EndpointDependent, "seen at two ports");
        }
        Some(facts)
    }

    /// Whether all that it told are names that only its own network knows.
    pub fn is_hidden(&self) -> bool {
        let mut signalled = self
            .told
            .udp()
            .filter(|c| c.kind != CandidateType::Relay)
            .peekable();
        let some = signalled.peek().is_some();
        some && self.told.udp().any(|c| c.place.is_mdns())
            && signalled.all(|c| c.place.is_mdns() || c.place == Place::Hidden)
    }

    pub fn has_relay(&self) -> bool {
        self.candidates
            .iter()
            .any(|c| c.kind == CandidateType::Relay)
    }
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

/// One base at two ports of one address: the mapping depends on the endpoint (RFC 4787 4.1).
fn two_ports(told: &Told, own: Option<&Account>) -> Option<String> {
    let mut seen: BTreeMap<(SocketAddr, IpAddr), u16> = BTreeMap::new();
    let reflexive = told
        .udp()
        .filter(|c| matches!(c.kind, CandidateType::Srflx | CandidateType::Prflx))
        .filter_map(|c| c.related.zip(c.socket_address()));
    // Peers say in their answers to checks where they see the base (RFC 8445 7.2.5.3.1).
    let pairs = own.iter().flat_map(|account| &account.pairs);
    let by_peers = pairs
        .filter(|pair| pair.local.kind == CandidateType::Host && !pair.is_relayed())
        .filter_map(|pair| pair.local.socket_address().zip(pair.mapped));
    for (base, at) in reflexive.chain(by_peers) {
        // A peer in the same network sees the base itself.
        if at.ip() == base.ip() {
            continue;
        }
        let first = *seen.entry((base, at.ip())).or_insert(at.port());
        if first != at.port() {
            return Some(format!(
                "its one port {} is seen as port {first} and as port {} of {}",
                base.port(),
                at.port(),
                at.ip()
            ));
        }
    }
    None
}

/// A peer-reflexive candidate at the other end whose address is hidden: with one base, of which the
/// reflexive port is known, another port shows another mapping.
fn seen_elsewhere(told: &Told, own: Option<&Account>, other: Option<&Account>) -> Option<String> {
    let other = other?;
    let of = |kind: CandidateType| told.udp().filter(move |c| c.kind == kind);
    let checked = checked_from(own);
    let is_meant = |port: u16| checked.is_empty() || checked.contains(&port);
    let srflx =
        || of(CandidateType::Srflx).filter(|c| c.related.is_none_or(|base| is_meant(base.port())));
    let mut bases: BTreeSet<u16> = of(CandidateType::Host).map(|c| c.port).collect();
    bases.extend(srflx().filter_map(|c| c.related).map(|base| base.port()));
    bases.retain(|port| is_meant(*port));
    let mapped: BTreeSet<u16> = srflx().map(|c| c.port).collect();
    let told_ports: BTreeSet<u16> = told
        .udp()
        .filter(|c| c.kind != CandidateType::Prflx)
        .map(|c| c.port)
        .collect();
    if bases.len() != 1 || mapped.is_empty() {
        return None;
    }
    let prflx = other.other.udp().find(|c| {
        let may_be_it = match c.place.ip() {
            Some(ip) => srflx().any(|srflx| srflx.place.ip() == Some(ip)),
            None => c.place == Place::Hidden,
        };
        c.kind == CandidateType::Prflx && may_be_it && !told_ports.contains(&c.port)
    })?;
    Some(format!(
        "the other end is sent to from port {}, and a STUN server sees port {}",
        prflx.port,
        mapped.first()?
    ))
}

/// The ports that packets show checks from: programs that test their NAT ask servers from others, too.
fn checked_from(own: Option<&Account>) -> BTreeSet<u16> {
    let pairs = own.iter().flat_map(|account| &account.pairs);
    let shown = pairs.filter(|pair| pair.is_supposed && pair.local.kind == CandidateType::Host);
    shown.map(|pair| pair.local.port).collect()
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
            detail: None,
        })
    });
    Some(all.collect())
}
