//! Rules 11, 12, 13 and 15: pools of addresses, ports, gateways, hairpins.

use std::net::IpAddr;

use rtcdiag::base::fact::Reason;
use rtcdiag::proto::nat::behavior::words::{AddressPooling, PortAssignment};

use super::{ADF, ADM, APDF, APDM, EIF, EIM};
use crate::support::check::{check, check_not_false, inconclusive, is, unknown, why};
use crate::support::nat_model::{Hairpin, NatConfig, Pooling, Ports};
use crate::support::scenario::{Scenario, discovery_server, plain_server};
use crate::support::sim_net;

fn pool(count: u8) -> Vec<IpAddr> {
    (5..5 + count)
        .map(|i| IpAddr::from([203, 0, 113, i]))
        .collect()
}

/// Rule 11: another external IP address with the same port is a matter of pooling.
#[test]
fn rule_11_another_address_with_the_same_port_is_pooling_not_apdm() {
    for ports in [Ports::Preserve, Ports::Random] {
        for servers in [
            vec![discovery_server()],
            vec![plain_server(3), plain_server(4)],
            vec![discovery_server(), plain_server(3)],
        ] {
            let mut nat = NatConfig::nat(EIM, EIF);
            nat.ports = ports;
            nat.pooling = Pooling::PerSession;
            nat.externals = pool(4);
            check(&Scenario::new(nat, servers), 20, |o| {
                is(&o.facts.address_pooling, AddressPooling::Arbitrary)?;
                inconclusive(&o.facts.mapping, Reason::AddressPooling)
            });
        }
    }
}

/// Rule 11: a pool whose mappings are endpoint-independent each.
#[test]
fn rule_11_arbitrary_and_paired_pooling() {
    for (pooling, expected) in [
        (Pooling::Arbitrary, AddressPooling::Arbitrary),
        (Pooling::Paired, AddressPooling::Paired),
    ] {
        let mut nat = NatConfig::nat(EIM, ADF);
        nat.pooling = pooling;
        nat.externals = pool(8);
        let servers = vec![discovery_server(), plain_server(7), plain_server(8)];
        let scenario = Scenario::new(nat, servers);
        check(&scenario, 50, |o| {
            is(&o.facts.mapping, EIM)?;
            is(&o.facts.filtering, ADF)?;
            is(&o.facts.address_pooling, expected)
        });
    }
}

/// Rule 12: the port is an axis of its own.
#[test]
fn rule_12_a_changed_port_is_still_endpoint_independent() {
    for mapping in [EIM, ADM, APDM] {
        for (ports, assignment) in [
            (Ports::Preserve, PortAssignment::Preserved),
            (Ports::Sequential(1), PortAssignment::Sequential),
            (Ports::Sequential(2), PortAssignment::Sequential),
            (Ports::Sequential(-1), PortAssignment::Sequential),
            (Ports::Sequential(8), PortAssignment::Sequential),
            (Ports::Random, PortAssignment::Random),
        ] {
            let mut nat = NatConfig::nat(mapping, ADF);
            nat.ports = ports;
            let scenario = Scenario::new(nat, vec![discovery_server()]);
            check(&scenario, 20, |o| {
                is(&o.facts.mapping, mapping)?;
                is(&o.facts.port_preservation, ports == Ports::Preserve)?;
                is(&o.facts.port_assignment, assignment)?;
                match ports {
                    Ports::Sequential(step) => is(&o.facts.port_step, step),
                    _ => unknown(&o.facts.port_step),
                }
            });
        }
    }
}

/// Rule 12: one port that another host holds does not make a preserving NAT random.
#[test]
fn rule_12_one_collision_does_not_hide_port_preservation() {
    for mapping in [EIM, APDM] {
        let mut nat = NatConfig::nat(mapping, APDF);
        nat.ports = Ports::Preserve;
        let scenario = Scenario::new(nat, vec![discovery_server()]);
        let sockets = sim_net::run(&scenario).expect("it ends").sockets;
        for socket in sockets {
            let mut scenario = scenario.clone();
            scenario.path[0].taken = vec![socket.port()];
            check(&scenario, 1, |o| is(&o.facts.mapping, mapping));
        }
    }
}

