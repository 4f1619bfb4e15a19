//! What candidates tell of how a NAT maps (RFC 4787 4.1).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::proto::evidence::account::{Account, Place, Seen, Told, ToldCandidate};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::checks::Role;

/// What shows that a mapping depends on the endpoint.
pub(super) fn dependent(
    told: &Told,
    own: Option<&Account>,
    other: Option<&Account>,
) -> Option<String> {
    two_ports(told, own)
        .or_else(|| more_than_sockets(told))
        .or_else(|| seen_elsewhere(told, own, other))
}

/// Whether servers at different addresses see each socket at one port: the mapping is independent of the endpoint.
pub(super) fn is_independent(seen: &[Seen]) -> bool {
    let mut bases: BTreeMap<SocketAddr, (BTreeSet<IpAddr>, BTreeSet<SocketAddr>)> = BTreeMap::new();
    for Seen {
        base, server, at, ..
    } in seen
    {
        let of_base = bases.entry(*base).or_default();
        of_base.0.insert(server.ip());
        of_base.1.insert(*at);
    }
    bases.values().all(|(_, at)| at.len() == 1)
        && bases.values().any(|(servers, _)| servers.len() > 1)
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

/// More ports at one address than there are sockets behind it. Browsers that hide host addresses leave the base of a
/// reflexive candidate out, too, but tell each socket by a host candidate, before what a server saw of it.
fn more_than_sockets(told: &Told) -> Option<String> {
    let signalled = || told.udp().filter(|c| c.is_signalled && c.port != 0);
    let sockets = ports(signalled().filter(|c| c.kind == CandidateType::Host)).len();
    let (ip, seen) = by_address(signalled().filter(|c| c.kind == CandidateType::Srflx))
        .into_iter()
        .max_by_key(|(_, seen)| seen.len())?;
    if sockets == 0 || seen.len() <= sockets {
        return None;
    }
    let it = if sockets == 1 {
        "its one socket is".to_owned()
    } else {
        format!("its {sockets} sockets are")
    };
    Some(format!("{it} seen at {} ports of {ip}", seen.len()))
}

fn ports<'a>(candidates: impl Iterator<Item = &'a ToldCandidate>) -> BTreeSet<u16> {
    candidates.map(|c| c.port).collect()
}

fn by_address<'a>(
    candidates: impl Iterator<Item = &'a ToldCandidate>,
) -> BTreeMap<IpAddr, BTreeSet<u16>> {
    let mut all: BTreeMap<IpAddr, BTreeSet<u16>> = BTreeMap::new();
    for candidate in candidates {
        if let Some(ip) = candidate.place.ip() {
            all.entry(ip).or_default().insert(candidate.port);
        }
    }
    all
}

/// How many sockets a side has, as far as it is told.
#[derive(Debug, Clone, Default)]
pub(super) struct Sockets {
    /// All of them, where it told them itself.
    told: usize,
    /// Whether there is one alone. Who answers has one on each interface, since all media goes over one transport
    /// (RFC 9143 7.3); who offers has one for each section until then.
    is_alone: bool,
    /// The ports that others see, by address.
    seen: BTreeMap<IpAddr, BTreeSet<u16>>,
}

impl Sockets {
    pub fn new(told: &Told, own: Option<&Account>, other: Option<&Account>) -> Self {
        let hosts = || told.udp().filter(|c| c.kind == CandidateType::Host);
        let is_reflexive =
            |c: &&ToldCandidate| matches!(c.kind, CandidateType::Srflx | CandidateType::Prflx);
        let role = |account: Option<&Account>| account.and_then(|account| account.role);
        let mut descriptions = told.descriptions.iter();
        let answers = descriptions.any(|(_, read)| read.is_offer == Some(false))
            || role(own) == Some(Role::Controlled)
            || role(other) == Some(Role::Controlling);
        Self {
            told: ports(hosts().filter(|c| c.is_signalled)).len(),
            is_alone: answers && ports(hosts()).len() < 2,
            seen: by_address(told.udp().filter(is_reflexive)),
        }
    }

    pub fn is_other_mapping(&self, at: SocketAddr) -> bool {
        let seen = self.seen.get(&at.ip());
        let count = seen.map_or(0, |seen| {
            seen.len() + usize::from(!seen.contains(&at.port()))
        });
        self.is_alone || (self.told > 0 && count > self.told)
    }
}
