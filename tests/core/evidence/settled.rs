//! Records that end early, that lack something, or in which a program refuses: what is settled is said, and no more.

use rtcdiag::commands::inspect::report::InspectResult;
use rtcdiag::commands::inspect::verdict;
use rtcdiag::proto::evidence::facts::JudgedCall;
use rtcdiag::proto::evidence::{self, Record, calls};
use serde_json::{Value, json};

use super::dump::{AUDIO, BEGAN, Dump, Told};
use super::{named, one};

pub(super) const STUN: &str = "stun:198.51.100.10:3478";
pub(super) const STUN_TWO: &str = "stun:198.51.100.20:3478";
const STUN_AWAY: &str = "stun:198.51.100.20:443";
pub(super) const A_HOST: Told<'_> =
    told("candidate:1 1 udp 2122260223 192.168.1.10 50000 typ host generation 0 ufrag aaaa");
pub(super) const B_HOST: Told<'_> =
    told("candidate:3 1 udp 2122260223 192.168.2.10 60000 typ host generation 0 ufrag bbbb");
pub(super) const B_SRFLX: Told<'_> = Told {
    line: "candidate:4 1 udp 1686052607 203.0.113.200 60000 typ srflx raddr 192.168.2.10 rport 60000 generation 0 ufrag bbbb",
    url: Some(STUN),
};

/// A direct call that is up, with DTLS.
pub(super) fn up(dump: Dump) -> Dump {
    dump.finds(&[A_HOST])
        .gets(&[B_HOST])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .pair(
            "host 192.168.1.10 50000",
            "host 192.168.2.10 60000",
            [9, 9, 9],
            true,
        )
        .transport("dtlsState", "connected")
}

/// One that offered audio both ways and got this answer, with what was sent and received.
pub(super) fn audio_call(answer: &str, sent: u64, received: u64) -> String {
    let described = Dump::new(&[STUN])
        .describe(10.0, true, "offer", "aaaa", AUDIO)
        .event(10.0, "onsignalingstatechange", "have-local-offer")
        .describe(40.0, false, "answer", "bbbb", answer)
        .event(40.0, "onsignalingstatechange", "stable");
    up(described)
        .stream("OT01A1", "outbound-rtp", "packetsSent", sent)
        .stream("IT01A2", "inbound-rtp", "packetsReceived", received)
        .text()
}

const fn told(line: &str) -> Told<'_> {
    Told { line, url: None }
}

pub(super) fn is(call: &JudgedCall, wanted: &[(&str, &str)]) -> String {
    let found = named(&call.causes);
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(code, side)| (code.as_str(), side.as_str()))
        .collect();
    let said: Vec<&str> = call
        .causes
        .iter()
        .map(|cause| cause.message.as_str())
        .collect();
    assert_eq!(found, wanted, "{said:?}");
    said.join("; ")
}

/// The result and the findings of texts.
pub(super) fn told_of(texts: &[String]) -> (Value, Vec<(String, String)>, String) {
    let names: Vec<String> = (0..texts.len())
        .map(|place| format!("file {place}"))
        .collect();
    let records: Vec<Record> = texts
        .iter()
        .map(|text| evidence::read(text.as_bytes()))
        .collect();
    let result = InspectResult::new(&names, &records, calls::join(records.clone()));
    let verdict = verdict::verdict(&result, &names, &records);
    let findings = verdict.findings.into_iter();
    let findings = findings.map(|finding| (finding.code.name().to_owned(), finding.message));
    (
        serde_json::to_value(&result).expect("JSON"),
        findings.collect(),
        verdict.summary,
    )
}

/// The same dump, saved so long after it began.
pub(super) fn saved_at(dump: &Dump, after_ms: f64) -> String {
    let mut whole: Value = serde_json::from_str(&dump.text()).expect("JSON");
    whole["timestamp"] = json!(BEGAN + after_ms);
    whole.to_string()
}

fn blocked_here(servers: &[&str]) -> Dump {
    Dump::new(servers)
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .fails()
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [80, 0, 0],
            false,
        )
}

#[test]
fn silence_at_one_port_is_said_of_that_port() {
    let call = one(&[blocked_here(&[STUN, STUN_TWO]).text()]);
    let said = is(&call, &[("udp-blocked", "local")]);
    assert!(said.ends_with("at least to port 3478"), "{said}");
    let call = one(&[blocked_here(&[STUN, STUN_AWAY]).text()]);
    let said = is(&call, &[("udp-blocked", "local")]);
    assert!(!said.contains("port"), "{said}");
}

