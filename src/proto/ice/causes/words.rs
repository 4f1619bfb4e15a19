//! How the sides are named, so that both printouts can be read side by side.

use std::net::{IpAddr, SocketAddr};

use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Party, Situation, Whose};
use crate::proto::nat::address::is_global;

/// The address that the world sees a side at, if it is known. Public ones and IPv4 first.
fn public_address(party: &Party<'_>) -> Option<IpAddr> {
    let of = |kind: CandidateType| {
        let all = party.side.candidates.iter();
        all.filter(move |c| c.kind == kind).map(|c| c.address.ip())
    };
    let nats = party.side.nats.iter();
    let seen = nats.flat_map(|nat| nat.reflexive_addresses.iter().map(SocketAddr::ip));
    let hosts = of(CandidateType::Host).filter(|ip| is_global(*ip));
    let mut known: Vec<IpAddr> = of(CandidateType::Srflx).chain(seen).chain(hosts).collect();
    // Stands for one that is not told.
    known.retain(|ip| !ip.is_unspecified());
    known.sort_by_key(|ip| (!is_global(*ip), !ip.is_ipv4()));
    known.first().copied()
}

impl Situation<'_> {
    /// "this side (203.0.113.5)".
    pub(super) fn name(&self, whose: Whose) -> String {
        format!("{}{}", short(whose), self.bracket(whose))
    }

    /// "this side's NAT (203.0.113.5)".
    pub(super) fn of(&self, what: &str, whose: Whose) -> String {
        format!("{}{}", self.bare(what, whose), self.bracket(whose))
    }

    /// "this side's NAT", or that of its VPN, if servers see it there.
    pub(super) fn bare(&self, what: &str, whose: Whose) -> String {
        if self.is_by_vpn(whose) {
            format!("the {what} of {} VPN", possessive(whose))
        } else {
            format!("{} {what}", possessive(whose))
        }
    }

    /// The NATs of both sides.
    pub(super) fn nats(&self) -> &'static str {
        match (self.is_by_vpn(Whose::Local), self.is_by_vpn(Whose::Remote)) {
            (false, false) => "both sides' NATs",
            (true, false) => "both sides' NATs (this side's is its VPN's)",
            (false, true) => "both sides' NATs (the other side's is its VPN's)",
            (true, true) => "the NATs of both sides' VPNs",
        }
    }

    /// Whether a side is seen at its public address through a VPN alone.
    pub(super) fn is_by_vpn(&self, whose: Whose) -> bool {
        if !matches!(whose, Whose::Local | Whose::Remote) {
            return false;
        }
        let party = self.party(whose);
        let Some(ip) = public_address(party) else {
            return false;
        };
        let candidates = party.side.candidates.iter();
        let seen = candidates.filter(|c| c.kind == CandidateType::Srflx && c.address.ip() == ip);
        let seen = seen.filter_map(|c| c.related.map(|base| base.ip()));
        let nats = party.side.nats.iter();
        let nats = nats.filter(|nat| nat.reflexive_addresses.iter().any(|at| at.ip() == ip));
        let mut bases = seen.chain(nats.map(|nat| nat.local_address)).peekable();
        bases.peek().is_some() && bases.all(|base| party.tunnels.contains(&base))
    }

    fn bracket(&self, whose: Whose) -> String {
        let party = match whose {
            Whose::Local => &self.local,
            Whose::Remote => &self.remote,
            Whose::Both | Whose::Between => return String::new(),
        };
        public_address(party).map_or_else(String::new, |ip| format!(" ({ip})"))
    }
}

/// Without the address, where it was said already.
pub(in crate::proto) const fn short(whose: Whose) -> &'static str {
    match whose {
        Whose::Local => "this side",
        Whose::Remote => "the other side",
        Whose::Both | Whose::Between => "both sides",
    }
}

pub(super) const fn possessive(whose: Whose) -> &'static str {
    match whose {
        Whose::Local => "this side's",
        Whose::Remote => "the other side's",
        Whose::Both | Whose::Between => "both sides'",
    }
}

/// A sentence about two sides, in which each has its name.
pub fn named(message: &str, local: &str, remote: &str) -> String {
    let words = [
        ("this side", local),
        ("This side", local),
        ("the other side", remote),
        ("The other side", remote),
    ];
    let mut said = String::new();
    let mut rest = message;
    // In one go: a name may have such words in it.
    while let Some((at, word, name)) = words
        .iter()
        .filter_map(|(word, name)| Some((rest.find(word)?, word, name)))
        .min_by_key(|(at, ..)| *at)
    {
        said.push_str(&rest[..at]);
        said.push_str(name);
        rest = &rest[at + word.len()..];
    }
    said.push_str(rest);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_name() {
        let said =
            "This side's NAT (203.0.113.5) maps anew, and the other side filters; this side too";
        let wanted = "web's NAT (203.0.113.5) maps anew, and this side filters; web too";
        assert_eq!(named(said, "web", "this side"), wanted);
        assert_eq!(named("both sides", "a", "b"), "both sides");
    }
}
