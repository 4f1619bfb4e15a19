//! A report as lines that are the same in each run: no times, no ports but those of servers, no wording.
//!
//! ```text
//! exit 0 good                                                 exit code and outcome
//! warning private-peers-allowed x2                            findings, with how many of a kind
//! ```
//!
//! `gather`:
//! ```text
//! host 192.0.2.2 eth0                                         candidates, the most preferred first
//! srflx 203.0.113.1 of 192.0.2.2 eth0 by stun:203.0.113.10
//! relay 203.0.113.10 over tcp by turn:203.0.113.10?transport=tcp, for 203.0.113.1 at 192.0.2.2 eth0
//! redundant srflx 192.0.2.2 as host                           those that are left out
//! udp 203.0.113.10:3478 from 192.0.2.2: ok at relay           servers: transport, address, base, status, stage
//! - sees 203.0.113.1
//! - ipv4: 203.0.113.10 relays                                 each relayed address that was asked for
//! ```
//!
//! `turn`:
//! ```text
//! udp 203.0.113.10:3478 relays by 203.0.113.10 for 203.0.113.1 a transport of which everything works
//! tcp 203.0.113.10:3478: absent at connect, refused           another one: status, stage, error
//! - by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes
//! - between relays yes 10/10, from here no 0/10
//! asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 no
//! allows 10.0.0.1 …                                           peers
//! refuses 127.0.0.1 …
//! family-not-relayed ::1 …
//! ```

use std::collections::BTreeMap;

use serde_json::Value;

/// The lines of a report.
pub fn lines(document: &Value, exit: Option<i32>) -> Vec<String> {
    let exit = exit.map_or_else(|| "?".to_owned(), |code| code.to_string());
    let mut lines = vec![format!("exit {exit} {}", text(&document["outcome"]))];
    let mut findings: Vec<(String, usize)> = Vec::new();
    for finding in items(&document["findings"]) {
        let name = format!("{} {}", text(&finding["severity"]), text(&finding["code"]));
        match findings.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => findings.push((name, 1)),
        }
    }
    lines.extend(findings.into_iter().map(|(name, count)| match count {
        1 => name,
        _ => format!("{name} x{count}"),
    }));
    let result = &document["result"];
    match text(&document["command"]).as_str() {
        "gather" => gather(result, &mut lines),
        "turn" => turn(result, &mut lines),
        other => lines.push(format!("command {other}")),
    }
    lines
}

fn gather(result: &Value, lines: &mut Vec<String>) {
    lines.extend(items(&result["candidates"]).iter().map(candidate));
    let mut redundant: Vec<String> = items(&result["redundant"])
        .iter()
        .map(|r| {
            let (kind, address) = (text(&r["type"]), text(&r["address"]));
            format!("redundant {kind} {address} as {}", text(&r["same_as"]))
        })
        .collect();
    redundant.sort();
    lines.append(&mut redundant);
    for server in items(&result["servers"]) {
        let (transport, local) = (text(&server["transport"]), text(&server["local_address"]));
        let address = match &server["address"] {
            Value::Null => text(&server["uri"]),
            address => text(address),
        };
        lines.push(format!(
            "{transport} {address} from {local}: {}",
            ending(server)
        ));
        if server["reflexive_address"].is_string() {
            lines.push(format!(
                "- sees {}",
                without_port(&server["reflexive_address"])
            ));
        }
        for relayed in items(&server["relayed"]) {
            let family = text(&relayed["family"]);
            if relayed["address"].is_null() {
                lines.push(format!("- {family}: {}", text(&relayed["error"]["code"])));
                continue;
            }
            let address = without_port(&relayed["address"]);
            let relays = match fact(&relayed["relays"]).as_str() {
                "yes" => "relays".to_owned(),
                "no" => "does not relay".to_owned(),
                other => other.to_owned(),
            };
            let open = if relayed["authenticated"] == false {
                ", for everybody"
            } else {
                ""
            };
            lines.push(format!("- {family}: {address} {relays}{open}"));
        }
    }
}

