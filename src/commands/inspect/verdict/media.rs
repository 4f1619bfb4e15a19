//! Media that was offered and refused, or that does not flow as agreed, in calls that work otherwise.

use crate::base::codes::Code;
use crate::base::report::{Caveat, Finding, Severity};
use crate::base::words::listed;
use crate::commands::inspect::report::{CallReport, MANY, MediaReport};
use crate::commands::pair::verdict::findings::quality::LOSS_PERCENT;
use crate::proto::evidence::facts::standing::Standing;

/// More than that, one way, is heard in speech (ITU-T G.1010, table I.1).
const SPEECH_PERCENT: f64 = 3.0;
/// Fewer are lost by chance, or are late.
const MIN_LOST: i64 = 5;

/// What is to be said of a call that is connected: as a finding, and in its sentence.
struct Remark {
    code: Code,
    text: String,
    more: &'static str,
    hint: &'static str,
    /// Why the call is none to be content with, if it is none.
    caveat: Option<Caveat>,
}

impl Remark {
    fn finding(&self) -> Finding {
        Finding {
            severity: Severity::Warning,
            ..Finding::new(self.code, format!("{}{}", self.text, self.more), self.hint)
        }
    }
}

/// The kinds that the answer refuses, as in "video is refused in the answer (port 0)", if no cause says why. Who answers
/// may mean it so.
fn refused(call: &CallReport) -> Option<Remark> {
    if call
        .causes
        .iter()
        .any(|cause| cause.code == Code::NoCommonCodec)
    {
        return None;
    }
    let said = kinds(call, |section| section.accepted == Some(false))?;
    Some(Remark {
        code: Code::SdpSectionRefused,
        text: format!("{said} refused in the answer (port 0)"),
        more: ", which does not tell why",
        hint: "look at the answering program: has it one of the codecs that are offered, and a transceiver that is not stopped?",
        // It may be meant so.
        caveat: None,
    })
}

/// As in "audio and video are", for those of which it is so.
fn kinds(call: &CallReport, is_so: impl Fn(&MediaReport) -> bool) -> Option<String> {
    let media = call.media.iter().flatten();
    let mut kinds: Vec<String> = media
        .filter(|section| is_so(section))
        .map(|section| section.kind.clone())
        .collect();
    kinds.dedup();
    let verb = if kinds.len() == 1 { "is" } else { "are" };
    (!kinds.is_empty()).then(|| format!("{} {verb}", listed(&kinds)))
}

/// Sections that both ends keep, and over which neither sends.
fn inactive(call: &CallReport) -> Option<Remark> {
    let said = kinds(call, |section| {
        section.accepted == Some(true) && section.direction.as_deref() == Some("inactive")
    })?;
    Some(Remark {
        code: Code::NoMedia,
        text: format!("{said} agreed as inactive, so nobody sends any"),
        more: "",
        hint: "look at the directions of the transceivers at both ends: two that only receive have nothing to receive",
        caveat: Some(Caveat::Limited),
    })
}

/// Sections over which an end may send, and sends nothing, while the other one does.
fn unsent(call: &CallReport) -> Option<Remark> {
    let allows = |section: &MediaReport, one: &str| {
        let direction = section.direction.as_deref();
        section.accepted == Some(true) && (direction == Some("sendrecv") || direction == Some(one))
    };
    let many = |count: Option<u64>| count.is_some_and(|count| count >= MANY);
    let media: Vec<&MediaReport> = call.media.iter().flatten().collect();
    let of = |is_so: &dyn Fn(&MediaReport) -> bool| -> Vec<String> {
        let found = media
            .iter()
            .filter(|section| section.kind != "data" && is_so(section));
        found.map(|section| section.kind.clone()).collect()
    };
    let own = of(&|section| {
        let is_long = many(section.received) || many(section.remote_sent);
        allows(section, "sendonly") && section.sent == Some(0) && is_long
    });
    let theirs = of(&|section| {
        let is_long = many(section.sent) || many(section.remote_received);
        allows(section, "recvonly") && section.remote_sent == Some(0) && is_long
    });
    let parts: Vec<String> = [(own, "this side"), (theirs, "the other side")]
        .into_iter()
        .filter(|(kinds, _)| !kinds.is_empty())
        .map(|(kinds, who)| format!("{who} sent no {}, though that is agreed", listed(&kinds)))
        .collect();
    (!parts.is_empty()).then(|| Remark {
        code: Code::NoMedia,
        text: parts.join(", and "),
        more: ": its sender has no track, or the source of it gives nothing",
        hint: "look at the sender there: replaceTrack(null), a track that has ended, or a device that is not allowed sends nothing",
        caveat: Some(Caveat::Limited),
    })
}

