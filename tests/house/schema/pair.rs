//! Documents and events of `pair`.

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::report::ErrorReport;
use rtcdiag::commands::pair::report::{
    CheckState, Expected, PairResult, PairState, PathKind, Role, SessionMode, TimelineEvent,
};
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::commands::pair::verdict::{Context, WantedPair, verdict};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::media::Kind;
use rtcdiag::proto::signal::message::Source;
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::{REASONS, assert_valid, assert_valid_event, enum_is_in_schema, event, refuses_each};
use crate::support::pair_results::{
    candidate, direct, nobody, quality, relayed, section, side, strict,
};

#[test]
fn the_enums_are_those_of_the_source() {
    let of_result = |field: &str| format!("pair_result/properties/{field}");
    let of_pair = |field: &str| format!("candidate_pair/properties/{field}");
    enum_is_in_schema::<Role>(&of_result("role"));
    enum_is_in_schema::<PairState>(&of_result("state"));
    enum_is_in_schema::<PathKind>(&of_result("path"));
    enum_is_in_schema::<PathKind>(&of_pair("path"));
    enum_is_in_schema::<CheckState>(&of_pair("state"));
    enum_is_in_schema::<TimelineEvent>("step");
    enum_is_in_schema::<SessionMode>(&of_result("session/properties/mode"));
    enum_is_in_schema::<Source>("pair_media/properties/source");
    enum_is_in_schema::<Kind>("pair_media/properties/kind");
    enum_is_in_schema::<Expected>(&of_result("prediction/properties/expected"));
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
    for (&state, &path) in CheckState::VARIANTS
        .iter()
        .zip(PathKind::VARIANTS.iter().cycle())
    {
        result
            .pairs
            .push(rtcdiag::commands::pair::report::PairReport {
                state,
                path,
                failure: None,
                ..result.pairs[1].clone()
            });
    }
    for (&expected, &mode) in Expected::VARIANTS.iter().zip(SessionMode::VARIANTS) {
        result.prediction.expected = expected;
        result.session.mode = mode;
        for &role in Role::VARIANTS {
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
    let wrong = json!({
        "": {
            "result/role": ["leader"], "result/state": ["ok", "failed"], "result/path": [null, "relay"],
            "result/connected_ms": [-1], "result/local/nat/mapping": ["address-dependent"],
            "result/local/nat/nat": [true], "result/local/candidates/0/transport": ["tls"],
            "result/local/candidates/0/port": [70000], "result/local/candidates/0/sdp": ["a=candidate"],
            "result/selected": [null], "result/quality/loss_percent": [101, null],
            "result/quality/rtt_ms": [12, null], "result/prediction/expected": ["relayed"],
            "result/prediction/agrees": ["yes"], "result/timeline/0/event": ["started"],
            "result/session/mode": ["carrier-pigeon"], "result/session/reconnects": [-1],
        },
        pair: {
            "state": ["done"], "priority": [-1], "selected": [null], "requests_arrived": [-1],
            "mapped_address": ["203.0.113.5"], "failure": [{"code": "no-response", "message": "no"}],
            "local/address": ["192.0.2.30:61000"],
        },
    });
    refuses_each(&everything(), &wrong);
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
    result.media = Some(vec![section(Kind::Audio), section(Kind::Video)]);
    result.session.refused = vec!["a message came back to its sender".into()];
    result.servers = super::gather::servers();
    result.pairs[1].failure = Some(ErrorReport::new(Code::NoResponse, "no answer to 9 checks"));
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
            "link": "https://192.0.2.1:8443/#8K2M-4T9Q",
            "rendezvous": "ws://192.0.2.1:8443",
        }),
        json!({"event": "description", "text": "rtcdiag1:dj0w."}),
        json!({"event": "refused", "why": "it is a link"}),
        json!({"event": "timeline", "at_ms": 4.2, "side": "remote", "step": "peer-joined", "detail": "again"}),
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
    let result = with_causes(result, context);
    let verdict = verdict(&result, context);
    super::document("pair", verdict, result)
}