/// What this end sent over UDP has arrived at the other one, or was heard here without being counted.
#[test]
fn udp_that_gets_through_elsewhere_is_not_blocked() {
    let here = blocked_here(&[STUN, STUN_TWO]);
    let there = |from: &str, received: u64| {
        Dump::new(&[STUN, STUN_TWO])
            .answers("bbbb", "aaaa")
            .finds(&[B_HOST, B_SRFLX])
            .gets(&[A_HOST])
            .fails()
            .pair("host 192.168.2.10 60000", from, [80, 0, received], false)
    };
    // That nothing comes in is said where its checks arrive.
    let is_blocked = |call: &JudgedCall| {
        let mut all = call.causes.iter();
        all.any(|cause| {
            cause.code.name() == "udp-blocked" && !cause.message.contains("does not get in")
        })
    };
    let arrived = there("prflx 203.0.113.100 50000", 70).text();
    for texts in [[here.text(), arrived.clone()], [arrived, here.text()]] {
        assert!(!is_blocked(&one(&texts)));
    }
    let nothing = there("host 192.168.1.10 50000", 0).text();
    assert!(is_blocked(&one(&[here.text(), nothing])));
    // A browser that does not count its checks.
    let heard = blocked_here(&[STUN, STUN_TWO]).of_pair("state", "succeeded");
    assert!(!is_blocked(&one(&[heard.text()])));
}

#[test]
fn an_answer_may_be_on_its_way_when_the_record_ends() {
    let offered = Dump::new(&[STUN])
        .describe(10.0, true, "offer", "aaaa", AUDIO)
        .event(10.0, "onsignalingstatechange", "have-local-offer");
    let soon = saved_at(&offered, 900.0);
    let said = is(&one(std::slice::from_ref(&soon)), &[("unknown", "between")]);
    assert!(said.contains("ends 0.9 s after the offer"), "{said}");
    let (result, _, summary) = told_of(&[soon]);
    assert_eq!(result["calls"][0]["state"], Value::Null);
    assert!(
        summary.starts_with("Whether it worked is not told"),
        "{summary}"
    );
    let stopped = result["calls"][0]["steps"]
        .as_array()
        .expect("steps")
        .iter();
    assert!(stopped.clone().all(|step| step["status"] != "stopped"));
    is(
        &one(&[saved_at(&offered, 9000.0)]),
        &[("no-answer", "between")],
    );
    // Who closes waits no longer.
    let closed = offered.clone().event(900.0, "close", Value::Null);
    is(
        &one(&[saved_at(&closed, 950.0)]),
        &[("no-answer", "between")],
    );
    // The other end has answered, and this one was saved at that moment.
    let answers = Dump::new(&[STUN]).answers("bbbb", "aaaa").text();
    is(
        &one(&[saved_at(&offered, 40.0), answers.clone()]),
        &[("unknown", "between")],
    );
    let said = is(
        &one(&[saved_at(&offered, 9000.0), answers]),
        &[("no-answer", "between")],
    );
    assert!(said.contains("lost in signalling"), "{said}");
}

#[test]
fn an_end_that_got_an_offer_and_is_silent_says_so_of_itself() {
    let asked = Dump::new(&[STUN])
        .describe(20.0, false, "offer", "aaaa", AUDIO)
        .event(20.0, "onsignalingstatechange", "have-remote-offer");
    let said = is(
        &one(&[saved_at(&asked, 15_000.0)]),
        &[("no-answer", "local")],
    );
    assert_eq!(said, "this side got the offer and made no answer");
    is(&one(&[saved_at(&asked, 400.0)]), &[("unknown", "between")]);
    let offered = Dump::new(&[STUN])
        .describe(10.0, true, "offer", "aaaa", AUDIO)
        .event(10.0, "onsignalingstatechange", "have-local-offer");
    is(
        &one(&[saved_at(&offered, 400.0), saved_at(&asked, 400.0)]),
        &[("unknown", "between")],
    );
    is(
        &one(&[saved_at(&offered, 400.0), saved_at(&asked, 15_000.0)]),
        &[("no-answer", "remote")],
    );
}

#[test]
fn candidates_may_be_on_their_way_when_the_record_ends() {
    let here = Dump::new(&[STUN]).offers("aaaa", "bbbb").finds(&[A_HOST]);
    let there = Dump::new(&[STUN])
        .answers("bbbb", "aaaa")
        .finds(&[B_HOST, B_SRFLX])
        .gets(&[A_HOST]);
    let is_lost = |at: f64| {
        let call = one(&[saved_at(&here, at), there.text()]);
        named(&call.causes)
            .iter()
            .any(|(code, _)| code == "candidates-lost")
    };
    assert!(is_lost(15_000.0));
    assert!(!is_lost(200.0));
}

