//! What must hold in every report, whatever the network.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use rtcdiag::proto::ice::candidate::Candidate;
use serde_json::Value;

/// What does not hold.
pub fn flaws(document: &Value) -> Vec<String> {
    let mut wrong = crate::schema::objections(document);
    let result = &document["result"];
    let empty = Vec::new();
    let rows = |key: &str| result[key].as_array().unwrap_or(&empty).clone();
    // Nothing takes so long that the time could be up.
    if document["findings"]
        .to_string()
        .contains(r#""code":"timeout""#)
        && document["command"] == "gather"
    {
        wrong.push("it did not end by itself".into());
    }
    of_candidates(&rows("candidates"), &mut wrong);
    for way in rows("transports") {
        if way["status"] == "ok" {
            of_transport(&way, &mut wrong);
        }
    }
    for server in rows("servers") {
        let complete = result["complete_ms"].as_f64();
        if server["elapsed_ms"].as_f64() > complete {
            wrong.push(format!("{} was settled after the end", server["uri"]));
        }
        if server["error"].is_null() != (server["status"] == "ok") {
            wrong.push(format!("{}: status and error contradict", server["uri"]));
        }
    }
    wrong
}

fn of_candidates(candidates: &[Value], wrong: &mut Vec<String>) {
    let mut priorities = Vec::new();
    for report in candidates {
        let sdp = report["sdp"].as_str().unwrap_or_default();
        let parsed: Candidate = match sdp.parse() {
            Ok(parsed) => parsed,
            Err(error) => {
                wrong.push(format!("{sdp}: {error}"));
                continue;
            }
        };
        let related = parsed.related.map(|r| (r.ip().to_string(), r.port()));
        let agrees = report["foundation"] == *parsed.foundation
            && report["component"] == parsed.component
            && report["priority"] == parsed.priority
            && report["address"] == parsed.address.ip().to_string()
            && report["port"] == parsed.address.port()
            && report["type"] == parsed.kind.name()
            && report["related_address"].as_str() == related.as_ref().map(|r| r.0.as_str())
            && report["related_port"].as_u64() == related.as_ref().map(|r| u64::from(r.1));
        if !agrees {
            wrong.push(format!("{sdp}: differs from {report}"));
        }
        let base = report["base"]
            .as_str()
            .and_then(|b| b.parse::<SocketAddr>().ok());
        match report["type"].as_str() {
            Some("host") if base != Some(parsed.address) || related.is_some() => {
                wrong.push(format!("{sdp}: a host candidate is its own base"));
            }
            // RFC 8839 5.1.
            Some("srflx") if base != parsed.related => {
                wrong.push(format!(
                    "{sdp}: the base {base:?} is not the related address"
                ));
            }
            Some("relay") if parsed.related.is_none() => {
                wrong.push(format!("{sdp}: no related address"));
            }
            _ => {}
        }
        priorities.push(parsed.priority);
    }
    // RFC 8445 5.1.2: different for each candidate of a component.
    let different: BTreeSet<u32> = priorities.iter().copied().collect();
    if different.len() != priorities.len() || !priorities.iter().rev().is_sorted() {
        wrong.push(format!(
            "priorities are not different and sorted: {priorities:?}"
        ));
    }
}

/// The numbers of a transport that works.
fn of_transport(way: &Value, wrong: &mut Vec<String>) {
    let name = &way["transport"];
    if !way["error"].is_null() {
        wrong.push(format!("{name}: ok with an error"));
    }
    for key in [
        "relay_to_relay",
        "to_reflexive",
        "relay_to_relay_large",
        "to_reflexive_large",
    ] {
        let data = &way[key];
        let [sent, received] = ["sent", "received"].map(|k| data[k].as_u64().unwrap_or_default());
        let said = data["loss_percent"].as_f64();
        #[expect(clippy::cast_precision_loss, reason = "a handful of datagrams")]
        let lost = (sent > 0).then(|| (sent - received.min(sent)) as f64 * 100.0 / sent as f64);
        let right = match (said, lost) {
            (Some(said), Some(lost)) => (said - lost).abs() < 0.1,
            (None, None) => true,
            _ => false,
        };
        if !right || received > sent {
            wrong.push(format!("{name} {key}: {data}"));
        }
        let [min, median, max] = ["min", "median", "max"].map(|k| data["rtt_ms"][k].as_f64());
        let ordered = min <= median && median <= max && min >= Some(0.0);
        if (received > 0) != min.is_some() || (received > 0 && !ordered) {
            wrong.push(format!("{name} {key}: {data}"));
        }
    }
    if let Some(throughput) = way["throughput"].as_object() {
        let [sent, received] =
            ["bytes_sent", "bytes_received"].map(|k| throughput[k].as_u64().unwrap_or_default());
        let rate = throughput["kbit_per_s"].as_f64().unwrap_or_default();
        if received == 0 || received > sent || rate <= 0.0 {
            wrong.push(format!("{name} throughput: {throughput:?}"));
        }
    }
    if !way["lifetime_s"]
        .as_u64()
        .is_some_and(|s| (1..=3600).contains(&s))
    {
        wrong.push(format!("{name} lifetime: {}", way["lifetime_s"]));
    }
}
