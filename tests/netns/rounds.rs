//! `--watch` behind a NAT that does not stay as it is.

use serde_json::Value;

use super::data::Rules;
use super::ends::End;
use super::lab::{Lab, Plan};
use super::{program, schema};

const INTERRUPTED: i32 = 130;

/// Ports are kept; the external address is this one.
fn nat(address: &str, rule: &str) -> String {
    format!(
        "flush ruleset\ntable ip nat {{\n  chain postrouting {{\n    type nat hook postrouting priority srcnat;\n    \
         oifname \"wan\" snat to {address} {rule}\n  }}\n}}\n{}",
        Rules::named("no-strays").as_ref()
    )
}

const FULLY_RANDOM: &str = "random,fully-random";

fn is_round(event: &Value) -> bool {
    event["event"] == "round"
}

fn changed<'a>(round: &'a Value, what: &str) -> Option<&'a Value> {
    let changes = round["changes"].as_array().expect("a list");
    changes.iter().find(|change| change["what"] == what)
}

/// Waits for a round with such a change; no round before it may have any.
fn wait_for_change(watch: &mut End, what: &str) -> Value {
    loop {
        let round = watch.wait_for(is_round);
        schema::assert_valid_event(&round);
        if changed(&round, what).is_some() {
            return round;
        }
        // The round that was under way when the rules changed may have been spoilt; it is not called a change of the NAT.
        let told = round["changes"].as_array().map_or(0, Vec::len);
        let spoilt = round["outcome"] != "good";
        assert!(told == 0 || spoilt, "{round:#}");
    }
}

/// Address, then mapping, then all of it away and back: each is told, and the totals have the times.
pub fn a_nat_that_changes() {
    let lab = Lab::build(&Plan::named("changing"));
    let rules = |address: &str, rule: &str| {
        let rules = nat(address, rule);
        lab.rules("r0", &[&rules]).expect("the rules can be set");
    };
    rules("203.0.113.30", "");
    let mut command = program::nat(
        &lab,
        &["-s", "stun:203.0.113.10", "--watch", "1", "--jsonl"],
    );
    let mut watch = End::start(&mut command);
    let first = watch.wait_for(is_round);
    assert_eq!(first["outcome"], "good", "{first:#}");
    assert_eq!(first["changes"].as_array().map(Vec::len), Some(0));
    let second = watch.wait_for(is_round);
    assert_eq!(
        second["changes"].as_array().map(Vec::len),
        Some(0),
        "{second:#}"
    );

    rules("203.0.113.31", "");
    let round = wait_for_change(&mut watch, "address");
    let address = changed(&round, "address").expect("it was waited for");
    assert_eq!(address["from"], "203.0.113.30", "{round:#}");
    assert_eq!(address["to"], "203.0.113.31", "{round:#}");

    rules("203.0.113.31", FULLY_RANDOM);
    let round = wait_for_change(&mut watch, "mapping");
    let mapping = changed(&round, "mapping").expect("it was waited for");
    assert_eq!(mapping["from"], "endpoint-independent");
    assert_eq!(mapping["to"], "address-and-port-dependent");

    watch.interrupt();
    let ended = watch.finish();
    assert_eq!(ended.code, Some(INTERRUPTED), "{}", ended.describe());
    schema::assert_valid(&ended.document);
    assert!(ended.finding("address-changed"), "{}", ended.describe());
    assert!(ended.finding("behavior-changed"), "{}", ended.describe());
    let rounds = &ended.result()["rounds"];
    let addresses = rounds["paths"][0]["addresses"].as_array().expect("a list");
    let seen: Vec<&str> = addresses
        .iter()
        .filter_map(|a| a["address"].as_str())
        .collect();
    assert_eq!(seen, ["203.0.113.30", "203.0.113.31"], "{rounds:#}");
    assert!(addresses[0]["seconds"].as_f64() >= Some(0.9), "{rounds:#}");
    let summary = ended.document["summary"].as_str().expect("text");
    assert!(summary.contains("public address once"), "{summary}");
}

/// Where rounds use up the local ports, a socket gets one whose holes are still open. No round may take them for an open
/// filter: it is the NAT's own, or not known. While there are ports, it is known.
pub fn ports_that_come_again() {
    const ROUNDS: usize = 12;
    let lab = Lab::build(&Plan::default());
    // Each round has 26 sockets, so eight rounds use them up.
    lab.sysctl("client", "net.ipv4.ip_local_port_range", "'40000 40219'")
        .expect("the client's ports can be set");
    let count = ROUNDS.to_string();
    let mut command = program::nat(
        &lab,
        &["-s", "stun:203.0.113.10", "--repeat", &count, "--jsonl"],
    );
    let ended = End::start(&mut command).finish();
    let rounds: Vec<&Value> = ended.events.iter().filter(|e| is_round(e)).collect();
    assert_eq!(rounds.len(), ROUNDS, "{}", ended.describe());
    for (index, round) in rounds.iter().enumerate() {
        let path = &round["paths"][0];
        assert_eq!(
            path["mapping"]["value"], "endpoint-independent",
            "{round:#}"
        );
        let filtering = &path["filtering"];
        let is_known = filtering["value"] == "address-and-port-dependent";
        let is_unknown = filtering["reason"] == "other-traffic";
        assert!(is_known || (is_unknown && index > 4), "{round:#}");
        assert_eq!(round["changes"].as_array().map(Vec::len), Some(0));
    }
}

/// A link that goes down and comes back: the watch goes on.
pub fn a_link_that_goes_and_comes_back() {
    let lab = Lab::build(&Plan::default());
    let mut command = program::nat(
        &lab,
        &["-s", "stun:203.0.113.10", "--watch", "1", "--jsonl"],
    );
    let mut watch = End::start(&mut command);
    watch.wait_for(is_round);
    lab.ip("client", "link set eth0 down")
        .expect("it goes down");
    let gone = watch.wait_for(|event| changed_to(event, "gone"));
    assert_eq!(gone["outcome"], "error", "{gone:#}");
    lab.ip("client", "link set eth0 up").expect("it comes up");
    lab.ip("client", "route replace default via 192.0.2.1")
        .expect("it has a route again");
    let back = watch.wait_for(|event| changed_to(event, "there"));
    let good = if back["outcome"] == "good" {
        back
    } else {
        watch.wait_for(|event| event["outcome"] == "good")
    };
    assert!(changed(&good, "address").is_none(), "{good:#}");
    watch.interrupt();
    let ended = watch.finish();
    assert_eq!(ended.code, Some(INTERRUPTED), "{}", ended.describe());
    assert!(ended.result()["rounds"]["error"].as_u64() >= Some(1));
    assert!(
        ended.finding("reachability-changed"),
        "{}",
        ended.describe()
    );
}

fn changed_to(event: &Value, state: &str) -> bool {
    is_round(event) && changed(event, "path").is_some_and(|change| change["to"] == state)
}
