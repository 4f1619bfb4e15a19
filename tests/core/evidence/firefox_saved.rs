//! What Firefox's own buttons write: "Save Page" loses the upper byte of each character, "Copy Report" is JSON. Host
//! addresses are hidden, as they are by default. The truth is in `tests/evidence/firefox/truth.json`.

use std::fs;
use std::path::Path;

use rtcdiag::base::codes::Code;
use rtcdiag::proto::evidence::facts::JudgedCall;
use rtcdiag::proto::evidence::facts::standing::Standing::{
    self, Checking, Connected, DtlsFailed, Failed,
};
use rtcdiag::proto::evidence::{self, FileKind, Record, gzip};
use rtcdiag::proto::ice::causes::Way;
use rtcdiag::proto::sdp::negotiation::negotiate;
use rtcdiag::proto::sdp::source;

use super::truth::judged_call;
use super::{judged, named};

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence/firefox");
    let packed = fs::read(folder.join(format!("{name}.gz"))).expect(name);
    let (bytes, error) = gzip::unpack(&packed);
    assert_eq!(error, None, "{name}");
    bytes
}

fn record(name: &str) -> Record {
    let record = evidence::read(&bytes(name));
    assert_eq!(record.faults, [], "{name}");
    assert_eq!(record.accounts.len(), 1, "{name}");
    record
}

fn call(names: &[&str]) -> JudgedCall {
    let records = names.iter().map(|name| record(name)).collect();
    judged_call(&format!("{names:?}"), records).expect("a call")
}

/// How far it came, over which way, and the causes: direct ones, and of relays.
fn verdict(names: &[&str]) -> (Standing, Option<Way>, Vec<String>, Vec<String>) {
    let call = call(names);
    let words = |causes: &[_]| {
        let all = named(causes).into_iter();
        all.map(|(code, side)| format!("{code} {side}")).collect()
    };
    (
        call.standing,
        call.path,
        words(&call.causes),
        words(&call.relay_causes),
    )
}

/// The files, how far the call came, over which way, and the causes: direct ones, and of relays.
type Case = (
    &'static [&'static str],
    Standing,
    Option<Way>,
    &'static [&'static str],
    &'static [&'static str],
);

const DIRECT: Option<Way> = Some(Way::Direct);
const RELAYED: Option<Way> = Some(Way::Relayed);

const CASES: &[Case] = &[
    (
        &["symmetric-a.html"],
        Failed,
        None,
        &["endpoint-dependent-mapping remote"],
        &["no-turn-server local"],
    ),
    (
        &["symmetric-b.html", "symmetric-a.html"],
        Failed,
        None,
        &["endpoint-dependent-mapping both"],
        &["no-turn-server both"],
    ),
    (
        &["symmetric-b.html", "symmetric-a.report.json"],
        Failed,
        None,
        &["endpoint-dependent-mapping both"],
        &["no-turn-server both"],
    ),
    (
        &["refused-a.html", "refused-b.html"],
        Failed,
        None,
        &["endpoint-dependent-mapping both"],
        &["turn-refused both"],
    ),
    (
        &["relay-b.html"],
        Connected,
        RELAYED,
        &["endpoint-dependent-mapping remote"],
        &[],
    ),
    (
        &["relay-b.report.json"],
        Connected,
        RELAYED,
        &["endpoint-dependent-mapping both"],
        &[],
    ),
    (
        &["blocked-a.html"],
        Connected,
        RELAYED,
        &["udp-blocked local"],
        &[],
    ),
    (
        &["blocked-a.html", "blocked-b.html"],
        Connected,
        RELAYED,
        &["udp-blocked local"],
        &[],
    ),
    (
        &["blocked-b.html", "blocked-a.html"],
        Connected,
        RELAYED,
        &["udp-blocked remote"],
        &[],
    ),
    (
        &["relay-ended-a.html"],
        Failed,
        None,
        &["udp-blocked local"],
        &["relay-ended local"],
    ),
    (
        &["nostun-a.html"],
        Failed,
        None,
        &["hidden-addresses remote"],
        &["no-turn-server local"],
    ),
    (
        &["nostun-a.html", "nostun-b.html"],
        Failed,
        None,
        &["hidden-addresses both"],
        &["no-turn-server both"],
    ),
    (&["closed-a.html"], Connected, DIRECT, &[], &[]),
    (
        &["closed-b.html", "closed-a.html"],
        Connected,
        DIRECT,
        &[],
        &[],
    ),
    (&["codec-a.html"], Connected, DIRECT, &[], &[]),
    // One page does not tell what came of ICE's path, and both tell that the certificate is another one.
    (
        &["fingerprint-a.html"],
        Checking,
        DIRECT,
        &["unknown between"],
        &[],
    ),
    (
        &["fingerprint-a.html", "fingerprint-b.html"],
        DtlsFailed,
        DIRECT,
        &["dtls-failed local"],
        &[],
    ),
    (
        &["fingerprint-b.html", "fingerprint-a.html"],
        DtlsFailed,
        DIRECT,
        &["dtls-failed remote"],
        &[],
    ),
    (
        &["fingerprint-b.getstats.json"],
        DtlsFailed,
        DIRECT,
        &["dtls-failed between"],
        &[],
    ),
    // Firefox says of these, too, that DTLS failed.
    (
        &["symmetric-a.getstats.json"],
        Failed,
        None,
        &["unknown between"],
        &[],
    ),
    (
        &["nostun-b.getstats.json"],
        Failed,
        None,
        &["unknown between"],
        &[],
    ),
    // Neither NAT is symmetric: who offers has several ports.
    (
        &["race-b.getstats.json"],
        Connected,
        RELAYED,
        &["unknown between"],
        &[],
    ),
    (
        &["race-a.html", "race-b.getstats.json"],
        Connected,
        RELAYED,
        &["unknown between"],
        &[],
    ),
    (
        &["race-a.html", "race-b.html"],
        Connected,
        RELAYED,
        &["unknown between"],
        &[],
    ),
];

