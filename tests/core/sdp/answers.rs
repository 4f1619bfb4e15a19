//! What is predicted, held against what Chromium and webrtc-rs have answered (`tests/browser`).

use std::io::Read as _;
use std::sync::LazyLock;

use rtcdiag::proto::sdp::answerer::{Answerer, Application, predict};
use rtcdiag::proto::sdp::lint;
use rtcdiag::proto::sdp::model::{Description, Role};
use rtcdiag::proto::sdp::negotiation::MediaAgreement;
use serde_json::{Value, json};

use super::read;

static CHROMIUM: LazyLock<Vec<Value>> =
    LazyLock::new(|| records(include_bytes!("../../browser/chromium_answers.json.gz")));
static MORE: LazyLock<Vec<Value>> = LazyLock::new(|| {
    records(include_bytes!(
        "../../browser/chromium_more_answers.json.gz"
    ))
});
static SOURCES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    records(include_bytes!(
        "../../browser/chromium_source_answers.json.gz"
    ))
});
static FORMS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    records(include_bytes!(
        "../../browser/chromium_form_answers.json.gz"
    ))
});
static WEBRTC_RS: LazyLock<Vec<Value>> =
    LazyLock::new(|| records(include_bytes!("../../browser/webrtc_rs_answers.json.gz")));

fn records(packed: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    let mut unpacked = flate2::read::GzDecoder::new(packed);
    unpacked.read_to_string(&mut text).expect("gzip");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    document["records"].as_array().expect("a list").clone()
}

pub fn offer_of(name: &str) -> String {
    let record = CHROMIUM.iter().find(|record| record["name"] == name);
    let offer = record.unwrap_or_else(|| panic!("{name}"))["offer"].as_str();
    offer.expect("a text").to_owned()
}

/// As a page gives it to the browser: byte for byte.
fn exact(sdp: &Value, role: Role) -> Description {
    let found = rtcdiag::proto::sdp::source::read(&json!({ "sdp": sdp }).to_string());
    match found {
        Ok(mut found) => Description {
            role: Some(role),
            ..found.swap_remove(0)
        },
        // Without v= it is not found in JSON.
        Err(_) => Description {
            role: Some(role),
            is_exact: true,
            ..Description::read(sdp.as_str().expect("a text"), 1)
        },
    }
}

type Row = (bool, Option<String>, Option<String>);

fn predicted(media: &MediaAgreement) -> Row {
    let direction = (media.accepted && !matches!(media.kind.as_str(), "data" | "application"))
        .then(|| media.direction.to_string());
    (media.accepted, media.codec.clone(), direction)
}

/// What the answer says of the section at an index.
fn answered(answer: &Description, index: usize) -> Row {
    let Some(section) = answer
        .sections
        .get(index)
        .filter(|section| section.port != Some(0))
    else {
        return (false, None, None);
    };
    let direction = (!section.is_data()).then(|| answer.direction_of(section).to_string());
    (true, section.codec().map(ToString::to_string), direction)
}

/// Sections of webrtc-rs keep their names and not their places.
fn answered_by_mid(answer: &Description, mid: Option<&str>) -> Row {
    let at = answer
        .sections
        .iter()
        .position(|section| section.mid() == mid && mid.is_some());
    at.map_or((false, None, None), |at| answered(answer, at))
}

struct Tally {
    sections: usize,
    wrong: Vec<String>,
}

fn hold(
    pairs: impl Iterator<Item = (&'static Value, &'static Value)>,
    answerer: &Answerer,
    real_row: impl Fn(&Description, usize, Option<&str>) -> Row,
) -> Tally {
    let mut tally = Tally {
        sections: 0,
        wrong: Vec::new(),
    };
    for (record, result) in pairs {
        let offer = exact(&record["offer"], Role::Offer);
        let problems = lint::problems(&offer);
        let application = Application {
            has_tracks: record["tracks"] == true,
        };
        let prediction = predict(&offer, &problems, answerer, application);
        let name = &record["name"];
        let is_refused = result["error"].is_string();
        if is_refused != prediction.refusal.is_some() {
            tally.sections += 1;
            tally.wrong.push(format!(
                "{name}: {:?}, and it was {}",
                prediction.refusal, result["error"]
            ));
            continue;
        }
        if is_refused {
            tally.sections += 1;
            continue;
        }
        let answer = exact(&result["answer"], Role::Answer);
        for (index, media) in prediction.media.iter().enumerate() {
            tally.sections += 1;
            let (mine, real) = (
                predicted(media),
                real_row(&answer, index, media.mid.as_deref()),
            );
            if mine != real {
                tally.wrong.push(format!(
                    "{name}, section {index}: {mine:?}, and it was {real:?}"
                ));
            }
        }
    }
    tally
}

#[test]
fn chromium_answers_as_predicted() {
    let pairs = CHROMIUM.iter().map(|record| (record, record));
    let tally = hold(pairs, &Answerer::Chromium, |answer, index, _| {
        answered(answer, index)
    });
    assert!(tally.sections > 600, "{}", tally.sections);
    let right = tally.sections - tally.wrong.len();
    assert!(
        right * 1000 >= tally.sections * 995,
        "{right} of {}: {:#?}",
        tally.sections,
        tally.wrong
    );
}