/// Rule 12: other hosts take ports in between.
#[test]
fn rule_12_other_traffic_does_not_change_the_step() {
    for traffic in [5.0, 50.0, 500.0, 5000.0] {
        for step in [1, 2] {
            let mut nat = NatConfig::nat(EIM, ADF);
            nat.ports = Ports::Sequential(step);
            nat.other_traffic = traffic;
            let scenario = Scenario::new(nat, vec![discovery_server()]);
            check_not_false(&scenario, 50);
        }
    }
}

/// Rule 13: a gateway that rewrites MAPPED-ADDRESS; XOR-MAPPED-ADDRESS is believed.
#[test]
fn rule_13_gateways_are_seen_in_mapped_address() {
    for alg in [true, false] {
        let mut nat = NatConfig::nat(EIM, ADF);
        nat.alg = alg;
        let scenario = Scenario::new(nat, vec![discovery_server()]);
        check(&scenario, 10, |o| {
            is(&o.facts.alg, alg)?;
            is(&o.facts.nat, true)?;
            is(&o.facts.mapping, EIM)
        });
        let mut without = scenario.clone();
        without.servers[0].sends_mapped = false;
        check(&without, 10, |o| {
            why(&o.facts.alg, &[Reason::NoMappedAddress])
        });
    }
    // An RFC 3489 server sends nothing else, so there is nothing to compare.
    let mut old = Scenario::new(NatConfig::nat(EIM, ADF), vec![discovery_server()]);
    old.servers[0].sends_xor = false;
    check(&old, 10, |o| unknown(&o.facts.alg));
}

/// Rule 13: one server whose MAPPED-ADDRESS is wrong is not a gateway, and no gateway at one
/// server does not clear the path.
#[test]
fn rule_13_a_gateway_is_seen_at_every_server() {
    let mut nat = NatConfig::nat(APDM, APDF);
    nat.alg = true;
    let mut scenario = Scenario::new(nat, vec![discovery_server(), plain_server(3)]);
    scenario.servers[1].sends_mapped = true;
    check(&scenario, 10, |o| is(&o.facts.alg, true));
    scenario.servers[0].sends_mapped = false;
    check(&scenario, 10, |o| is(&o.facts.alg, true));
}

/// Rule 15: hairpinning, whatever source the packets carry and whether they are filtered.
#[test]
fn rule_15_hairpinning() {
    for filtering in [EIF, ADF, APDF] {
        for hairpin in [
            Hairpin::Off,
            Hairpin::ExternalSource,
            Hairpin::InternalSource,
        ] {
            for filtered in [false, true] {
                let mut nat = NatConfig::nat(EIM, filtering);
                nat.hairpin = hairpin;
                nat.hairpin_filtering = filtered;
                let mut scenario = Scenario::new(nat, vec![discovery_server()]);
                check(&scenario, 10, |o| {
                    is(&o.facts.hairpinning, hairpin != Hairpin::Off)
                });
                for loss in [0.05, 0.2, 0.4] {
                    scenario.link.loss = loss;
                    check_not_false(&scenario, 30);
                }
            }
        }
    }
}

/// Rule 15: with a destination-dependent mapping and a filter for hairpinned packets, no packet
/// can come back; that looks like no hairpinning and is not.
#[test]
fn rule_15_filtered_hairpins_behind_a_dependent_mapping_are_not_denied() {
    for mapping in [ADM, APDM] {
        for filtering in [ADF, APDF] {
            for hairpin in [Hairpin::Off, Hairpin::ExternalSource] {
                let mut nat = NatConfig::nat(mapping, filtering);
                nat.hairpin = hairpin;
                nat.hairpin_filtering = true;
                let scenario = Scenario::new(nat, vec![discovery_server()]);
                check(&scenario, 10, |o| unknown(&o.facts.hairpinning));
            }
        }
        let mut open = NatConfig::nat(mapping, APDF);
        open.hairpin = Hairpin::ExternalSource;
        check(&Scenario::new(open, vec![discovery_server()]), 10, |o| {
            is(&o.facts.hairpinning, true)
        });
    }
}

/// One question to who has sent unasked shows whether the router keeps such packets.
#[test]
fn a_port_that_moves_is_found() {
    for (nat, expected) in [
        (NatConfig::linux(), true),
        (NatConfig::nat(EIM, APDF), false),
        (NatConfig::nat(EIM, EIF), false),
    ] {
        let scenario = Scenario::new(nat, vec![discovery_server()]);
        check(&scenario, 20, |o| is(&o.facts.port_moves, expected));
    }
}
