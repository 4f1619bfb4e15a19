//! One test for each rule about NAT behaviour that other tools break, in a simulated network.
//! The numbers are those of the project's list of such rules. Servers are honest here; bad ones are
//! in `nat_rules/bad_servers.rs`.

mod bad_servers;
mod discovery_servers;
mod held_up;
mod nat64;
mod ports_and_hairpins;
mod response_port;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::proto::nat::behavior::SOCKETS;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping, Udp};

use crate::support::check::{check, check_not_false, inconclusive, is, reason, unknown, why};
use crate::support::nat_model::{Hairpin, NatConfig, Ports, Renumbering};
use crate::support::scenario::{
    Delay, Link, Listed, Scenario, discovery_server, listed, plain_server, server_v4, server_v6,
};
use crate::support::sim_net;
use crate::support::sim_server::{Change, ServerConfig};
use crate::support::stun_wire::Request;

const EIM: Mapping = Mapping::EndpointIndependent;
const ADM: Mapping = Mapping::AddressDependent;
const APDM: Mapping = Mapping::AddressAndPortDependent;
const EIF: Filtering = Filtering::EndpointIndependent;
const ADF: Filtering = Filtering::AddressDependent;
const APDF: Filtering = Filtering::AddressAndPortDependent;

/// Rule 3: the first probe of each CHANGE-REQUEST form comes from a socket of its own that has
/// sent to nobody else before, so no hole of another test can let the answer in.
#[test]
fn rule_03_filtering_probes_use_fresh_sockets() {
    for nat in [
        NatConfig::nat(EIM, APDF),
        NatConfig::nat(APDM, ADF),
        NatConfig::open(),
    ] {
        let scenario = Scenario::new(nat, vec![discovery_server()]);
        let outcome = sim_net::run_traced(&scenario).expect("it ends");
        let mut sent_to: BTreeMap<usize, BTreeSet<SocketAddr>> = BTreeMap::new();
        let mut first_of_form = BTreeMap::new();
        for (_, transmit) in &outcome.datagrams {
            let before = sent_to.entry(transmit.flow.socket).or_default();
            before.insert(transmit.flow.remote);
            let Some(request) = Request::parse(&transmit.payload) else {
                continue;
            };
            let form = (request.change_ip, request.change_port);
            if form != (false, false) && !first_of_form.contains_key(&form) {
                assert_eq!(
                    before.len(),
                    1,
                    "socket {} {before:?}",
                    transmit.flow.socket
                );
                first_of_form.insert(form, transmit.flow.socket);
            }
        }
        let sockets: BTreeSet<usize> = first_of_form.values().copied().collect();
        assert_eq!(sockets.len(), first_of_form.len(), "{first_of_form:?}");
        assert!(
            first_of_form.contains_key(&(true, true)),
            "{first_of_form:?}"
        );
        assert!(
            first_of_form.contains_key(&(false, true)),
            "{first_of_form:?}"
        );
    }
}

/// Rule 3 between runs: a socket may get the local port of an earlier run, whose hole lets in one
/// answer that the filter would have dropped.
#[test]
fn rule_03_an_old_hole_is_no_open_filter() {
    let server = discovery_server();
    let [port_of_other, ip_of_other] = [
        SocketAddr::new(server.primary.ip(), 3479),
        server_v4(2, 3478),
    ];
    for (nat, filter) in [
        (NatConfig::nat(EIM, APDF), APDF),
        (NatConfig::linux(), APDF),
        (NatConfig::firewall(APDF), APDF),
        (NatConfig::nat(EIM, ADF), ADF),
    ] {
        let mut undetermined = 0;
        for (socket, to) in (0..SOCKETS)
            .flat_map(|s| [server_v4(2, 3479), port_of_other, ip_of_other].map(|to| (s, to)))
        {
            let mut scenario = Scenario::new(nat.clone(), vec![server.clone()]);
            scenario.earlier = vec![(socket, to)];
            check_not_false(&scenario, 3);
            let outcome = sim_net::run(&scenario).expect("it ends");
            match outcome.facts.filtering {
                Fact::Determined(found) => assert_eq!(found, filter, "{socket} {to}"),
                _ => undetermined += 1,
            }
        }
        assert!((1..=6).contains(&undetermined), "{undetermined}");
    }
}

