//! Servers that lie, stammer or are not there. Whatever they do, no fact may be false; and beside
//! honest servers they may not take the answers away.

use std::net::{IpAddr, SocketAddr};

use rtcdiag::base::fact::Reason;
use rtcdiag::proto::nat::SendError;
use rtcdiag::proto::nat::behavior::words::Udp;

use super::{ADF, APDF, APDM, EIF, EIM};
use crate::support::check::{check, check_not_false, inconclusive, is, unknown};
use crate::support::nat_model::{NatConfig, Ports};
use crate::support::scenario::{Scenario, discovery_server, listed, plain_server, server_v4};
use crate::support::sim_server::{Reflexive, Reply, ServerConfig};

fn paths() -> Vec<NatConfig> {
    let mut preserving = NatConfig::nat(EIM, EIF);
    preserving.ports = Ports::Preserve;
    vec![
        NatConfig::open(),
        NatConfig::firewall(APDF),
        preserving,
        NatConfig::nat(EIM, APDF),
        NatConfig::nat(APDM, ADF),
    ]
}

fn bogus() -> SocketAddr {
    ([192, 0, 2, 66], 6666).into()
}

fn lies() -> [Reflexive; 4] {
    [
        Reflexive::Constant(bogus()),
        Reflexive::Random,
        Reflexive::PortOffset(1),
        Reflexive::Zero,
    ]
}

/// A lying RFC 5780 server, first in the list, beside one, two or three honest servers.
#[test]
fn a_lying_discovery_server_beside_honest_ones() {
    let honest = ServerConfig::discovery(server_v4(7, 3478), server_v4(8, 3479));
    for nat in paths() {
        for lie in lies() {
            let mut liar = discovery_server();
            liar.reflexive = lie;
            for others in [
                vec![plain_server(3)],
                vec![plain_server(3), plain_server(4)],
                vec![honest.clone()],
                vec![honest.clone(), plain_server(3)],
            ] {
                let mut servers = vec![liar.clone()];
                servers.extend(others);
                check_not_false(&Scenario::new(nat.clone(), servers), 5);
            }
        }
    }
}

/// A lying plain server beside an honest RFC 5780 server, first or last.
#[test]
fn a_lying_plain_server_beside_honest_ones() {
    for nat in paths() {
        for lie in lies() {
            let mut liar = plain_server(3);
            liar.reflexive = lie;
            for servers in [
                vec![liar.clone(), discovery_server()],
                vec![discovery_server(), liar.clone()],
                vec![liar.clone(), plain_server(4)],
                vec![liar.clone(), plain_server(4), plain_server(5)],
                vec![discovery_server(), plain_server(4), liar.clone()],
            ] {
                check_not_false(&Scenario::new(nat.clone(), servers), 5);
            }
        }
    }
}

/// With a majority of honest servers the liar is left out or the answer is a contradiction; it
/// never passes for an endpoint-dependent mapping.
#[test]
fn one_liar_among_honest_servers_is_a_contradiction_at_worst() {
    for lie in lies() {
        let mut liar = plain_server(3);
        liar.reflexive = lie;
        let servers = vec![liar, discovery_server(), plain_server(4)];
        let scenario = Scenario::new(NatConfig::nat(EIM, ADF), servers);
        check(&scenario, 10, |o| {
            is(&o.facts.mapping, EIM)
                .or_else(|_| inconclusive(&o.facts.mapping, Reason::Contradiction))?;
            is(&o.facts.filtering, ADF)
        });
    }
}

/// A liar alone, as far as it can be caught alone: two sockets cannot have one address, one mapping
/// cannot have two, and 0.0.0.0:0 is no address.
#[test]
fn a_liar_alone_is_caught() {
    for nat in paths() {
        for lie in [
            Reflexive::Constant(bogus()),
            Reflexive::Random,
            Reflexive::Zero,
        ] {
            for template in [discovery_server(), plain_server(3)] {
                let mut liar = template;
                liar.reflexive = lie;
                let scenario = Scenario::new(nat.clone(), vec![liar]);
                check(&scenario, 5, |o| {
                    unknown(&o.facts.nat)?;
                    unknown(&o.facts.mapping)?;
                    // To one server alone, one that lies at random looks like a mapping that
                    // changes all the time, so what it says may be shown.
                    match &o.facts.reflexive_addresses[..] {
                        [_, ..] if lie != Reflexive::Random => Err(format!(
                            "it was caught, but {:?} is reported",
                            o.facts.reflexive_addresses
                        )),
                        _ => Ok(()),
                    }
                });
            }
        }
    }
}

/// Where one server sees the very local address, there is no mapping that depends on the destination, whatever another says.
#[test]
fn beside_one_that_sees_the_local_address_another_contradicts_it() {
    let mut liar = plain_server(3);
    liar.reflexive = Reflexive::PortOffset(1);
    for servers in [
        vec![liar.clone(), plain_server(4)],
        vec![plain_server(4), liar],
    ] {
        let scenario = Scenario::new(NatConfig::open(), servers);
        check(&scenario, 5, |o| {
            inconclusive(&o.facts.mapping, Reason::Contradiction)?;
            unknown(&o.facts.nat)
        });
    }
}

