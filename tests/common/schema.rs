//! The JSON Schema of the documents, for every test that gets one: `#[path = "common/schema.rs"] mod schema;`.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(rtcdiag::report::SCHEMA).expect("the schema is JSON");
    jsonschema::draft202012::new(&schema).expect("the schema is one")
});

/// What the schema objects to in a document, one line each; empty if it is valid.
pub fn objections(document: &Value) -> Vec<String> {
    VALIDATOR
        .iter_errors(document)
        .map(|error| format!("at '{}': {error}", error.instance_path()))
        .collect()
}

/// Fails the test unless the document follows the schema.
pub fn assert_valid(document: &Value) {
    let objections = objections(document);
    assert!(
        objections.is_empty(),
        "the document does not follow src/report/schema.json:\n{}\n{document:#}",
        objections.join("\n")
    );
}
