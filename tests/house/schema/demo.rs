//! The result of `demo`.

use serde_json::{Value, json};

use super::{gather, nat, pair, refuses};

#[test]
fn each_part_is_the_document_of_its_command() {
    for (at, other) in [
        ("/result/nat", gather::everything()),
        ("/result/gather", nat::everything()),
        ("/result/pair/a", everything()),
        ("/result/pair/b", Value::Null),
    ] {
        refuses(&everything(), at, &other);
    }
}

/// A document of documents.
pub fn everything() -> Value {
    let mut document = nat::everything();
    document["command"] = json!("demo");
    document["result"] = json!({
        "nat": nat::everything(),
        "gather": gather::everything(),
        "pair": { "a": pair::everything(), "b": pair::everything() },
    });
    document
}

/// Each step.
pub fn events() -> Vec<Value> {
    ["nat", "gather", "pair"]
        .map(|step| json!({ "event": "step", "step": step }))
        .to_vec()
}
