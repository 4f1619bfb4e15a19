//! Media that was offered and refused, in calls that work otherwise.

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::listed;
use crate::commands::inspect::report::CallReport;

/// The kinds that the answer refuses, as in "video is refused in the answer (port 0)", if no cause says why. Who answers
/// may mean it so.
pub(super) fn refused(call: &CallReport) -> Option<String> {
    if call
        .causes
        .iter()
        .any(|cause| cause.code == Code::NoCommonCodec)
    {
        return None;
    }
    let media = call.media.iter().flatten();
    let mut kinds: Vec<String> = media
        .filter(|section| section.accepted == Some(false))
        .map(|section| section.kind.clone())
        .collect();
    kinds.dedup();
    let verb = if kinds.len() == 1 { "is" } else { "are" };
    (!kinds.is_empty()).then(|| format!("{} {verb} refused in the answer (port 0)", listed(&kinds)))
}

pub(super) fn finding(call: &CallReport) -> Option<Finding> {
    let refused = refused(call)?;
    Some(Finding {
        severity: Severity::Warning,
        ..Finding::new(
            Code::SdpSectionRefused,
            format!("{refused}, which does not tell why"),
            "look at the answering program: has it one of the codecs that are offered, and a transceiver that is not stopped?",
        )
    })
}