/// Rule 4: on a Linux router that remembers stray packets the mapping is endpoint-independent as
/// long as no peer came first, so the mapping socket must not be the one that invites them.
#[test]
fn rule_04_linux_masquerade_is_endpoint_independent() {
    for servers in [
        vec![discovery_server()],
        vec![discovery_server(), plain_server(3), plain_server(4)],
    ] {
        let mut scenario = Scenario::new(NatConfig::linux(), servers);
        for loss in [0.0, 0.05] {
            scenario.link.loss = loss;
            check_not_false(&scenario, 100);
        }
        scenario.link.loss = 0.0;
        check(&scenario, 20, |o| {
            is(&o.facts.mapping, EIM)?;
            is(&o.facts.filtering, APDF)?;
            is(&o.facts.port_preservation, true)
        });
    }
}

/// Rule 5: packets that got lost are not packets that a filter dropped.
#[test]
fn rule_05_loss_is_not_filtering() {
    for loss in [0.02, 0.1, 0.2, 0.4, 0.7] {
        for nat in [
            NatConfig::open(),
            NatConfig::nat(EIM, EIF),
            NatConfig::nat(EIM, ADF),
            NatConfig::nat(APDM, EIF),
            NatConfig::firewall(ADF),
        ] {
            let mut scenario = Scenario::new(nat, vec![discovery_server()]);
            scenario.link.loss = loss;
            check_not_false(&scenario, 50);
        }
    }
}

/// Rule 5: a slow path is not a filter either. The round trip is longer than the first
/// retransmission timeout of RFC 8489 6.2.1 (500 ms).
#[test]
fn rule_05_delay_is_not_filtering() {
    for nat in [NatConfig::nat(EIM, EIF), NatConfig::nat(EIM, ADF)] {
        let filtering = nat.filtering;
        let mut scenario = Scenario::new(nat, vec![discovery_server()]);
        for rtt in [300, 600, 900] {
            scenario.link = Link::perfect(Duration::from_millis(rtt));
            check(&scenario, 5, |o| is(&o.facts.filtering, filtering));
        }
        let (from, to) = (Duration::from_millis(5), Duration::from_millis(900));
        scenario.link.delay = Delay::Uniform(from, to);
        check_not_false(&scenario, 100);
    }
}

/// Rule 5: the server stops answering at any point of the run; its silence proves nothing.
#[test]
fn rule_05_a_server_that_dies_is_not_a_filter() {
    use crate::support::sim_server::Reply;
    for nat in [
        NatConfig::open(),
        NatConfig::nat(EIM, EIF),
        NatConfig::nat(APDM, ADF),
    ] {
        for requests in 0..60 {
            let mut server = discovery_server();
            server.reply = Reply::DiesAfter(requests);
            check_not_false(&Scenario::new(nat.clone(), vec![server]), 3);
        }
    }
}

/// Rule 7: a public host is not behind a NAT, and its filter is tested all the same.
#[test]
fn rule_07_no_nat_is_seen_and_the_filter_too() {
    for (path, filtering) in [
        (NatConfig::open(), EIF),
        (NatConfig::firewall(ADF), ADF),
        (NatConfig::firewall(APDF), APDF),
    ] {
        let scenario = Scenario::new(path, vec![discovery_server(), plain_server(3)]);
        check(&scenario, 10, |o| {
            is(&o.facts.udp, Udp::Open)?;
            is(&o.facts.nat, false)?;
            is(&o.facts.filtering, filtering)?;
            why(
                &o.facts.hairpinning,
                &[Reason::NoNat, Reason::NotApplicable],
            )?;
            unknown(&o.facts.port_step)
        });
    }
}

/// Rules 5 and 7: a host firewall that opens for every address the host has sent to. The test of
/// the other address must not come before the filtering probes.
#[test]
fn rule_05_per_host_firewalls_are_not_opened_by_the_test_itself() {
    for told_both in [false, true] {
        let mut scenario = Scenario::new(NatConfig::host_firewall(), vec![discovery_server()]);
        if told_both {
            scenario.listed.push(listed(server_v4(2, 3479)));
        }
        check_not_false(&scenario, 50);
        scenario.link.loss = 0.1;
        check_not_false(&scenario, 50);
    }
    let scenario = Scenario::new(NatConfig::host_firewall(), vec![discovery_server()]);
    check(&scenario, 20, |o| is(&o.facts.filtering, ADF));
}

