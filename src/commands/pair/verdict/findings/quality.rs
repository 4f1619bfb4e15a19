//! How good the path is for calls.

use crate::base::codes::Code;
use crate::base::report::{Finding, Millis, Severity};
use crate::commands::pair::report::{LargeReport, PairResult, QualityReport, SpanReport};
use crate::commands::pair::verdict::Context;
use crate::commands::pair::verdict::findings::session::ended_relay;

/// ITU-T G.114: up to 150 ms one way most applications are not affected; here it is both ways.
const RTT_WARNING_MS: f64 = 300.0;
/// ITU-T G.114: more than 400 ms one way should not be planned for.
const RTT_LIMIT_MS: f64 = 800.0;
/// ITU-T G.1010, table I.1: less than 1 % for video telephony, less than 3 % for speech.
pub(in crate::commands) const LOSS_PERCENT: f64 = 1.0;
/// With so much lost on the way there or back, two of three are lost each way.
const UNUSABLE_PERCENT: f64 = 90.0;
/// The same for speech, on each of the two ways (ITU-T G.1010, table I.1).
const SPEECH_PERCENT: f64 = 6.0;
/// Datagrams that a share is taken of at least.
const MIN_SENT: u32 = 20;
/// ITU-T Y.1541, classes 0 and 1: 50 ms of delay variation.
const JITTER_MS: f64 = 50.0;
/// A single loss among few datagrams says nothing of the rate.
const MIN_LOST: u32 = 2;
/// So many large datagrams do not all get lost by chance where the small ones come through.
const MIN_LARGE: u32 = 5;

/// What is beyond what calls can stand.
pub(crate) fn of_quality(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    let Some(quality) = &result.quality else {
        return;
    };
    if quality.sent > 0 && quality.received == 0 {
        findings.push(Finding::new(
            Code::NoData,
            format!("none of {} datagrams came back over the path", quality.sent),
            "run it again; if that does not help, something drops whatever is not an ICE check",
        ));
        return;
    }
    if let Some(after) = quality.ended_after_ms
        && context.peer_end.is_none()
    {
        let (why, hint) = match ended_relay(result, context) {
            Some(why) => (
                format!(", with {why}"),
                "look at the log of that TURN server; rtcdiag turn tests it by itself",
            ),
            None => (
                String::new(),
                "a firewall or NAT on the way may end a flow after some time, or a network has changed: run it again with a longer --duration",
            ),
        };
        findings.push(Finding::new(
            Code::PathEnded,
            format!(
                "the path ended {:.1} s after it had been connected{why}; nothing came back of what was sent then",
                after.0.as_secs_f64()
            ),
            hint,
        ));
    }
    of_round_trip(quality, findings);
    findings.extend(of_large(quality));
    let lost = quality.sent.saturating_sub(quality.received);
    if quality.loss_percent > LOSS_PERCENT && lost >= MIN_LOST {
        let meaning = if is_unusable(quality) {
            "no call goes over such a path".to_owned()
        } else {
            format!("more than {LOSS_PERCENT} % is seen in video calls (ITU-T G.1010)")
        };
        let finding = match gap(quality) {
            Some((from, long)) => Finding::new(
                Code::PacketLoss,
                format!(
                    "{lost} of {} datagrams were lost ({:.1} %), nearly all of them in one gap of {long:.1} s, {from:.1} s after the first: the path was interrupted and came back",
                    quality.sent, quality.loss_percent
                ),
                "look for a router, an access point or a firewall that restarts or is reconfigured, and for a mobile network; --duration gives a longer test",
            ),
            None => Finding::new(
                Code::PacketLoss,
                format!(
                    "{lost} of {} datagrams were lost{} ({:.1} %): {meaning}",
                    quality.sent,
                    ways(quality),
                    quality.loss_percent
                ),
                "look for wireless links and busy lines on both sides; --duration gives a longer test",
            ),
        };
        findings.push(if is_unusable(quality) {
            finding.severity(Severity::Error)
        } else {
            finding
        });
    }
    if let Some(jitter) = quality.jitter_ms.map(Millis::as_f64)
        && jitter > JITTER_MS
    {
        findings.push(Finding::new(
            Code::HighJitter,
            format!(
                "the interarrival jitter (RFC 3550) is {jitter:.1} ms, more than the {JITTER_MS} ms of delay variation that ITU-T Y.1541 allows for calls"
            ),
            "look for wireless links and busy lines on both sides",
        ));
    }
}

/// How many datagrams were lost on the way there, and on the way back, where the other side has told.
fn lost_each_way(quality: &QualityReport) -> Option<(u32, u32)> {
    let arrived = quality.arrived?;
    Some((
        quality.sent.saturating_sub(arrived),
        arrived.saturating_sub(quality.received),
    ))
}

/// Where datagrams were lost, behind how many they were.
fn ways(quality: &QualityReport) -> String {
    match lost_each_way(quality) {
        None => ", on the way there or back".to_owned(),
        Some((_, 0)) => ", all on the way to the other side".to_owned(),
        Some((0, _)) => ", all on the way back from the other side".to_owned(),
        Some((there, back)) => {
            format!(", {there} on the way to the other side and {back} on the way back")
        }
    }
}