/// A private address is routed nowhere: that public servers see it does not show that there is no NAT.
#[test]
fn a_private_address_that_public_servers_see_is_no_sign_of_no_nat() {
    let mut nat = NatConfig::nat(EIM, APDF);
    nat.ports = Ports::Preserve;
    let seen = Reflexive::Ip(IpAddr::from([192, 168, 1, 10]));
    let servers = [3, 4].map(|host| ServerConfig {
        reflexive: seen,
        ..plain_server(host)
    });
    let scenario = Scenario::new(nat, servers.to_vec());
    check(&scenario, 5, |o| {
        inconclusive(&o.facts.nat, Reason::SourceRewritten)
    });
}

/// Servers that answer, but with nothing that may be believed (RFC 8489 6.3).
#[test]
fn rule_22_answers_that_do_not_match_are_no_answers() {
    for reply in [
        Reply::Garbage,
        Reply::Truncated,
        Reply::WrongTransaction,
        Reply::OtherSource(server_v4(200, 3478)),
        Reply::Never,
    ] {
        for nat in paths() {
            let mut server = discovery_server();
            server.reply = reply;
            let scenario = Scenario::new(nat.clone(), vec![server.clone()]);
            check(&scenario, 5, |o| {
                unknown(&o.facts.nat)?;
                unknown(&o.facts.mapping)?;
                unknown(&o.facts.filtering)
            });
            // Beside an honest server it takes nothing away.
            let (mapping, filtering) = (nat.mapping, nat.filtering);
            server.primary = server_v4(7, 3478);
            server.alternate = Some(server_v4(8, 3479));
            let scenario = Scenario::new(nat, vec![server, discovery_server()]);
            check(&scenario, 5, |o| {
                is(&o.facts.udp, Udp::Open)?;
                is(&o.facts.mapping, mapping)?;
                is(&o.facts.filtering, filtering)
            });
        }
    }
}

/// Error responses say that UDP gets through, and nothing about the NAT.
#[test]
fn error_responses() {
    for code in [300, 400, 401, 420, 500] {
        let mut server = discovery_server();
        server.reply = Reply::Error(code);
        let scenario = Scenario::new(NatConfig::nat(EIM, ADF), vec![server.clone()]);
        check(&scenario, 5, |o| {
            unknown(&o.facts.nat)?;
            unknown(&o.facts.mapping)?;
            unknown(&o.facts.filtering)
        });
        server.primary = server_v4(7, 3478);
        server.alternate = None;
        let servers = vec![server, discovery_server()];
        let scenario = Scenario::new(NatConfig::nat(EIM, ADF), servers);
        check(&scenario, 5, |o| {
            is(&o.facts.mapping, EIM)?;
            is(&o.facts.filtering, ADF)
        });
    }
}

/// Duplicated answers, and servers that need to be asked more than once.
#[test]
fn repeated_and_reluctant_answers() {
    for reply in [Reply::Twice, Reply::AfterTries(2), Reply::AfterTries(3)] {
        for nat in paths() {
            let mapping = nat.mapping;
            let mut server = discovery_server();
            server.reply = reply;
            check(&Scenario::new(nat, vec![server]), 10, |o| {
                is(&o.facts.mapping, mapping)
            });
        }
    }
}

/// Local errors and ICMP errors for one server do not hold up the others.
#[test]
fn send_errors_concern_one_server() {
    for error in [
        SendError::Refused,
        SendError::Unreachable,
        SendError::Forbidden,
        SendError::Other,
    ] {
        let bad = server_v4(90, 3478);
        let mut scenario = Scenario::new(NatConfig::nat(EIM, ADF), vec![discovery_server()]);
        scenario.listed.insert(0, listed(bad));
        scenario.unreachable = vec![(bad, error)];
        check(&scenario, 5, |o| {
            is(&o.facts.mapping, EIM)?;
            is(&o.facts.filtering, ADF)
        });
        let mut alone = scenario.clone();
        alone.listed.truncate(1);
        check(&alone, 5, |o| unknown(&o.facts.udp));
        // The alternate address of the only server cannot be sent to.
        let alternates = [(2, 3478), (2, 3479)];
        scenario.unreachable = alternates
            .map(|(host, port)| (server_v4(host, port), error))
            .to_vec();
        check_not_false(&scenario, 5);
    }
}

/// RFC 3489 servers know only MAPPED-ADDRESS. A private address that such a server, far away,
/// reports back is a gateway's work: it does not prove that there is no NAT.
#[test]
fn rule_13_mapped_address_alone_cannot_rule_out_a_nat() {
    let mut server = discovery_server();
    server.sends_xor = false;
    let mut nat = NatConfig::nat(EIM, EIF);
    let scenario = Scenario::new(nat.clone(), vec![server.clone()]);
    check(&scenario, 5, |o| is(&o.facts.nat, true));
    nat.alg = true;
    check(&Scenario::new(nat, vec![server]), 5, |o| {
        unknown(&o.facts.nat)
    });
}
