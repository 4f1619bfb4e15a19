//! Which peers can be reached directly: from the mapping and filtering behaviour of both sides,
//! what ICE (RFC 8445) can do between them.

use serde::Serialize;

use super::behavior::{Filtering, Mapping};

/// How a connection between two hosts will come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Directly.
    Direct,
    /// Through a TURN relay (RFC 8656) only.
    Relay,
    /// Not known.
    Unknown,
}

/// One side's behaviour, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Behavior {
    /// Mapping, if known.
    pub mapping: Option<Mapping>,
    /// Filtering, if known.
    pub filtering: Option<Filtering>,
}

/// A peer whose behaviour is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The peer's mapping behaviour.
    pub mapping: Mapping,
    /// The peer's filtering behaviour.
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
    let mut answers = MAPPINGS
        .into_iter()
        .filter(|m| own.mapping.is_none_or(|known| known == *m))
        .flat_map(|mapping| {
            FILTERINGS
                .into_iter()
                .filter(|f| own.filtering.is_none_or(|known| known == *f))
                .map(move |filtering| is_direct(Peer { mapping, filtering }, peer))
        });
    let first = answers.next().unwrap_or(false);
    match (answers.all(|answer| answer == first), first) {
        (true, true) => Expected::Direct,
        (true, false) => Expected::Relay,
        (false, _) => Expected::Unknown,
    }
}

/// Whether two hosts behind different NATs can exchange packets with nothing but their
/// server-reflexive addresses and ICE's peer-reflexive ones (RFC 8445 7.3.1.3).
fn is_direct(a: Peer, b: Peer) -> bool {
    use Mapping::EndpointIndependent;
    match (
        a.mapping == EndpointIndependent,
        b.mapping == EndpointIndependent,
    ) {
        // Each sends to the address that the other one sends from.
        (true, true) => true,
        // `b` sends from a port that `a` has never heard of, but its packets reach `a` if `a`'s
        // filter looks at addresses only.
        (true, false) => lets_new_port_in(a.filtering),
        (false, true) => lets_new_port_in(b.filtering),
        // One must be open to anybody at its reflexive address; the other must let in the new port
        // that the first one answers from. Then one of them must keep its mapping when the other's
        // port changes, or the ports change for ever.
        (false, false) => opens_for(a, b) || opens_for(b, a),
    }
}

/// Both mappings depend on the endpoint; `open` receives the first packet.
fn opens_for(open: Peer, sender: Peer) -> bool {
    open.filtering == Filtering::EndpointIndependent
        && lets_new_port_in(sender.filtering)
        && [open, sender]
            .iter()
            .any(|side| side.mapping == Mapping::AddressDependent)
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
        assert!(is_direct(by_address, by_port));
        assert!(!is_direct(by_port, by_port));
        // The open one keeps its mapping, the other one does not.
        let restricted = peer(
            Mapping::AddressAndPortDependent,
            Filtering::AddressDependent,
        );
        assert!(is_direct(by_address, restricted));
        assert!(!is_direct(by_port, restricted));
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
        assert!(!is_direct(port_restricted, symmetric));
        assert!(is_direct(restricted, symmetric));
        assert!(is_direct(port_restricted, port_restricted));
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