/// Rule 8: the verdict is for the path: a host firewall behind a NAT that filters nothing.
#[test]
fn rule_08_nat_and_host_firewall_count_together() {
    for (firewall, nat, expected) in [(APDF, EIF, APDF), (ADF, EIF, ADF), (ADF, APDF, APDF)] {
        let mut scenario = Scenario::new(NatConfig::nat(EIM, nat), vec![discovery_server()]);
        scenario.path.insert(0, NatConfig::firewall(firewall));
        check(&scenario, 10, |o| {
            is(&o.facts.nat, true)?;
            is(&o.facts.mapping, EIM)?;
            is(&o.facts.filtering, expected)
        });
    }
}

/// Two NATs in a row behave as the stricter one.
#[test]
fn two_nats_count_as_the_stricter() {
    for (inner, outer, mapping, filtering) in [
        ((EIM, EIF), (APDM, APDF), APDM, APDF),
        ((ADM, ADF), (EIM, EIF), ADM, ADF),
        ((EIM, APDF), (ADM, EIF), ADM, APDF),
        ((APDM, EIF), (ADM, ADF), APDM, ADF),
    ] {
        let mut scenario =
            Scenario::new(NatConfig::nat(outer.0, outer.1), vec![discovery_server()]);
        let mut home = NatConfig::nat(inner.0, inner.1);
        home.externals = vec![IpAddr::from([100, 64, 0, 9])];
        scenario.path.insert(0, home);
        check(&scenario, 10, |o| {
            is(&o.facts.mapping, mapping)?;
            is(&o.facts.filtering, filtering)
        });
    }
}

/// Rule 9: two unrelated servers prove only that the mapping depends on the endpoint.
#[test]
fn rule_09_unrelated_servers_cannot_tell_adm_from_apdm() {
    for mapping in [ADM, APDM] {
        let nat = NatConfig::nat(mapping, APDF);
        let plain = vec![plain_server(3), plain_server(4)];
        let scenario = Scenario::new(nat.clone(), plain);
        check(&scenario, 10, |o| {
            inconclusive(&o.facts.mapping, Reason::EndpointDependent)
        });
        let scenario = Scenario::new(nat.clone(), vec![discovery_server()]);
        check(&scenario, 10, |o| is(&o.facts.mapping, mapping));
        // One of the two also answers on a second port, and the user lists it.
        let two_ports = ServerConfig {
            alternate: Some(server_v4(3, 3479)),
            other: crate::support::sim_server::Other::Missing,
            ..plain_server(3)
        };
        let mut scenario = Scenario::new(nat, vec![two_ports, plain_server(4)]);
        scenario.listed.push(listed(server_v4(3, 3479)));
        check(&scenario, 10, |o| is(&o.facts.mapping, mapping));
    }
}

/// Rule 10: one address, or one IP address under two ports, does not prove independence.
#[test]
fn rule_10_one_server_address_is_not_enough() {
    let nat = NatConfig::nat(EIM, EIF);
    let alone = Scenario::new(nat.clone(), vec![plain_server(3)]);
    check(&alone, 10, |o| {
        is(&o.facts.nat, true)?;
        inconclusive(&o.facts.mapping, Reason::SingleServer)?;
        why(&o.facts.filtering, &[Reason::NoBehaviorDiscovery])
    });
    let mut twice = alone.clone();
    twice.listed.push(listed(server_v4(3, 3478)));
    check(&twice, 10, |o| {
        inconclusive(&o.facts.mapping, Reason::SingleServer)
    });
    let two_ports = ServerConfig {
        alternate: Some(server_v4(3, 3479)),
        other: crate::support::sim_server::Other::Missing,
        ..plain_server(3)
    };
    let mut same_ip = Scenario::new(nat.clone(), vec![two_ports]);
    same_ip.listed.push(listed(server_v4(3, 3479)));
    check(&same_ip, 10, |o| {
        inconclusive(&o.facts.mapping, Reason::SingleServer)
    });
    let two = Scenario::new(nat, vec![plain_server(3), plain_server(4)]);
    check(&two, 10, |o| is(&o.facts.mapping, EIM));
}

