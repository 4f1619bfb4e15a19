//! Outcome, summary and findings.

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::Reason;
use rtcdiag::base::report::{Caveat, ErrorReport, Severity};
use rtcdiag::commands::pair::report::{
    Expected, PathKind, PlaceKind, PlaceReport, PlaceStatus, PredictionReport, Role, SideReport,
};
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::commands::pair::verdict::{
    Company, Context, PeerEnd, RoleConflict, WantedPair, verdict,
};
use rtcdiag::proto::ice::candidate::CandidateType;

use super::causes::{EIF, between};
use super::{codes, ends, has, judged};
use crate::support::pair_results::{
    EIM, direct, end, failing, host, nobody, quality, relayed, silent_server, strict,
};

#[test]
fn connected() {
    let summary = judged(&direct()).summary;
    assert_eq!(
        summary,
        "Connected directly, 203.0.113.5:40000 <-> 198.51.100.7:50000, 12.0 ms."
    );
    let verdict = ends(
        &relayed(),
        &Context::default(),
        Outcome::Good,
        &[
            "the TURN relay of this side, 192.0.2.30:61000",
            "23.0 ms",
            "No direct path: both sides' NATs",
        ],
    );
    assert!(has(&verdict, "direct-failed"));
    let worst = verdict.findings.iter().map(|f| f.severity).max();
    assert_eq!(worst, Some(Severity::Warning));
    assert!(judged(&direct()).findings.is_empty());
}

/// Checks pass, and what a browser needs beyond them does not: that is its own cause, not one of the network.
#[test]
fn a_data_channel_that_fails_is_told_by_what_failed() {
    for (code, message) in [
        (Code::DtlsFailed, "its DTLS certificate is not the one"),
        (Code::DtlsFailed, "the DTLS handshake failed"),
    ] {
        let context = Context {
            no_data: Some("192.0.2.1:1 <-> 192.0.2.2:2".to_owned()),
            channel_error: Some(ErrorReport::new(code, message)),
            with_browser: true,
            ..Context::default()
        };
        let result = with_causes(strict(), &context);
        let verdict = ends(&result, &context, Outcome::Bad, &[message]);
        assert!(has(&verdict, code.name()));
        assert!(!has(&verdict, "no-data"));
        assert_eq!(result.causes.len(), 1);
        assert_eq!(result.causes[0].code, code);
    }
}

#[test]
fn policy() {
    let context = Context {
        relay_only: true,
        ..Context::default()
    };
    let mut result = relayed();
    result.pairs.retain(|pair| pair.path == PathKind::Relayed);
    let verdict = ends(
        &result,
        &context,
        Outcome::Good,
        &["this side uses relayed candidates alone, by its policy"],
    );
    assert!(!has(&verdict, "direct-failed"));
    assert!(!verdict.summary.contains("failed"), "{}", verdict.summary);
}

/// Of somebody who is there, or was, it is not said that nobody came.
#[test]
fn somebody_came_of_whom_nothing_could_be_opened() {
    let context = |company, has_foreign| Context {
        waited_s: 12.0,
        stopped: Some(Reason::Timeout),
        silent_company: Some(company),
        has_foreign,
        ..Context::default()
    };
    let mut result = nobody();
    for (company, words) in [
        (Company::There, "Somebody is in the room of this code"),
        (Company::Left, "Somebody was in the room of this code"),
    ] {
        let verdict = ends(&result, &context(company, false), Outcome::Bad, &[words]);
        assert!(has(&verdict, "peer-mute") && !has(&verdict, "no-peer"));
    }
    let other_version = "the other side seals its messages in another way (version 9): use the same version of rtcdiag on both";
    result.session.refused = vec![other_version.to_owned()];
    ends(
        &result,
        &context(Company::There, true),
        Outcome::Bad,
        &[other_version],
    );
}

