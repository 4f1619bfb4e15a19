//! Documents of `inspect`: of all the shared evidence.

use std::fs;
use std::path::Path;

use rtcdiag::commands::inspect::report::{InspectResult, StepSide};
use rtcdiag::commands::inspect::verdict::verdict;
use rtcdiag::proto::evidence::{self, FileKind, Record, calls, gzip};
use rtcdiag::proto::ice::steps::{Step, StepStatus};
use serde_json::{Value, json};

use super::{assert_valid, enum_is_in_schema, names, nat, strings, whole_schema};

#[test]
fn the_enums_are_those_of_the_source() {
    enum_is_in_schema::<Step>("step_of_call/properties/step");
    enum_is_in_schema::<StepStatus>("step_of_call/properties/status");
    enum_is_in_schema::<StepSide>("call_step/properties/side");
    let schema = whole_schema();
    let kinds = schema
        .pointer("/$defs/source/properties/kind/enum")
        .expect("it is there");
    assert_eq!(
        strings(kinds)
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>(),
        names(<FileKind as strum::VariantArray>::VARIANTS)
    );
}

#[test]
fn every_call_of_the_evidence_follows_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence");
    let mut seen = 0;
    for case in fs::read_dir(folder).expect("it is there") {
        let case = case.expect("it can be read").path();
        if !case.is_dir() {
            continue;
        }
        let mut all = Vec::new();
        // Those of one browser stand in one folder.
        let ends = [case.join("a"), case.join("b"), case];
        for end in ends.iter().filter(|end| end.is_dir()) {
            for file in fs::read_dir(end).expect("it can be read") {
                let path = file.expect("it can be read").path();
                if path.is_dir() {
                    continue;
                }
                let bytes = gzip::unpack(&fs::read(&path).expect("it can be read")).0;
                let record = evidence::read(&bytes);
                assert_valid(&document(vec![("x".to_owned(), record.clone())]));
                all.push((path.display().to_string(), record));
                seen += 1;
            }
        }
        assert_valid(&document(all));
    }
    assert!(seen > 50, "{seen}");
    let broken = evidence::read(b"nothing");
    assert_valid(&document(vec![("x".to_owned(), broken)]));
}

/// One with everything in it.
pub fn everything() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence/03-symmetric-turn/a/webrtc_internals_dump.gz");
    let bytes = gzip::unpack(&fs::read(file).expect("it is there")).0;
    document(vec![("dump.gz".to_owned(), evidence::read(&bytes))])
}

fn document(files: Vec<(String, Record)>) -> Value {
    let (names, records): (Vec<String>, Vec<Record>) = files.into_iter().unzip();
    let joined = calls::join(records.clone());
    let result = InspectResult::new(&names, &records, joined);
    let verdict = verdict(&result, &names, &records);
    let mut document = nat::everything();
    document["command"] = json!("inspect");
    document["outcome"] = json!(verdict.outcome);
    document["summary"] = json!(verdict.summary);
    document["findings"] = json!(verdict.findings);
    document["result"] = json!(result);
    document
}
