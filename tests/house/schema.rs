//! The JSON Schema is valid, takes every document and event that the library can make, and nothing
//! else.

mod demo;
mod explain;
mod gather;
mod golden;
mod inspect;
mod mesh;
mod nat;
mod pair;
mod sdp;
mod serve;
mod turn;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::support::schema::{assert_valid, assert_valid_event, event_objections, objections};
use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::Reason;
use rtcdiag::base::report::{Document, Finding, Millis, SCHEMA, SCHEMA_VERSION, Severity, Verdict};
use rtcdiag::base::stage::Stage;
use rtcdiag::base::tls::{CertificateReport, TlsReport, TlsVersion};
use rtcdiag::commands::gather::report::Status;
use rtcdiag::commands::nat::report::LegacyName;
use rtcdiag::commands::nat::rounds::report::What;
use rtcdiag::commands::turn::report::{NonceReport, TransportStatus};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::nat::behavior::probe::Test;
use rtcdiag::proto::nat::router::Protocol;
use rtcdiag::proto::stun::uri::Transport;
use rtcdiag::proto::turn::policy::PeerClass;
use rtcdiag::ui::redact::Redaction;
use serde::Serialize;
use serde_json::{Value, json};
use strum::VariantArray;

const REASONS: &[Reason] = Reason::VARIANTS;
const STAGES: &[Stage] = Stage::VARIANTS;
const TRANSPORTS: &[Transport] = Transport::VARIANTS;

const COMMANDS: [Option<&str>; 13] = [
    Some("nat"),
    Some("gather"),
    Some("pair"),
    Some("mesh"),
    Some("serve"),
    Some("turn"),
    Some("demo"),
    Some("sdp"),
    Some("inspect"),
    Some("explain"),
    Some("completions"),
    Some("man"),
    None,
];

/// What holds all events.
const EVENTS: &str = "/$defs/event";

