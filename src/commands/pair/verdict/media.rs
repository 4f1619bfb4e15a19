//! Whether sound and picture flow, and why not.

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::{capitalised, listed};
use crate::commands::pair::report::{MediaReport, PairResult, PairState};
use crate::commands::pair::verdict::Context;
use crate::proto::ice::causes::{Cause, Whose};
use crate::proto::signal::message::Source;

/// So few packets may not have come for other reasons: the page was closed, or it had just begun.
const MIN_SENT: u64 = 10;

/// How far a section got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// It was refused, and whether for want of a codec.
    Refused {
        lacks_codec: bool,
    },
    /// The other side sent nothing, or did not tell.
    Unsent,
    /// It was sent, and none of it came here.
    LostThere,
    /// It came, and none of it came back.
    LostBack,
    Works,
    /// It came, and whether it came back is not known.
    Untold,
}

fn flow(media: &MediaReport) -> Flow {
    let sent = media.incoming.packets_sent.unwrap_or(0);
    let back = media.outgoing.packets_received;
    if !media.accepted {
        let lacks_codec = media.lacks_codec;
        return Flow::Refused { lacks_codec };
    }
    match (media.received, back) {
        (0, _) if sent >= MIN_SENT => Flow::LostThere,
        (0, _) => Flow::Unsent,
        (received, Some(0)) if received >= MIN_SENT => Flow::LostBack,
        (_, None | Some(0)) => Flow::Untold,
        (_, Some(_)) => Flow::Works,
    }
}

fn sections(result: &PairResult) -> impl Iterator<Item = (&MediaReport, Flow)> {
    let is_connected = result.state == PairState::Connected;
    let sections = result.media.iter().flatten();
    let sections = sections.filter(move |_| is_connected);
    sections.map(|media| (media, flow(media)))
}

/// Whether sound or picture, which were to be tested, do not get through.
pub(super) fn is_missing(result: &PairResult) -> bool {
    sections(result).any(|(_, flow)| is_failure(flow))
}

const fn is_failure(flow: Flow) -> bool {
    matches!(
        flow,
        Flow::Refused { .. } | Flow::LostThere | Flow::LostBack
    )
}

/// The kinds for which both sides lack a codec.
pub(super) fn cause(result: &PairResult) -> Option<Cause> {
    let lacking = sections(result).filter(|(media, _)| media.lacks_codec);
    let lacking: Vec<&MediaReport> = lacking.map(|(media, _)| media).collect();
    let kinds: Vec<String> = lacking.iter().map(|media| media.kind.to_string()).collect();
    if kinds.is_empty() {
        return None;
    }
    let message = format!("no common codec for {}", listed(&kinds));
    let mut cause = Cause::new(Code::NoCommonCodec, Whose::Between, message);
    let reasons = lacking.iter().filter_map(|media| media.reason.clone());
    cause.evidence = reasons.collect();
    Some(cause)
}

/// Whether it is no reason for the way.
pub(super) fn is_of_media(cause: &Cause) -> bool {
    cause.code == Code::NoCommonCodec
}

/// As the last part of the summary.
pub(super) fn summary(result: &PairResult, context: &Context) -> Option<String> {
    if context.media_wanted && result.media.is_none() {
        return Some("Sound and picture were not tested.".to_owned());
    }
    let failed = sections(result).filter(|(_, flow)| is_failure(*flow));
    let failed: Vec<String> = failed
        .map(|(media, flow)| format!("no {}: {}", media.kind, why(flow)))
        .collect();
    if !failed.is_empty() {
        return Some(format!("But {}.", failed.join("; ")));
    }
    let works = sections(result).filter(|(_, flow)| *flow == Flow::Works);
    let works: Vec<String> = works.map(|(media, _)| media.kind.to_string()).collect();
    let untested = sections(result).filter(|(_, flow)| matches!(flow, Flow::Unsent | Flow::Untold));
    let untested: Vec<String> = untested.map(|(media, _)| media.kind.to_string()).collect();
    let (comes, was) = (
        if works.len() == 1 { "comes" } else { "come" },
        if untested.len() == 1 { "was" } else { "were" },
    );
    let works =
        (!works.is_empty()).then(|| format!("{} {comes} back.", capitalised(&listed(&works))));
    let untested = (!untested.is_empty()).then(|| {
        format!(
            "{} {was} not tested to the end.",
            capitalised(&listed(&untested))
        )
    });
    let said: Vec<String> = works.into_iter().chain(untested).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

const fn why(flow: Flow) -> &'static str {
    match flow {
        Flow::Refused { lacks_codec: true } => "no common codec",
        Flow::Refused { .. } => "the other side refuses it",
        Flow::LostThere => "none of it came here",
        Flow::LostBack => "none of it came back",
        Flow::Unsent => "the other side sent nothing",
        Flow::Untold => "the other side did not tell what came back",
        Flow::Works => "it works",
    }
}

pub(super) fn findings(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    if context.media_wanted && result.media.is_none() && result.state == PairState::Connected {
        let (why, hint) = if context.with_browser {
            (
                "the page at the other side does not know it",
                "the page comes from the rendezvous: run a newer rtcdiag serve there",
            )
        } else {
            (
                "the other side is no browser",
                "open the link that this side prints in a browser",
            )
        };
        let message = format!("sound and picture were not tested (--media): {why}");
        findings.push(Finding::new(Code::MediaUntested, message, hint));
    }
    for (media, flow) in sections(result) {
        findings.extend(finding(media, flow));
        if media.source == Some(Source::Synthetic)
            && let Some(reason) = &media.reason
        {
            findings.push(Finding::new(
                Code::MediaSynthetic,
                format!("{}: {reason}", media.kind),
                "allow the page to use microphone and camera, in the browser and in the system, if they are to be tested too",
            ));
        }
    }
}

fn finding(media: &MediaReport, flow: Flow) -> Option<Finding> {
    let kind = media.kind;
    let reason = media.reason.as_deref().unwrap_or("it does not say why");
    Some(match flow {
        Flow::Works => return None,
        Flow::Refused { lacks_codec: true } => Finding::new(
            Code::NoCommonCodec,
            format!("{kind} cannot flow: {reason}"),
            "a browser that lacks the usual codecs has been built or set up without them: try another one",
        ),
        Flow::Refused { .. } => Finding::new(
            Code::NoMedia,
            format!("{kind} cannot flow: the other side refuses it ({reason})"),
            "look for a policy or an extension of the browser that switches it off",
        ),
        Flow::LostThere | Flow::LostBack => {
            let counted = match flow {
                Flow::LostThere => media.incoming.packets_sent,
                _ => Some(media.sent),
            };
            let (count, what) = (counted.unwrap_or(0), why(flow));
            Finding::new(
                Code::NoMedia,
                format!("{kind} does not get through: {what} ({count} packets), though data does"),
                "something on the way tells SRTP from other datagrams, and drops it: look for a firewall that inspects packets; TURN over TLS hides them from it",
            )
        }
        Flow::Unsent | Flow::Untold => Finding::new(
            Code::MediaUntested,
            format!("{kind} was not tested to the end: {}", why(flow)),
            "leave the page open and in front until it shows the verdict, and decide there about microphone and camera",
        )
        .severity(Severity::Warning),
    })
}
