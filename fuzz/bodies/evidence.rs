//! Dumps, statistics and pages of browsers, damaged in any way: through all that `inspect` does with a file.

use rtcdiag::commands::inspect::report::InspectResult;
use rtcdiag::commands::inspect::verdict::verdict;
use rtcdiag::proto::evidence::{self, calls};

pub fn body(input: &[u8]) {
    let names = ["file".to_owned()];
    let records = [evidence::read(input)];
    let joined = calls::join(records.to_vec());
    let result = InspectResult::new(&names, &records, joined);
    let verdict = verdict(&result, &names, &records);
    assert!(!verdict.summary.is_empty());
    let json = serde_json::to_string(&result).expect("JSON");
    assert!(json.len() < 1_000_000 + 1000 * input.len());
}
