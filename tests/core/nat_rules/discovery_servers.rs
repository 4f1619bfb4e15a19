//! Rules 1, 2 and 6: servers that offer RFC 5780 and do not keep to it.

use rtcdiag::base::fact::Reason;

use super::{ADF, ADM, APDF, APDM, EIF, EIM};
use crate::support::check::{check, check_not_false, inconclusive, is, unknown, why};
use crate::support::nat_model::NatConfig;
use crate::support::scenario::{Scenario, discovery_server, plain_server, server_v4, server_v6};
use crate::support::sim_server::{Change, Other, ResponsePort, ServerConfig};

fn second_discovery_server() -> ServerConfig {
    ServerConfig::discovery(server_v4(7, 3478), server_v4(8, 3479))
}

fn all_nats() -> Vec<NatConfig> {
    let mut nats = vec![
        NatConfig::open(),
        NatConfig::firewall(ADF),
        NatConfig::firewall(APDF),
        NatConfig::linux(),
    ];
    for mapping in [EIM, ADM, APDM] {
        nats.extend([EIF, ADF, APDF].map(|filtering| NatConfig::nat(mapping, filtering)));
    }
    nats
}

/// Rule 1: an answer from the primary address says nothing about the filter.
#[test]
fn rule_01_answers_from_the_primary_are_not_endpoint_independent_filtering() {
    for nat in all_nats() {
        let mapping = nat.mapping;
        let mut ignorant = discovery_server();
        ignorant.change = Change::Ignore;
        let scenario = Scenario::new(nat.clone(), vec![ignorant.clone()]);
        check(&scenario, 10, |o| {
            is(&o.facts.mapping, mapping)?;
            inconclusive(&o.facts.filtering, Reason::ServerIgnoresChangeRequest)
        });
        let filtering = nat.filtering;
        let scenario = Scenario::new(nat, vec![ignorant, second_discovery_server()]);
        check(&scenario, 10, |o| is(&o.facts.filtering, filtering));
    }
}

/// Rule 1: an answer from an address that nobody asked for proves nothing either.
#[test]
fn rule_01_answers_from_a_third_address_do_not_count() {
    for nat in all_nats() {
        for third in [server_v4(9, 3478), server_v4(9, 3479), server_v4(1, 9)] {
            let mut server = discovery_server();
            server.change = Change::Third(third);
            check_not_false(&Scenario::new(nat.clone(), vec![server]), 5);
        }
    }
    let mut server = discovery_server();
    server.change = Change::Third(server_v4(9, 3479));
    let scenario = Scenario::new(NatConfig::nat(EIM, EIF), vec![server]);
    check(&scenario, 10, |o| unknown(&o.facts.filtering));
}

/// Rule 6: a server that drops CHANGE-REQUEST looks like a filter. Where the mapping does not
/// depend on the destination, a socket that has sent to all addresses of the server shows it.
#[test]
fn rule_06_a_server_that_drops_change_requests_is_not_a_filter() {
    for nat in all_nats().into_iter().filter(|n| n.mapping == EIM) {
        let mut server = discovery_server();
        server.change = Change::Drop;
        let scenario = Scenario::new(nat.clone(), vec![server.clone()]);
        check(&scenario, 10, |o| {
            is(&o.facts.mapping, EIM)?;
            inconclusive(&o.facts.filtering, Reason::ServerDropsChangeRequest)
        });
        let filtering = nat.filtering;
        let scenario = Scenario::new(nat, vec![server, second_discovery_server()]);
        check(&scenario, 10, |o| is(&o.facts.filtering, filtering));
    }
}

/// Rule 6: with ADM the socket that has sent to both ports of the primary address gets an answer
/// to "change port" if the server obeys.
#[test]
fn rule_06_a_server_that_drops_change_requests_behind_adm() {
    for filtering in [EIF, ADF, APDF] {
        let mut server = discovery_server();
        server.change = Change::Drop;
        let nat = NatConfig::nat(ADM, filtering);
        check(&Scenario::new(nat, vec![server]), 10, |o| {
            inconclusive(&o.facts.filtering, Reason::ServerDropsChangeRequest)
        });
    }
}

/// Rule 6, the hard case: behind a destination-dependent mapping no hole can be opened for the
/// answer without RESPONSE-PORT, so one server that drops CHANGE-REQUEST cannot be told from a
/// filter. A second server that does answer can: an answer that arrives is a proof. (With
/// RESPONSE-PORT see `response_port.rs`.)
#[test]
fn rule_06_a_second_server_shows_that_the_first_one_drops() {
    for mapping in [ADM, APDM] {
        for filtering in [EIF, ADF, APDF] {
            for change in [Change::Drop, Change::PortOnly] {
                let mut server = discovery_server();
                server.change = change;
                server.response_port = ResponsePort::Silent;
                let servers = vec![server, second_discovery_server()];
                let nat = NatConfig::nat(mapping, filtering);
                check_not_false(&Scenario::new(nat, servers), 5);
            }
        }
    }
}

