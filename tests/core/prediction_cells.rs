use rtcdiag::base::family::Family;
use rtcdiag::proto::ice::candidate::Candidate;
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::nat::behavior::reachability::is_direct;
use std::net::SocketAddr;

use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::prediction::*;
use rtcdiag::proto::nat::behavior::reachability::{FILTERINGS, MAPPINGS};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping, Udp};

const EIM: Mapping = Mapping::EndpointIndependent;
const APDM: Mapping = Mapping::AddressAndPortDependent;
const ADF: Filtering = Filtering::AddressDependent;
const APDF: Filtering = Filtering::AddressAndPortDependent;

#[derive(Clone, Default)]
struct Host {
    nats: Vec<NatFacts>,
    candidates: Vec<Candidate>,
    relay_only: bool,
}

impl Host {
    fn with(mut self, kind: CandidateType, ip: &str) -> Self {
        self.candidates.push(Candidate {
            foundation: "1".into(),
            component: 1,
            priority: 1,
            address: SocketAddr::new(ip.parse().expect("an address"), 40000),
            kind,
            related: None,
        });
        self
    }

    fn relay(self, ip: &str) -> Self {
        self.with(CandidateType::Relay, ip)
    }

    /// Measured from `local`, seen at `public`.
    fn measured(
        mut self,
        local: &str,
        public: &str,
        mapping: Mapping,
        filtering: Filtering,
    ) -> Self {
        let ip: std::net::IpAddr = local.parse().expect("an address");
        let seen = SocketAddr::new(public.parse().expect("an address"), 40000);
        self.nats.push(NatFacts {
            family: Family::of(ip),
            local_address: ip,
            udp: Fact::Determined(Udp::Open),
            nat: Fact::Determined(local != public),
            mapping: Fact::Determined(mapping),
            filtering: Fact::Determined(filtering),
            hairpinning: Fact::not_tested(Reason::NotApplicable),
            port_moves: Fact::not_tested(Reason::NotApplicable),
            reflexive_addresses: vec![seen],
        });
        let host = self.with(CandidateType::Host, local);
        if local == public {
            host
        } else {
            host.with(CandidateType::Srflx, public)
        }
    }

    fn but(mut self, change: impl FnOnce(&mut NatFacts)) -> Self {
        change(self.nats.last_mut().expect("something was measured"));
        self
    }

    fn blocked(local: &str) -> Self {
        let mut host = Self::default()
            .measured(local, "203.0.113.5", EIM, ADF)
            .but(|nat| {
                nat.udp = Fact::Determined(Udp::Blocked);
                nat.nat = Fact::not_tested(Reason::UdpBlocked);
                nat.mapping = Fact::not_tested(Reason::UdpBlocked);
                nat.filtering = Fact::not_tested(Reason::UdpBlocked);
                nat.reflexive_addresses.clear();
            });
        host.candidates.pop();
        host
    }

    fn relay_only(mut self) -> Self {
        self.relay_only = true;
        self
    }

    fn side(&self) -> Side<'_> {
        Side {
            nats: &self.nats,
            candidates: &self.candidates,
            relay_only: self.relay_only,
        }
    }
}

fn here(mapping: Mapping, filtering: Filtering) -> Host {
    Host::default().measured("192.168.1.10", "203.0.113.5", mapping, filtering)
}

fn there(mapping: Mapping, filtering: Filtering) -> Host {
    Host::default().measured("192.168.2.10", "198.51.100.7", mapping, filtering)
}

#[track_caller]
fn expect(a: &Host, b: &Host, expected: Expected) {
    for (a, b) in [(a, b), (b, a)] {
        let prediction = predict(a.side(), b.side());
        assert_eq!(prediction.expected, expected, "{prediction:?}");
        let words = prediction.because.split_whitespace().count();
        assert!((4..80).contains(&words), "{prediction:?}");
        assert!(prediction.because.ends_with('.'), "{prediction:?}");
        assert!(!prediction.because.contains("  "), "{prediction:?}");
    }
}

#[test]
fn every_pairing_of_nats() {
    let kinds = || {
        MAPPINGS
            .into_iter()
            .flat_map(|m| FILTERINGS.map(move |f| (m, f)))
    };
    let mut seen = [0; 3];
    for ((m, f), (n, g)) in kinds().flat_map(|a| kinds().map(move |b| (a, b))) {
        let rule = is_direct(
            rtcdiag::proto::nat::behavior::reachability::Peer {
                mapping: m,
                filtering: f,
            },
            rtcdiag::proto::nat::behavior::reachability::Peer {
                mapping: n,
                filtering: g,
            },
        );
        let (with_relay, without) = match rule {
            Some(true) => (Expected::Direct, Expected::Direct),
            Some(false) => (Expected::Relay, Expected::Fail),
            None => (Expected::Unknown, Expected::Unknown),
        };
        expect(&here(m, f), &there(n, g), without);
        expect(&here(m, f).relay("192.0.2.1"), &there(n, g), with_relay);
        seen[match rule {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        }] += 1;
    }
    assert_eq!(seen, [42, 36, 3]);
}

