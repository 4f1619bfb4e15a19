//! What a scenario expects of rtcdiag's report, and how a report is held against it.

use serde_json::Value;

/// What one fact must be. The first four allow one answer only; the others are for facts where several answers are honest.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    Is(&'static str),
    Yes,
    No,
    Number(i64),
    /// `inconclusive`, for this reason.
    Because(&'static str),
    /// `not-tested`, for this reason.
    NotTested(&'static str),
    /// `inconclusive` or `not-tested`.
    Unknown,
    /// Not this value: any other, or unknown.
    Not(&'static str),
    /// This value, or unknown.
    AtMost(&'static str),
    /// Anything but `true`.
    NotYes,
    /// Anything but `false`.
    NotNo,
}

use Want::{AtMost, Because, Is, No, Not, NotNo, NotTested, NotYes, Number, Unknown, Yes};

/// What the report on one path must say.
#[derive(Clone, Copy)]
pub struct Path {
    pub family: &'static str,
    pub local: &'static str,
    /// Each reflexive address must be one of these IP addresses, and there must be one. Empty: there must be none.
    pub reflexive: &'static [&'static str],
    /// Keys below the path, such as `mapping` or `tcp.open`.
    pub facts: &'static [(&'static str, Want)],
    pub legacy_name: Option<&'static str>,
}

/// What the report on one server must say.
#[derive(Clone, Copy)]
pub struct Server {
    /// `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// The address as in the report, `203.0.113.10:3478`; for a name that has no address, the URI.
    pub address: &'static str,
    /// The error code must be one of these. Empty: no error.
    pub errors: &'static [&'static str],
    pub behavior_discovery: Option<&'static str>,
}

/// The whole expectation.
#[derive(Clone, Copy)]
pub struct Expected {
    /// The exit code and the `outcome` that goes with it: one pair of these.
    pub outcomes: &'static [(i32, &'static str)],
    pub paths: &'static [Path],
    pub servers: &'static [Server],
}

/// Everything in which a run differs from what was expected; empty if nothing does.
pub fn differences(
    expected: &Expected,
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
    if !expected
        .outcomes
        .iter()
        .any(|(code, outcome)| exit == Some(*code) && report["outcome"] == *outcome)
    {
        wrong.push(format!(
            "outcome: wanted one of {:?}, got {exit:?} {}",
            expected.outcomes, report["outcome"]
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
    for want in expected.paths {
        // A host may have several paths of one family; the local address tells them apart.
        match paths
            .iter()
            .find(|p| p["family"] == want.family && p["local_address"] == want.local)
        {
            Some(path) => compare_path(want, path, &mut wrong),
            None => wrong.push(format!(
                "no path of {} with local address {}",
                want.family, want.local
            )),
        }
    }
    if paths.len() != expected.paths.len() {
        wrong.push(format!(
            "paths: wanted {}, got {}",
            expected.paths.len(),
            paths.len()
        ));
    }
    let servers = report["result"]["servers"].as_array().unwrap_or(&empty);
    for want in expected.servers {
        match servers.iter().find(|s| {
            (s["address"] == want.address || s["uri"] == want.address)
                && s["transport"] == want.transport
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

fn compare_path(want: &Path, path: &Value, wrong: &mut Vec<String>) {
    let family = want.family;
    for (key, fact) in want.facts {
        let pointer = format!("/{}", key.replace('.', "/"));
        match path.pointer(&pointer) {
            Some(got) if agrees(*fact, got) => {}
            got => wrong.push(format!(
                "{family} {key}: wanted {fact:?}, got {}",
                got.unwrap_or(&Value::Null)
            )),
        }
    }
    if let Some(name) = want.legacy_name
        && path["legacy_name"] != name
    {
        wrong.push(format!(
            "{family} legacy_name: wanted {name}, got {}",
            path["legacy_name"]
        ));
    }
    let empty = Vec::new();
    let reflexive = path["reflexive_addresses"].as_array().unwrap_or(&empty);
    if reflexive.is_empty() != want.reflexive.is_empty() {
        wrong.push(format!(
            "{family} reflexive_addresses: wanted of {:?}, got {}",
            want.reflexive, path["reflexive_addresses"]
        ));
    }
    for got in reflexive {
        let ip = got
            .as_str()
            .and_then(|text| text.parse::<std::net::SocketAddr>().ok())
            .map(|a| a.ip().to_string());
        if !ip.as_deref().is_some_and(|ip| want.reflexive.contains(&ip)) {
            wrong.push(format!(
                "{family} reflexive address {got}: wanted one of {:?}",
                want.reflexive
            ));
        }
    }
}

fn compare_server(want: &Server, server: &Value, wrong: &mut Vec<String>) {
    let code = server["error"]["code"].as_str();
    let right = match code {
        None => want.errors.is_empty() && server["error"].is_null(),
        Some(code) => want.errors.contains(&code),
    };
    if !right {
        wrong.push(format!(
            "server {} error: wanted one of {:?}, got {}",
            want.address, want.errors, server["error"]
        ));
    }
    if let Some(discovery) = want.behavior_discovery
        && server["behavior_discovery"] != discovery
    {
        let got = &server["behavior_discovery"];
        wrong.push(format!(
            "server {} behavior_discovery: wanted {discovery}, got {got}",
            want.address
        ));
    }
}

pub fn agrees(want: Want, fact: &Value) -> bool {
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
        Because(reason) => status == "inconclusive" && fact["reason"] == reason,
        NotTested(reason) => status == "not-tested" && fact["reason"] == reason,
        Unknown => value.is_none(),
        Not(text) => value.is_none_or(|v| v != text),
        AtMost(text) => value.is_none_or(|v| v == text),
        NotYes => value.is_none_or(|v| v != true),
        NotNo => value.is_none_or(|v| v != false),
    }
}
