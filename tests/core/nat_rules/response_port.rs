//! Rule 6 where the mapping depends on the destination: RESPONSE-PORT (RFC 5780 7.5) leads the
//! answer to a mapping whose filter is open for it, so a server that does not obey CHANGE-REQUEST
//! is not taken for a filter. Where the server does not honour RESPONSE-PORT, silence is all there
//! is, and the machine says so.

use std::net::IpAddr;
use std::time::Duration;

use rtcdiag::base::fact::Reason;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};

use super::{ADF, ADM, APDF, APDM, EIF, EIM};
use crate::support::check::{Check, check, check_not_false, inconclusive, is, why};
use crate::support::nat_model::{NatConfig, Pooling};
use crate::support::scenario::{Link, Scenario, discovery_server, server_v4};
use crate::support::sim_net::{self, Outcome};
use crate::support::sim_server::{Change, ResponsePort, ServerConfig};
use crate::support::truth;

const DEPENDENT: [Mapping; 2] = [ADM, APDM];
const FILTERS: [Filtering; 3] = [EIF, ADF, APDF];
const UNSUPPORTED: [ResponsePort; 3] = [
    ResponsePort::Refused420,
    ResponsePort::Ignored,
    ResponsePort::Silent,
];

/// All the ways in which an answer may fail to come from the address asked for.
fn disobediences() -> [Change; 5] {
    [
        Change::Drop,
        Change::PortOnly,
        Change::Third(server_v4(9, 3478)),
        Change::Third(server_v4(9, 3479)),
        Change::Third(server_v4(1, 9)),
    ]
}

fn server(change: Change, response_port: ResponsePort) -> ServerConfig {
    ServerConfig {
        change,
        response_port,
        ..discovery_server()
    }
}

fn elsewhere(response_port: ResponsePort) -> ServerConfig {
    ServerConfig {
        response_port,
        ..ServerConfig::discovery(server_v4(7, 3478), server_v4(8, 3479))
    }
}

fn rests_on_silence(outcome: &Outcome, expected: bool) -> Check {
    if outcome.rests_on_silence == expected {
        return Ok(());
    }
    Err(format!("rests on silence: {}", outcome.rests_on_silence))
}

fn within(outcome: &Outcome, limit: Duration) -> Check {
    if outcome.elapsed <= limit {
        return Ok(());
    }
    Err(format!("{:?}, allowed {limit:?}", outcome.elapsed))
}

/// An obeying server that honours RESPONSE-PORT makes every verdict certain.
#[test]
fn silence_is_known_to_be_the_filters() {
    for mapping in [EIM, ADM, APDM] {
        for filtering in FILTERS {
            let nat = NatConfig::nat(mapping, filtering);
            let scenario = Scenario::new(nat, vec![discovery_server()]);
            check(&scenario, 10, |o| {
                is(&o.facts.mapping, mapping)?;
                is(&o.facts.filtering, filtering)?;
                rests_on_silence(o, false)
            });
        }
    }
}

/// The control is no round trip longer when it is answered, and no more than one silence when it is
/// not.
#[test]
fn the_control_costs_no_more_than_one_silence() {
    for (rtt, limit) in [(1, 1000), (40, 1500)] {
        let (rtt, limit) = (Duration::from_millis(rtt), Duration::from_millis(limit));
        for nat in [NatConfig::nat(ADM, APDF), NatConfig::nat(APDM, ADF)] {
            let run = |response_port| {
                let servers = vec![server(Change::Obey, response_port)];
                let mut scenario = Scenario::new(nat.clone(), servers);
                scenario.link = Link::perfect(rtt);
                sim_net::run(&scenario).expect("it ends")
            };
            let answered = run(ResponsePort::Supported);
            let returned = run(ResponsePort::Ignored);
            let silent = run(ResponsePort::Silent);
            assert_eq!(answered.elapsed, returned.elapsed, "{rtt:?} {nat:?}");
            within(&silent, limit).expect("in time");
            // Seven gaps and the wait for the last answer.
            let silence = Duration::from_millis(7 * 30 + 100) + rtt * 2;
            within(&silent, answered.elapsed + silence).expect("one silence");
        }
    }
}

