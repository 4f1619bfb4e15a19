//! The JSON Schema of the documents and of the lines before them, for every test that gets some.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&schema()).expect("the schema is one"));

static EVENT: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema = schema();
    let definitions = schema["$defs"].take();
    let event =
        json!({"$schema": schema["$schema"], "$defs": definitions, "$ref": "#/$defs/event"});
    jsonschema::draft202012::new(&event).expect("its part is one")
});

fn schema() -> Value {
    serde_json::from_str(rtcdiag::base::report::SCHEMA).expect("the schema is JSON")
}

/// What the schema objects to in a document, one line each; empty if it is valid.
pub fn objections(document: &Value) -> Vec<String> {
    of(&DOCUMENT, document)
}

/// The same for a line of `--jsonl` before the last one.
pub fn event_objections(event: &Value) -> Vec<String> {
    of(&EVENT, event)
}

/// Fails the test unless the document follows the schema.
pub fn assert_valid(document: &Value) {
    complain(document, &objections(document));
}

/// Fails the test unless a line of `--jsonl` before the last one follows the schema.
pub fn assert_valid_event(event: &Value) {
    complain(event, &event_objections(event));
}

fn of(validator: &Validator, value: &Value) -> Vec<String> {
    validator
        .iter_errors(value)
        .map(|error| format!("at '{}': {error}", error.instance_path()))
        .collect()
}

fn complain(value: &Value, objections: &[String]) {
    assert!(
        objections.is_empty(),
        "this does not follow src/base/schema.json:\n{}\n{value:#}",
        objections.join("\n")
    );
}
