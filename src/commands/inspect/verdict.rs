//! The verdict on what files tell of calls.

mod media;
mod part;

pub use part::of_part;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::report::{Caveat, Finding, Severity, Verdict};
use crate::base::words::{capitalised, counted, listed};
use crate::commands::inspect::report::{CallReport, InspectResult, MAX_LISTED};
use crate::commands::pair::report::PathKind;
use crate::commands::pair::verdict::causes::{hint, promise};
use crate::proto::evidence::MAX_PARTS;
use crate::proto::evidence::account::Record;
use crate::proto::evidence::facts::is_of_later_stage;
use crate::proto::evidence::facts::sides::KNOWN;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::Cause;

/// Calls of which all causes are findings; with more, the result has them.
const CALLS_WITH_FINDINGS: usize = 5;

pub fn verdict(result: &InspectResult, names: &[String], records: &[Record]) -> Verdict {
    let mut found: Vec<Finding> = names
        .iter()
        .zip(records)
        .flat_map(|(name, record)| of_file(name, record, result))
        .collect();
    if result.calls.len() > 1 && names.len() > 1 {
        // Statistics of a call that failed have nothing of the other side.
        let is_bare = |call: &CallReport| {
            call.sdp.is_none() && call.remote.candidates.is_empty() && !call.facts.has_both_ends
        };
        let files = counted(names.len(), "file");
        let calls = counted(result.calls.len(), "call");
        let message = if records.iter().any(|record| record.is_redacted) {
            format!(
                "nothing shows that the {files} are of one call, since labels stand in them in place of addresses, so they are taken for {calls}"
            )
        } else if result.calls.iter().any(is_bare) {
            format!("nothing shows that the {files} are of one call, so they are taken for {calls}")
        } else {
            format!("the {files} are of {calls}")
        };
        found.push(Finding::new(
            Code::CallsDiffer,
            message,
            "give the files of both ends of one call to have them joined",
        ));
    }
    for (place, call) in result.calls.iter().enumerate().take(CALLS_WITH_FINDINGS) {
        let label = (result.calls.len() > 1).then(|| format!("call {}", place + 1));
        found.extend(of_call(call).into_iter().map(|finding| match &label {
            Some(label) => finding.about(label),
            None => finding,
        }));
    }
    found.sort_by_key(|finding| finding.severity);
    let outcome = outcome(result);
    let relayed = result
        .calls
        .iter()
        .any(|call| call.path == Some(PathKind::Relayed));
    let of_media = result.calls.iter().find_map(media::caveat);
    let caveat = of_media.or(relayed.then_some(Caveat::Relayed));
    Verdict {
        outcome,
        caveat: caveat.filter(|_| outcome == Outcome::Good),
        summary: summary(result, &found),
        findings: found,
    }
}

fn of_file(name: &str, record: &Record, result: &InspectResult) -> Vec<Finding> {
    let is_of_use = result
        .sources
        .iter()
        .any(|source| source.file == name && !source.calls.is_empty());
    let faults = record.faults.iter().map(|fault| {
        let (code, hint) = if is_of_use {
            (
                Code::FileDamaged,
                "the rest of it is used; save or copy it again",
            )
        } else {
            (
                Code::FileUnreadable,
                "rtcdiag explain inspect lists what is read, and how to save it",
            )
        };
        if fault.is_bare_connection && !result.calls.is_empty() {
            let message = format!("{name}, {}: {}", fault.place, fault.message);
            let hint = "if it is of this call, signalling never brought a description to it";
            return Finding::new(Code::NoAnswer, message, hint).severity(Severity::Warning);
        }
        Finding::new(
            code,
            format!("{name}, {}: {}", fault.place, fault.message),
            hint,
        )
    });
    let supposed = record.supposed_side.as_ref().map(|here| {
        Finding::new(
            Code::SideSupposed,
            format!("{name} does not tell at which end it was taken: {here} is taken for this side"),
            "give the capture of the other end too, or capture with 'tcpdump -i any', which notes what was sent and what came",
        )
    });
    faults.chain(supposed).collect()
}

