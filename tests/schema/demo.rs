//! The result of `demo`.

use serde_json::{Value, json};

use super::{gather, nat, pair};

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