#[test]
fn a_host_without_nat_is_reached_as_one_with_endpoint_independent_mapping() {
    let open = |filtering| Host::default().measured("192.0.2.77", "192.0.2.77", EIM, filtering);
    let unmapped = open(ADF).but(|nat| nat.mapping = Fact::not_tested(Reason::NoNat));
    expect(&unmapped, &there(APDM, APDF), Expected::Direct);
    expect(&open(APDF), &there(APDM, APDF), Expected::Fail);
    expect(&open(APDF), &there(EIM, APDF), Expected::Direct);
    let other = Host::default().measured("198.51.100.7", "198.51.100.7", EIM, APDF);
    expect(&open(APDF), &other, Expected::Direct);
}

#[test]
fn what_is_not_known_is_unknown_unless_it_makes_no_difference() {
    let unfiltered = |nat: &mut NatFacts| {
        nat.filtering = Fact::not_tested(Reason::NoBehaviorDiscovery);
    };
    let unmapped = |nat: &mut NatFacts| {
        nat.mapping = Fact::inconclusive(Reason::SingleServer, "one server");
    };
    let dependent = |nat: &mut NatFacts| {
        nat.mapping = Fact::inconclusive(Reason::EndpointDependent, "two servers");
    };
    let eim = here(EIM, ADF).but(unfiltered);
    expect(&eim, &there(EIM, APDF), Expected::Direct);
    expect(&eim, &there(APDM, APDF), Expected::Unknown);
    expect(
        &here(EIM, ADF).but(unmapped),
        &there(EIM, APDF),
        Expected::Unknown,
    );
    expect(
        &here(EIM, ADF).but(unmapped),
        &there(EIM, ADF),
        Expected::Direct,
    );
    // It is not endpoint-independent, whatever it is.
    expect(
        &here(EIM, ADF).but(dependent),
        &there(EIM, APDF).relay("192.0.2.1"),
        Expected::Relay,
    );
    // Another agent tells nothing.
    let silent = Host {
        nats: Vec::new(),
        ..there(EIM, ADF)
    };
    expect(&here(EIM, APDF), &silent, Expected::Unknown);
    expect(&here(EIM, ADF), &silent, Expected::Direct);
    expect(&Host::default(), &here(EIM, ADF), Expected::Fail);
}

#[test]
fn a_private_subnet_on_both_sides_may_be_two_networks() {
    let near = |public: &str, m, f| Host::default().measured("192.168.1.20", public, m, f);
    // One public address: one network.
    expect(
        &here(APDM, APDF),
        &near("203.0.113.5", APDM, APDF),
        Expected::Direct,
    );
    // Two: two uplinks, or two homes.
    let elsewhere = near("198.51.100.7", APDM, APDF).relay("192.0.2.1");
    expect(&here(APDM, APDF), &elsewhere, Expected::Unknown);
    expect(
        &here(EIM, APDF),
        &near("198.51.100.7", EIM, APDF),
        Expected::Direct,
    );
    // Nothing known but the addresses.
    let bare = |ip| Host::default().with(CandidateType::Host, ip);
    expect(
        &bare("192.168.1.10"),
        &bare("192.168.1.20"),
        Expected::Unknown,
    );
    // Docker's bridge has the same address everywhere.
    let bridge = |host: Host| host.with(CandidateType::Host, "172.17.0.1");
    expect(
        &bridge(here(APDM, APDF)).relay("192.0.2.1"),
        &bridge(there(APDM, APDF)),
        Expected::Relay,
    );
}

#[test]
fn behind_one_nat_it_takes_hairpinning_or_one_network() {
    let other = Host::default().measured("192.168.2.10", "203.0.113.5", EIM, APDF);
    let hairpins = |host: &Host, value: bool| {
        host.clone()
            .but(|nat| nat.hairpinning = Fact::Determined(value))
    };
    let own = here(EIM, APDF);
    expect(
        &hairpins(&own, true),
        &hairpins(&other, true),
        Expected::Direct,
    );
    expect(
        &hairpins(&own, false),
        &hairpins(&other, false),
        Expected::Unknown,
    );
    expect(&own, &other, Expected::Unknown);
    let strict = |host: Host| hairpins(&host, true).but(|nat| nat.mapping = Fact::Determined(APDM));
    expect(&strict(own), &strict(other), Expected::Unknown);
}

#[test]
fn carriers_and_hosts_alone() {
    let carrier = |ip: &str, public: &str| Host::default().measured(ip, public, EIM, ADF);
    expect(
        &carrier("100.64.0.2", "203.0.113.5"),
        &carrier("100.80.0.2", "203.0.113.9"),
        Expected::Unknown,
    );
    expect(
        &carrier("100.64.0.2", "203.0.113.5"),
        &there(EIM, ADF),
        Expected::Direct,
    );
    // The same subnet of a carrier is not one network.
    expect(
        &carrier("100.64.0.2", "203.0.113.5"),
        &carrier("100.64.0.3", "203.0.113.5"),
        Expected::Unknown,
    );
    let alone = Host::default().with(CandidateType::Host, "127.0.0.1");
    expect(&alone, &alone.clone().relay("127.0.0.1"), Expected::Direct);
    // Two homes may have the same addresses, and one carrier's NAT before both.
    expect(&here(APDM, APDF), &here(APDM, APDF), Expected::Unknown);
    let public = here(APDM, APDF).with(CandidateType::Host, "203.0.113.77");
    expect(&public, &public.clone(), Expected::Direct);
}