/// What was recorded later: candidates, sources, addresses, ICE, other kinds of sections, codecs for one way alone.
#[test]
fn chromium_answers_as_predicted_to_more_offers() {
    let tally = hold(
        MORE.iter().map(|record| (record, record)),
        &Answerer::Chromium,
        |answer, index, _| answered(answer, index),
    );
    assert!(tally.sections > 330, "{}", tally.sections);
    // Streams without a track of their own, and an answer that cannot be made.
    assert!(tally.wrong.len() <= 2, "{:#?}", tally.wrong);
}

/// Sources and their groups (RFC 5576): layers of simulcast as they were before rids, repair, several tracks.
#[test]
fn chromium_answers_as_predicted_to_groups_of_sources() {
    let tally = hold(
        SOURCES.iter().map(|record| (record, record)),
        &Answerer::Chromium,
        |answer, index, _| answered(answer, index),
    );
    assert!(tally.sections > 350, "{}", tally.sections);
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
}

/// One line bent: blanks, places, names, groups, tracks, layers; and sections with one codec.
#[test]
fn chromium_answers_as_predicted_to_bent_lines() {
    let tally = hold(
        FORMS.iter().map(|record| (record, record)),
        &Answerer::Chromium,
        |answer, index, _| answered(answer, index),
    );
    assert!(tally.sections > 500, "{}", tally.sections);
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
}

/// With tracks its result depends on the codec that the application has chosen.
#[test]
fn webrtc_rs_answers_as_predicted() {
    let pairs = CHROMIUM
        .iter()
        .zip(WEBRTC_RS.iter())
        .filter(|(record, _)| record["tracks"] == false);
    let tally = hold(pairs, &Answerer::WebrtcRs, |answer, _, mid| {
        answered_by_mid(answer, mid)
    });
    assert!(tally.sections > 250, "{}", tally.sections);
    let right = tally.sections - tally.wrong.len();
    assert!(
        right * 100 >= tally.sections * 98,
        "{right} of {}: {:#?}",
        tally.sections,
        tally.wrong
    );
}

/// What a real answer says is what is read from the two together.
#[test]
fn real_answers_are_agreed_as_they_say() {
    let mut seen = 0;
    for record in CHROMIUM
        .iter()
        .chain(MORE.iter())
        .filter(|record| record["answer"].is_string())
    {
        let offer = exact(&record["offer"], Role::Offer);
        let answer = exact(&record["answer"], Role::Answer);
        let negotiation = rtcdiag::proto::sdp::negotiation::negotiate(&offer, &answer);
        for (index, media) in negotiation.media.iter().enumerate() {
            seen += 1;
            let (is_accepted, codec, _) = answered(&answer, index);
            // A section of tones alone is accepted, and nothing is heard in it.
            if codec
                .as_deref()
                .is_some_and(|codec| codec.starts_with("telephone-event"))
            {
                assert!(!media.accepted && media.codec.is_none(), "{media:?}");
                continue;
            }
            assert_eq!(
                media.accepted, is_accepted,
                "{}, section {index}: {media:?}",
                record["name"]
            );
            assert_eq!(media.codec, codec, "{}, section {index}", record["name"]);
        }
        let weighty = negotiation
            .problems
            .iter()
            .filter(|(_, problem)| problem.severity == rtcdiag::base::report::Severity::Error);
        let weighty: Vec<_> = weighty.map(|(_, problem)| problem.code.name()).collect();
        // It passes over a direction that stands in the session.
        let is_of_session = record["name"]
            .as_str()
            .is_some_and(|name| name.contains("of the session"));
        let is_refusal = |code: &&str| {
            matches!(*code, "no-common-codec" | "sdp-section-refused")
                || is_of_session && *code == "sdp-direction"
        };
        assert!(
            weighty.iter().all(is_refusal),
            "{}: {weighty:?}",
            record["name"]
        );
        // The browser's own answers have nothing wrong with them.
        let own: Vec<_> = lint::problems(&answer)
            .into_iter()
            .filter(|problem| problem.severity == rtcdiag::base::report::Severity::Error)
            .collect();
        let bent = [
            "BUNDLE",
            "no mid",
            "extmap",
            "fingerprint",
            "setup",
            "rtcp",
            "RTP",
            "old data",
        ];
        let name = record["name"].as_str().unwrap_or_default();
        assert!(
            own.is_empty() || bent.iter().any(|word| name.contains(word)),
            "{name}: {own:?}"
        );
    }
    assert!(seen > 550, "{seen}");
}

#[test]
fn a_whole_offer_of_chromium_has_no_problem_but_that_its_candidates_follow() {
    let offer = Description {
        role: Some(Role::Offer),
        ..read(&super::chromium_offer())
    };
    let problems = lint::problems(&offer);
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code.name()).collect();
    assert_eq!(codes, ["sdp-candidates"], "{problems:#?}");
}
