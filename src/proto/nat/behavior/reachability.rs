//! Which peers can be reached directly: from the mapping and filtering behaviour of both sides,
//! what ICE (RFC 8445) can do between them.

use serde::Serialize;

use crate::proto::nat::behavior::words::{Filtering, Mapping};

/// How a connection between two hosts will come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    Direct,
    /// Through a TURN relay (RFC 8656) only.
    Relay,
    Unknown,
}

/// One side's behaviour, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Behavior {
    pub mapping: Option<Mapping>,
    pub filtering: Option<Filtering>,
}

/// A peer whose behaviour is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Peer {
    pub mapping: Mapping,
    pub filtering: Filtering,
}

/// All mappings, from the most to the least permissive.
pub const MAPPINGS: [Mapping; 3] = [
    Mapping::EndpointIndependent,
    Mapping::AddressDependent,
    Mapping::AddressAndPortDependent,
];

/// All filterings, from the most to the least permissive.
pub const FILTERINGS: [Filtering; 3] = [
    Filtering::EndpointIndependent,
    Filtering::AddressDependent,
    Filtering::AddressAndPortDependent,
];

/// What to expect between a host of which perhaps not all is known, and a peer on another network.
/// The answer is known when every possible behaviour leads to it.
pub fn expected(own: Behavior, peer: Peer) -> Expected {
    let own = own.possible();
    match agreed(own.map(|own| is_direct(own, peer))) {
        Some(true) => Expected::Direct,
        Some(false) => Expected::Relay,
        None => Expected::Unknown,
    }
}

/// What all answers say; `None` if they do not all say the same, or there are none.
pub fn agreed(mut answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let first = answers.next()??;
    answers.all(|answer| answer == Some(first)).then_some(first)
}

impl Behavior {
    /// All that it may be.
    pub fn possible(self) -> impl Iterator<Item = Peer> {
        let mappings = MAPPINGS.into_iter();
        mappings
            .filter(move |m| self.mapping.is_none_or(|known| known == *m))
            .flat_map(move |mapping| {
                FILTERINGS
                    .into_iter()
                    .filter(move |f| self.filtering.is_none_or(|known| known == *f))
                    .map(move |filtering| Peer { mapping, filtering })
            })
    }
}

/// Whether two hosts behind different NATs can exchange packets with nothing but their
/// server-reflexive addresses and ICE's peer-reflexive ones (RFC 8445 7.3.1.3). `None` where RFC
/// 4787 leaves it open. `tests/core/pair_prediction.rs` holds this against modelled NATs.
pub fn is_direct(a: Peer, b: Peer) -> Option<bool> {
    use Mapping::EndpointIndependent;
    match (
        a.mapping == EndpointIndependent,
        b.mapping == EndpointIndependent,
    ) {
        // Each sends to the address that the other one sends from.
        (true, true) => Some(true),
        // `b` sends from a port that `a` has never heard of, but its packets reach `a` if `a`'s
        // filter looks at addresses only.
        (true, false) => Some(lets_new_port_in(a.filtering)),
        (false, true) => Some(lets_new_port_in(b.filtering)),
        (false, false) => both_dependent(a, b),
    }
}

/// Both mappings depend on the endpoint, so each side is heard from ports that the other one has
/// not sent to.
fn both_dependent(a: Peer, b: Peer) -> Option<bool> {
    let port_dependent = |peer: Peer| peer.mapping == Mapping::AddressAndPortDependent;
    // Each answer comes from yet another port, without end.
    if port_dependent(a) && port_dependent(b) {
        return Some(false);
    }
    if !lets_new_port_in(a.filtering) || !lets_new_port_in(b.filtering) {
        return Some(false);
    }
    // One must be open to anybody at its reflexive address for a first packet to come through.
    let is_open = |peer: Peer| peer.filtering == Filtering::EndpointIndependent;
    if is_open(a) || is_open(b) {
        return Some(true);
    }
    // Both filters know the other's IP address by what was sent from another mapping of the same
    // socket. RFC 4787 5 speaks of the socket; many NATs keep a list for each mapping.
    None
}

/// Whether a packet from a known IP address, but a new port, passes.
fn lets_new_port_in(filtering: Filtering) -> bool {
    filtering != Filtering::AddressAndPortDependent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(mapping: Mapping, filtering: Filtering) -> Peer {
        Peer { mapping, filtering }
    }

    #[test]
    fn two_endpoint_dependent_mappings_may_still_connect_directly() {
        let by_address = peer(Mapping::AddressDependent, Filtering::EndpointIndependent);
        let by_port = peer(
            Mapping::AddressAndPortDependent,
            Filtering::EndpointIndependent,
        );
        assert_eq!(is_direct(by_address, by_port), Some(true));
        assert_eq!(is_direct(by_port, by_port), Some(false));
        let filtered = peer(
            Mapping::AddressAndPortDependent,
            Filtering::AddressDependent,
        );
        assert_eq!(is_direct(by_address, filtered), Some(true));
    }

    #[test]
    fn what_the_standard_leaves_open_is_not_known() {
        let filtered = peer(Mapping::AddressDependent, Filtering::AddressDependent);
        assert_eq!(is_direct(filtered, filtered), None);
        let own = Behavior {
            mapping: Some(filtered.mapping),
            filtering: Some(filtered.filtering),
        };
        assert_eq!(expected(own, filtered), Expected::Unknown);
    }

    #[test]
    fn port_restricted_and_symmetric_need_a_relay() {
        let port_restricted = peer(
            Mapping::EndpointIndependent,
            Filtering::AddressAndPortDependent,
        );
        let restricted = peer(Mapping::EndpointIndependent, Filtering::AddressDependent);
        let symmetric = peer(
            Mapping::AddressAndPortDependent,
            Filtering::AddressAndPortDependent,
        );
        assert_eq!(is_direct(port_restricted, symmetric), Some(false));
        assert_eq!(is_direct(restricted, symmetric), Some(true));
        assert_eq!(is_direct(port_restricted, port_restricted), Some(true));
    }

    #[test]
    fn it_makes_no_difference_who_is_who() {
        for (a, b) in all().flat_map(|a| all().map(move |b| (a, b))) {
            assert_eq!(is_direct(a, b), is_direct(b, a), "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_is_not_known_stays_unknown_unless_it_makes_no_difference() {
        let unknown_filter = Behavior {
            mapping: Some(Mapping::EndpointIndependent),
            filtering: None,
        };
        let eim = peer(
            Mapping::EndpointIndependent,
            Filtering::AddressAndPortDependent,
        );
        let apdm = peer(
            Mapping::AddressAndPortDependent,
            Filtering::AddressAndPortDependent,
        );
        assert_eq!(expected(unknown_filter, eim), Expected::Direct);
        assert_eq!(expected(unknown_filter, apdm), Expected::Unknown);
    }

    fn all() -> impl Iterator<Item = Peer> {
        MAPPINGS
            .into_iter()
            .flat_map(|m| FILTERINGS.into_iter().map(move |f| peer(m, f)))
    }
}
