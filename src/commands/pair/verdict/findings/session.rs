//! How the two sides got on with each other.

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::{listed, short_span};
use crate::commands::pair::report::{EndReport, PairResult, PairState, PlaceKind, PlaceStatus};
use crate::commands::pair::verdict::{Company, Context, PeerEnd, RoleConflict, socket};
use crate::proto::ice::causes::EndedRelay;
use crate::proto::ice::checks::MAX_PAIRS;

/// What happened between the two sides beside the checks.
pub(crate) fn of_session(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    of_rendezvous(result, context, findings);
    of_places(result, findings);
    of_joiners(result, context, findings);
    of_peer(result, context, findings);
}

pub(crate) fn of_roles(context: &Context, findings: &mut Vec<Finding>) {
    findings.extend(context.role_conflict.map(|conflict| {
        let message = match conflict {
            RoleConflict::Told(role) => {
                format!("both sides were told to be {role}; their names broke the tie")
            }
            RoleConflict::Switched => {
                "both sides had the same role, and this side took the other one".to_owned()
            }
        };
        Finding::new(
            Code::RoleConflict,
            message,
            "give --role on one side only, or a different one on each",
        )
    }));
}

pub(crate) fn of_ended_relays(context: &Context, findings: &mut Vec<Finding>) {
    findings.extend(context.ended_relays.iter().map(|(relayed, why)| {
        Finding::new(
            Code::RelayEnded,
            format!("the relayed address {relayed} is gone: {why}"),
            "look at the TURN server's log; rtcdiag turn tests it by itself",
        )
    }));
    findings.extend(context.peer_found.ended_relays.iter().map(|ended| {
        Finding::new(
            Code::RelayEnded,
            format!(
                "the other side's relayed address {} is gone: {}",
                ended.relayed,
                why_ended(ended.code)
            ),
            "look at the log of the other side's TURN server; rtcdiag turn tests it by itself",
        )
    }));
}

/// Why a relay ended, as a sentence.
const fn why_ended(code: Code) -> &'static str {
    match code {
        Code::AllocationMismatch => "its TURN server ended it by itself (437)",
        Code::Closed => "the connection to its TURN server ended",
        Code::Refused => "its TURN server's host says port unreachable (ICMP)",
        Code::Timeout => "its TURN server does not answer any more",
        _ => "its TURN server cannot be used any more",
    }
}

/// Whose relay it was over which the path led, if it ended, and why, in few words.
pub(crate) fn ended_relay(result: &PairResult, context: &Context) -> Option<String> {
    let selected = result.selected.as_ref()?;
    let of = |all: &[EndedRelay], end: &EndReport| {
        let mut all = all.iter();
        all.find(|ended| ended.relayed == socket(end))
            .map(|ended| why_ended(ended.code))
    };
    let own = of(&context.found.ended_relays, &selected.local);
    let theirs = || of(&context.peer_found.ended_relays, &selected.remote);
    own.map(|why| format!("this side's relay: {why}"))
        .or_else(|| theirs().map(|why| format!("the other side's relay: {why}")))
}

/// The pairs beyond the limit of RFC 8445 6.1.2.5 are in no row.
pub(crate) fn of_pairs_left_out(context: &Context, findings: &mut Vec<Finding>) {
    if context.pairs_left_out {
        findings.push(Finding::new(
            Code::PairsLeftOut,
            format!(
                "the candidates of both sides make more than {MAX_PAIRS} pairs; the others were not checked"
            ),
            "test over one --interface, or with fewer servers",
        ));
    }
}

/// How the other side ended, as part of a sentence.
pub(crate) fn peer_end(end: &PeerEnd) -> String {
    match end {
        PeerEnd::Interrupted => "the other side was interrupted".to_owned(),
        PeerEnd::OutOfTime => "the time limit of the other side ended".to_owned(),
        PeerEnd::Error(text) => format!(
            "the other side could not go on: {}",
            text.trim_end_matches('.')
        ),
        PeerEnd::Vanished => "the other side left without a message".to_owned(),
        PeerEnd::Mute => "the other side was there and has said nothing of any check, so this side's description may never have reached it".to_owned(),
    }
}