fn candidate(candidate: &Value) -> String {
    let kind = text(&candidate["type"]);
    let address = text(&candidate["address"]);
    let at = match &candidate["interface"] {
        Value::Null => without_port(&candidate["base"]),
        name => format!("{} {}", without_port(&candidate["base"]), text(name)),
    };
    let (server, related) = (
        text(&candidate["server"]),
        text(&candidate["related_address"]),
    );
    match kind.as_str() {
        "host" => format!("host {at}"),
        "relay" => {
            let over = text(&candidate["relay_transport"]);
            format!("relay {address} over {over} by {server}, for {related} at {at}")
        }
        _ => format!("{kind} {address} of {at} by {server}"),
    }
}

fn turn(result: &Value, lines: &mut Vec<String>) {
    for way in items(&result["transports"]) {
        transport(way, lines);
    }
    let who = &result["authentication"];
    let (without, wrong) = (
        fact(&who["unauthenticated_refused"]),
        fact(&who["wrong_password_refused"]),
    );
    let (v4, v6) = (fact(&result["relays_ipv4"]), fact(&result["relays_ipv6"]));
    lines.push(format!(
        "asks for credentials {without}, refuses wrong ones {wrong}, relays ipv4 {v4}, ipv6 {v6}"
    ));
    let mut peers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for peer in items(&result["policy"]) {
        let verdict = match fact(&peer["allowed"]).as_str() {
            "yes" => "allows".to_owned(),
            "no" => "refuses".to_owned(),
            other => other.to_owned(),
        };
        let list: &mut Vec<String> = peers.entry(verdict).or_default();
        list.push(text(&peer["peer"]));
        list.sort();
    }
    lines.extend(
        peers
            .iter()
            .map(|(verdict, peers)| format!("{verdict} {}", peers.join(" "))),
    );
}

fn transport(way: &Value, lines: &mut Vec<String>) {
    let (name, address) = (text(&way["transport"]), text(&way["address"]));
    let by = format!(
        "by {} for {}",
        without_port(&way["relayed_address"]),
        without_port(&way["mapped_address"])
    );
    let facts =
        ["permission", "channel", "refresh"].map(|key| format!("{key} {}", fact(&way[key])));
    let throughput = if way["throughput"].is_null() {
        "no"
    } else {
        "yes"
    };
    let detail = format!("{}, throughput {throughput}", facts.join(", "));
    let (between, here) = (data(&way["relay_to_relay"]), data(&way["to_reflexive"]));
    let ending = ending(way);
    let all = (
        ending.as_str(),
        detail.as_str(),
        between.as_str(),
        here.as_str(),
    );
    if all == EVERYTHING {
        lines.push(format!("{name} {address} relays {by}"));
        return;
    }
    lines.push(format!("{name} {address}: {ending}"));
    if !way["relayed_address"].is_null() {
        lines.push(format!("- {by}: {detail}"));
        lines.push(format!("- between relays {between}, from here {here}"));
    }
}

/// A transport of which everything works.
const EVERYTHING: (&str, &str, &str, &str) = (
    "ok at refresh",
    "permission yes, channel yes, refresh yes, throughput yes",
    "yes 10/10",
    "yes 10/10",
);

/// Status, stage, and what is wrong.
fn ending(row: &Value) -> String {
    let (status, stage) = (text(&row["status"]), text(&row["stage"]));
    match &row["error"] {
        Value::Null => format!("{status} at {stage}"),
        error => format!("{status} at {stage}, {}", text(&error["code"])),
    }
}

fn data(report: &Value) -> String {
    let works = fact(&report["works"]);
    if report["sent"] == 0 {
        works
    } else {
        format!("{works} {}/{}", report["received"], report["sent"])
    }
}

/// `yes`, `no`, or the reason why it is not known.
fn fact(fact: &Value) -> String {
    match &fact["value"] {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        _ => text(&fact["reason"]),
    }
}

fn without_port(address: &Value) -> String {
    let text = text(address);
    text.parse::<std::net::SocketAddr>()
        .map_or(text, |a| a.ip().to_string())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("?").to_owned()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
