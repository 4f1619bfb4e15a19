//! Rule 19: NAT64, where the client has IPv6 and what servers say is IPv4.

use std::net::SocketAddr;

use rtcdiag::base::fact::Reason;
use rtcdiag::proto::nat::behavior::words::PortAssignment;

use super::{ADF, ADM, APDF, APDM, EIF, EIM};
use crate::support::check::{check, check_not_false, inconclusive, is};
use crate::support::nat_model::{Hairpin, NatConfig, Ports};
use crate::support::scenario::{
    Nat64, Scenario, discovery_server, listed, plain_server, server_v4, server_v6,
};
use crate::support::sim_net;
use crate::support::sim_server::{Other, ServerConfig};

const PREFIXES: [&str; 3] = ["64:ff9b::/96", "2001:db8:64::/48", "2001:db8:122:344::/64"];

/// The same through a NAT64 whose prefix nobody knows.
fn untold(scenario: &Scenario) -> Scenario {
    let scenario = scenario.through_nat64(PREFIXES[0]);
    Scenario {
        nat64: scenario.nat64.map(|n| Nat64 { told: false, ..n }),
        ..scenario
    }
}

/// OTHER-ADDRESS is synthesized, and the answers come from the synthesized addresses.
#[test]
fn rule_19_with_the_prefix_a_nat64_is_a_nat() {
    for prefix in PREFIXES {
        for mapping in [EIM, ADM, APDM] {
            for filtering in [EIF, ADF, APDF] {
                let nat = NatConfig::nat(mapping, filtering);
                let scenario = Scenario::new(nat, vec![discovery_server()]);
                check(&scenario.through_nat64(prefix), 5, |o| {
                    is(&o.facts.nat, true)?;
                    is(&o.facts.mapping, mapping)?;
                    is(&o.facts.filtering, filtering)
                });
            }
        }
    }
}

#[test]
fn rule_19_ports_are_compared_across_the_families() {
    for (ports, assignment) in [
        (Ports::Preserve, PortAssignment::Preserved),
        (Ports::Random, PortAssignment::Random),
    ] {
        let mut nat = NatConfig::nat(EIM, ADF);
        nat.ports = ports;
        let scenario = Scenario::new(nat, vec![discovery_server(), plain_server(3)]);
        check(&scenario.through_nat64(PREFIXES[0]), 10, |o| {
            is(&o.facts.port_preservation, ports == Ports::Preserve)?;
            is(&o.facts.port_assignment, assignment)
        });
    }
}

/// RFC 6146 3.8: the external address is reached by its synthesized one.
#[test]
fn rule_19_hairpinning_through_a_nat64() {
    for (hairpin, expected) in [
        (Hairpin::Off, false),
        (Hairpin::ExternalSource, true),
        (Hairpin::InternalSource, true),
    ] {
        let mut nat = NatConfig::nat(EIM, EIF);
        nat.hairpin = hairpin;
        let scenario = Scenario::new(nat, vec![discovery_server()]);
        check(&scenario.through_nat64(PREFIXES[0]), 10, |o| {
            is(&o.facts.hairpinning, expected)
        });
    }
}

/// Without the prefix, IPv4 addresses in answers lead nowhere: nothing is made of that.
#[test]
fn rule_19_without_the_prefix_the_rest_is_open() {
    for (mapping, filtering) in [(EIM, EIF), (EIM, APDF), (APDM, ADF)] {
        let nat = NatConfig::nat(mapping, filtering);
        let server = ServerConfig {
            sends_origin: false,
            ..discovery_server()
        };
        let scenario = untold(&Scenario::new(nat, vec![server]));
        check(&scenario, 10, |o| {
            is(&o.facts.nat, true)?;
            inconclusive(&o.facts.mapping, Reason::SingleServer)?;
            inconclusive(&o.facts.filtering, Reason::NoNat64Prefix)?;
            inconclusive(&o.facts.hairpinning, Reason::NoNat64Prefix)
        });
    }
}

/// A server that tells its own address shows the prefix, and its other address proves it.
#[test]
fn rule_19_a_prefix_that_a_server_shows_is_tried() {
    for (mapping, filtering) in [(EIM, EIF), (EIM, APDF), (APDM, APDF)] {
        let nat = NatConfig::nat(mapping, filtering);
        let scenario = untold(&Scenario::new(nat, vec![discovery_server()]));
        check(&scenario, 10, |o| {
            is(&o.facts.mapping, mapping)?;
            is(&o.facts.filtering, filtering)
        });
    }
}