fn of_rendezvous(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    let session = &result.session;
    if let Some(error) = &context.rendezvous_error {
        let harmless = result.state == PairState::Connected;
        findings.push(Finding {
            code: Code::RendezvousFailed,
            severity: if harmless {
                Severity::Warning
            } else {
                Severity::Error
            },
            message: match &session.rendezvous {
                Some(uri) => format!("the rendezvous {uri}: {}", error.message),
                None => format!("the rendezvous: {}", error.message),
            },
            hint: Some(error.hint.map_or_else(
                || {
                    "check the address, and that rtcdiag serve runs there; --manual needs no rendezvous"
                        .to_owned()
                },
                str::to_owned,
            )),
        });
    }
    if let Some(error) = &context.lost_rendezvous
        && context.rendezvous_error.is_none()
        && result.state == PairState::Failed
    {
        let lost = match &session.rendezvous {
            Some(uri) => format!("the rendezvous {uri} was lost during the session"),
            None => "the rendezvous was lost during the session".to_owned(),
        };
        findings.push(
            Finding::new(
                Code::RendezvousFailed,
                format!(
                    "{lost} ({}), so it is not known which checks arrived at the other side",
                    error.message
                ),
                "run it again with a rendezvous that stays: that tells on which side checks are lost",
            )
            .severity(Severity::Warning),
        );
    }
    if let Some(error) = &context.unusable {
        findings.push(Finding {
            code: error.code,
            severity: Severity::Error,
            message: error.message.clone(),
            hint: error.hint.map(str::to_owned),
        });
    }
    if session.reconnects > 0 {
        let times = match session.reconnects {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        findings.push(Finding::new(
            Code::RendezvousReconnected,
            format!("the connection to the rendezvous was lost and restored {times}"),
            "nothing is lost by that; if it happens often, look at the server or at the path to it",
        ));
    }
}

/// Places that could not be used, where another one could. That of public ones some fail is nobody's fault here.
fn of_places(result: &PairResult, findings: &mut Vec<Finding>) {
    let places = &result.rendezvous;
    if !places
        .iter()
        .any(|place| place.status == PlaceStatus::Reached)
    {
        return;
    }
    for place in places {
        let Some(error) = place
            .error
            .as_ref()
            .filter(|_| place.status != PlaceStatus::Reached)
        else {
            continue;
        };
        let severity = match place.kind {
            PlaceKind::Public => Severity::Info,
            PlaceKind::Lan | PlaceKind::Named => Severity::Warning,
        };
        let message = format!("the rendezvous {}: {}", place.url, error.message);
        let finding = Finding {
            hint: error.hint.map(str::to_owned),
            ..Finding::without_hint(Code::RendezvousUnusable, message)
        };
        findings.push(finding.severity(severity));
    }
}

/// What to look at, in order, for who came with a code and found nobody.
fn where_to_look(result: &PairResult) -> String {
    let reached = result
        .rendezvous
        .iter()
        .filter(|place| place.status == PlaceStatus::Reached && place.kind != PlaceKind::Lan);
    let reached: Vec<String> = reached.map(|place| place.url.clone()).collect();
    let places = if reached.is_empty() {
        "this side reached none but its own, which the other host finds by --rendezvous alone"
            .to_owned()
    } else {
        format!("this side reached {}", listed(&reached))
    };
    format!(
        "look at these, in order: whether rtcdiag pair still runs on the other host, and shows this very code; whether the other host says that it meets at one of the same places ({places}); whether both have the same --rendezvous; --manual needs no place to meet at"
    )
}

fn of_joiners(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    if context.turned_away > 0 {
        let who = match context.turned_away {
            1 => "somebody else".to_owned(),
            n => format!("{n} others"),
        };
        findings.push(Finding::new(
            Code::ThirdJoiner,
            format!("{who} tried to join with the same code and was turned away"),
            "a code is for two hosts and one run: start again with a new one if you do not know who it was; if it was the other host, somebody else had the code, was taken for it, and saw the addresses of this host",
        ));
    }
    if !result.session.refused.is_empty() {
        let refused = listed(&result.session.refused);
        // By hand there is neither a code nor anybody else.
        let (message, hint) = if context.manual {
            (
                format!("what was given was refused: {refused}"),
                "copy the other side's description whole, from its first character to its last",
            )
        } else if !context.has_foreign {
            (
                format!("some of what the other side sends was not used: {refused}"),
                "if the two do not work together, use the same version of rtcdiag on both sides",
            )
        } else {
            (
                format!("messages were refused: {refused}"),
                "if it happens again, something on the way changes or repeats them, or somebody is guessing codes; start again with a new code",
            )
        };
        findings.push(Finding::new(Code::MessagesRefused, message, hint));
    }
}

fn of_peer(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    let connected = result.state == PairState::Connected;
    if connected && result.session.peer_agrees == Some(false) {
        findings.push(Finding::new(
            Code::NoAgreement,
            "the two sides do not report the same pair, or only one is connected",
            "compare the output of the other side, and run it again",
        ));
    } else if connected && result.session.peer_agrees.is_none() && !context.manual {
        findings.push(Finding::new(
            Code::AgreementUnknown,
            "the other side's own verdict did not come: data passed both ways, but whether it reports the same is not known",
            "look at its output",
        ));
    }
    if let Some(end) = &context.peer_end {
        let (code, hint) = match end {
            PeerEnd::Interrupted => (Code::PeerInterrupted, "run it again on both sides"),
            PeerEnd::OutOfTime => (
                Code::PeerOutOfTime,
                "give it more time with --timeout on that side",
            ),
            PeerEnd::Error(_) => (
                Code::PeerFailed,
                "fix it there, and run it again on both sides",
            ),
            PeerEnd::Vanished => (
                Code::PeerVanished,
                "look at the other side's output; run it again on both sides",
            ),
            PeerEnd::Mute => (
                Code::PeerMute,
                "look at the other side's output; a way to the rendezvous that loses large packets (a small MTU, and ICMP dropped) lets in greetings alone",
            ),
        };
        let severity = if connected {
            Severity::Info
        } else {
            Severity::Error
        };
        findings.push(Finding::new(code, peer_end(end), hint).severity(severity));
    }
    if let Some(company) = context.silent_company {
        let message = match company {
            Company::There => {
                "somebody is in the room of this code, and has said nothing that could be opened"
            }
            Company::Left => {
                "somebody was in the room of this code, said nothing that could be opened, and left"
            }
        };
        findings.push(Finding::new(
            Code::PeerMute,
            message,
            "look at the program there; with a new code (--new-code) on both sides nobody else has the place",
        ));
    }
    let own = env!("CARGO_PKG_VERSION");
    if let Some(version) = result.session.peer_version.as_ref().filter(|v| *v != own) {
        findings.push(Finding::new(
            Code::PeerVersion,
            format!("the other side runs version {version}, this one {own}"),
            "if the two do not work together, use the same version on both sides",
        ));
    }
    if result.state == PairState::NoPeer
        && context.peer_end.is_none()
        && context.rendezvous_error.is_none()
        && context.unusable.is_none()
        && context.silent_company.is_none()
    {
        let hint = if context.manual {
            "run rtcdiag pair --manual on the other host too, and give each side the other one's line".to_owned()
        } else if context.came_with_code {
            where_to_look(result)
        } else {
            "run the command that was printed on the other host while this one waits; the code and the rendezvous must be the same on both".to_owned()
        };
        findings.push(Finding::new(
            Code::NoPeer,
            format!(
                "the other side did not come within {}",
                short_span(context.waited_s)
            ),
            hint,
        ));
    }
}
