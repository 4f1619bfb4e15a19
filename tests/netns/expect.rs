//! What a case expects of rtcdiag's report, and how a report is held against it.

use serde::Deserialize;
use serde_json::Value;

use super::diagnosis::Scenario;

/// What one fact must be. The first four allow one answer only; the others are for facts where several answers are honest.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    Is(String),
    Yes,
    No,
    Number(i64),
    /// `inconclusive`, for this reason.
    Because(String),
    /// `not-tested`, for this reason.
    NotTested(String),
    /// `inconclusive` or `not-tested`.
    Unknown,
    /// Not this value: any other, or unknown.
    Not(String),
    /// This value, or unknown.
    AtMost(String),
    /// Anything but `true`.
    NotYes,
    /// Anything but `false`.
    NotNo,
}

use Want::{AtMost, Because, Is, No, Not, NotNo, NotTested, NotYes, Number, Unknown, Yes};

/// A fact, and what it must be. As text: the keys below the path with dots between them, then one of `is yes`, `is no`,
/// `is 3`, `is VALUE`, `not yes`, `not no`, `not VALUE`, `at most VALUE`, `unknown`, `unknown because REASON`,
/// `not tested because REASON`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Fact {
    pub key: String,
    pub want: Want,
}

impl TryFrom<String> for Fact {
    type Error = String;

    fn try_from(text: String) -> Result<Fact, String> {
        let (key, words) = text.split_once(' ').unwrap_or((&text, ""));
        let value = |start: &str| words.strip_prefix(start).map(str::to_owned);
        let want = if let Some(reason) = value("not tested because ") {
            NotTested(reason)
        } else if let Some(reason) = value("unknown because ") {
            Because(reason)
        } else if words == "unknown" {
            Unknown
        } else if let Some(most) = value("at most ") {
            AtMost(most)
        } else if let Some(is) = value("is ") {
            match (is.as_str(), is.parse()) {
                ("yes", _) => Yes,
                ("no", _) => No,
                (_, Ok(number)) => Number(number),
                _ => Is(is),
            }
        } else if let Some(not) = value("not ") {
            match not.as_str() {
                "yes" => NotYes,
                "no" => NotNo,
                _ => Not(not),
            }
        } else {
            return Err(format!("no fact: '{text}'"));
        };
        let key = key.to_owned();
        Ok(Fact { key, want })
    }
}

/// What the report on one path must say.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// The path's own address, if it is not the client's first one.
    pub local: Option<String>,
    /// Each reflexive address must be one of these IP addresses, and there must be one. Empty: there must be none.
    pub seen: Vec<String>,
    pub facts: Vec<Fact>,
    pub legacy_name: Option<String>,
}

/// What the report on one server must say. As text: transport and address as in the report (the URI of a name that has no
/// address), then `answers`, `answers, discovery supported`, or `fails: CODE or CODE`.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Server {
    pub transport: String,
    pub address: String,
    /// The error code must be one of these. Empty: no error.
    pub errors: Vec<String>,
    pub behavior_discovery: Option<String>,
}

impl TryFrom<String> for Server {
    type Error = String;

    fn try_from(text: String) -> Result<Server, String> {
        let mut words = text.splitn(3, ' ').map(str::to_owned);
        let mut word = || words.next().ok_or(format!("no server: '{text}'"));
        let (transport, address, state) = (word()?, word()?, word()?);
        let mut server = Server {
            transport,
            address,
            errors: Vec::new(),
            behavior_discovery: None,
        };
        if let Some(errors) = state.strip_prefix("fails: ") {
            server.errors = errors.split(" or ").map(str::to_owned).collect();
        } else if let Some(support) = state.strip_prefix("answers, discovery ") {
            server.behavior_discovery = Some(support.to_owned());
        } else if state != "answers" {
            return Err(format!("no server: '{text}'"));
        }
        Ok(server)
    }
}