#[test]
fn nobody_came() {
    let context = Context {
        waited_s: 30.4,
        stopped: Some(Reason::Timeout),
        ..Context::default()
    };
    let verdict = ends(
        &nobody(),
        &context,
        Outcome::Bad,
        &[
            "nobody joined with this code within 30 s",
            "nothing was checked",
        ],
    );
    assert!(has(&verdict, "no-peer"));
    assert!(!has(&verdict, "direct-failed"));
    // Hosts elsewhere could not have come.
    let mut at_home = nobody();
    at_home.rendezvous = [
        (PlaceKind::Lan, PlaceStatus::Reached),
        (PlaceKind::Public, PlaceStatus::Failed),
    ]
    .map(|(kind, status)| PlaceReport {
        url: "mqtts://broker.example".to_owned(),
        kind,
        status,
        elapsed_ms: None,
        error: None,
    })
    .to_vec();
    let words = "only a host of this network could have";
    ends(&at_home, &context, Outcome::Bad, &[words]);
    at_home.rendezvous[1].status = PlaceStatus::Lost;
    ends(
        &at_home,
        &context,
        Outcome::Bad,
        &["nobody joined with this code"],
    );
    let manual = Context {
        manual: true,
        ..context.clone()
    };
    ends(
        &nobody(),
        &manual,
        Outcome::Bad,
        &["No line from the other side"],
    );
    let unreachable = Context {
        rendezvous_error: Some(ErrorReport::new(Code::Refused, "connection refused")),
        ..context
    };
    let verdict = ends(
        &nobody(),
        &unreachable,
        Outcome::Error,
        &["The rendezvous wss://rendezvous.example.org:8443 cannot be used: connection refused"],
    );
    assert!(has(&verdict, "rendezvous-failed"));
    assert!(!has(&verdict, "no-peer"));
}

#[test]
fn interrupted() {
    let context = Context {
        stopped: Some(Reason::Interrupted),
        ..Context::default()
    };
    for result in [direct(), relayed(), strict(), nobody()] {
        let verdict = verdict(&result, &context);
        assert_eq!(verdict.outcome, Outcome::Interrupted);
        assert!(verdict.summary.starts_with("Interrupted. "));
        assert!(!has(&verdict, "timeout"));
    }
    // Before gathering has ended, a missing address means nothing.
    let mut early = nobody();
    early.local = SideReport::default();
    assert!(!has(&verdict(&early, &context), "no-network"));
    early.local.is_complete = true;
    assert!(has(&verdict(&early, &context), "no-network"));
}

#[test]
fn out_of_time() {
    let context = Context {
        stopped: Some(Reason::Timeout),
        ..Context::default()
    };
    // Everything was settled before.
    let verdict = ends(&strict(), &context, Outcome::Bad, &["both sides' NATs"]);
    assert!(has(&verdict, "timeout"));
    let mut result = strict();
    result.pairs[0] = failing(result.pairs[0].clone(), "cut-short", "the run ended");
    ends(&result, &context, Outcome::Inconclusive, &["No connection"]);
    ends(&direct(), &context, Outcome::Good, &["Connected"]);
}

#[test]
fn the_other_side_ended_first() {
    for (end, outcome, words) in [
        (
            PeerEnd::Interrupted,
            Outcome::Inconclusive,
            "was interrupted",
        ),
        (
            PeerEnd::Vanished,
            Outcome::Inconclusive,
            "left without a message",
        ),
        (
            PeerEnd::OutOfTime,
            Outcome::Inconclusive,
            "time limit of the other side",
        ),
        (
            PeerEnd::Error("it has no network.".into()),
            Outcome::Error,
            "could not go on: it has no network",
        ),
    ] {
        let context = Context {
            peer_end: Some(end),
            ..Context::default()
        };
        ends(&nobody(), &context, outcome, &[words]);
        let mut checking = strict();
        for pair in &mut checking.pairs {
            *pair = failing(pair.clone(), "peer-gone", "the other side went away");
        }
        let verdict = ends(&checking, &context, outcome, &[words, "no verdict"]);
        assert!(!has(&verdict, "direct-failed"));
        // What is connected stays so.
        ends(&direct(), &context, Outcome::Good, &["Connected"]);
        // And what was settled, too.
        ends(&strict(), &context, Outcome::Bad, &["both sides' NATs"]);
    }
}

