//! What files tell of calls: real ones whose truth is known (`tests/evidence`), made-up ones for what
//! there is no file of, and hostile ones.

mod arrival;
mod captures;
mod courses;
mod dump;
mod firefox;
mod firefox_saved;
mod flights;
mod forms;
mod gaps;
mod half_told;
mod hostile;
mod late;
mod mirrored;
mod partly;
mod promises;
mod reach;
mod recorded;
mod servers_alone;
mod settled;
mod synthetic;
mod tape;
mod truth;
mod unknown;
mod unproved;

use rtcdiag::proto::evidence::calls::{self, JoinedCall};
use rtcdiag::proto::evidence::facts::{self, JudgedCall};
use rtcdiag::proto::evidence::{self, Record};

/// The calls of several files, judged.
fn judged(records: Vec<Record>) -> Vec<JudgedCall> {
    calls::join(records).iter().map(facts::judge).collect()
}

fn joined(texts: &[String]) -> Vec<JoinedCall> {
    calls::join(
        texts
            .iter()
            .map(|text| evidence::read(text.as_bytes()))
            .collect(),
    )
}

/// The one call of several texts.
fn one(texts: &[String]) -> JudgedCall {
    let joined = joined(texts);
    assert_eq!(joined.len(), 1, "they are of one call");
    facts::judge(&joined[0])
}

/// Codes and sides of causes, as in JSON.
fn named(causes: &[rtcdiag::proto::ice::causes::Cause]) -> Vec<(String, String)> {
    let side = |cause: &rtcdiag::proto::ice::causes::Cause| {
        serde_json::to_value(cause.side)
            .expect("JSON")
            .as_str()
            .expect("a word")
            .to_owned()
    };
    causes
        .iter()
        .map(|cause| (cause.code.name().to_owned(), side(cause)))
        .collect()
}
