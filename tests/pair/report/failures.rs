//! What is said of a pair that did not work: only what both sides' records prove.

use rtcdiag::commands::pair::report::{CheckState, CutShort, PairEvidence, PairReport, explain};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::checks::pair::Permission;
use rtcdiag::proto::nat::SendError;
use rtcdiag::proto::stun::message::ErrorResponse;

use crate::support::pair_results::{
    answered, end, host, own_relay, silent, their_host, their_srflx,
};

fn evidence() -> PairEvidence {
    PairEvidence::default()
}

fn refused(code: u16) -> Permission {
    Permission::Refused(Some(ErrorResponse {
        code,
        reason: "no".into(),
        alternate_server: None,
        alternate_domain: None,
    }))
}

#[track_caller]
fn says(row: &PairReport, evidence: &PairEvidence, code: &str, words: &[&str]) {
    let error = explain(row, evidence).expect("it failed");
    assert_eq!(error.code.name(), code, "{error:?}");
    for word in words {
        assert!(error.message.contains(word), "no '{word}' in {error:?}");
    }
    let places = ["filter", "NAT", "way"];
    let proven = error.message.contains("arrived at the other side");
    let blames = places.iter().any(|place| error.message.contains(place));
    assert!(!blames || proven || code != "no-response" || words.contains(&"way back"));
}

#[test]
fn what_works_needs_no_reason() {
    let row = answered(host(), their_srflx());
    assert_eq!(explain(&row, &evidence()), None);
    let forbidden = PairEvidence {
        permission: refused(403),
        ..evidence()
    };
    assert_eq!(explain(&row, &forbidden), None);
}

#[test]
fn what_is_still_checked_has_none_yet() {
    let row = PairReport {
        state: CheckState::InProgress,
        ..silent(host(), their_srflx(), 2, None)
    };
    assert_eq!(explain(&row, &evidence()), None);
    let waits = PairEvidence {
        permission: Permission::Pending,
        cut_short: Some(CutShort::Connected),
        ..evidence()
    };
    let row = PairReport {
        state: CheckState::Frozen,
        ..silent(own_relay(), their_srflx(), 0, None)
    };
    says(&row, &waits, "not-checked", &["another pair was connected"]);
}

#[test]
fn silence_in_every_kind() {
    let to_srflx = |arrived| silent(host(), their_srflx(), 5, arrived);
    says(
        &to_srflx(None),
        &evidence(),
        "no-response",
        &["no answer to 5 checks", "not known whether they arrived"],
    );
    says(
        &to_srflx(Some(0)),
        &evidence(),
        "no-response",
        &[
            "none of 5 checks arrived at the other side",
            "NAT or filter there",
        ],
    );
    says(
        &to_srflx(Some(5)),
        &evidence(),
        "no-response",
        &["5 of 5 checks arrived", "but the answers did not come back"],
    );
    let unanswered = PairEvidence {
        responses_sent_there: Some(0),
        ..evidence()
    };
    says(
        &to_srflx(Some(5)),
        &unanswered,
        "no-response",
        &["but the other side answered none"],
    );
    let one_way = PairReport {
        requests_received: 4,
        responses_sent: 4,
        ..to_srflx(Some(0))
    };
    says(
        &one_way,
        &evidence(),
        "no-response",
        &[
            "none of 5 checks arrived",
            "the other side's checks arrive here",
            "way back",
        ],
    );
    let one = silent(host(), their_host(), 1, Some(0));
    says(
        &one,
        &evidence(),
        "no-response",
        &["none of 1 check arrived"],
    );
    // A doubled packet is not two.
    let doubled = silent(host(), their_host(), 3, Some(4));
    says(
        &doubled,
        &evidence(),
        "no-response",
        &["3 of 3 checks arrived"],
    );
}

#[test]
fn causes_that_are_known() {
    let row = || silent(host(), their_srflx(), 3, Some(0));
    let relay = || silent(own_relay(), their_srflx(), 0, None);
    let permission = |permission| PairEvidence {
        permission,
        ..evidence()
    };
    let fault = |fault| PairEvidence {
        send_error: Some(fault),
        ..evidence()
    };
    let gone = PairEvidence {
        is_relay_gone: true,
        ..evidence()
    };
    let answer = |code| PairEvidence {
        error_response: Some(code),
        ..evidence()
    };
    let cut = |cut| PairEvidence {
        cut_short: Some(cut),
        ..evidence()
    };
    for (row, evidence, code) in [
        (relay(), permission(refused(403)), "forbidden-ip"),
        (relay(), permission(refused(508)), "permission-failed"),
        (
            relay(),
            permission(Permission::Pending),
            "permission-failed",
        ),
        (relay(), permission(Permission::Granted), "not-checked"),
        (row(), fault(SendError::Unreachable), "unreachable"),
        (row(), fault(SendError::Forbidden), "not-permitted"),
        (row(), fault(SendError::Refused), "icmp-unreachable"),
        (row(), gone, "relay-gone"),
        (row(), fault(SendError::Other), "unreachable"),
        (row(), answer(487), "role-conflict"),
        (row(), answer(400), "bad-request"),
        (row(), answer(401), "unauthorized"),
        (row(), answer(599), "error-response"),
        (row(), cut(CutShort::Stopped), "cut-short"),
        (row(), cut(CutShort::PeerGone), "peer-gone"),
        (row(), cut(CutShort::Connected), "not-checked"),
        (row(), cut(CutShort::Limit), "check-limit"),
    ] {
        says(&row, &evidence, code, &[]);
    }
    let elsewhere = PairEvidence {
        answered_from_elsewhere: true,
        ..evidence()
    };
    says(&row(), &elsewhere, "answer-from-elsewhere", &["RFC 8445"]);
    let families = silent(
        host(),
        end(CandidateType::Host, "[2001:db8::1]:5000"),
        0,
        None,
    );
    says(
        &families,
        &evidence(),
        "not-reachable-family",
        &["IPv4", "IPv6"],
    );
    says(
        &silent(host(), their_srflx(), 0, None),
        &evidence(),
        "not-checked",
        &[],
    );
}