#[test]
fn expectations() {
    let wanting = |wanted| Context {
        wanted: Some(wanted),
        ..Context::default()
    };
    let (any, no_relay) = (wanting(WantedPair::Connected), wanting(WantedPair::Direct));
    ends(&direct(), &any, Outcome::Good, &[]);
    ends(&direct(), &no_relay, Outcome::Good, &[]);
    ends(&relayed(), &any, Outcome::Good, &[]);
    let verdict = ends(
        &relayed(),
        &no_relay,
        Outcome::Bad,
        &["Not as expected: expected pair=direct, but the path is relayed. Connected through"],
    );
    assert!(has(&verdict, "expectation-not-met"));
    ends(&strict(), &any, Outcome::Bad, &["no pair was connected"]);
    ends(
        &nobody(),
        &any,
        Outcome::Bad,
        &["the other side never came"],
    );
    let broken = Context {
        rendezvous_error: Some(ErrorReport::new(Code::Refused, "connection refused")),
        ..any
    };
    ends(&nobody(), &broken, Outcome::Error, &["Not as expected"]);
}

#[test]
fn both_sides_must_agree() {
    let mut result = direct();
    result.session.peer_agrees = Some(false);
    let verdict = ends(
        &result,
        &Context::default(),
        Outcome::Bad,
        &["reports otherwise"],
    );
    assert!(has(&verdict, "no-agreement"));
    result.session.peer_agrees = None;
    let verdict = ends(&result, &Context::default(), Outcome::Good, &[]);
    assert_eq!(codes(&verdict), ["agreement-unknown"]);
}

#[test]
fn a_prediction_is_a_finding_only_where_it_was_wrong() {
    let wrong = PredictionReport {
        agrees: Some(false),
        ..direct().prediction
    };
    let mut result = relayed();
    assert!(!has(&judged(&result), "prediction-contradicted"));
    result.prediction = wrong;
    let verdict = judged(&result);
    let finding = verdict
        .findings
        .iter()
        .find(|f| f.code == Code::PredictionContradicted);
    let finding = finding.expect("it is there");
    let message = &finding.message;
    assert!(
        message.contains("promised a direct connection, but the result is a relayed connection")
    );
    // The cause is proved: it comes first, and this is an observation that narrows it down.
    assert_eq!(finding.severity, Severity::Info);
    assert!(
        message.contains("a NAT treats the other side unlike the servers"),
        "{message}"
    );
    let order = codes(&verdict);
    let place = |code| order.iter().position(|it| *it == code);
    assert!(
        place("direct-failed") < place("prediction-contradicted"),
        "{order:?}"
    );
    assert_eq!(verdict.outcome, Outcome::Good);
    // Where it is not, the contradiction is all that there is.
    let mut unknown = between((EIM, EIF), (EIM, EIF));
    unknown.prediction = result.prediction.clone();
    for pair in &mut unknown.pairs {
        pair.requests_arrived = None;
        *pair = failing(pair.clone(), "no-response", "no answer");
    }
    let causes = with_causes(unknown.clone(), &Context::default()).causes;
    assert_eq!(causes[0].code, Code::Unknown, "{causes:?}");
    let open = judged(&unknown);
    let finding = open
        .findings
        .iter()
        .find(|f| f.code == Code::PredictionContradicted);
    assert_eq!(finding.expect("it is there").severity, Severity::Warning);
    let wrong = result.prediction.clone();
    result.prediction.expected = Expected::Unknown;
    assert!(!has(&judged(&result), "prediction-contradicted"));
    let mut result = strict();
    result.prediction = wrong;
    assert!(has(&judged(&result), "prediction-contradicted"));
    // What was not tried to the end contradicts nothing.
    result.pairs[1] = failing(result.pairs[1].clone(), "peer-gone", "it went away");
    assert!(!has(&judged(&result), "prediction-contradicted"));
}

#[test]
fn path_quality_has_thresholds() {
    for (quality, expected) in [
        (quality(150, 150, 12_000, 800), None),
        (quality(150, 149, 12_000, 800), None),
        // One of fifty is no rate.
        (quality(50, 49, 12_000, 800), None),
        (quality(150, 147, 12_000, 800), Some("packet-loss")),
        (quality(150, 150, 301_000, 800), Some("high-round-trip")),
        (quality(150, 150, 900_000, 800), Some("high-round-trip")),
        (quality(150, 150, 12_000, 51_000), Some("high-jitter")),
        (quality(150, 0, 0, 0), Some("no-data")),
    ] {
        let mut result = direct();
        result.quality = Some(quality);
        let verdict = judged(&result);
        assert_eq!(codes(&verdict), Vec::from_iter(expected), "{result:#?}");
    }
}