#[test]
fn saved_pages_and_reports_name_the_cause() {
    for (names, standing, way, causes, relay_causes) in CASES {
        let found = verdict(names);
        let wanted = (
            *standing,
            *way,
            causes.iter().map(|cause| (*cause).to_owned()).collect(),
            relay_causes
                .iter()
                .map(|cause| (*cause).to_owned())
                .collect(),
        );
        assert_eq!(found, wanted, "{names:?}");
    }
}

#[test]
fn what_came_is_read_in_every_language() {
    // Russian letters become `<` and `>`.
    let page = record("race-a.html");
    assert_eq!(page.kind, Some(FileKind::AboutWebrtc));
    let streams: Vec<_> = page.accounts[0]
        .streams
        .iter()
        .filter(|stream| stream.received > Some(0))
        .map(|stream| stream.kind.as_str())
        .collect();
    assert_eq!(streams, ["audio", "video"]);
    assert_eq!(page.accounts[0].dtls.state.as_deref(), Some("connected"));
    for name in ["symmetric-a.html", "codec-b.html", "refused-b.html"] {
        let account = &record(name).accounts[0];
        assert!(!account.pairs.is_empty(), "{name}");
        let is_known = |pair: &evidence::PairRecord| pair.local.place.ip().is_some();
        assert!(
            account.pairs.iter().all(is_known),
            "{name}: names of its own"
        );
    }
}

/// Where a file beside the page has no more than descriptions, nothing more is known of DTLS.
#[test]
fn descriptions_do_not_tell_that_a_path_was_used() {
    let page = record("fingerprint-a.html");
    let own = page.accounts[0].own.descriptions[0].1.text.clone();
    let calls = judged(vec![page, evidence::read(own.as_bytes())]);
    assert!(calls.iter().all(|call| call.standing < Standing::Connected));
}

/// Firefox writes a level of AV1 in place of the profile, and repeats what was offered in a section that it refuses.
#[test]
fn descriptions_of_firefox_are_judged_rightly() {
    let read = |name: &str| {
        let text = String::from_utf8(bytes(name)).expect("text");
        let all = source::read(&text).expect("a description");
        all.into_iter().next().expect("one")
    };
    let agreed = negotiate(
        &read("chromium-answers-offer.sdp"),
        &read("chromium-answers-answer.sdp"),
    );
    let codes: Vec<Code> = agreed
        .problems
        .iter()
        .map(|(_, problem)| problem.code)
        .collect();
    assert_eq!(codes, [], "{:?}", agreed.problems);
    let refused = negotiate(&read("codec-offer.sdp"), &read("codec-answer.sdp"));
    let codes: Vec<Code> = refused
        .problems
        .iter()
        .map(|(_, problem)| problem.code)
        .collect();
    assert_eq!(codes, [Code::SdpSectionRefused]);
}

/// "Copy" beside the descriptions: lists of lines, and whose they are.
#[test]
fn descriptions_that_are_copied_from_the_page_have_their_sides() {
    let lines = |name: &str| -> Vec<String> {
        let text = String::from_utf8(bytes(name)).expect("text");
        text.split("\r\n").map(str::to_owned).collect()
    };
    let copied = serde_json::json!({
        "offer": { "side": "remote", "sdp": lines("codec-offer.sdp") },
        "answer": { "side": "local", "sdp": lines("codec-answer.sdp") },
    });
    let read = evidence::read(copied.to_string().as_bytes());
    assert_eq!(read.faults, []);
    let account = &read.accounts[0];
    let sections = |told: &evidence::Told| told.descriptions[0].1.sections.len();
    assert_eq!((sections(&account.own), sections(&account.other)), (3, 3));
    assert_eq!(account.own.descriptions[0].1.is_offer, Some(false));
    assert_eq!(account.other.descriptions[0].1.is_offer, Some(true));
}
