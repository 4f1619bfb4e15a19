//! Two new users, with nothing but a broker between them: the first types the bare command, the second the code. Each
//! pairing of `cases/pairs.toml` that is of two homes comes out as it does with a rendezvous of one's own.

use super::super::ends;
use super::network::{BROKERS, Network, Place};
use super::{Case, flaws, rendezvous};

/// Nothing is there.
const DEAD: &str = "mqtt://203.0.113.13:1884";

pub fn is_meant(case: &Case) -> bool {
    let is_apart = matches!(case.place, Place::Apart(_, _));
    let is_plain = !case.broker && !case.unrouted && case.findings.iter().all(Vec::is_empty);
    is_apart && is_plain && case.rendezvous == rendezvous()
}

pub fn check(name: &str, case: &Case) {
    let mut network = Network::build(&case.place);
    network.kill_rendezvous();
    if !network.start_broker() {
        return;
    }
    // Which brokers are public, the configuration says.
    let configuration = network.lab.scratch().join("config.toml");
    let [plain, tls] = BROKERS;
    let text = format!("public-brokers = [\"{DEAD}\", \"{plain}\", \"{tls}\"]\n");
    std::fs::write(&configuration, text).expect("it can be written");
    let config = format!("--config {} --duration 0.5", configuration.display());
    let mut a = network.pair("a", &format!("{config} {}", case.args[0]));
    let event = a.wait_for(|event| event["event"] == "session");
    let command = event["command"].as_str().unwrap_or_default();
    let code = event["code"].as_str().expect("a code");
    assert!(
        command.starts_with(&format!("rtcdiag pair {code}")) && !command.contains("--rendezvous"),
        "{command}"
    );
    let b = network.pair("b", &format!("{code} {config} {}", case.args[1]));
    let (a, b) = (a.finish(), b.finish());
    let mut flaws = flaws(case, &a, &b);
    for end in [&a, &b] {
        let rows = ends::rows(&end.result()["rendezvous"]);
        let status = |url: &str| {
            let row = rows.iter().find(|row| row["url"] == url);
            row.and_then(|row| row["status"].as_str())
        };
        if status(tls) != Some("reached") || status(DEAD) == Some("reached") {
            flaws.push(format!("rendezvous: {rows:?}"));
        }
        let met = end.result()["session"]["rendezvous"].as_str();
        if !met.is_some_and(|met| BROKERS.contains(&met)) {
            flaws.push(format!("they met at {met:?}"));
        }
    }
    assert!(
        flaws.is_empty(),
        "{name}:\n  {}\n-- a: {}\n-- b: {}\n{}",
        flaws.join("\n  "),
        a.describe(),
        b.describe(),
        network.lab.describe(),
    );
}
