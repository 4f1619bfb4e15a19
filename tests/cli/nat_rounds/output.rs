//! What is printed, round by round and at the end.

use super::*;

#[test]
fn a_line_for_each_round_and_totals_at_the_end() {
    let servers = behind_nat();
    let run = text(&servers, &["--repeat", "3"]);
    run.assert_code(GOOD);
    let text = &run.stdout;
    assert!(!text.contains('\u{1b}'), "no colour in a pipe");
    let (rounds, rest): (Vec<&str>, Vec<&str>) = text
        .lines()
        .partition(|line| line.contains("Z good: IPv4 NAT "));
    assert_eq!(rounds.len(), 3, "{text}");
    for round in &rounds {
        assert!(round.contains(" 127.77.0.5 EIM/APDF "), "{round}");
        assert!(!round.contains("CHANGED"), "{round}");
    }
    assert!(text.starts_with(rounds[0]), "they come first: {text}");
    let rest = rest.join("\n");
    assert!(rest.contains("3 of 3 rounds done, 3 good"), "{rest}");
    assert!(rest.contains("127.77.0.5"), "{rest}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let last = text.lines().last().expect("a summary");
    assert!(last.ends_with('.'), "{last}");
    let said = rest.contains("3 rounds: 3 good; nothing changed.");
    assert!(said, "{rest}");
    assert!(run.stderr.is_empty(), "no progress without a terminal");
}

#[test]
fn details_of_the_last_round_with_v_and_colour_on_demand() {
    let servers = behind_nat();
    let text = text(&servers, &["--repeat", "1", "-v", "--color", "always"]).stdout;
    assert!(text.contains("\u{1b}["), "{text}");
    assert!(text.contains("The last round"), "{text}");
    assert!(text.contains("port preservation"), "{text}");
    assert!(text.contains("mapping-1"), "{text}");
}

#[test]
fn a_dead_server_is_in_the_totals() {
    let nat = NatConfig::nat(
        Mapping::EndpointIndependent,
        Filtering::AddressAndPortDependent,
    );
    let script = Script::new(nat, vec![Role::Discovery, Role::Silent]);
    let servers = Loopback::start(&script).expect("loopback");
    let dead = servers.uri(1);
    let run = json(&servers, &["-s", &dead, "--repeat", "2"]);
    let totals = &run.result()["rounds"]["servers"];
    assert_eq!(totals[0]["answered"], 2, "{totals:#}");
    assert_eq!(totals[1]["uri"], dead, "{totals:#}");
    assert_eq!(totals[1]["rounds"], 2, "{totals:#}");
    assert_eq!(totals[1]["answered"], 0, "{totals:#}");
    let text = text(&servers, &["-s", &dead, "--repeat", "1"]).stdout;
    assert!(text.contains("Servers, all rounds"), "{text}");
}

/// A firewall that opens for the whole host has been opened by the round before.
#[test]
fn what_a_round_before_has_opened_is_no_open_filter() {
    let script = Script::new(NatConfig::host_firewall(), vec![Role::Discovery]);
    let servers = Loopback::start(&script).expect("loopback");
    let events = lines(&servers, &["--repeat", "3"]).events;
    let filtering: Vec<&Value> = events.iter().map(|e| &e["paths"][0]["filtering"]).collect();
    assert_eq!(filtering.len(), 3, "{events:#?}");
    assert_eq!(filtering[0]["value"], "address-dependent");
    for later in &filtering[1..] {
        assert_eq!(later["reason"], "alternate-visited", "{filtering:#?}");
    }
    assert!(events.iter().all(|e| e["changes"] == serde_json::json!([])));
    // One without a filter is open in every round.
    let script = Script::new(NatConfig::open(), vec![Role::Discovery]);
    let servers = Loopback::start(&script).expect("loopback");
    let events = lines(&servers, &["--repeat", "2"]).events;
    for event in events {
        let filtering = &event["paths"][0]["filtering"];
        assert_eq!(filtering["value"], "endpoint-independent", "{event:#}");
    }
}

#[test]
fn one_document_with_the_totals() {
    let servers = behind_nat();
    let run = json(&servers, &["--repeat", "2"]);
    run.assert_code(GOOD);
    let rounds = &run.result()["rounds"];
    assert_eq!(rounds["done"], 2, "{rounds:#}");
    assert_eq!(rounds["good"], 2);
    assert_eq!(rounds["planned"], 2);
    assert_eq!(rounds["interval_s"], 1.0);
    assert_eq!(rounds["changes"].as_array().map(Vec::len), Some(0));
    let path = &rounds["paths"][0];
    assert_eq!(path["addresses"][0]["address"], "127.77.0.5");
    assert_eq!(path["addresses"][0]["rounds"], 2);
    assert_eq!(path["open"], 2);
    assert_eq!(path["lost"], 0, "{path:#}");
    assert!(path["rtt_ms"]["samples"].as_u64() > Some(10), "{path:#}");
    // All else is of the last round.
    assert_eq!(run.path()["legacy_name"], "port-restricted-cone");
}

#[test]
fn one_test_has_no_rounds() {
    let servers = behind_nat();
    let run = json(&servers, &[]);
    assert!(run.result()["rounds"].is_null());
    let path = run.path();
    // Loopback is never the way to the internet, and nobody asked for it by name.
    assert_ne!(path["default_route"], true);
    assert_eq!(path["interface"], "lo");
    assert_eq!(run.servers()[0]["interface"], "lo");
    assert!(!run.codes().contains(&"not-default-route"));
}

#[test]
fn events_are_rounds_and_observations_only_on_demand() {
    let servers = behind_nat();
    let Run {
        document, events, ..
    } = lines(&servers, &["--repeat", "2"]);
    let kinds: Vec<&str> = events.iter().filter_map(|e| e["event"].as_str()).collect();
    assert_eq!(kinds, ["round", "round"]);
    assert_eq!(events[1]["round"], 2);
    let path = &events[1]["paths"][0];
    assert_eq!(path["mapping"]["value"], "endpoint-independent");
    assert_eq!(path["reflexive_addresses"][0], "127.77.0.5");
    assert_eq!(document["result"]["rounds"]["done"], 2);
    let events = lines(&servers, &["--repeat", "1", "-v"]).events;
    let observed = events.iter().filter(|e| e["event"] == "observation");
    assert!(observed.count() > 10, "{events:#?}");
    assert_eq!(events.last().expect("some")["event"], "round");
}

/// Fresh sockets each round: no local port comes twice in a row.
#[test]
fn each_round_is_a_test_of_its_own() {
    let servers = behind_nat();
    let events = lines(&servers, &["--repeat", "2", "-v"]).events;
    let at = events
        .iter()
        .position(|e| e["event"] == "round")
        .expect("two rounds");
    let (first, second) = events.split_at(at);
    let seen = |events: &[Value]| -> std::collections::BTreeSet<String> {
        events
            .iter()
            .filter_map(|e| e["reflexive_address"].as_str().map(str::to_owned))
            .collect()
    };
    let (first, second) = (seen(first), seen(second));
    assert!(first.len() > 10 && second.len() > 10);
    let again = first.intersection(&second).count();
    assert!(again * 2 < first.len(), "{again} of {}", first.len());
    assert!(events.iter().filter(|e| e["event"] == "resolved").count() == 2);
}