/// The time in which nothing came back though much was sent, if nearly all that was lost was lost in it: when it began
/// and how long it was, in seconds.
fn gap(quality: &QualityReport) -> Option<(f64, f64)> {
    const LONG_S: f64 = 1.0;
    let asked = |span: &&SpanReport| span.sent > 0;
    let spans: Vec<&SpanReport> = quality.course.iter().filter(asked).collect();
    let runs = spans.chunk_by(|a, b| (a.received == 0) == (b.received == 0));
    let silent = runs.filter(|run| run[0].received == 0);
    let longest = silent.max_by_key(|run| run.len())?;
    let lost_in_it: u32 = longest.iter().map(|span| span.sent).sum();
    let lost = quality.sent.saturating_sub(quality.received);
    let after = spans
        .iter()
        .find(|span| span.at_ms > longest[longest.len() - 1].at_ms)?;
    let (from, to) = (longest[0].at_ms.as_f64(), after.at_ms.as_f64());
    let long = (to - from) / 1e3;
    (long >= LONG_S && lost_in_it * 10 >= lost * 9).then_some((from / 1e3, long))
}

/// The way that loses datagrams, where the other one hardly does: few of many may be chance. Of a gap it is not known:
/// what was lost on the way there has nothing to lose on the way back.
pub(crate) fn lossy_way(quality: &QualityReport) -> Option<&'static str> {
    const RATIO: u32 = 5;
    if gap(quality).is_some() {
        return Some("in one gap");
    }
    let (there, back) = lost_each_way(quality)?;
    if there >= MIN_LARGE && there >= back * RATIO {
        Some("on the way to the other side")
    } else if back >= MIN_LARGE && back >= there * RATIO {
        Some("on the way to this side")
    } else {
        None
    }
}

/// Whether more is lost than speech can stand.
pub(crate) fn is_lossy(quality: &QualityReport) -> bool {
    quality.sent >= MIN_SENT && quality.loss_percent > SPEECH_PERCENT
}

/// Whether so much is lost that no call goes over it.
pub(crate) fn is_unusable(quality: &QualityReport) -> bool {
    quality.sent >= MIN_SENT && quality.loss_percent > UNUSABLE_PERCENT
}

/// Whether small datagrams come through and no large one does.
pub(crate) fn loses_large(quality: &QualityReport) -> bool {
    let is_proved = |large: &LargeReport| large.sent >= MIN_LARGE || limits(quality).is_some();
    let large = quality.large.filter(is_proved);
    // Behind the end of a path nothing comes back, whatever its length.
    quality.ended_after_ms.is_none()
        && large.is_some_and(|large| large.received == 0)
        && quality.received * 2 > quality.sent
}

/// What does not carry large datagrams, and up to how many bytes pass; `None` if that is not known.
pub(crate) fn limits(quality: &QualityReport) -> Option<String> {
    let large = quality.large?.bytes;
    let largest = quality.largest_datagram_bytes;
    let too_low = |bytes: Option<usize>| bytes.filter(|bytes| *bytes < large);
    match (too_low(largest.sent), too_low(largest.received)) {
        (Some(there), Some(back)) if there == back => Some(format!("above {there} bytes")),
        (Some(there), Some(back)) => Some(format!(
            "above {there} bytes on the way there and {back} on the way back"
        )),
        (Some(there), None) => Some(format!("above {there} bytes on the way there")),
        (None, Some(back)) => Some(format!("above {back} bytes on the way back")),
        (None, None) => None,
    }
}

fn of_large(quality: &QualityReport) -> Option<Finding> {
    let large = quality.large?;
    let hint = "a tunnel or line with a small MTU, or a firewall that drops fragments or ICMP, is on the way: raise its MTU, or have ICMP \"fragmentation needed\" and fragments let through; voice alone may work";
    if loses_large(quality) {
        return Some(Finding::new(
            Code::LargeDatagramsLost,
            format!(
                "large datagrams are lost here{}: DTLS handshakes and video will fail (none of {} datagrams of {} bytes came back, and those of 160 bytes do)",
                limits(quality).map_or_else(String::new, |limits| format!(", {limits}")),
                large.sent,
                large.bytes
            ),
            hint,
        ));
    }
    // Where small ones get lost as well, there is a finding already.
    let share = |received: u32, sent: u32| f64::from(received) / f64::from(sent.max(1));
    let much_worse =
        share(large.received, large.sent) + 0.3 < share(quality.received, quality.sent);
    let has_stayed = quality.ended_after_ms.is_none();
    (has_stayed && large.sent >= MIN_LARGE && much_worse).then(|| {
        Finding::new(
            Code::LargeDatagramsLost,
            format!(
                "only {} of {} datagrams of {} bytes came back, and more of those of 160 bytes: video sends such large ones",
                large.received, large.sent, large.bytes
            ),
            hint,
        )
        .severity(Severity::Warning)
    })
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
        Code::HighRoundTrip,
        format!("the round trip is {median:.0} ms in the median: {meaning}"),
        "a relay nearer to both sides may help where the path is relayed; otherwise it is the distance, or a busy line",
    ));
}