/// A loss is not a filter there either, and bad servers are no better behind a translator.
#[test]
fn rule_19_nothing_false_through_a_lossy_nat64() {
    let private: SocketAddr = "192.168.0.9:3479".parse().expect("an address");
    let own_family = server_v6(2, 3479);
    for other in [
        Other::Correct,
        Other::SameIp,
        Other::SamePort,
        Other::Itself,
        Other::Says(private),
        Other::Says(own_family),
    ] {
        for nat in [
            NatConfig::nat(EIM, EIF),
            NatConfig::nat(EIM, ADF),
            NatConfig::nat(APDM, APDF),
        ] {
            let server = ServerConfig {
                other,
                ..discovery_server()
            };
            let mut scenario = Scenario::new(nat, vec![server, plain_server(3)]);
            scenario.link.loss = 0.1;
            check_not_false(&scenario.through_nat64(PREFIXES[1]), 20);
            check_not_false(&untold(&scenario), 20);
        }
    }
}

/// What is wrong with OTHER-ADDRESS is wrong behind a translator too, and is said so.
#[test]
fn rule_19_flaws_are_those_of_the_ipv4_address() {
    let private: SocketAddr = "192.168.0.9:3479".parse().expect("an address");
    for (other, flaw) in [
        (Other::Says(private), "is a private address"),
        (Other::SameIp, "has the same IP address as the primary"),
        (
            Other::Says(server_v6(2, 3479)),
            "is of another address family",
        ),
    ] {
        let server = ServerConfig {
            other,
            ..discovery_server()
        };
        let scenario = Scenario::new(NatConfig::nat(EIM, EIF), vec![server]);
        check(&scenario.through_nat64(PREFIXES[0]), 5, |o| {
            inconclusive(&o.facts.filtering, Reason::NoBehaviorDiscovery)?;
            let said = format!("{:?}", o.facts.filtering);
            if said.contains(flaw) {
                Ok(())
            } else {
                Err(said)
            }
        });
    }
}

/// Rules 19 and 23: servers behind the NAT64 and servers that are not do not contradict each other.
/// The facts are those of the native way; the others are left out and say why.
#[test]
fn rule_19_native_servers_are_not_behind_the_nat64() {
    let native = ServerConfig::discovery(server_v6(1, 3478), server_v6(2, 3479));
    for translated in [plain_server(3), discovery_server()] {
        for translated_first in [true, false] {
            let mut servers = vec![native.clone(), translated.clone()];
            if translated_first {
                servers.reverse();
            }
            let primary = translated.primary;
            let scenario = untold(&Scenario::new(NatConfig::nat(APDM, APDF), servers));
            for seed in 1..=20 {
                let outcome = sim_net::run(&scenario.seeded(seed)).expect("it ends");
                let facts = &outcome.facts;
                let local = outcome.sockets[0];
                assert_eq!(
                    facts.reflexive_addresses,
                    [local],
                    "seed {seed}: {facts:#?}"
                );
                assert_eq!(is(&facts.nat, false), Ok(()), "seed {seed}");
                assert_eq!(is(&facts.mapping, EIM), Ok(()), "seed {seed}");
                assert_eq!(is(&facts.filtering, EIF), Ok(()), "seed {seed}");
                assert_eq!(outcome.of_other_family, [primary], "seed {seed}");
            }
        }
    }
}

/// With the prefix told, a server in it that sees an IPv6 address is not behind the translator.
#[test]
fn rule_19_a_native_server_is_left_out_of_the_nat64() {
    let native = ServerConfig::plain(server_v6(9, 3478));
    let mut scenario = Scenario::new(
        NatConfig::nat(EIM, ADF),
        vec![discovery_server(), native.clone()],
    )
    .through_nat64(PREFIXES[0]);
    scenario.listed = vec![listed(native.primary), listed(server_v4(1, 3478))];
    for seed in 1..=20 {
        let outcome = sim_net::run(&scenario.seeded(seed)).expect("it ends");
        assert_eq!(is(&outcome.facts.mapping, EIM), Ok(()), "seed {seed}");
        assert_eq!(is(&outcome.facts.filtering, ADF), Ok(()), "seed {seed}");
        assert_eq!(outcome.of_other_family, [native.primary], "seed {seed}");
    }
}