#[test]
fn a_side_without_udp_needs_a_relay_that_both_can_use() {
    let blocked = Host::blocked("192.168.1.10");
    expect(&blocked, &there(EIM, ADF), Expected::Fail);
    // The other side's relay is out of reach: one talks to relays of others over UDP.
    expect(
        &blocked,
        &there(EIM, ADF).relay("192.0.2.1"),
        Expected::Fail,
    );
    expect(
        &blocked.clone().relay("192.0.2.1"),
        &there(EIM, ADF),
        Expected::Relay,
    );
    let far = Host::default().measured("198.51.100.9", "198.51.100.9", EIM, ADF);
    let none = Host {
        nats: Host::blocked("198.51.100.9").nats,
        ..far
    };
    expect(
        &blocked.clone().relay("192.0.2.1"),
        &none.clone().relay("192.0.2.2"),
        Expected::Relay,
    );
    expect(&blocked.clone().relay("192.0.2.1"), &none, Expected::Fail);
    // Both in private networks that may be one.
    expect(
        &blocked.clone().relay("192.0.2.1"),
        &Host::blocked("192.168.2.10").relay("192.0.2.2"),
        Expected::Unknown,
    );
    expect(&blocked, &Host::blocked("192.168.1.11"), Expected::Unknown);
}

#[test]
fn families_on_their_own() {
    let v6 = |host: Host, ip| host.measured(ip, ip, EIM, APDF);
    let both = v6(here(APDM, APDF), "2001:db8:1::10");
    // The other one's IPv6 goes through though its IPv4 would not.
    expect(
        &both,
        &v6(there(APDM, APDF), "2001:db8:2::10"),
        Expected::Direct,
    );
    expect(
        &both,
        &v6(Host::default(), "2001:db8:2::10"),
        Expected::Direct,
    );
    // Nothing in common.
    let only_v4 = here(EIM, ADF);
    let only_v6 = v6(Host::default(), "2001:db8:2::10");
    expect(&only_v4, &only_v6, Expected::Fail);
    expect(
        &only_v4.clone().relay("192.0.2.1"),
        &only_v6,
        Expected::Fail,
    );
    expect(&only_v4.relay("2001:db8::1"), &only_v6, Expected::Relay);
    // Addresses alone say nothing of what gets through.
    let bare = here(APDM, APDF).with(CandidateType::Host, "2001:db8:1::10");
    expect(
        &bare.relay("192.0.2.1"),
        &v6(there(APDM, APDF), "2001:db8:2::10"),
        Expected::Unknown,
    );
}

#[test]
fn a_policy_leaves_relays_only() {
    let other = there(EIM, ADF);
    expect(
        &here(EIM, ADF).relay("192.0.2.1").relay_only(),
        &other,
        Expected::Relay,
    );
    expect(&here(EIM, ADF).relay_only(), &other, Expected::Fail);
    // Without a relay of its own, it cannot use the other one's either.
    expect(
        &here(EIM, ADF).relay_only(),
        &other.clone().relay("192.0.2.1"),
        Expected::Fail,
    );
    expect(
        &here(EIM, ADF).relay("192.0.2.1").relay_only(),
        &other.relay("192.0.2.2").relay_only(),
        Expected::Relay,
    );
}

#[test]
fn a_way_out_that_was_not_measured_may_be_open() {
    let second = here(APDM, APDF).with(CandidateType::Srflx, "192.0.2.200");
    expect(
        &second.relay("192.0.2.1"),
        &there(APDM, APDF),
        Expected::Unknown,
    );
}

/// What leaves from another address than the one that was seen passes only who lets everybody in.
#[test]
fn a_pool_of_addresses_or_a_port_that_moves_leaves_it_open() {
    const EIF: Filtering = Filtering::EndpointIndependent;
    let pooled = here(EIM, APDF).but(|nat| {
        nat.mapping = Fact::inconclusive(Reason::AddressPooling, "several addresses");
    });
    let moved = here(EIM, APDF).but(|nat| nat.port_moves = Fact::Determined(true));
    for (own, peer, expected) in [
        (&pooled, there(EIM, ADF), Expected::Unknown),
        (&pooled, there(EIM, APDF), Expected::Unknown),
        (&pooled, there(EIM, EIF), Expected::Direct),
        (&moved, there(EIM, APDF), Expected::Unknown),
        (&moved, there(EIM, ADF), Expected::Direct),
    ] {
        expect(own, &peer, expected);
        expect(&peer, own, expected);
    }
}