/// A server that does not obey is found out, whatever the filter.
#[test]
fn rule_06_one_disobedient_server_is_never_a_filter() {
    for mapping in DEPENDENT {
        for filtering in FILTERS {
            for change in disobediences() {
                let disobedient = server(change, ResponsePort::Supported);
                let nat = NatConfig::nat(mapping, filtering);
                let scenario = Scenario::new(nat, vec![disobedient]);
                check(&scenario, 10, |o| rests_on_silence(o, false));
            }
        }
    }
}

/// Behind APDM, the case that CHANGE-REQUEST alone cannot decide: not just unsaid, but why.
#[test]
fn rule_06_one_silent_server_behind_apdm() {
    for filtering in FILTERS {
        let scenario = Scenario::new(
            NatConfig::nat(APDM, filtering),
            vec![server(Change::Drop, ResponsePort::Supported)],
        );
        check(&scenario, 20, |o| {
            is(&o.facts.mapping, APDM)?;
            inconclusive(&o.facts.filtering, Reason::ServerDropsChangeRequest)
        });
    }
    for filtering in [EIF, ADF] {
        for change in disobediences() {
            let scenario = Scenario::new(
                NatConfig::nat(APDM, filtering),
                vec![server(change, ResponsePort::Supported)],
            );
            check(&scenario, 20, |o| {
                why(
                    &o.facts.filtering,
                    &[Reason::ServerDropsChangeRequest, Reason::Contradiction],
                )
            });
        }
    }
}

/// The next server then decides.
#[test]
fn rule_06_the_next_server_decides() {
    for mapping in DEPENDENT {
        for filtering in FILTERS {
            for change in [Change::Drop, Change::PortOnly] {
                let servers = vec![
                    server(change, ResponsePort::Supported),
                    elsewhere(ResponsePort::Supported),
                ];
                let scenario = Scenario::new(NatConfig::nat(mapping, filtering), servers);
                check(&scenario, 10, |o| {
                    is(&o.facts.filtering, filtering)?;
                    rests_on_silence(o, false)
                });
            }
        }
    }
}

/// Without RESPONSE-PORT the verdict of an obeying server stands, and says what it rests on; a
/// second server confirms it.
#[test]
fn without_response_port_the_verdict_rests_on_silence() {
    for mapping in DEPENDENT {
        for filtering in FILTERS {
            for policy in UNSUPPORTED {
                let nat = NatConfig::nat(mapping, filtering);
                let alone = Scenario::new(nat.clone(), vec![server(Change::Obey, policy)]);
                check(&alone, 5, |o| {
                    is(&o.facts.filtering, filtering)?;
                    rests_on_silence(o, filtering != EIF)
                });
                for second in [policy, ResponsePort::Supported] {
                    let servers = vec![server(Change::Obey, policy), elsewhere(second)];
                    let two = Scenario::new(nat.clone(), servers);
                    check(&two, 5, |o| {
                        is(&o.facts.filtering, filtering)?;
                        rests_on_silence(o, false)
                    });
                }
            }
        }
    }
    // Where the mapping does not depend on the destination, it is not needed.
    for policy in UNSUPPORTED {
        let nat = NatConfig::nat(EIM, APDF);
        let scenario = Scenario::new(nat, vec![server(Change::Obey, policy)]);
        check(&scenario, 5, |o| {
            is(&o.facts.filtering, APDF)?;
            rests_on_silence(o, false)
        });
    }
}

/// The same machine under two addresses does not confirm itself.
#[test]
fn a_server_does_not_confirm_itself() {
    let mut scenario = Scenario::new(
        NatConfig::nat(APDM, APDF),
        vec![server(Change::Obey, ResponsePort::Silent)],
    );
    scenario
        .listed
        .push(crate::support::scenario::listed(server_v4(2, 3479)));
    check(&scenario, 10, |o| {
        is(&o.facts.filtering, APDF)?;
        rests_on_silence(o, true)
    });
}

