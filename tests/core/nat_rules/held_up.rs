//! Several paths of one host: the servers' other addresses wait until all have tested filtering.

use super::*;

const RELEASE: Duration = Duration::from_secs(2);

/// The verdict is the same, and before the release nothing goes to the other IP address.
#[test]
fn a_path_that_is_held_up_finds_the_same() {
    for mapping in [EIM, ADM, APDM] {
        for filtering in [EIF, ADF, APDF] {
            let mut scenario =
                Scenario::new(NatConfig::nat(mapping, filtering), vec![discovery_server()]);
            let free = sim_net::run(&scenario).expect("it ends").facts;
            scenario.released_at = Some(RELEASE);
            let held = sim_net::run_traced(&scenario).expect("it ends");
            let other = server_v4(2, 3479).ip();
            let visits = held
                .datagrams
                .iter()
                .filter(|(_, t)| t.flow.remote.ip() == other);
            let first = visits.map(|(at, _)| *at).min();
            assert!(
                first >= Some(RELEASE),
                "{mapping:?} {filtering:?}: {first:?}"
            );
            assert_eq!(
                held.facts.mapping, free.mapping,
                "{mapping:?} {filtering:?}"
            );
            assert_eq!(
                held.facts.filtering, free.filtering,
                "{mapping:?} {filtering:?}"
            );
            assert!(held.elapsed > RELEASE, "{mapping:?} {filtering:?}");
        }
    }
}

/// Where no server has another address there is nothing to wait for.
#[test]
fn without_other_addresses_nobody_waits() {
    let servers = vec![plain_server(1), plain_server(2)];
    let mut scenario = Scenario::new(NatConfig::nat(EIM, APDF), servers);
    scenario.released_at = Some(Duration::from_secs(30));
    let outcome = sim_net::run(&scenario).expect("it ends");
    assert!(outcome.elapsed < RELEASE, "{:?}", outcome.elapsed);
}