fn of_call(call: &CallReport) -> Vec<Finding> {
    let mut found = Vec::new();
    if call.facts.is_late {
        let mut sides = [&call.local, &call.remote].into_iter();
        let missing = if sides.any(|side| side.candidates.is_empty()) {
            "it was recorded from the middle of the call on: there are neither all candidates nor earlier states"
        } else {
            "it was recorded from the middle of the call on: there are no earlier states"
        };
        found.push(Finding::new(
            Code::RecordedTooLate,
            missing,
            "open the page before the call",
        ));
    }
    let is_open = !call.facts.is_good || call.facts.may_be_relay.is_some();
    if !call.facts.has_both_ends && is_open {
        found.push(Finding::new(
            Code::OneEndOnly,
            "the files are of one end alone, which proves less",
            "give the other end's dump too",
        ));
    }
    found.extend(cut(call));
    found.extend(failed_on_the_way(call));
    found.extend(not_taken(call));
    found.extend(media::findings(call));
    let works = call.standing == Standing::Connected;
    let of_cause = |cause: &Cause, prefix: &str| {
        let seen = if cause.evidence.is_empty() {
            String::new()
        } else {
            format!(" (seen: {})", cause.evidence.join("; "))
        };
        let is_harmless = works && !is_of_later_stage(cause.code);
        Finding {
            code: cause.code,
            severity: if is_harmless {
                Severity::Warning
            } else {
                Severity::Error
            },
            message: format!("{prefix}{}{seen}", cause.message),
            hint: hint(std::slice::from_ref(cause)),
        }
    };
    found.extend(call.causes.iter().map(|cause| {
        let prefix = if is_later(call, cause) {
            ""
        } else {
            "no direct path: "
        };
        of_cause(cause, prefix)
    }));
    found.extend(
        call.relay_causes
            .iter()
            .map(|cause| of_cause(cause, "no relay: ")),
    );
    found
}

/// What a program could not make or did not take, where it is not why the call failed.
fn failed_on_the_way(call: &CallReport) -> Option<Finding> {
    const MOST: usize = 3;
    let is_cause = |cause: &Cause| cause.code == Code::DescriptionFailed;
    if call.failures.is_empty() || call.causes.iter().any(is_cause) {
        return None;
    }
    let mut said: Vec<String> = call.failures.iter().take(MOST).cloned().collect();
    if call.failures.len() > MOST {
        said.push(format!("{} more", call.failures.len() - MOST));
    }
    Some(Finding {
        code: Code::DescriptionFailed,
        severity: Severity::Warning,
        message: format!("{}; the call went on all the same", said.join("; ")),
        hint: Some("look into the console of that side: offers that cross each other (glare) end so, and one of the two has to give way".to_owned()),
    })
}

/// Candidates that were not taken, where that is not named as the cause.
fn not_taken(call: &CallReport) -> Option<Finding> {
    let is_cause = |cause: &Cause| matches!(cause.code, Code::CandidatesLost | Code::NoAnswer);
    if call.refused.is_empty() || call.causes.iter().any(is_cause) {
        return None;
    }
    Some(Finding {
        severity: Severity::Warning,
        ..Finding::new(
            Code::CandidatesLost,
            call.refused.join("; "),
            "keep candidates that come before the remote description, and add them when it is set",
        )
    })
}

/// That the result has not all that the files have.
fn cut(call: &CallReport) -> Option<Finding> {
    let amount = |count: usize, noun: &str| {
        let at_least = if count >= MAX_PARTS { "at least " } else { "" };
        format!("{at_least}{}", counted(count, noun))
    };
    let sides = ["this side", "the other side"]
        .into_iter()
        .zip(call.facts.candidates);
    let mut left_out: Vec<String> = sides
        .filter(|(_, count)| *count > MAX_LISTED)
        .map(|(who, count)| {
            let used = if count > KNOWN {
                format!("the first {KNOWN} are used, and ")
            } else {
                String::new()
            };
            let told = amount(count, "candidate");
            format!("{who} told {told}: {used}{MAX_LISTED} with the highest priority are listed")
        })
        .collect();
    if call.facts.pairs > MAX_LISTED {
        let pairs = amount(call.facts.pairs, "pair");
        left_out.push(format!("there are {pairs}: {MAX_LISTED} are listed"));
    }
    (!left_out.is_empty()).then(|| {
        Finding::new(
            Code::ListCut,
            left_out.join("; "),
            "a call has some dozens: look at what wrote the file, or give the part of it that matters",
        )
    })
}

fn outcome(result: &InspectResult) -> Outcome {
    if result.calls.is_empty() {
        return Outcome::Error;
    }
    let all: Vec<Outcome> = result.calls.iter().map(outcome_of).collect();
    let worst = [Outcome::Bad, Outcome::Inconclusive];
    worst
        .into_iter()
        .find(|outcome| all.contains(outcome))
        .unwrap_or(Outcome::Good)
}

