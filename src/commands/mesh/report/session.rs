//! What the others are told of a session of two.

use crate::base::codes::Code;
use crate::base::exit;
use crate::base::report::{ErrorReport, Severity};
use crate::commands::pair::report::{PairResult, PairState, PathKind};
use crate::commands::pair::verdict::{Context, verdict};
use crate::proto::ice::causes::Whose;
use crate::proto::mesh::beat::{Outcome, Report, Said};

/// The result of a session, as this side saw it.
pub fn of_session(result: &PairResult, context: &Context) -> Report {
    // That it was ended here says nothing of the path.
    let verdict = verdict(
        result,
        &Context {
            stopped: None,
            ..context.clone()
        },
    );
    let outcome = match (result.state, result.path, verdict.outcome) {
        (PairState::Connected, Some(PathKind::Direct), _) => Outcome::Direct,
        (PairState::Connected, Some(PathKind::Relayed), _) => Outcome::Relayed,
        (PairState::Failed, _, exit::Outcome::Bad) if !context.is_undecided => Outcome::Failed,
        _ => Outcome::Undecided,
    };
    let has_path = matches!(outcome, Outcome::Direct | Outcome::Relayed);
    let is_sound = !has_path || verdict.outcome == exit::Outcome::Good;
    let causes = result.causes.iter().chain(&result.relay_causes);
    let mut causes: Vec<Said> = causes
        .map(|cause| Said {
            code: cause.code,
            side: cause.side,
            message: cause.in_brief().to_owned(),
        })
        .collect();
    if !is_sound || outcome == Outcome::Undecided {
        let errors = verdict.findings.iter();
        let errors = errors.filter(|finding| finding.severity == Severity::Error);
        causes = errors
            .map(|finding| Said {
                code: finding.code,
                side: Whose::Between,
                message: finding.message.clone(),
            })
            .collect();
    }
    if outcome == Outcome::Undecided && causes.is_empty() {
        causes.push(Said {
            code: Code::CutShort,
            side: Whose::Between,
            message: "the session was ended before it had a result".to_owned(),
        });
    }
    let rtt = result.quality.as_ref().and_then(|quality| quality.rtt_ms);
    let rtt = rtt.map(|rtt| u64::try_from(rtt.median.0.as_micros()).unwrap_or(u64::MAX));
    Report {
        outcome,
        is_sound,
        rtt_us: rtt.filter(|_| has_path),
        causes,
    }
}

/// A session that could not begin.
pub fn of_error(error: &ErrorReport) -> Report {
    Report {
        outcome: Outcome::Undecided,
        is_sound: true,
        rtt_us: None,
        causes: vec![Said {
            code: error.code,
            side: Whose::Local,
            message: format!(
                "the session could not begin on this side: {}",
                error.message
            ),
        }],
    }
}
