//! What each end is known to have: candidates, NATs and servers, as the rules want them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::proto::evidence::account::{
    Account, Place, ServerRecord, StateKind, Told, ToldCandidate,
};
use crate::proto::evidence::events::add_candidate;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::ServerFacts;
use crate::proto::ice::facts::NatFacts;
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::{Host, ServerUri, Transport};

/// Servers that did not answer for so long do not: seven requests were sent (RFC 8489 6.2.1).
const SILENT_MS: f64 = 9500.0;
/// Candidates of an end that are judged by; calls have some dozens.
const KNOWN: usize = 5000;
/// An answer over UDP takes one round trip, a relay over TCP four at least.
const PROMPT_MS: f64 = 150.0;

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
        let dependent = two_ports(&told).or_else(|| seen_elsewhere(&told, other));
        let servers = own.and_then(|account| servers(account, &told, blocked.is_some()));
        let mut side = Self {
            relay_only: own.is_some_and(|account| account.relay_only),
            told,
            candidates,
            nats: Vec::new(),
            servers,
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
        some && self.told.udp().any(|c| c.place.is_name())
            && signalled.all(|c| c.place.is_name() || c.place == Place::Hidden)
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
fn two_ports(told: &Told) -> Option<String> {
    let mut seen: BTreeMap<(SocketAddr, IpAddr), u16> = BTreeMap::new();
    let reflexive = told
        .udp()
        .filter(|c| matches!(c.kind, CandidateType::Srflx | CandidateType::Prflx));
    for candidate in reflexive {
        let (Some(base), Some(ip)) = (candidate.related, candidate.place.ip()) else {
            continue;
        };
        // A peer in the same network sees the base itself.
        if ip == base.ip() {
            continue;
        }
        let first = *seen.entry((base, ip)).or_insert(candidate.port);
        if first != candidate.port {
            return Some(format!(
                "its one port {} is seen as port {first} and as port {} of {ip}",
                base.port(),
                candidate.port
            ));
        }
    }
    None
}

/// A peer-reflexive candidate at the other end whose address is hidden: with one base, of which the
/// reflexive port is known, another port shows another mapping.
fn seen_elsewhere(told: &Told, other: Option<&Account>) -> Option<String> {
    let other = other?;
    let of = |kind: CandidateType| told.udp().filter(move |c| c.kind == kind);
    let mut bases: BTreeSet<u16> = of(CandidateType::Host).map(|c| c.port).collect();
    bases.extend(
        of(CandidateType::Srflx)
            .filter_map(|c| c.related)
            .map(|base| base.port()),
    );
    let mapped: BTreeSet<u16> = of(CandidateType::Srflx).map(|c| c.port).collect();
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
            Some(ip) => of(CandidateType::Srflx).any(|srflx| srflx.place.ip() == Some(ip)),
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

fn of_udp(account: &Account) -> Vec<(&ServerRecord, &ServerUri)> {
    let servers = account.servers.as_deref().unwrap_or_default().iter();
    let all = servers.filter_map(|server| Some((server, server.uri.as_ref()?)));
    all.filter(|(_, uri)| uri.transport == Transport::Udp)
        .collect()
}

/// Since when and until when servers were asked.
fn asked_for(account: &Account) -> Option<f64> {
    let began = account.reached(StateKind::Gathering, &["gathering"])?.at?;
    let connected = account.reached(StateKind::Ice, &["connected", "completed"]);
    let ends = [connected.and_then(|change| change.at), account.ended];
    let end = ends.into_iter().flatten().fold(f64::INFINITY, f64::min);
    end.is_finite().then_some((end - began).max(0.0))
}

/// Whether any server answered over UDP, or anything came in over UDP.
fn is_udp_open(account: &Account, told: &Told) -> bool {
    let reflexive = told
        .udp()
        .any(|c| c.kind == CandidateType::Srflx || c.kind == CandidateType::Prflx);
    let relay_over_udp = told.udp().any(|c| {
        c.kind == CandidateType::Relay
            && !matches!(c.relay_transport, Some(Transport::Tcp | Transport::Tls))
    });
    let public = told
        .udp()
        .any(|c| c.kind == CandidateType::Host && c.place.ip().is_some_and(is_global));
    let heard = account.pairs.iter().any(|pair| {
        let own_socket = pair.local.kind != CandidateType::Relay;
        own_socket && (pair.responses_received > 0 || pair.requests_received > 0)
    });
    reflexive || relay_over_udp || public || heard
}

/// What shows that UDP does not leave a host, or that answers do not come back to it.
fn blocked(account: &Account, told: &Told, other: Option<&Account>) -> Option<String> {
    let udp = of_udp(account);
    let has_host = told.udp().any(|c| c.kind == CandidateType::Host);
    if udp.is_empty() || !has_host || is_udp_open(account, told) {
        return None;
    }
    let refused = udp.iter().any(|(server, _)| {
        let error = server.error.as_ref().map(|(code, _)| *code);
        error.is_some_and(|code| !matches!(code, Code::Timeout | Code::Unreachable))
    });
    if refused {
        return None;
    }
    let asked = asked_for(account);
    over_streams(account, told, &udp, asked)
        .or_else(|| asked.and_then(|ms| refuses_over_streams(account, &udp, ms)))
        .or_else(|| asked.and_then(|ms| answers_the_other((account, told), &udp, other, ms)))
        .or_else(|| asked.and_then(|ms| several_silent(&udp, ms)))
}

/// A server that answers over TCP or TLS, and not over UDP.
fn over_streams(
    account: &Account,
    told: &Told,
    udp: &[(&ServerRecord, &ServerUri)],
    asked: Option<f64>,
) -> Option<String> {
    let relay = told.udp().find(|c| {
        c.kind == CandidateType::Relay
            && matches!(c.relay_transport, Some(Transport::Tcp | Transport::Tls))
    })?;
    let uri: ServerUri = relay.url.as_ref()?.parse().ok()?;
    let (silent, _) = udp.iter().find(|(_, udp)| udp.host == uri.host)?;
    let took = since_gathering(account, relay);
    // Without times the relay was in use for some round trips at least.
    let waited = asked.is_none_or(|ms| ms >= (2.5 * took).max(PROMPT_MS));
    let over = if uri.transport == Transport::Tls {
        "TLS"
    } else {
        "TCP"
    };
    waited.then(|| {
        format!(
            "{} gives a relay over {over}, and {} no answer over UDP",
            uri, silent.url
        )
    })
}

/// How long a candidate took.
fn since_gathering(account: &Account, candidate: &ToldCandidate) -> f64 {
    let began = account.reached(StateKind::Gathering, &["gathering"]);
    let began = began.and_then(|change| change.at);
    let took = candidate.at.zip(began).map(|(at, began)| at - began);
    took.map_or(0.0, |took| took.max(0.0))
}

/// A server that refuses something over TCP or TLS, and says nothing over UDP.
fn refuses_over_streams(
    account: &Account,
    udp: &[(&ServerRecord, &ServerUri)],
    asked: f64,
) -> Option<String> {
    const WAITED_MS: f64 = 3000.0;
    let servers = account
        .servers
        .iter()
        .flatten()
        .filter(|_| asked >= WAITED_MS);
    let answered = servers.filter_map(|server| {
        let uri = server.uri.as_ref()?;
        let (code, said) = server.error.as_ref()?;
        let is_answer = !matches!(code, Code::Timeout | Code::Unreachable | Code::Dns);
        (is_answer && uri.transport != Transport::Udp).then_some((uri, said))
    });
    answered.into_iter().find_map(|(uri, said)| {
        let (silent, _) = udp.iter().find(|(_, udp)| udp.host == uri.host)?;
        Some(format!(
            "{uri} answers ({said}), and {} does not over UDP",
            silent.url
        ))
    })
}

/// A server that the other end got an answer from over UDP.
fn answers_the_other(
    (account, told): (&Account, &Told),
    udp: &[(&ServerRecord, &ServerUri)],
    other: Option<&Account>,
    asked: f64,
) -> Option<String> {
    const WAITED_MS: f64 = 3000.0;
    // A relay over a stream, of whatever server, takes four round trips at least; STUN takes one, and
    // is sent three times within a second.
    const RESENT_MS: f64 = 1000.0;
    let stream = told.udp().find(|c| {
        matches!(c.relay_transport, Some(Transport::Tcp | Transport::Tls))
            && c.kind == CandidateType::Relay
    });
    let took = stream.map(|relay| since_gathering(account, relay));
    let enough = took.map_or(WAITED_MS, |took| (2.5 * took).clamp(RESENT_MS, WAITED_MS));
    let other = other.filter(|_| asked >= enough)?;
    let answered = |uri: &ServerUri| {
        other.own.udp().any(|c| {
            let is_of_udp =
                c.kind == CandidateType::Srflx || c.relay_transport == Some(Transport::Udp);
            let from = c.url.as_ref().and_then(|url| url.parse::<ServerUri>().ok());
            is_of_udp && from.is_some_and(|from| from.host == uri.host && from.port == uri.port)
        })
    };
    let (server, _) = udp.iter().find(|(_, uri)| answered(uri))?;
    Some(format!(
        "{} answers the other end over UDP, and is silent here for {:.*} s",
        server.url,
        usize::from(asked < 3000.0),
        asked / 1000.0
    ))
}

/// Servers of different operators that are all silent.
fn several_silent(udp: &[(&ServerRecord, &ServerUri)], asked: f64) -> Option<String> {
    let hosts: BTreeSet<String> = udp.iter().map(|(_, uri)| uri.host.to_string()).collect();
    (hosts.len() > 1 && asked >= SILENT_MS).then(|| {
        let all: Vec<String> = hosts.into_iter().collect();
        format!(
            "none of {} answers over UDP within {:.0} s",
            crate::base::words::listed(&all),
            asked / 1000.0
        )
    })
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
            (None, _) if asked >= SILENT_MS => Some(Code::Timeout),
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
        })
    });
    Some(all.collect())
}