/// Rule 18: IPv6 may be translated and usually is filtered.
#[test]
fn rule_18_ipv6_is_tested_like_ipv4() {
    let server = ServerConfig::discovery(server_v6(1, 3478), server_v6(2, 3479));
    let host = IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x77]);
    let mut filtered = Scenario::new(NatConfig::firewall(APDF), vec![server.clone()]);
    filtered.client = host;
    check(&filtered, 10, |o| {
        is(&o.facts.nat, false)?;
        is(&o.facts.filtering, APDF)
    });
    // NPTv6 (RFC 6296): another prefix, the same port, no filter.
    let mut nptv6 = NatConfig::nat(EIM, EIF);
    nptv6.externals = vec![IpAddr::from([0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 0x77])];
    nptv6.ports = Ports::Preserve;
    nptv6.hairpin = Hairpin::ExternalSource;
    let mut scenario = Scenario::new(nptv6, vec![server.clone()]);
    scenario.client = IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 0x77]);
    check(&scenario, 10, |o| {
        is(&o.facts.nat, true)?;
        is(&o.facts.mapping, EIM)?;
        is(&o.facts.filtering, EIF)?;
        is(&o.facts.hairpinning, true)?;
        is(&o.facts.port_preservation, true)
    });
    let mut nat66 = NatConfig::nat(APDM, ADF);
    nat66.externals = vec![IpAddr::from([0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 1])];
    let mut scenario = Scenario::new(nat66, vec![server]);
    scenario.client = IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 0x10]);
    check(&scenario, 10, |o| {
        is(&o.facts.mapping, APDM)?;
        is(&o.facts.filtering, ADF)
    });
}

/// Rule 22: strays at every packet, also with the right transaction ID from a wrong source.
#[test]
fn rule_22_strays_change_nothing() {
    for nat in [
        NatConfig::open(),
        NatConfig::nat(EIM, ADF),
        NatConfig::nat(APDM, APDF),
    ] {
        let (mapping, filtering) = (nat.mapping, nat.filtering);
        let mut scenario = Scenario::new(nat, vec![discovery_server(), plain_server(3)]);
        scenario.link.strays = 1.0;
        check(&scenario, 40, |o| {
            is(&o.facts.mapping, mapping)?;
            is(&o.facts.filtering, filtering)
        });
    }
}

/// Rule 23: the external address changes at any moment of the run.
#[test]
fn rule_23_a_mapping_that_changes_in_mid_run_is_not_a_strict_nat() {
    let mut muddled = BTreeSet::new();
    for (mapping, filtering) in [(EIM, APDF), (EIM, EIF), (ADM, ADF)] {
        for step in 0..150 {
            let mut nat = NatConfig::nat(mapping, filtering);
            nat.renumbering = Some(Renumbering {
                at: Duration::from_millis(step * 10 + 3),
                to: IpAddr::from([203, 0, 113, 99]),
            });
            let servers = vec![discovery_server(), plain_server(3)];
            check(&Scenario::new(nat, servers), 2, |_| Ok(()));
        }
    }
    for step in 0..150 {
        let mut nat = NatConfig::nat(EIM, APDF);
        nat.renumbering = Some(Renumbering {
            at: Duration::from_millis(step * 10 + 3),
            to: IpAddr::from([203, 0, 113, 99]),
        });
        let scenario = Scenario::new(nat, vec![discovery_server(), plain_server(3)]);
        let outcome = sim_net::run(&scenario).expect("it ends");
        muddled.extend(reason(&outcome.facts.mapping));
    }
    let expected = [Reason::MappingChanged, Reason::Contradiction];
    assert!(!muddled.is_empty());
    assert!(muddled.iter().all(|r| expected.contains(r)), "{muddled:?}");
}

/// Rule 17, as far as it is the machine's: no answer at all is not yet "blocked".
#[test]
fn rule_17_silence_alone_is_not_blocked() {
    let mut blocked = NatConfig::nat(EIM, EIF);
    blocked.blocked = true;
    let scenario = Scenario::new(blocked, vec![discovery_server(), plain_server(3)]);
    check(&scenario, 5, |o| {
        inconclusive(&o.facts.udp, Reason::NoResponse)?;
        unknown(&o.facts.nat)?;
        unknown(&o.facts.mapping)?;
        unknown(&o.facts.filtering)?;
        unknown(&o.facts.hairpinning)
    });
    let nobody = Scenario::new(NatConfig::open(), Vec::new());
    check(&nobody, 1, |o| unknown(&o.facts.udp));
}

/// Servers whose names take long to resolve come late.
#[test]
fn late_servers_still_count() {
    let mut server = plain_server(3);
    server.change = Change::Ignore;
    for late in [30, 200, 900, 3000] {
        let mut scenario = Scenario::new(
            NatConfig::nat(ADM, APDF),
            vec![server.clone(), discovery_server()],
        );
        scenario.listed[1] = Listed {
            address: server_v4(1, 3478),
            at: Duration::from_millis(late),
        };
        check(&scenario, 10, |o| {
            is(&o.facts.mapping, ADM)?;
            is(&o.facts.filtering, APDF)
        });
    }
}