#[test]
fn the_schema_is_a_schema() {
    let schema = whole_schema();
    let checked = jsonschema::draft202012::meta::validate(&schema);
    assert!(checked.is_ok(), "{checked:?}");
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

/// Objects are closed where they stand. Those that an event adds its name to are left open under
/// the name `..._fields`, and closed wherever they are used.
#[test]
fn every_object_in_the_schema_is_closed_and_complete() {
    let schema = whole_schema();
    let mut objects = 0;
    walk(&schema, "", &mut |at, node| {
        let open = |at: &str| at.ends_with("_fields");
        if node["$ref"].as_str().is_some_and(open) {
            assert_eq!(node["unevaluatedProperties"], false, "{at} is open");
        }
        // A condition only narrows what stands beside it.
        let is_condition = ["/if/", "/then/", "/else/"].iter().any(|c| at.contains(c));
        if node["type"] != "object" || is_condition {
            return;
        }
        objects += 1;
        if open(at) {
            assert!(node["additionalProperties"].is_null(), "{at} is closed");
        } else {
            assert_eq!(node["additionalProperties"], false, "{at} is open");
        }
        let required: BTreeSet<&str> = strings(&node["required"]).collect();
        let properties: BTreeSet<&str> = node["properties"]
            .as_object()
            .unwrap_or_else(|| panic!("{at} has no properties"))
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(required, properties, "{at}");
    });
    assert!(objects > 20, "only {objects} objects seen");
}

/// A part that nothing refers to would never be held against anything.
#[test]
fn every_part_of_the_schema_is_used() {
    let schema = whole_schema();
    let mut used: BTreeSet<String> = [EVENTS.to_owned()].into();
    walk(&schema, "", &mut |_, node| {
        // `#` alone is the whole document, within that of `demo`.
        if let Some(reference) = node["$ref"].as_str().filter(|r| *r != "#") {
            used.insert(reference.trim_start_matches('#').to_owned());
        }
    });
    let parts: BTreeSet<String> = schema["$defs"]
        .as_object()
        .expect("there are parts")
        .keys()
        .map(|name| format!("/$defs/{name}"))
        .collect();
    assert_eq!(used, parts);
}

/// So that a variant that is new in the source is new in the schema.
#[test]
fn the_enums_of_the_schema_are_those_of_the_source() {
    enum_is_in_schema::<Reason>("reason");
    enum_is_in_schema::<Test>("observation_fields/properties/test");
    enum_is_in_schema::<LegacyName>("legacy_name");
    let mapping = "path/properties/port_mapping/properties/tested_mapping/anyOf/1";
    enum_is_in_schema::<Protocol>(&format!("{mapping}/properties/protocol"));
    enum_is_in_schema::<What>("change/properties/what");
    enum_is_in_schema::<Stage>("stage");
    enum_is_in_schema::<Transport>("transport");
    enum_is_in_schema::<CandidateType>("candidate_type");
    enum_is_in_schema::<Status>("gather_server_fields/properties/status");
    let transport = "transport_report_fields/properties";
    enum_is_in_schema::<TransportStatus>(&format!("{transport}/status"));
    enum_is_in_schema::<NonceReport>(&format!("{transport}/nonce"));
    enum_is_in_schema::<PeerClass>("peer_policy/properties/class");
}

/// Labels stand where addresses do (`--redact`), in everything that there is.
#[test]
fn redacted_documents_and_events_follow_the_schema() {
    for sample in everything() {
        let redaction = Redaction::new(true);
        let text = redaction.json(&sample.value.to_string()).into_owned();
        for network in [
            "203.0.113.",
            "198.51.100.",
            "192.0.2.",
            "2001:db8:",
            "127.0.0.",
        ] {
            assert!(!text.contains(network), "{network}: {text}");
        }
        let mut value: Value = serde_json::from_str(&text).expect("it is JSON still");
        if !sample.is_event {
            value["redacted"] = json!(true);
        }
        let redacted = Sample { value, ..sample };
        redacted.assert_valid();
    }
}

/// A label of the wrong family is as wrong as an address of it.
#[test]
fn labels_are_those_of_their_family() {
    let document = gather::everything();
    let at = "/result/candidates/0/address";
    for label in [
        "pub1", "lan12", "cgn+", "ula1", "pub6-3", "map-lan1", "n64-pub2",
    ] {
        let mut labelled = document.clone();
        *labelled.pointer_mut(at).expect("it is there") = json!(label);
        assert_valid(&labelled);
    }
    for wrong in [
        "pub", "pub0", "lan-1", "ula-1", "pub6-", "map-ula1", "f1", "pub1:5",
    ] {
        refuses(&document, at, &json!(wrong));
    }
}

/// The names of types in JSON are those that the texts use.
#[test]
fn names_are_the_same_in_json_and_in_text() {
    fn same<T: VariantArray + Serialize + ToString>() {
        let texts: BTreeSet<String> = T::VARIANTS.iter().map(ToString::to_string).collect();
        assert_eq!(texts, names(T::VARIANTS));
    }
    same::<Stage>();
    same::<CandidateType>();
    same::<PeerClass>();
}

#[test]
fn the_command_could_not_begin() {
    for command in COMMANDS {
        let mut document = could_not_begin(command);
        assert_eq!(document["result"], Value::Null);
        assert_valid(&document);
        document["outcome"] = json!("good");
        refused(&document, "a good outcome without a result");
    }
    let mut nameless = nat::everything();
    nameless["command"] = Value::Null;
    refused(&nameless, "a result of no command");
}

#[test]
fn the_result_is_that_of_the_command() {
    let documents = documents();
    for document in &documents {
        for command in [
            "nat", "gather", "pair", "mesh", "serve", "turn", "demo", "sdp", "explain", "man",
        ] {
            let mut renamed = document.clone();
            renamed["command"] = json!(command);
            let own = document["command"] == command;
            assert_eq!(
                objections(&renamed).is_empty(),
                own,
                "{command} and the result of {}",
                document["command"]
            );
        }
    }
}

#[test]
fn what_is_missing_or_unknown_is_refused_everywhere() {
    for document in everything() {
        document.assert_valid();
        let mut places = Vec::new();
        walk(&document.value, "", &mut |at, node| {
            if let Some(object) = node.as_object() {
                places.push((at.to_owned(), object.keys().cloned().collect::<Vec<_>>()));
            }
        });
        for (at, keys) in places {
            document.refuses(&format!("an unknown field at {at}"), |value| {
                object_at(value, &at).insert("surprise".into(), Value::Null);
            });
            for key in keys {
                document.refuses(&format!("no {key} at {at}"), |value| {
                    object_at(value, &at).remove(&key);
                });
            }
        }
    }
}

#[test]
fn numbers_as_strings_and_strings_as_numbers_are_refused_everywhere() {
    for document in everything() {
        let mut places = Vec::new();
        walk(&document.value, "", &mut |at, node| match node {
            Value::Number(number) => places.push((at.to_owned(), json!(number.to_string()))),
            Value::String(_) => places.push((at.to_owned(), json!(1))),
            _ => {}
        });
        for (at, wrong) in places {
            document.refuses(&format!("another type at {at}"), |value| {
                *value.pointer_mut(&at).expect("it is there") = wrong.clone();
            });
        }
    }
}

/// Unknown must not be readable as no: where a fact belongs, neither a boolean nor null will do.
#[test]
fn no_fact_may_be_bare() {
    let mut seen = 0;
    for document in everything() {
        let mut places = Vec::new();
        walk(&document.value, "", &mut |at, node| {
            let statuses = ["determined", "inconclusive", "not-tested"];
            if node["status"]
                .as_str()
                .is_some_and(|s| statuses.contains(&s))
            {
                places.push(at.to_owned());
            }
        });
        seen += places.len();
        for at in places {
            for bare in [json!(true), json!(false), Value::Null, json!("unknown")] {
                document.refuses(&format!("{bare} at {at}"), |value| {
                    *value.pointer_mut(&at).expect("it is there") = bare.clone();
                });
            }
        }
    }
    assert!(seen > 50, "only {seen} facts");
}

#[test]
fn wrong_values_around_the_result_are_refused() {
    for document in documents() {
        for (at, wrong) in [
            ("/schema_version", json!("2.0")),
            ("/schema_version", json!("1")),
            ("/command", json!("nut")),
            ("/started_at", json!("2026-11-22T10:00:00Z")),
            ("/started_at", json!("2026-11-22 10:00:00.000")),
            ("/elapsed_ms", json!(-1)),
            ("/elapsed_ms", json!(null)),
            ("/outcome", json!("ok")),
            ("/summary", json!("")),
            ("/findings/0/code", json!("No_Answer")),
            ("/findings/0/severity", json!("fatal")),
            ("/findings/0/hint", json!("")),
            ("/result", json!([])),
        ] {
            refuses(&document, at, &wrong);
        }
    }
}

#[test]
fn an_event_is_no_document_and_says_what_it_is() {
    for line in all_events() {
        refused(&line, "an event as a document");
        for wrong in [json!("surprise"), Value::Null, json!("result")] {
            let mut renamed = line.clone();
            renamed["event"] = wrong;
            assert!(!event_objections(&renamed).is_empty(), "{renamed}");
        }
    }
    for document in documents() {
        assert!(!event_objections(&document).is_empty());
    }
}

/// A document or an event in which every list has something and every `null` has a twin that is
/// none.
struct Sample {
    value: Value,
    is_event: bool,
}

impl Sample {
    fn assert_valid(&self) {
        if self.is_event {
            assert_valid_event(&self.value);
        } else {
            assert_valid(&self.value);
        }
    }

    fn refuses(&self, what: &str, change: impl FnOnce(&mut Value)) {
        let mut mutated = self.value.clone();
        change(&mut mutated);
        let objections = if self.is_event {
            event_objections(&mutated)
        } else {
            objections(&mutated)
        };
        assert!(!objections.is_empty(), "{what} was accepted:\n{mutated:#}");
    }
}

fn documents() -> [Value; 11] {
    [
        nat::everything(),
        gather::everything(),
        pair::everything(),
        mesh::everything(),
        serve::everything(),
        turn::everything(),
        demo::everything(),
        sdp::everything(),
        inspect::everything(),
        explain::everything(),
        explain::file(),
    ]
}

fn everything() -> Vec<Sample> {
    let documents = documents();
    let documents = documents.into_iter().map(|value| Sample {
        value,
        is_event: false,
    });
    let events = all_events().into_iter().map(|value| Sample {
        value,
        is_event: true,
    });
    documents.chain(events).collect()
}

fn all_events() -> Vec<Value> {
    let events = [
        nat::events(),
        gather::events(),
        pair::events(),
        mesh::events(),
        serve::events(),
        turn::events(),
        demo::events(),
    ];
    events.into_iter().flatten().collect()
}

/// A line of `--jsonl`, as the commands write it.
fn event(name: &str, value: &impl Serialize) -> Value {
    let mut line = serde_json::to_value(value).expect("a report is JSON");
    let object = line.as_object_mut().expect("it is an object");
    object.insert("event".into(), json!(name));
    line
}

fn document<R: Serialize>(command: &'static str, verdict: Verdict, result: R) -> Value {
    to_json(&Document {
        outcome: verdict.outcome,
        caveat: verdict.caveat,
        summary: verdict.summary,
        findings: verdict.findings,
        result: Some(result),
        ..empty_document(Some(command))
    })
}

fn could_not_begin(command: Option<&'static str>) -> Value {
    to_json(&Document::<Value> {
        findings: vec![Finding {
            code: Code::Usage,
            severity: Severity::Error,
            message: "there is no interface 'eth7'".into(),
            hint: None,
        }],
        ..empty_document(command)
    })
}

fn to_json<R: Serialize>(document: &Document<R>) -> Value {
    serde_json::to_value(document).expect("a document is JSON")
}

fn empty_document<R>(command: Option<&'static str>) -> Document<R> {
    Document {
        schema_version: SCHEMA_VERSION,
        rtcdiag_version: env!("CARGO_PKG_VERSION"),
        redacted: false,
        command,
        started_at: "2026-11-22T10:00:00.000Z".into(),
        elapsed_ms: Millis(Duration::from_micros(812_400)),
        outcome: Outcome::Error,
        caveat: None,
        summary: "The command could not start.".into(),
        findings: Vec::new(),
        result: None,
    }
}

fn tls() -> TlsReport {
    let certificate = |subject: &str, names: &[&str]| CertificateReport {
        subject: subject.into(),
        issuer: "CN=Example CA".into(),
        names: names.iter().map(ToString::to_string).collect(),
        not_before: rtcdiag::base::time::rfc3339(1_700_000_000),
        not_after: rtcdiag::base::time::rfc3339(1_800_000_000),
        not_before_unix: 1_700_000_000,
        not_after_unix: 1_800_000_000,
    };
    TlsReport {
        version: Some(TlsVersion::Tls13),
        chain: vec![
            certificate("", &["turn.example.org", "203.0.113.10"]),
            certificate("CN=Example CA", &[]),
        ],
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn refused(document: &Value, what: &str) {
    assert!(!objections(document).is_empty(), "{what} was accepted");
}

/// The document is refused with another value there.
fn refuses(document: &Value, at: &str, wrong: &Value) {
    let mut mutated = document.clone();
    *mutated.pointer_mut(at).unwrap_or_else(|| panic!("no {at}")) = wrong.clone();
    refused(&mutated, &format!("{wrong} at {at}"));
}

/// The same for wrong values of the fields of objects, by their places.
fn refuses_each(document: &Value, objects: &Value) {
    for (at, fields) in objects.as_object().expect("places") {
        for (field, wrong) in fields.as_object().expect("names") {
            for wrong in wrong.as_array().expect("a list") {
                refuses(document, &format!("{at}/{field}"), wrong);
            }
        }
    }
}

/// A field under another name is refused: a unit is part of its key.
fn refuses_renamed(document: &Value, at: &str, right: &str, wrong: &str) {
    let mut renamed = document.clone();
    let object = object_at(&mut renamed, at);
    let value = object.remove(right).expect("it is there");
    object.insert(wrong.into(), value);
    refused(&renamed, &format!("{wrong} at {at}"));
}

/// What others can read is warned of.
fn warning() -> Finding {
    Finding::new(Code::SecretFileReadable, "others can read it", "chmod 600")
}

fn whole_schema() -> Value {
    serde_json::from_str(SCHEMA).expect("JSON")
}

/// Visits every value with its JSON pointer.
fn walk(node: &Value, at: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(at, node);
    match node {
        Value::Object(object) => {
            for (key, value) in object {
                walk(value, &format!("{at}/{key}"), visit);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(value, &format!("{at}/{index}"), visit);
            }
        }
        _ => {}
    }
}

fn object_at<'a>(document: &'a mut Value, at: &str) -> &'a mut serde_json::Map<String, Value> {
    let node = document.pointer_mut(at).expect("it is there");
    node.as_object_mut().expect("it is an object")
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The names of some values in JSON.
fn names<T: Serialize>(values: &[T]) -> BTreeSet<String> {
    let value = serde_json::to_value(values).expect("plain enums");
    strings(&value).map(str::to_owned).collect()
}

/// The enum at a place of the schema's parts has the variants that the source has.
fn enum_is_in_schema<T: VariantArray + Serialize>(part: &str) {
    let schema = whole_schema();
    let listed = schema.pointer(&format!("/$defs/{part}/enum"));
    let listed: Vec<&str> = strings(listed.expect("the enum is there")).collect();
    let set: BTreeSet<String> = listed.iter().map(ToString::to_string).collect();
    assert_eq!(set, names(T::VARIANTS), "{part}");
    assert_eq!(listed.len(), T::VARIANTS.len(), "{part}");
}

/// Credentials that end at this time, as their user name says in the usual form.
const fn expiry(at: u64) -> rtcdiag::base::expiry::Expiry {
    rtcdiag::base::expiry::Expiry {
        at,
        form: rtcdiag::base::expiry::ExpiryForm::Usual,
    }
}