#[test]
fn candidates_that_a_program_does_not_take_are_not_lost_on_the_way() {
    let refused = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST])
        .event(
            61.0,
            "addIceCandidateFailed",
            "The remote description was null",
        );
    let said = is(
        &one(&[saved_at(&refused, 15_000.0)]),
        &[("candidates-lost", "between")],
    );
    assert!(
        said.contains("got 1 candidate (addIceCandidate failed: The remote description was null) of the other side and took none"),
        "{said}"
    );
    assert!(!said.contains("signalling"), "{said}");
}

/// Statistics of both ends with no address in them: of a browser that hides it, or masked by a person.
#[test]
fn that_the_files_have_no_address_is_not_that_there_is_none() {
    let end = |own: &str, other: &str, address: &str| {
        let candidate = |id: &str, kind: &str, port: u16, ufrag: &str| {
            json!({"id": id, "type": kind, "candidateType": "host", "address": address, "port": port,
                   "protocol": "udp", "usernameFragment": ufrag})
        };
        json!([
            {"id": "T", "type": "transport", "iceState": "checking", "dtlsState": "new", "iceLocalUsernameFragment": own},
            candidate("L", "local-candidate", 5000, own),
            candidate("R", "remote-candidate", 5000, other),
            {"id": "P", "type": "candidate-pair", "localCandidateId": "L", "remoteCandidateId": "R",
             "state": "in-progress", "requestsSent": 30, "responsesReceived": 0, "requestsReceived": 0, "responsesSent": 0},
        ])
        .to_string()
    };
    for address in ["", "(redacted)", "192.168.x.x"] {
        let texts = [end("aaaa", "bbbb", address), end("bbbb", "aaaa", address)];
        let said = is(&one(&texts), &[("unknown", "between")]);
        assert!(said.contains("hide the addresses"), "{said}");
        let said = is(&one(&texts[..1]), &[("unknown", "between")]);
        assert!(said.contains("hide the addresses"), "{said}");
    }
    // Checks are told of, and not one candidate: the record lacks them.
    let here = Dump::new(&[]).offers("aaaa", "bbbb").fails().text();
    let there = Dump::new(&[]).answers("bbbb", "aaaa").fails().text();
    let said = is(&one(&[here.clone(), there]), &[("unknown", "between")]);
    assert!(said.contains("have no address of either side"), "{said}");
    let call = one(&[here]);
    is(&call, &[("unknown", "between")]);
    let relay = named(&call.relay_causes);
    assert!(
        relay.iter().all(|(code, _)| code != "no-candidates"),
        "{relay:?}"
    );
}

/// A record of all events from the beginning shows that nothing was told.
#[test]
fn a_side_that_told_nothing_is_named() {
    let here =
        Dump::new(&[])
            .offers("aaaa", "bbbb")
            .event(50.0, "onicegatheringstatechange", "complete");
    let there =
        Dump::new(&[])
            .answers("bbbb", "aaaa")
            .event(50.0, "onicegatheringstatechange", "complete");
    is(
        &one(&[here.text(), there.text()]),
        &[("no-candidates", "both")],
    );
}

fn refused(step: &str, said: &str) -> Dump {
    Dump::new(&[STUN])
        .event(0.0, step, "options: {}")
        .event(1.0, &format!("{step}OnFailure"), said)
}

/// One connection of a page failed at once, and another one is the call.
#[test]
fn an_offer_that_could_not_be_made_is_a_call_of_its_own() {
    let works = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [5, 5, 5],
            true,
        );
    let failed = refused("createOffer", "InvalidStateError: x");
    let two = json!({
        "UserAgent": "Chrome/156", "timestamp": BEGAN + 20_000.0,
        "PeerConnections": {"1-1": failed.value(), "1-2": works.value()},
    });
    let (result, findings, summary) = told_of(&[two.to_string()]);
    let calls = result["calls"].as_array().expect("calls");
    let codes: Vec<&Value> = calls
        .iter()
        .map(|call| &call["causes"][0]["code"])
        .collect();
    assert_eq!(codes, [&json!("description-failed"), &Value::Null]);
    assert_eq!(
        (&calls[0]["state"], &calls[1]["state"]),
        (&Value::Null, &json!("connected"))
    );
    assert!(summary.contains("1 worked and 1 did not work"), "{summary}");
    let found = findings
        .iter()
        .find(|(code, _)| code == "description-failed");
    let (_, message) = found.expect("it is a finding");
    assert_eq!(
        message,
        "call 1: the program of this side made no offer: createOffer failed (InvalidStateError: x) (seen: createOfferOnFailure in the record of this side)"
    );
}