#[test]
fn a_path_that_loses_much_is_not_called_good() {
    for (received, caveat, outcome) in [
        (150, None, Outcome::Good),
        (142, None, Outcome::Good),
        (100, Some(Caveat::Lossy), Outcome::Good),
        (16, Some(Caveat::Lossy), Outcome::Good),
        (14, Some(Caveat::Lossy), Outcome::Bad),
        (0, Some(Caveat::Lossy), Outcome::Bad),
    ] {
        let mut result = direct();
        result.quality = Some(quality(150, received, 12_000, 800));
        let verdict = judged(&result);
        assert_eq!((verdict.caveat, verdict.outcome), (caveat, outcome));
        let is_bad = outcome == Outcome::Bad;
        let is_said = verdict.summary.contains("no call goes over it");
        assert_eq!(is_said, is_bad, "{}", verdict.summary);
        let worst = verdict.findings.iter().map(|found| found.severity).max();
        assert_eq!(
            worst == Some(Severity::Error),
            is_bad,
            "{:?}",
            verdict.findings
        );
    }
}

#[test]
fn the_session_itself() {
    let mut result = direct();
    result.session.reconnects = 2;
    result.session.peer_version = Some("9.9.9".into());
    result.session.refused = vec!["a message came back to its sender".into()];
    result.remote.candidates[0].interface = Some("docker0".into());
    result.local.candidates[0].interface = Some("wg0".into());
    let context = Context {
        turned_away: 2,
        stopped: Some(Reason::Timeout),
        rendezvous_error: Some(ErrorReport::new(Code::Closed, "connection closed")),
        ..Context::default()
    };
    let verdict = ends(&result, &context, Outcome::Good, &["Connected directly"]);
    for code in [
        "rendezvous-reconnected",
        "rendezvous-failed",
        "peer-version",
        "messages-refused",
        "third-joiner",
        "timeout",
        "virtual-interface",
        "peer-virtual-interface",
    ] {
        assert!(has(&verdict, code), "no {code} in {:?}", codes(&verdict));
    }
    for finding in &verdict.findings {
        assert!(finding.severity < Severity::Error, "{finding:?}");
    }
}

#[test]
fn what_went_on_beside_the_checks() {
    for (conflict, message) in [
        (
            RoleConflict::Told(Role::Controlling),
            "both sides were told to be controlling; their names broke the tie",
        ),
        (
            RoleConflict::Told(Role::Controlled),
            "both sides were told to be controlled; their names broke the tie",
        ),
        (
            RoleConflict::Switched,
            "both sides had the same role, and this side took the other one",
        ),
    ] {
        let context = Context {
            role_conflict: Some(conflict),
            ended_relays: vec![(
                "192.0.2.30:61000".parse().expect("an address"),
                "closed".to_owned(),
            )],
            pairs_left_out: true,
            ..Context::default()
        };
        let found = verdict(&direct(), &context).findings;
        let messages: Vec<&str> = found.iter().map(|f| &*f.message).collect();
        assert_eq!(
            messages,
            [
                message,
                "the relayed address 192.0.2.30:61000 is gone: closed",
                "the candidates of both sides make more than 200 pairs; the others were not checked",
            ]
        );
    }
}

/// As with `gather`, but what ends well all the same is no error.
#[test]
fn servers_of_this_side() {
    let severity_of = |verdict: &rtcdiag::base::report::Verdict| {
        let finding = verdict
            .findings
            .iter()
            .find(|f| f.code == Code::ServerSilent);
        finding.expect("it is there").severity
    };
    let mut result = direct();
    result.servers = vec![silent_server()];
    assert_eq!(severity_of(&judged(&result)), Severity::Warning);
    let mut result = strict();
    result.servers = vec![silent_server()];
    let verdict = ends(
        &result,
        &Context::default(),
        Outcome::Bad,
        &["this side's TURN server does not answer"],
    );
    assert_eq!(severity_of(&verdict), Severity::Error);
}

#[test]
fn relays_of_each_side() {
    let theirs = end(CandidateType::Relay, "192.0.2.40:62000");
    let mut result = relayed();
    let selected = result.selected.as_mut().expect("it is connected");
    selected.remote = theirs.clone();
    assert!(
        judged(&result)
            .summary
            .contains("the TURN relays of both sides")
    );
    let selected = result.selected.as_mut().expect("it is connected");
    selected.local = host();
    assert!(
        judged(&result)
            .summary
            .contains("the TURN relay of the other side, 192.0.2.40:62000")
    );
}