fn outcome_of(call: &CallReport) -> Outcome {
    if call.facts.is_good {
        Outcome::Good
    } else if (call.facts.is_end_open || is_half_seen(call))
        && !call.causes.iter().any(|c| is_of_later_stage(c.code))
    {
        Outcome::Inconclusive
    } else if call.facts.is_explained || call.standing >= Standing::Failed {
        Outcome::Bad
    } else {
        Outcome::Inconclusive
    }
}

fn summary(result: &InspectResult, findings: &[Finding]) -> String {
    match result.calls.as_slice() {
        [] => unread(findings),
        [call] => sentence(call),
        calls => {
            let count = |wanted: Outcome| {
                calls
                    .iter()
                    .filter(|call| outcome_of(call) == wanted)
                    .count()
            };
            let parts: Vec<String> = [
                (count(Outcome::Good), "worked"),
                (count(Outcome::Bad), "did not work"),
                (count(Outcome::Inconclusive), "cannot be judged"),
            ]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
            let first_bad = calls
                .iter()
                .position(|call| outcome_of(call) == Outcome::Bad);
            let first = first_bad.map_or_else(String::new, |place| {
                format!(" Call {}: {}", place + 1, sentence(&calls[place]))
            });
            format!(
                "{}: {}.{first}",
                counted(calls.len(), "call"),
                listed(&parts)
            )
        }
    }
}

/// Why there is no call, in the words of the first file that says.
fn unread(findings: &[Finding]) -> String {
    let mut errors = findings.iter().filter(|f| f.severity == Severity::Error);
    errors.next().map_or_else(
        || "No call could be read from what was given.".to_owned(),
        |first| format!("No call could be read: {}.", first.message),
    )
}

/// One call in a sentence or two.
pub fn sentence(call: &CallReport) -> String {
    match call.standing {
        Standing::Connected => connected(call),
        Standing::Nothing => "Nothing was begun: there is not even a description.".to_owned(),
        Standing::Unanswered if call.causes.is_empty() => {
            "Descriptions alone do not tell whether it worked: the dump of an end does.".to_owned()
        }
        Standing::Untried if call.causes.is_empty() && call.relay_causes.is_empty() => {
            "Whether it worked is not told: no pair was tried as far as the files go.".to_owned()
        }
        Standing::Checking if call.causes.is_empty() && call.relay_causes.is_empty() => {
            "It was still being connected when the file was saved.".to_owned()
        }
        Standing::Unanswered | Standing::Untried if is_of_media_alone(call) => format!(
            "{}. Whether it was connected is not told: descriptions alone are given.",
            capitalised(call.causes.first().map_or("", |cause| &cause.message))
        ),
        _ if is_open(call) || is_half_seen(call) => {
            let mut open = call.causes.iter().chain(&call.relay_causes);
            let open = open.find(|cause| cause.code == Code::Unknown);
            let why = open.or(call.causes.first());
            let text = format!(
                "Whether it worked is not told: {}.",
                why.map_or("", |cause| &cause.message)
            );
            let known = call
                .causes
                .iter()
                .filter(|cause| is_half_seen(call) && Some(*cause) != why);
            known.fold(text, |text, cause| with_cause(call, &text, cause))
        }
        _ => failed(call),
    }
}

/// Whether it is of what came after ICE: the first that is not known is so where that is open.
fn is_later(call: &CallReport, cause: &Cause) -> bool {
    let mut open = call.causes.iter().filter(|c| c.code == Code::Unknown);
    let is_end = (call.facts.is_end_open || is_half_seen(call))
        && open.next().is_some_and(|first| first == cause);
    is_end || is_of_later_stage(cause.code)
}

/// Whether descriptions were given, and what is wrong is in them.
pub fn is_of_media_alone(call: &CallReport) -> bool {
    let mut causes = call.causes.iter().chain(&call.relay_causes);
    call.standing < Standing::Checking
        && !call.causes.is_empty()
        && causes.all(|cause| cause.code == Code::NoCommonCodec)
}