/// Everything in which a run differs from what was expected; empty if nothing does.
pub fn differences(
    scenario: &Scenario,
    exit: Option<i32>,
    stdout: &[u8],
    stderr: &[u8],
) -> Vec<String> {
    let mut wrong = Vec::new();
    if String::from_utf8_lossy(stderr).contains("panicked") {
        wrong.push("it panicked".into());
    }
    let report: Value = match serde_json::from_slice(stdout) {
        Ok(report) => report,
        Err(error) => {
            wrong.push(format!(
                "standard output is not one JSON document: {error}; exit code {exit:?}"
            ));
            return wrong;
        }
    };
    let code = exit.map_or_else(|| "?".to_owned(), |code| code.to_string());
    let outcome = report["outcome"].as_str().unwrap_or("?");
    if !scenario.outcomes.contains(&format!("{code} {outcome}")) {
        wrong.push(format!(
            "outcome: wanted one of {:?}, got {code} {outcome}",
            scenario.outcomes
        ));
    }
    // In none of the labs is there anything to wait for until the time is up.
    if report["findings"]
        .to_string()
        .contains(r#""code":"timeout""#)
    {
        wrong.push("it did not end by itself".into());
    }
    let empty = Vec::new();
    let paths = report["result"]["paths"].as_array().unwrap_or(&empty);
    let wanted = scenario.paths();
    for (family, local, want) in &wanted {
        // A host may have several paths of one family; the local address tells them apart.
        match paths
            .iter()
            .find(|p| p["family"] == *family && p["local_address"] == **local)
        {
            Some(path) => compare_path(family, want, path, &mut wrong),
            None => wrong.push(format!("no path of {family} with local address {local}")),
        }
    }
    if paths.len() != wanted.len() {
        wrong.push(format!(
            "paths: wanted {}, got {}",
            wanted.len(),
            paths.len()
        ));
    }
    let servers = report["result"]["servers"].as_array().unwrap_or(&empty);
    for want in &scenario.servers {
        match servers.iter().find(|s| {
            (s["address"] == *want.address || s["uri"] == *want.address)
                && s["transport"] == *want.transport
        }) {
            Some(server) => compare_server(want, server, &mut wrong),
            None => wrong.push(format!(
                "no server {} over {}",
                want.address, want.transport
            )),
        }
    }
    wrong
}

/// Every fact of a path that is not as it must be.
pub fn wrong_facts(facts: &[Fact], path: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for Fact { key, want } in facts {
        let pointer = format!("/{}", key.replace('.', "/"));
        let got = path.pointer(&pointer).unwrap_or(&Value::Null);
        if !agrees(want, got) {
            wrong.push(format!("{key}: wanted {want:?}, got {got}"));
        }
    }
    wrong
}

fn compare_path(family: &str, want: &Path, path: &Value, wrong: &mut Vec<String>) {
    let facts = wrong_facts(&want.facts, path);
    wrong.extend(facts.iter().map(|fact| format!("{family} {fact}")));
    if let Some(name) = &want.legacy_name
        && path["legacy_name"] != **name
    {
        wrong.push(format!(
            "{family} legacy_name: wanted {name}, got {}",
            path["legacy_name"]
        ));
    }
    let empty = Vec::new();
    let reflexive = path["reflexive_addresses"].as_array().unwrap_or(&empty);
    if reflexive.is_empty() != want.seen.is_empty() {
        wrong.push(format!(
            "{family} reflexive_addresses: wanted of {:?}, got {}",
            want.seen, path["reflexive_addresses"]
        ));
    }
    for got in reflexive {
        let ip = got
            .as_str()
            .and_then(|text| text.parse::<std::net::SocketAddr>().ok())
            .map(|a| a.ip().to_string());
        if !ip.is_some_and(|ip| want.seen.contains(&ip)) {
            wrong.push(format!(
                "{family} reflexive address {got}: wanted one of {:?}",
                want.seen
            ));
        }
    }
}

fn compare_server(want: &Server, server: &Value, wrong: &mut Vec<String>) {
    let right = match server["error"]["code"].as_str() {
        None => want.errors.is_empty() && server["error"].is_null(),
        Some(code) => want.errors.iter().any(|known| known == code),
    };
    if !right {
        wrong.push(format!(
            "server {} error: wanted one of {:?}, got {}",
            want.address, want.errors, server["error"]
        ));
    }
    if let Some(discovery) = &want.behavior_discovery
        && server["behavior_discovery"] != **discovery
    {
        let got = &server["behavior_discovery"];
        wrong.push(format!(
            "server {} behavior_discovery: wanted {discovery}, got {got}",
            want.address
        ));
    }
}

fn agrees(want: &Want, fact: &Value) -> bool {
    let status = fact["status"].as_str().unwrap_or_default();
    let value = (status == "determined").then(|| &fact["value"]);
    // Whatever is not determined must say why.
    if value.is_none()
        && !(matches!(status, "inconclusive" | "not-tested") && fact["reason"].is_string())
    {
        return false;
    }
    match want {
        Is(text) => value.is_some_and(|v| v == text),
        Yes => value.is_some_and(|v| v == true),
        No => value.is_some_and(|v| v == false),
        Number(number) => value.is_some_and(|v| v == number),
        Because(reason) => status == "inconclusive" && fact["reason"] == **reason,
        NotTested(reason) => status == "not-tested" && fact["reason"] == **reason,
        Unknown => value.is_none(),
        Not(text) => value.is_none_or(|v| v != text),
        AtMost(text) => value.is_none_or(|v| v == text),
        NotYes => value.is_none_or(|v| v != true),
        NotNo => value.is_none_or(|v| v != false),
    }
}
