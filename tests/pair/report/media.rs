//! What is said of sound and picture with a browser.

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::report::Verdict;
use rtcdiag::commands::pair::report::{MediaReport, PairResult};
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::commands::pair::verdict::{Context, verdict};
use rtcdiag::proto::media::Kind;
use rtcdiag::proto::signal::message::Source;

use crate::support::pair_results::{direct, relayed, section};

fn context() -> Context {
    Context {
        with_browser: true,
        media_wanted: true,
        ..Context::default()
    }
}

fn with(result: PairResult, change: impl FnOnce(&mut MediaReport)) -> (PairResult, Verdict) {
    let mut video = section(Kind::Video);
    change(&mut video);
    let media = Some(vec![section(Kind::Audio), video]);
    let result = with_causes(PairResult { media, ..result }, &context());
    let verdict = verdict(&result, &context());
    (result, verdict)
}

fn codes(verdict: &Verdict) -> Vec<Code> {
    verdict.findings.iter().map(|it| it.code).collect()
}

#[test]
fn both_come_back() {
    let (result, verdict) = with(direct(), |_| {});
    assert_eq!(verdict.outcome, Outcome::Good);
    assert!(
        verdict.summary.ends_with("Audio and video come back."),
        "{}",
        verdict.summary
    );
    assert!(result.causes.is_empty());
    assert!(!codes(&verdict).contains(&Code::NoMedia));
}

#[test]
fn a_codec_that_both_lack_is_a_cause_and_no_reason_for_the_way() {
    let lacking = |video: &mut MediaReport| {
        video.accepted = false;
        video.lacks_codec = true;
        video.reason = Some("no common codec: VP8 was offered".to_owned());
    };
    let (result, verdict) = with(direct(), lacking);
    assert_eq!(verdict.outcome, Outcome::Bad);
    let causes: Vec<Code> = result.causes.iter().map(|cause| cause.code).collect();
    assert_eq!(causes, [Code::NoCommonCodec]);
    assert!(
        verdict.summary.ends_with("But no video: no common codec."),
        "{}",
        verdict.summary
    );
    assert!(codes(&verdict).contains(&Code::NoCommonCodec));
    assert!(!codes(&verdict).contains(&Code::DirectFailed));
    // Behind what kept it from a direct path.
    let (result, verdict) = with(relayed(), lacking);
    let last = result.causes.last().map(|cause| cause.code);
    assert_eq!(last, Some(Code::NoCommonCodec));
    let why = result.causes.len() > 1;
    assert_eq!(codes(&verdict).contains(&Code::DirectFailed), why);
    assert!(!verdict.summary.contains("No direct path: no common codec"));
}

#[test]
fn a_direction_that_is_dropped_is_named_and_what_was_not_sent_is_not() {
    let (_, verdict) = with(direct(), |video| {
        video.received = 0;
        video.sent = 0;
        video.incoming.packets_received = Some(0);
        video.outgoing.packets_received = Some(0);
    });
    assert_eq!(verdict.outcome, Outcome::Bad);
    assert!(verdict.summary.contains("none of it came here"));
    let (_, verdict) = with(direct(), |video| video.outgoing.packets_received = Some(0));
    assert_eq!(verdict.outcome, Outcome::Bad);
    assert!(verdict.summary.contains("none of it came back"));
    for change in [
        |video: &mut MediaReport| {
            video.received = 0;
            video.incoming.packets_sent = Some(3);
        },
        |video: &mut MediaReport| {
            video.received = 0;
            video.incoming.packets_sent = None;
        },
        |video: &mut MediaReport| video.outgoing.packets_received = None,
        |video: &mut MediaReport| {
            video.received = 3;
            video.outgoing.packets_received = Some(0);
        },
    ] {
        let (_, verdict) = with(direct(), change);
        assert_eq!(verdict.outcome, Outcome::Good, "{}", verdict.summary);
        assert!(codes(&verdict).contains(&Code::MediaUntested));
        assert!(!codes(&verdict).contains(&Code::NoMedia));
        let said = "Audio comes back. Video was not tested to the end.";
        assert!(verdict.summary.ends_with(said), "{}", verdict.summary);
    }
}

#[test]
fn a_device_that_was_not_used_is_said() {
    let (_, verdict) = with(direct(), |video| {
        video.source = Some(Source::Synthetic);
        video.reason = Some("not the device".to_owned());
    });
    assert_eq!(verdict.outcome, Outcome::Good);
    assert!(codes(&verdict).contains(&Code::MediaSynthetic));
}

#[test]
fn what_nobody_could_test_is_said_where_it_was_wanted() {
    let is_said = |context: &Context| {
        let verdict = verdict(&direct(), context);
        assert_eq!(verdict.outcome, Outcome::Good);
        let is_found = codes(&verdict).contains(&Code::MediaUntested);
        let said = verdict
            .summary
            .ends_with("Sound and picture were not tested.");
        assert_eq!(said, is_found, "{}", verdict.summary);
        is_found
    };
    assert!(is_said(&context()));
    assert!(is_said(&Context {
        with_browser: false,
        ..context()
    }));
    assert!(!is_said(&Context::default()));
}