/// Whether nothing was seen to fail, and nothing that would have made it fail.
pub fn is_open(call: &CallReport) -> bool {
    let mut causes = call.causes.iter().chain(&call.relay_causes);
    // That relays alone are wanted keeps nothing from working.
    let is_unsettled = call.standing < Standing::Checking
        || call.facts.has_gap && call.standing == Standing::Checking && !call.causes.is_empty();
    is_unsettled && causes.all(|cause| matches!(cause.code, Code::Unknown | Code::RelayOnly))
}

/// Whether ICE was up, and nobody tells what came of it.
pub fn is_half_seen(call: &CallReport) -> bool {
    let first = call.causes.first();
    call.standing == Standing::Checking
        && call.selected.is_some()
        && first.is_some_and(|cause| cause.code == Code::Unknown)
}

fn connected(call: &CallReport) -> String {
    let mut text = match (&call.selected, call.path) {
        (Some(ends), Some(PathKind::Relayed)) => {
            let of = |kind: CandidateType| kind == CandidateType::Relay;
            let whose = match (of(ends.local.kind), of(ends.remote.kind)) {
                (true, true) => format!(
                    "relays of both sides, {} and {}",
                    ends.local.text(),
                    ends.remote.text()
                ),
                (true, false) => format!("relay of this side, {}", ends.local.at()),
                _ => format!("relay of the other side, {}", ends.remote.at()),
            };
            format!("Connected through the TURN {whose}.")
        }
        (Some(ends), None) => {
            let end = match call.facts.may_be_relay {
                Some(0) => &ends.local,
                _ => &ends.remote,
            };
            format!(
                "Connected, {} <-> {}; whether {} is a relay is not told from one end.",
                ends.local.text(),
                ends.remote.text(),
                end.text()
            )
        }
        (Some(ends), _) => format!(
            "Connected directly, {} <-> {}.",
            ends.local.text(),
            ends.remote.text()
        ),
        (None, _) => "Connected; over which pair is not told.".to_owned(),
    };
    if let Some(said) = media::said(call) {
        text = format!("{text} But {said}.");
    }
    for cause in &call.causes {
        text = with_cause(call, &text, cause);
    }
    text
}

/// What was said, and a cause with what would mend it.
fn with_cause(call: &CallReport, text: &str, cause: &Cause) -> String {
    let lead = if is_later(call, cause) {
        "But "
    } else if call.facts.has_gap && cause.code == Code::Unknown {
        "Why there is no direct path is not known: "
    } else {
        "No direct path: "
    };
    let text = format!("{text} {lead}{}.", cause.message);
    match cause.remedies.first() {
        Some(remedy) => format!("{text} {}.", capitalised(&promise(remedy))),
        None => text,
    }
}

fn failed(call: &CallReport) -> String {
    let direct = call.causes.first();
    // What stops both ways is said once; that there is no TURN server, by what would help.
    let relayed = call.relay_causes.first().filter(|cause| {
        // That there is a relay and nothing gets to it is said, if not why.
        let has_relay = [&call.local, &call.remote].iter().any(|side| {
            let mut all = side.candidates.iter();
            all.any(|candidate| candidate.kind == CandidateType::Relay)
        });
        let is_said = [Code::NoCandidates, Code::NoTurnServer].contains(&cause.code)
            || cause.code == Code::Unknown && !has_relay;
        direct.is_none() || !is_said
    });
    let is_open = |cause: &&Cause| cause.code == Code::Unknown;
    let why = match (direct, relayed) {
        (None, None) => return "No connection, and the files do not tell why.".to_owned(),
        (Some(direct), Some(relayed)) if is_open(&direct) => {
            format!(
                "{}; why there is no direct path is not known",
                relayed.message
            )
        }
        (Some(direct), Some(relayed)) => format!("{}; {}", direct.message, relayed.message),
        (Some(one), None) | (None, Some(one)) => one.message.clone(),
    };
    let lead = match call.standing {
        Standing::Lost => "",
        // What comes next is not in it.
        Standing::Checking => "Not connected when the record ends: ",
        _ => "No connection: ",
    };
    let text = capitalised(&format!("{lead}{why}."));
    // A STUN server is cheaper than a TURN server, where it may be all that is missing.
    let hidden = call
        .causes
        .iter()
        .filter(|cause| cause.code == Code::HiddenAddresses);
    let mut remedies = hidden
        .chain(&call.relay_causes)
        .chain(&call.causes)
        .flat_map(|cause| &cause.remedies);
    match remedies.next() {
        Some(remedy) => format!("{text} {}.", capitalised(&promise(remedy))),
        None => text,
    }
}
