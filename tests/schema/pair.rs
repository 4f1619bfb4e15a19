//! Documents and events of `pair`.

use rtcdiag::fact::{Fact, Reason};
use rtcdiag::ice::candidate::CandidateType;
use rtcdiag::report::ErrorReport;
use rtcdiag::report::pair::{Context, PairResult, PathKind, WantedPair, verdict};
use serde_json::{Value, json};

use super::pair_results::{
    CHECK_STATES, EXPECTED, MODES, PATHS, ROLES, STATES, STEPS, candidate, direct, nobody, quality,
    relayed, side, strict,
};
use super::{
    REASONS, assert_valid, assert_valid_event, enum_is_that_of_source, event, names, refuses,
};

#[test]
fn the_enums_are_those_of_the_source() {
    let report = include_str!("../../src/report/pair.rs");
    let prediction = include_str!("../../src/ice/prediction.rs");
    let checks = include_str!("../../src/ice/checks.rs");
    let check = include_str!("../../src/ice/checks/pair.rs");
    let result = "/$defs/pair_result/properties";
    let pair = "/$defs/candidate_pair/properties";
    for (source, name, pointer, samples) in [
        (checks, "Role", format!("{result}/role"), names(&ROLES)),
        (
            report,
            "PairState",
            format!("{result}/state"),
            names(&STATES),
        ),
        (report, "PathKind", format!("{result}/path"), names(&PATHS)),
        (report, "PathKind", format!("{pair}/path"), names(&PATHS)),
        (
            check,
            "CheckState",
            format!("{pair}/state"),
            names(&CHECK_STATES),
        ),
        (report, "TimelineEvent", "/$defs/step".into(), names(&STEPS)),
        (
            report,
            "SessionMode",
            format!("{result}/session/properties/mode"),
            names(&MODES),
        ),
        (
            prediction,
            "Expected",
            format!("{result}/prediction/properties/expected"),
            names(&EXPECTED),
        ),
    ] {
        enum_is_that_of_source(source, name, &format!("{pointer}/enum"), &samples);
    }
}

#[test]
fn every_end() {
    let interrupted = Context {
        stopped: Some(Reason::Interrupted),
        ..Context::default()
    };
    for (result, context, outcome) in [
        (direct(), Context::default(), "good"),
        (relayed(), Context::default(), "good"),
        (strict(), Context::default(), "bad"),
        (nobody(), Context::default(), "bad"),
        (nobody(), interrupted, "interrupted"),
    ] {
        let document = document(result, &context);
        assert_eq!(document["outcome"], outcome, "{document:#}");
        assert_valid(&document);
    }
}

#[test]
fn every_value() {
    let mut result = everything_of(relayed());
    for (state, path) in CHECK_STATES.into_iter().zip(PATHS.into_iter().cycle()) {
        result.pairs.push(rtcdiag::report::pair::PairReport {
            state,
            path,
            failure: None,
            ..result.pairs[1].clone()
        });
    }
    for (expected, mode) in EXPECTED.into_iter().zip(MODES) {
        result.prediction.expected = expected;
        result.session.mode = mode;
        for role in ROLES {
            result.role = role;
            assert_valid(&document(result.clone(), &Context::default()));
        }
    }
    for reason in REASONS.iter().copied() {
        let nat = &mut result.remote.nats[0];
        nat.nat = Fact::not_tested(reason);
        nat.mapping = Fact::inconclusive(reason, reason.text());
        assert_valid(&document(result.clone(), &Context::default()));
    }
}

#[test]
fn events_of_pair() {
    for line in events() {
        assert_valid_event(&line);
    }
}

#[test]
fn wrong_values_are_refused() {
    let pair = "/result/pairs/0";
    for (at, wrong) in [
        ("/result/role".into(), json!("leader")),
        ("/result/state".into(), json!("ok")),
        ("/result/state".into(), json!("failed")),
        ("/result/path".into(), json!(null)),
        ("/result/path".into(), json!("relay")),
        ("/result/connected_ms".into(), json!(-1)),
        (
            "/result/local/nat/mapping".into(),
            json!("address-dependent"),
        ),
        ("/result/local/nat/nat".into(), json!(true)),
        ("/result/local/candidates/0/transport".into(), json!("tls")),
        ("/result/local/candidates/0/port".into(), json!(70000)),
        (
            "/result/local/candidates/0/sdp".into(),
            json!("a=candidate"),
        ),
        (format!("{pair}/state"), json!("done")),
        (format!("{pair}/priority"), json!(-1)),
        (format!("{pair}/selected"), json!(null)),
        (format!("{pair}/requests_arrived"), json!(-1)),
        (format!("{pair}/mapped_address"), json!("203.0.113.5")),
        (
            format!("{pair}/failure"),
            json!({"code": "no-response", "message": "no"}),
        ),
        (format!("{pair}/local/address"), json!("192.0.2.30:61000")),
        ("/result/selected".into(), json!(null)),
        ("/result/quality/loss_percent".into(), json!(101)),
        ("/result/quality/loss_percent".into(), json!(null)),
        ("/result/quality/rtt_ms".into(), json!(12)),
        ("/result/quality/rtt_ms".into(), json!(null)),
        ("/result/prediction/expected".into(), json!("relayed")),
        ("/result/prediction/agrees".into(), json!("yes")),
        ("/result/timeline/0/event".into(), json!("started")),
        ("/result/session/mode".into(), json!("carrier-pigeon")),
        ("/result/session/reconnects".into(), json!(-1)),
    ] {
        refuses(&everything(), &at, &wrong);
    }
}

/// A document in which every list has something and every `null` has a twin that is none.
pub fn everything() -> Value {
    let context = Context {
        wanted: Some(WantedPair::Direct),
        turned_away: 1,
        ..Context::default()
    };
    document(everything_of(relayed()), &context)
}

fn everything_of(mut result: PairResult) -> PairResult {
    result.remote = side(
        result.remote.nats[0].clone(),
        vec![candidate(CandidateType::Relay, "[2001:db8::30]:61000")],
    );
    result.quality = Some(quality(140, 139, 23_000, 1_200));
    result.session.refused = vec!["a message came back to its sender".into()];
    result.servers = super::gather::servers();
    result.pairs[1].failure = Some(ErrorReport::new("no-response", "no answer to 9 checks"));
    result
}

/// One event of each kind.
pub fn events() -> Vec<Value> {
    let result = everything_of(relayed());
    let mut lines = vec![
        json!({
            "event": "session",
            "code": "8K2M-4T9Q",
            "command": "rtcdiag pair 8K2M-4T9Q --rendezvous ws://192.0.2.1:8443",
            "rendezvous": "ws://192.0.2.1:8443",
        }),
        json!({"event": "description", "text": "rtcdiag1:dj0w."}),
        json!({"event": "timeline", "at_ms": 4.2, "step": "peer-joined", "detail": "again"}),
    ];
    for (name, candidate) in [
        ("local", &result.local.candidates[0]),
        ("remote", &result.remote.candidates[0]),
    ] {
        let mut line = event("candidate", candidate);
        line["side"] = json!(name);
        lines.push(line);
    }
    lines.extend(result.servers.iter().map(|s| event("server", s)));
    lines
}

#[test]
fn a_path_that_is_not_taken_has_no_end() {
    let mut result = strict();
    result.path = Some(PathKind::Direct);
    let document = document(result, &Context::default());
    assert!(!super::objections(&document).is_empty());
}

fn document(result: PairResult, context: &Context) -> Value {
    let verdict = verdict(&result, context);
    super::document("pair", verdict, result)
}
