//! What is said where the other side is a browser, and in whose words.

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::{Document, Finding, Severity, Verdict};
use rtcdiag::commands::pair::report::{PairResult, TimelineEntry, TimelineEvent};
use rtcdiag::commands::pair::run::told::words;
use rtcdiag::commands::pair::verdict::browser::servers;
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::commands::pair::verdict::{Context, verdict};
use rtcdiag::proto::ice::candidate::CandidateError;
use rtcdiag::proto::ice::causes::RemedyCode;
use rtcdiag::proto::ice::steps::StepSide;

use crate::support::pair_results::{
    APDF, EIM, candidate, direct, failing, host, ms, session, silent, strict, their_host,
};
use rtcdiag::proto::ice::candidate::CandidateType;

fn context() -> Context {
    Context {
        with_browser: true,
        ..Context::default()
    }
}

fn judged(result: PairResult, context: &Context) -> (PairResult, Verdict) {
    let result = with_causes(result, context);
    let verdict = verdict(&result, context);
    (result, verdict)
}

fn told(event: TimelineEvent, detail: &str) -> TimelineEntry {
    TimelineEntry {
        at_ms: ms(5_000),
        side: StepSide::Remote,
        event,
        detail: Some(detail.to_owned()),
    }
}

/// A browser of which nothing but a private address is known.
fn private_browser() -> PairResult {
    let mut result = session((EIM, APDF), (EIM, APDF));
    result.remote.nats.clear();
    result.remote.nat = None;
    result.remote.candidates = vec![candidate(CandidateType::Host, "192.168.2.10:50000")];
    let silence = "none of 9 checks arrived at the other side";
    result.pairs = vec![failing(
        silent(host(), their_host(), 9, Some(0)),
        "no-response",
        silence,
    )];
    result
}

#[test]
fn a_name_that_the_browser_does_not_find_is_said() {
    use TimelineEvent::{ServerAnswered, ServerFailed};
    let lost = "turn:turn.example.org:3478?transport=udp: TURN host lookup received error.";
    let timeline = [
        told(ServerFailed, lost),
        told(
            ServerFailed,
            "stun:turn.example.org:3478: STUN host lookup received error.",
        ),
    ];
    let found = servers(&timeline).expect("all of its names are not found");
    assert_eq!(found.len(), 2);
    assert!(found[0].is_turn && !found[1].is_turn);
    assert!(found.iter().all(|server| server.error == Some(Code::Dns)));
    let context = Context {
        peer_servers: Some(found),
        ..context()
    };
    let (result, verdict) = judged(private_browser(), &context);
    let cause = &result.causes[0];
    assert!(
        cause.message.contains("could not resolve turn.example.org"),
        "{}",
        cause.message
    );
    let remedy = &cause.remedies[0];
    assert_eq!(remedy.code, RemedyCode::Stun);
    assert!(
        remedy
            .message
            .starts_with("DNS that works on the browser's host"),
        "{remedy:?}"
    );
    assert!(
        !verdict.summary.contains("STUN server"),
        "{}",
        verdict.summary
    );
    // Where one is found, or silent, it is another matter.
    for other in [
        told(ServerAnswered, "stun:192.0.2.1:3478"),
        told(
            ServerFailed,
            "turn:turn.example.org:3478: TURN allocate request timed out.",
        ),
        told(
            ServerFailed,
            "stun:192.0.2.1:3478: STUN host lookup received error.",
        ),
    ] {
        let timeline = [timeline[0].clone(), other];
        assert_eq!(servers(&timeline), None, "{timeline:?}");
    }
    assert_eq!(servers(&[]), None);
}

/// It has none: they are given on this side.
#[test]
fn remedies_for_a_browser_name_no_flag_of_it() {
    for result in [strict(), private_browser()] {
        let (result, verdict) = judged(result, &context());
        let causes = result.causes.iter().chain(&result.relay_causes);
        for remedy in causes.flat_map(|cause| &cause.remedies) {
            let of_browser = remedy.message.contains("for the other side");
            let is_here = remedy.message.contains("on this side)");
            assert!(
                !of_browser || !remedy.message.contains("(-s ") || is_here,
                "{remedy:?}"
            );
            let is_turn = of_browser && remedy.code == RemedyCode::Turn;
            let has_password = remedy.message.contains("--share-turn-password");
            assert!(!is_turn || has_password, "{remedy:?}");
        }
        assert!(
            !verdict.summary.contains("the other side (-s"),
            "{}",
            verdict.summary
        );
    }
}

#[test]
fn candidates_for_tcp_hide_nothing() {
    let said = |left_out: Vec<CandidateError>| {
        let context = Context {
            left_out,
            ..context()
        };
        let (_, verdict) = judged(direct(), &context);
        let mut found = verdict.findings.into_iter();
        let found = found
            .find(|f| f.code == Code::CandidatesLeftOut)
            .expect("it is said");
        assert_eq!(found.severity, Severity::Info);
        (found.message, found.hint.expect("a hint"))
    };
    let stream = || CandidateError::Transport("tcp".to_owned());
    let hidden = || CandidateError::Name("a.local".to_owned());
    let (message, hint) = said(vec![stream()]);
    assert_eq!(
        message,
        "1 candidate of the browser was left out: for TCP, and checks are made over UDP alone"
    );
    assert!(!hint.contains("camera"), "{hint}");
    let (message, hint) = said(vec![hidden()]);
    assert_eq!(
        message,
        "1 candidate of the browser was left out: it hides its address behind an mDNS name (.local); what it hides is found by its own checks, as a peer-reflexive address"
    );
    assert!(hint.contains("camera"), "{hint}");
    let (message, _) = said(vec![hidden(), stream()]);
    assert!(
        message.starts_with("2 candidates of the browser were left out: 1 with an mDNS name"),
        "{message}"
    );
}

/// The page speaks to who reads it: what the terminal calls "this side" is the other side there.
#[test]
fn the_page_has_the_words_of_its_reader() {
    let mut result = with_causes(strict(), &context());
    let verdict = verdict(&result, &context());
    for step in &mut result.steps {
        step.detail = Some("this side: 1 of 1 server answered".to_owned());
    }
    assert!(!result.steps.is_empty());
    let finding = Finding::new(
        Code::DirectFailed,
        "the other side lacks it",
        "give this side one",
    );
    let with_finding = Verdict {
        findings: vec![finding],
        summary: "This side's NAT is strict, the other side's is not.".to_owned(),
        ..verdict
    };
    let times = (
        "2026-11-22T10:00:00.000Z".to_owned(),
        std::time::Duration::ZERO,
    );
    let document = Document::new(Some("pair"), times, with_finding, Some(&result));
    let words = words(&document);
    assert_eq!(
        words.summary,
        "The other side's NAT is strict, this browser's is not."
    );
    assert_eq!(
        words.findings,
        ["this browser lacks it (give the other side one)"]
    );
    assert_eq!(words.details.len(), result.steps.len());
    let expected = Some("the other side: 1 of 1 server answered".to_owned());
    assert!(words.details.iter().all(|detail| *detail == expected));
}
