//! How good the path is for calls.

use crate::report::pair::{Context, PairResult, QualityReport};
use crate::report::{Finding, Millis, Severity};

/// ITU-T G.114: up to 150 ms one way most applications are not affected; here it is both ways.
const RTT_WARNING_MS: f64 = 300.0;
/// ITU-T G.114: more than 400 ms one way should not be planned for.
const RTT_LIMIT_MS: f64 = 800.0;
/// ITU-T G.1010, table I.1: less than 1 % for video telephony, less than 3 % for speech.
const LOSS_PERCENT: f64 = 1.0;
/// ITU-T Y.1541, classes 0 and 1: 50 ms of delay variation.
const JITTER_MS: f64 = 50.0;
/// A single loss among few datagrams says nothing of the rate.
const MIN_LOST: u32 = 2;

/// What is beyond what calls can stand.
pub(in crate::report::pair) fn of_quality(
    result: &PairResult,
    context: &Context,
    findings: &mut Vec<Finding>,
) {
    let Some(quality) = &result.quality else {
        return;
    };
    if quality.sent > 0 && quality.received == 0 {
        findings.push(Finding::new(
            "no-data",
            Severity::Error,
            format!("none of {} datagrams came back over the path", quality.sent),
            "run it again; if it stays so, something drops what is no ICE check",
        ));
        return;
    }
    if let Some(after) = quality.ended_after_ms
        && context.peer_end.is_none()
    {
        findings.push(Finding::new(
            "path-ended",
            Severity::Error,
            format!(
                "the path ended {:.1} s after it had been connected: nothing came back of what was sent then",
                after.0.as_secs_f64()
            ),
            "a firewall or NAT on the way may let a flow go on for so long only, or a network has changed: run it again with a longer --duration",
        ));
    }
    of_round_trip(quality, findings);
    let lost = quality.sent.saturating_sub(quality.received);
    if quality.loss_percent > LOSS_PERCENT && lost >= MIN_LOST {
        findings.push(Finding::new(
            "packet-loss",
            Severity::Warning,
            format!(
                "{lost} of {} datagrams were lost, there or on the way back ({:.1} %): more than {LOSS_PERCENT} % is seen in video calls (ITU-T G.1010)",
                quality.sent, quality.loss_percent
            ),
            "look for wireless links and full lines on both sides; --duration gives a longer test",
        ));
    }
    if let Some(jitter) = quality.jitter_ms.map(Millis::as_f64)
        && jitter > JITTER_MS
    {
        findings.push(Finding::new(
            "high-jitter",
            Severity::Warning,
            format!(
                "the interarrival jitter (RFC 3550) is {jitter:.1} ms, more than the {JITTER_MS} ms of delay variation that ITU-T Y.1541 allows for calls"
            ),
            "look for wireless links and full lines on both sides",
        ));
    }
}

fn of_round_trip(quality: &QualityReport, findings: &mut Vec<Finding>) {
    let Some(median) = quality.rtt_ms.map(|rtt| rtt.median.as_f64()) else {
        return;
    };
    let meaning = if median > RTT_LIMIT_MS {
        "more than twice the 400 ms one way that ITU-T G.114 has as its limit"
    } else if median > RTT_WARNING_MS {
        "more than twice the 150 ms one way up to which ITU-T G.114 finds calls undisturbed"
    } else {
        return;
    };
    findings.push(Finding::new(
        "high-round-trip",
        Severity::Warning,
        format!("the round trip is {median:.0} ms in the median: {meaning}"),
        "a relay nearer to both sides may help where the path is relayed; else it is the distance, or a full line",
    ));
}