#[test]
fn a_description_that_was_not_taken_is_why_there_is_no_call() {
    let offered = || {
        Dump::new(&[STUN])
            .describe(10.0, true, "offer", "aaaa", AUDIO)
            .event(10.0, "onsignalingstatechange", "have-local-offer")
    };
    let answer = |dump: Dump, at: f64| dump.describe(at, false, "answer", "bbbb", AUDIO);
    let error = "OperationError: Failed to set remote answer sdp";
    let here = answer(offered(), 40.0).event(41.0, "setRemoteDescriptionOnFailure", error);
    let said = is(&one(&[here.text()]), &[("description-failed", "local")]);
    assert!(said.contains(error), "{said}");
    let there = Dump::new(&[STUN]).answers("bbbb", "aaaa").text();
    is(
        &one(&[here.text(), there.clone()]),
        &[("description-failed", "local")],
    );
    is(
        &one(&[there, here.text()]),
        &[("description-failed", "remote")],
    );
    // What was tried again with success is a warning of that call, and no cause.
    let again = answer(here, 60.0)
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [5, 5, 5],
            true,
        );
    assert!(one(&[again.text()]).is_good());
    let (_, findings, _) = told_of(&[again.text()]);
    let message =
        format!("this side: setRemoteDescription failed ({error}); the call went on all the same");
    assert_eq!(findings, [("description-failed".to_owned(), message)]);
    // Another offer beside one that is waited with is no reason that no answer comes.
    let twice = offered().event(5000.0, "createOfferOnFailure", "InvalidStateError: closed");
    is(&one(&[twice.text()]), &[("no-answer", "between")]);
    // Of an answer that could not be made the other end knows nothing.
    let asked = Dump::new(&[STUN])
        .describe(20.0, false, "offer", "aaaa", AUDIO)
        .event(21.0, "createAnswerOnFailure", "InvalidAccessError: y");
    is(
        &one(&[offered().text(), asked.text()]),
        &[("description-failed", "remote")],
    );
}

/// Checks were sent with the other end's credentials, so its answer had come, whatever the record has of it.
#[test]
fn an_answer_that_a_record_lacks_is_not_one_that_never_came() {
    let offered = Dump::new(&[STUN])
        .describe(10.0, true, "offer", "aaaa", AUDIO)
        .event(10.0, "onsignalingstatechange", "have-local-offer")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX]);
    let pair = ("host 192.168.1.10 50000", "srflx 203.0.113.200 60000");
    is(&one(&[offered.text()]), &[("no-answer", "between")]);
    let worked = offered.clone().pair(pair.0, pair.1, [5, 5, 5], true);
    is(&one(&[worked.text()]), &[]);
    let checked = one(&[offered.pair(pair.0, pair.1, [80, 0, 0], false).text()]);
    let codes = named(&checked.causes);
    assert!(
        codes.iter().all(|(code, _)| code != "no-answer"),
        "{codes:?}"
    );
}

/// Both give way, both answer, and neither answer is of use.
#[test]
fn offers_that_cross_each_other_are_named() {
    let error = "InvalidStateError: Failed to set remote answer sdp: Called in wrong state: stable";
    let end = |own: &str, other: &str| {
        Dump::new(&[STUN])
            .describe(10.0, true, "offer", own, AUDIO)
            .describe(30.0, false, "offer", other, AUDIO)
            .describe(40.0, true, "answer", own, AUDIO)
            .describe(60.0, false, "answer", other, AUDIO)
            .event(61.0, "setRemoteDescriptionOnFailure", error)
    };
    let (here, there) = (end("aaaa", "bbbb"), end("bbbb", "aaaa"));
    for texts in [vec![here.text()], vec![here.text(), there.text()]] {
        let said = is(&one(&texts), &[("description-failed", "between")]);
        assert!(said.contains("glare"), "{said}");
    }
    // Programs that do not even try to set the answer that came.
    let quiet = |own: &str, other: &str| {
        Dump::new(&[STUN])
            .describe(10.0, true, "offer", own, AUDIO)
            .describe(30.0, false, "offer", other, AUDIO)
            .describe(40.0, true, "answer", own, AUDIO)
            .fails()
            .text()
    };
    let call = one(&[quiet("aaaa", "bbbb"), quiet("bbbb", "aaaa")]);
    let said = is(&call, &[("description-failed", "between")]);
    assert!(said.contains("glare"), "{said}");
    // One that kept its offer has the answer to it.
    let kept = Dump::new(&[STUN]).offers("bbbb", "aaaa").fails();
    let call = one(&[here.text(), kept.text()]);
    assert!(
        call.causes
            .iter()
            .all(|cause| !cause.message.contains("glare"))
    );
}
