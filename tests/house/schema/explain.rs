//! The results of `explain`, `man` and `completions`.

use rtcdiag::commands::explain::report::ExplainResult;
use serde_json::{Value, json};

use super::{assert_valid, nat};

#[test]
fn all_that_can_be_explained_follows_the_schema() {
    assert_valid(&document("explain", json!(ExplainResult::all())));
}

#[test]
fn a_file_may_be_of_either_command() {
    let mut document = file();
    document["command"] = json!("completions");
    assert_valid(&document);
}

/// A name that is a code and a topic.
pub fn everything() -> Value {
    document(
        "explain",
        json!(ExplainResult::of("nat64").expect("it is known")),
    )
}

/// What `man` and `completions` print.
pub fn file() -> Value {
    document("man", json!({ "file": "rtcdiag-pair.1", "text": ".TH" }))
}

fn document(command: &str, result: Value) -> Value {
    let mut document = nat::everything();
    document["command"] = json!(command);
    document["result"] = result;
    document
}
