//! Several files tell the same in whatever order they are given: this side is that of the first one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rtcdiag::proto::evidence::Record;
use rtcdiag::proto::evidence::facts::JudgedCall;
use rtcdiag::proto::evidence::facts::standing::Standing;
use rtcdiag::proto::ice::causes::Way;

use super::truth::{judged_call, record};
use super::{judged, named};

const CAPTURE: &str = "capture.pcap.gz";

/// What is said of a call, with the sides of its causes as the other end calls them where that is asked for.
type Said = (
    Standing,
    Option<Way>,
    bool,
    BTreeSet<(String, String)>,
    BTreeSet<(String, String)>,
);

fn said(call: &JudgedCall, is_turned: bool) -> Said {
    let turned = |(code, side): (String, String)| {
        let other = match side.as_str() {
            "local" => "remote",
            "remote" => "local",
            side => side,
        };
        let side = if is_turned {
            other.to_owned()
        } else {
            side.clone()
        };
        (code, side)
    };
    let of = |causes| named(causes).into_iter().map(turned).collect();
    (
        call.standing,
        call.path,
        call.is_path_supposed,
        of(&call.causes),
        of(&call.relay_causes),
    )
}

fn files_of(case: &Path, end: &str) -> Vec<String> {
    let all = fs::read_dir(case.join(end)).expect("it is there");
    let mut names: Vec<String> = all
        .map(|file| file.expect("it can be read").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    // What the other end told is of the other end.
    names.retain(|name| name != "remote.sdp.gz");
    names.sort();
    names
}

#[test]
fn the_other_order_gives_the_mirrored_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence");
    let mut cases: Vec<_> = fs::read_dir(&folder)
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.join("a").is_dir() && path.join("b").is_dir())
        .collect();
    cases.sort();
    let (mut compared, mut differ) = (0, Vec::new());
    for case in cases {
        let name = case.file_name().and_then(|name| name.to_str());
        let name = name.expect("UTF-8");
        let read = |end: &str| -> Vec<(String, Record)> {
            let all = files_of(&case, end).into_iter();
            all.map(|file| {
                let record = record(name, end, &file).expect("it is there");
                (file, record)
            })
            .filter(|(_, record)| !record.accounts.is_empty())
            .collect()
        };
        let (ones, twos) = (read("a"), read("b"));
        for (of_one, one) in &ones {
            for (of_two, two) in &twos {
                let there = judged(vec![one.clone(), two.clone()]);
                let back = judged(vec![two.clone(), one.clone()]);
                // Files that nothing joins are calls of their own.
                let ([there], [back]) = (there.as_slice(), back.as_slice()) else {
                    assert_eq!(there.len(), back.len(), "{name} {of_one} {of_two}");
                    continue;
                };
                compared += 1;
                let (there, back) = (said(there, false), said(back, true));
                if there != back {
                    differ.push(format!(
                        "{name} {of_one} {of_two}:\n  {there:?}\n  {back:?}"
                    ));
                }
            }
        }
    }
    assert!(compared > 150, "{compared}");
    assert!(
        differ.is_empty(),
        "{} of {compared}:\n{}",
        differ.len(),
        differ.join("\n")
    );
}

fn of(case: &str, ends: &[&str]) -> JudgedCall {
    let records = ends
        .iter()
        .map(|end| record(case, end, CAPTURE).expect("it is there"));
    judged_call(case, records.collect()).expect("a call")
}

/// Two symmetric NATs, connected through A's relay: B sees nothing but its address.
#[test]
fn an_address_that_may_be_a_relay_is_not_called_direct() {
    const CASE: &str = "30-relay-of-one-end";
    for (ends, path) in [
        (&["a"][..], Some(Way::Relayed)),
        (&["a", "b"], Some(Way::Relayed)),
        (&["b", "a"], Some(Way::Relayed)),
        (&["b"], None),
    ] {
        let call = of(CASE, ends);
        assert_eq!(call.standing, Standing::Checking, "{ends:?}");
        assert_eq!(call.path, path, "{ends:?}");
        assert_eq!(call.is_path_supposed, path.is_none(), "{ends:?}");
        let open = ("unknown".to_owned(), "between".to_owned());
        assert_eq!(named(&call.causes)[0], open, "{ends:?}");
        let is_told = named(&call.causes).len() > 1;
        assert_eq!(
            is_told,
            path.is_some(),
            "{ends:?}: why there is no direct path"
        );
    }
}

/// The same, where the relay's ports let nothing in.
#[test]
fn what_never_came_out_of_a_relay_is_told() {
    const CASE: &str = "31-relay-ports-closed";
    for (ends, whose) in [(["a", "b"], "this side"), (["b", "a"], "the other side")] {
        let call = of(CASE, &ends);
        let both = ("endpoint-dependent-mapping".to_owned(), "both".to_owned());
        assert_eq!(named(&call.causes), [both], "{ends:?}");
        let message = &call.relay_causes[0].message;
        let relay = format!("reaches the relay of {whose} (203.0.113.1), 203.0.113.11:49295");
        assert!(message.contains(&relay), "{ends:?} {message}");
        assert!(message.contains("relay ports"), "{ends:?} {message}");
    }
}