/// The limit that remains: a server that neither obeys CHANGE-REQUEST nor honours RESPONSE-PORT.
/// What is seen is the same as with a strict filter, packet for packet, so a verdict may be false,
/// but never without the warning.
#[test]
fn the_limit_that_remains_is_said() {
    for mapping in DEPENDENT {
        for filtering in FILTERS {
            for change in disobediences() {
                for policy in UNSUPPORTED {
                    let nat = NatConfig::nat(mapping, filtering);
                    let scenario = Scenario::new(nat, vec![server(change, policy)]);
                    for seed in 1..=3 {
                        let scenario = scenario.seeded(seed);
                        let outcome = sim_net::run(&scenario).expect("it ends");
                        let lies = truth::falsehoods(&scenario, &outcome, &outcome.facts);
                        assert!(
                            lies.is_empty() || outcome.rests_on_silence,
                            "seed {seed}: {lies:?}\n{scenario:#?}"
                        );
                    }
                }
            }
        }
    }
    // And it is the warning that makes the difference here, not luck.
    for policy in UNSUPPORTED {
        let nat = NatConfig::nat(APDM, EIF);
        let scenario = Scenario::new(nat, vec![server(Change::Drop, policy)]);
        let outcome = sim_net::run(&scenario).expect("it ends");
        assert!(outcome.rests_on_silence, "{policy:?} {:?}", outcome.facts);
    }
}

/// Loss must not make a server that drops CHANGE-REQUEST look as if it did not know RESPONSE-PORT.
#[test]
fn loss_does_not_hide_a_disobedient_server() {
    for loss in [0.05, 0.2, 0.3, 0.4] {
        for mapping in DEPENDENT {
            for change in [Change::Drop, Change::PortOnly] {
                let servers = vec![server(change, ResponsePort::Supported)];
                let mut scenario = Scenario::new(NatConfig::nat(mapping, EIF), servers);
                scenario.link.loss = loss;
                check_not_false(&scenario, 60);
            }
        }
    }
}

/// A pool of external addresses: the answer goes to the IP address that the request comes from, so
/// another socket must be found that has the right one, or there is no control.
#[test]
fn pools_of_addresses() {
    for mapping in DEPENDENT {
        for filtering in FILTERS {
            for change in [Change::Obey, Change::Drop] {
                let mut nat = NatConfig::nat(mapping, filtering);
                nat.pooling = Pooling::Arbitrary;
                nat.externals = (5..8).map(|n| IpAddr::from([203, 0, 113, n])).collect();
                let servers = vec![server(change, ResponsePort::Supported)];
                let scenario = Scenario::new(nat, servers);
                for seed in 1..=20 {
                    let scenario = scenario.seeded(seed);
                    let outcome = sim_net::run(&scenario).expect("it ends");
                    let lies = truth::falsehoods(&scenario, &outcome, &outcome.facts);
                    assert!(
                        lies.is_empty() || outcome.rests_on_silence,
                        "seed {seed}: {lies:?}\n{scenario:#?}"
                    );
                }
            }
        }
    }
}

/// Strays, duplicates and packets that overtake each other change nothing.
#[test]
fn noise_changes_nothing() {
    for mapping in DEPENDENT {
        for policy in [ResponsePort::Supported, ResponsePort::Ignored] {
            let nat = NatConfig::nat(mapping, ADF);
            let mut scenario = Scenario::new(nat, vec![server(Change::Obey, policy)]);
            scenario.link.strays = 1.0;
            scenario.link.duplication = 0.3;
            check(&scenario, 20, |o| {
                is(&o.facts.filtering, ADF)?;
                rests_on_silence(o, policy != ResponsePort::Supported)
            });
        }
    }
}
