//! Audio and video, as both sides counted them.

use std::time::Duration;

use crate::base::report::Millis;
use crate::commands::pair::report::{DirectionReport, MediaReport};
use crate::commands::pair::run::meeting::Meeting;
use crate::proto::media::Kind;
use crate::proto::media::echo::Counted;
use crate::proto::media::offer::Section;
use crate::proto::signal::message::{SeenStream, Source};

/// One row for each section; `None` where there was none.
pub(super) fn rows(meeting: &Meeting<'_>) -> Option<Vec<MediaReport>> {
    let media = &meeting.flow.media;
    let counted = media.counted();
    let rows = media.sections()?.iter().map(|section| {
        let mid = section.agreement.mid.as_deref();
        let here = counted.iter().find(|it| Some(&*it.mid) == mid);
        let seen = media.seen.iter().flatten();
        let mut seen = seen.filter(|stream| Some(&*stream.mid) == mid);
        row(section, here, seen.next())
    });
    Some(rows.collect())
}

fn row(section: &Section, here: Option<&Counted>, there: Option<&SeenStream>) -> MediaReport {
    let agreement = &section.agreement;
    let is_video = section.kind == Kind::Video;
    let requests = here.map(|it| it.keyframe_requests).filter(|_| is_video);
    let incoming = DirectionReport {
        packets_sent: there.and_then(|it| it.sent),
        packets_received: here.map(|it| it.received),
        lost: here.and_then(|it| it.lost),
        jitter_ms: here.and_then(|it| it.jitter).map(Millis),
        bitrate_kbps: here
            .and_then(|it| it.bits_per_second)
            .map(|it| tenths(it / 1e3)),
        frames_decoded: None,
        freezes: None,
        keyframe_requests: requests,
    };
    let outgoing = DirectionReport {
        packets_sent: here.map(|it| it.sent),
        packets_received: there.and_then(|it| it.received),
        lost: there
            .and_then(|it| it.lost)
            .or(here.and_then(|it| it.lost_there)),
        jitter_ms: there.and_then(|it| it.jitter_ms).and_then(milliseconds),
        bitrate_kbps: there
            .and_then(|it| it.received_kbps)
            .filter(|it| *it >= 0.0)
            .map(tenths),
        frames_decoded: there.and_then(|it| it.frames_decoded).filter(|_| is_video),
        freezes: there.and_then(|it| it.freezes).filter(|_| is_video),
        keyframe_requests: requests,
    };
    MediaReport {
        mid: agreement.mid.clone(),
        kind: section.kind,
        accepted: agreement.accepted,
        codec: here
            .and_then(|it| it.codec.clone())
            .or(agreement.codec.clone()),
        codec_reason: section.choice.clone(),
        source: there.map(|it| it.source),
        sent: here.map_or(0, |it| it.sent),
        received: here.map_or(0, |it| it.received),
        lost: incoming.lost,
        jitter_ms: incoming.jitter_ms,
        frames_decoded: outgoing.frames_decoded,
        reason: agreement.reason.clone().or_else(|| there.and_then(trouble)),
        incoming,
        outgoing,
        lacks_codec: section.lacks_codec,
    }
}

/// Why the device was not used.
fn trouble(there: &SeenStream) -> Option<String> {
    let what = there.trouble.as_deref()?;
    let why = match what {
        "NotAllowedError" => "its use was refused by the person, the browser or the system",
        "NotFoundError" => "the other side has none",
        "NotReadableError" => "another program uses it, or the system does not give it",
        "chosen" => "the person chose to do without",
        "undecided" => "the person did not decide",
        other => other,
    };
    let instead = match there.source {
        Source::Synthetic => "so the page made its own",
        Source::Device | Source::None => "so there was none",
    };
    Some(format!("not the device: {why}, {instead}"))
}

/// What a browser tells may be any number.
fn milliseconds(value: f64) -> Option<Millis> {
    let span = Duration::try_from_secs_f64(value / 1e3).ok()?;
    (span < Duration::from_secs(3600)).then_some(Millis(span))
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