/// Sections of which nothing comes to the one end whose files there are, though it sends: what the other one sends is not
/// known.
fn unheard(call: &CallReport) -> Option<Remark> {
    let is_media = |section: &&MediaReport| section.kind != "data";
    let media = || call.media.iter().flatten().filter(is_media);
    let direction = |section: &MediaReport| section.direction.clone();
    let is_due = |section: &&MediaReport| {
        section.accepted != Some(false)
            && direction(section).is_none_or(|way| way == "sendrecv" || way == "recvonly")
    };
    let sent = media().filter_map(|section| section.sent).max()?;
    let due: Vec<&MediaReport> = media().filter(is_due).collect();
    let is_silent = due.iter().all(|section| section.received == Some(0));
    if call.facts.has_both_ends || due.is_empty() || !is_silent || sent < MANY {
        return None;
    }
    let mut kinds: Vec<String> = due.iter().map(|section| section.kind.clone()).collect();
    kinds.dedup();
    let ways: Vec<Option<String>> = due.iter().map(|section| direction(section)).collect();
    let (agreed, caveat) = match ways.first() {
        Some(Some(way)) if ways.iter().all(|one| one.as_ref() == Some(way)) => (
            format!(", though it was agreed {way}"),
            Some(Caveat::Limited),
        ),
        Some(Some(_)) => (", though that was agreed".to_owned(), Some(Caveat::Limited)),
        // Packets do not tell whether any was to come.
        _ => (String::new(), None),
    };
    Some(Remark {
        code: Code::NoMedia,
        text: format!(
            "no {} of the other side arrives{agreed}",
            kinds.join(" or ")
        ),
        more: ": either it sends none, or something on the way drops SRTP",
        hint: "give the other end's dump too: it counts what was sent there",
        caveat,
    })
}

/// Packets that were sent and did not come, of those that did come too.
fn lossy(call: &CallReport) -> Option<Remark> {
    let share = |received: Option<u64>, lost: Option<i64>| {
        let lost = lost.filter(|lost| *lost >= MIN_LOST)?;
        let received = i64::try_from(received.filter(|count| *count > 0)?).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = lost as f64 * 100.0 / (lost.saturating_add(received)) as f64;
        (share > LOSS_PERCENT).then_some((lost, share))
    };
    let mut parts = Vec::new();
    let mut worst: f64 = 0.0;
    for section in call.media.iter().flatten() {
        for (counts, who) in [
            ((section.received, section.lost), "on its way to this side"),
            (
                (arrived_there(section), section.remote_lost),
                "on its way to the other side",
            ),
        ] {
            if let Some((lost, percent)) = share(counts.0, counts.1) {
                let kind = &section.kind;
                parts.push(format!(
                    "{lost} packets of {kind} ({percent:.0} %) were lost {who}"
                ));
                worst = worst.max(percent);
            }
        }
    }
    (!parts.is_empty()).then(|| Remark {
        code: Code::PacketLoss,
        text: parts.join(", and "),
        more: ": more than 1 % is seen in video calls (ITU-T G.1010)",
        hint: "look for wireless links and busy lines on both sides",
        caveat: (worst > SPEECH_PERCENT).then_some(Caveat::Lossy),
    })
}

/// What the other end got of a section; without its files it is what was sent less what it reports as lost.
fn arrived_there(section: &MediaReport) -> Option<u64> {
    let by_reports = || {
        let lost = u64::try_from(section.remote_lost?).ok()?;
        Some(section.sent?.saturating_sub(lost))
    };
    section.remote_received.or_else(by_reports)
}

fn remarks(call: &CallReport) -> Vec<Remark> {
    // What is a cause is said as one.
    let is_caused = call.causes.iter().any(|cause| cause.code == Code::NoMedia);
    let one_way = [unsent(call), unheard(call)].into_iter().flatten();
    let of_flow = inactive(call)
        .into_iter()
        .chain(one_way.filter(|_| !is_caused))
        .chain(lossy(call));
    let is_up = call.standing == Standing::Connected;
    refused(call)
        .into_iter()
        .chain(of_flow.filter(|_| is_up))
        .collect()
}

pub(super) fn findings(call: &CallReport) -> Vec<Finding> {
    remarks(call).iter().map(Remark::finding).collect()
}

/// For the sentence on a call that is connected.
pub(super) fn said(call: &CallReport) -> Option<String> {
    let all: Vec<String> = remarks(call)
        .into_iter()
        .map(|remark| remark.text)
        .collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Why the call is none to be content with, though it is connected.
pub(super) fn caveat(call: &CallReport) -> Option<Caveat> {
    let all: Vec<Caveat> = remarks(call)
        .into_iter()
        .filter_map(|remark| remark.caveat)
        .collect();
    let lossy = all.contains(&Caveat::Lossy).then_some(Caveat::Lossy);
    lossy.or(all.first().copied())
}