/// Rule 6: only "change port" works, or the server refuses with 420.
#[test]
fn rule_06_half_broken_servers() {
    for nat in all_nats().into_iter().filter(|n| n.mapping == EIM) {
        let mut server = discovery_server();
        server.change = Change::PortOnly;
        check_not_false(&Scenario::new(nat.clone(), vec![server.clone()]), 10);
        server.change = Change::Error420;
        let scenario = Scenario::new(nat, vec![server]);
        check(&scenario, 10, |o| {
            is(&o.facts.mapping, EIM)?;
            why(
                &o.facts.filtering,
                &[
                    Reason::NoBehaviorDiscovery,
                    Reason::ServerIgnoresChangeRequest,
                    Reason::ServerDropsChangeRequest,
                ],
            )
        });
    }
}

/// Rule 2: OTHER-ADDRESS is missing.
#[test]
fn rule_02_other_address_missing() {
    for nat in all_nats() {
        let mut server = discovery_server();
        server.other = Other::Missing;
        let scenario = Scenario::new(nat, vec![server]);
        check(&scenario, 5, |o| {
            unknown(&o.facts.mapping).or_else(|e| is(&o.facts.nat, false).map_err(|_| e))?;
            why(&o.facts.filtering, &[Reason::NoBehaviorDiscovery])
        });
    }
}

/// Rule 2: OTHER-ADDRESS is private, of the wrong family, the primary itself, or somebody else's.
#[test]
fn rule_02_other_address_unusable() {
    let elsewhere = server_v4(3, 3479);
    for other in [
        Other::Says(([10, 0, 0, 5], 3479).into()),
        Other::Says(([127, 0, 0, 1], 3479).into()),
        Other::Says(([0, 0, 0, 0], 0).into()),
        Other::Says(([224, 0, 0, 1], 3479).into()),
        Other::Says(server_v6(2, 3479)),
        Other::Itself,
        Other::Says(elsewhere),
    ] {
        for nat in all_nats() {
            let is_nat = nat.kind == crate::support::nat_model::Kind::Nat;
            for alternate in [None, Some(server_v4(2, 3479))] {
                let mut server = discovery_server();
                server.other = other;
                server.alternate = alternate;
                let scenario = Scenario::new(nat.clone(), vec![server]);
                // The other port of the primary address may still show the strictest kinds.
                check(&scenario, 3, |o| {
                    if is_nat && nat.mapping != APDM {
                        unknown(&o.facts.mapping)?;
                    }
                    match nat.filtering {
                        APDF => Ok(()),
                        _ => unknown(&o.facts.filtering),
                    }
                });
            }
            // It names a plain server of somebody else's, which is alive.
            let mut server = discovery_server();
            server.other = other;
            let mut stranger = plain_server(3);
            stranger.primary = elsewhere;
            let scenario = Scenario::new(nat.clone(), vec![server, stranger]);
            check_not_false(&scenario, 3);
        }
    }
}

/// Rule 2: the same IP address with another port still shows dependence on the port.
#[test]
fn rule_02_other_address_with_the_same_ip_tests_the_port() {
    for nat in all_nats() {
        let mapping = nat.mapping;
        let is_nat = nat.kind == crate::support::nat_model::Kind::Nat;
        for alternate in [server_v4(1, 3479), server_v4(2, 3479)] {
            let mut server = discovery_server();
            server.other = Other::SameIp;
            server.alternate = Some(alternate);
            let scenario = Scenario::new(nat.clone(), vec![server]);
            check(&scenario, 5, |o| match mapping {
                APDM => is(&o.facts.mapping, APDM),
                _ if is_nat => unknown(&o.facts.mapping),
                _ => Ok(()),
            });
        }
    }
}

/// Rule 2: another IP address with the same port.
#[test]
fn rule_02_other_address_with_the_same_port() {
    for nat in all_nats() {
        let mut server = discovery_server();
        server.other = Other::SamePort;
        check_not_false(&Scenario::new(nat.clone(), vec![server.clone()]), 5);
        server.alternate = Some(server_v4(2, 3478));
        check_not_false(&Scenario::new(nat, vec![server]), 5);
    }
}

/// Rules 2 and 5: OTHER-ADDRESS names an address that is down.
#[test]
fn rule_05_a_dead_alternate_address_is_not_a_filter() {
    for nat in all_nats() {
        let filtering = nat.filtering;
        let is_nat = nat.kind == crate::support::nat_model::Kind::Nat;
        let mapping = nat.mapping;
        let mut server = discovery_server();
        server.alternate_up = false;
        let scenario = Scenario::new(nat.clone(), vec![server.clone()]);
        check(&scenario, 10, |o| {
            if is_nat && mapping != APDM {
                inconclusive(&o.facts.mapping, Reason::AlternateUnreachable)
                    .or_else(|_| inconclusive(&o.facts.mapping, Reason::SingleServer))?;
            }
            match filtering {
                // Dropping "change port" alone shows the strictest filter.
                APDF => Ok(()),
                _ => inconclusive(&o.facts.filtering, Reason::AlternateUnreachable),
            }
        });
        let scenario = Scenario::new(nat, vec![server, second_discovery_server()]);
        check(&scenario, 10, |o| {
            is(&o.facts.mapping, mapping)?;
            is(&o.facts.filtering, filtering)
        });
    }
}
