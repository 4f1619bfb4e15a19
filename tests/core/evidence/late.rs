//! Captures that were begun in the middle of a call: what came before them is not said to be missing.

use std::path::Path;

use rtcdiag::commands::inspect::report::InspectResult;
use rtcdiag::commands::inspect::verdict;
use rtcdiag::proto::evidence::{self, Record, calls, gzip};

use super::named;
use super::truth::judged_call;

/// The capture of an end from a part of its packets on.
fn from(case: &str, end: &str, part: f64) -> Record {
    const PACKET: u32 = 6;
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence")
        .join(case)
        .join(end)
        .join("capture.pcapng.gz");
    let (bytes, _) = gzip::unpack(&std::fs::read(path).expect("it is there"));
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
    let mut blocks: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let length = number(at + 4) as usize;
        blocks.push(&bytes[at..at + length]);
        at += length;
    }
    let is_packet = |block: &&[u8]| block[..4] == PACKET.to_le_bytes();
    #[expect(clippy::cast_precision_loss, reason = "some thousand packets")]
    let all = blocks
        .iter()
        .copied()
        .filter(|block| is_packet(block))
        .count() as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of them"
    )]
    let mut left_out = (all * part) as usize;
    blocks.retain(|block| {
        let is_early = is_packet(block) && left_out > 0;
        left_out -= usize::from(is_early);
        !is_early
    });
    evidence::read(&blocks.concat())
}

fn summary(record: &Record) -> String {
    let (names, records) = (["x".to_owned()], [record.clone()]);
    let result = InspectResult::new(&names, &records, calls::join(records.to_vec()));
    verdict::verdict(&result, &names, &records).summary
}

#[test]
fn servers_that_answered_before_are_not_called_silent() {
    for (case, part) in [
        ("03-symmetric-turn", 0.1),
        ("06-udp-blocked-tcp-turn", 0.02),
    ] {
        let record = from(case, "a", part);
        let call = judged_call(case, vec![record.clone()]).expect("a call");
        let open = ("unknown".to_owned(), "between".to_owned());
        assert_eq!(named(&call.causes), [open], "{case}");
        let said = summary(&record);
        assert!(said.contains("begun in the middle of the call"), "{said}");
        assert!(
            !said.contains("blocked") && !said.contains("hidden:0"),
            "{said}"
        );
    }
}

#[test]
fn a_call_that_goes_on_is_not_called_unconnected() {
    let said = summary(&from("03-symmetric-turn", "a", 0.5));
    assert!(said.starts_with("Whether it worked is not told"), "{said}");
    let said = summary(&from("01-direct", "a", 0.5));
    assert!(said.starts_with("Connected"), "{said}");
}

#[test]
fn no_end_of_a_call_that_worked_is_said_to_have_failed() {
    let mut told = [0; 2];
    for case in [
        "01-direct",
        "03-symmetric-turn",
        "06-udp-blocked-tcp-turn",
        "17-network-loss",
    ] {
        for end in ["a", "b"] {
            for percent in (5..100).step_by(5).chain([98]) {
                let said = summary(&from(case, end, f64::from(percent) / 100.0));
                let works = said.starts_with("Connected");
                let is_open = said.starts_with("Whether it worked is not told")
                    || said.contains("the capture was begun in the middle of a call")
                    || said.contains("or not while it was being connected");
                assert!(works || is_open, "{case}/{end} from {percent} %: {said}");
                told[usize::from(works)] += 1;
            }
        }
    }
    assert!(told[0] > 0 && told[1] > told[0], "{told:?}");
}
