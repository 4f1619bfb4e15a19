//! Records that have gaps: a damaged dump, a capture of one direction.

use crate::base::codes::Code;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::JudgedCall;
use crate::proto::ice::causes::{Cause, Whose};

/// Whether a cause rests on what was seen, and not on what was missing.
fn is_shown(cause: &Cause) -> bool {
    matches!(
        cause.code,
        Code::EndpointDependentMapping
            | Code::AddressPooling
            | Code::RelayOnly
            | Code::TurnRefused
            | Code::RelayAddressPrivate
            | Code::DescriptionFailed
            | Code::DtlsFailed
            | Code::PathLost
            | Code::NoCommonCodec
            | Code::NoMedia
            | Code::SdpBundle
            | Code::Unauthorized
    )
}

impl JudgedCall {
    /// Where a record has a gap, what is not in it proves nothing.
    pub(super) fn mind_gaps(&mut self, call: &JoinedCall) {
        let gap = call.ends.iter().flatten().find_map(|end| end.gap.clone());
        let Some(gap) = gap else {
            return;
        };
        let had_causes = !self.causes.is_empty();
        self.causes.retain(is_shown);
        self.relay_causes.retain(is_shown);
        if had_causes && self.causes.is_empty() {
            self.causes
                .push(Cause::new(Code::Unknown, Whose::Between, gap));
        }
    }
}
