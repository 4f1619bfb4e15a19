//! How the two sides got on with each other.

use crate::report::pair::{Context, PairResult, PairState, PeerEnd};
use crate::report::words::listed;
use crate::report::{Finding, Severity};

/// What happened between the two sides beside the checks.
pub(in crate::report::pair) fn of_session(
    result: &PairResult,
    context: &Context,
    findings: &mut Vec<Finding>,
) {
    of_rendezvous(result, context, findings);
    of_joiners(result, context, findings);
    of_peer(result, context, findings);
}

/// How the other side ended, as part of a sentence.
pub(in crate::report::pair) fn peer_end(end: &PeerEnd) -> String {
    match end {
        PeerEnd::Interrupted => "the other side was interrupted".to_owned(),
        PeerEnd::OutOfTime => "the time limit of the other side ended".to_owned(),
        PeerEnd::Error(text) => format!(
            "the other side could not go on: {}",
            text.trim_end_matches('.')
        ),
        PeerEnd::Vanished => "the other side went away without a word".to_owned(),
    }
}

fn of_rendezvous(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    let session = &result.session;
    if let Some(error) = &context.rendezvous_error {
        let harmless = result.state == PairState::Connected;
        findings.push(Finding {
            code: "rendezvous-failed",
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
            "rendezvous-reconnected",
            Severity::Info,
            format!("the connection to the rendezvous was lost and made again {times}"),
            "nothing is lost by that; if it happens often, look at the server or at the way there",
        ));
    }
}

fn of_joiners(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    if context.turned_away > 0 {
        let who = match context.turned_away {
            1 => "somebody else".to_owned(),
            n => format!("{n} others"),
        };
        findings.push(Finding::new(
            "third-joiner",
            Severity::Warning,
            format!("{who} tried to join with the same code and was turned away"),
            "a code is for two hosts and one run: start again with a new one if you do not know who it was",
        ));
    }
    if !result.session.refused.is_empty() {
        findings.push(Finding::new(
            "messages-refused",
            Severity::Warning,
            format!("messages were refused: {}", listed(&result.session.refused)),
            "if it happens again, something on the way changes or repeats them, or somebody tries codes; start again with a new code",
        ));
    }
}

fn of_peer(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    let connected = result.state == PairState::Connected;
    if connected && result.session.peer_agrees == Some(false) {
        findings.push(Finding::new(
            "no-agreement",
            Severity::Error,
            "the two sides do not report the same pair, or only one is connected",
            "compare the output of the other side, and run it again",
        ));
    } else if connected && result.session.peer_agrees.is_none() && !context.manual {
        findings.push(Finding::new(
            "agreement-unknown",
            Severity::Info,
            "the other side's own verdict did not come: data passed both ways, but whether it reports the same is not known",
            "look at its output",
        ));
    }
    if let Some(end) = &context.peer_end {
        let (code, hint) = match end {
            PeerEnd::Interrupted => ("peer-interrupted", "run it again on both sides"),
            PeerEnd::OutOfTime => (
                "peer-out-of-time",
                "give it more time with --timeout on that side",
            ),
            PeerEnd::Error(_) => (
                "peer-failed",
                "mend it there, and run it again on both sides",
            ),
            PeerEnd::Vanished => (
                "peer-vanished",
                "look at the other side's output; run it again on both sides",
            ),
        };
        let severity = if connected {
            Severity::Info
        } else {
            Severity::Error
        };
        findings.push(Finding::new(code, severity, peer_end(end), hint));
    }
    let own = env!("CARGO_PKG_VERSION");
    if let Some(version) = result.session.peer_version.as_ref().filter(|v| *v != own) {
        findings.push(Finding::new(
            "peer-version",
            Severity::Info,
            format!("the other side runs version {version}, this one {own}"),
            "if the two do not get on with each other, use the same version on both sides",
        ));
    }
    if result.state == PairState::NoPeer
        && context.peer_end.is_none()
        && context.rendezvous_error.is_none()
        && context.unusable.is_none()
    {
        let hint = if context.manual {
            "run rtcdiag pair --manual on the other host too, and give each side the other one's line"
        } else {
            "run the command that was printed on the other host while this one waits; the code and the rendezvous must be the same on both"
        };
        findings.push(Finding::new(
            "no-peer",
            Severity::Error,
            format!(
                "the other side did not come within {:.0} s",
                context.waited_s.max(0.0)
            ),
            hint,
        ));
    }
}
