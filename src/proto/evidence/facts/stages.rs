//! Causes of the later stages: answers and candidates that never came, DTLS, paths that were lost,
//! media that was not agreed.

mod altered;
mod arrival;
mod bundle;
mod codecs;
mod deaf;
mod handshake;
mod lost;
mod outage;
mod signalling;

use crate::base::codes::Code;
use crate::proto::evidence::account::Told;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::described::Described;
use crate::proto::ice::causes::{Cause, Whose};
pub use altered::{altered, refused as refused_checks};
pub use arrival::{Flow, flow, no_media};
pub use bundle::unbundled;
pub use codecs::{Lacks, lacking, no_common_codec};
pub use deaf::deaf;
pub use handshake::{dtls, is_refused_certificate};
pub use lost::{candidates_lost, refused, some_lost};
pub use outage::{has_left, path_lost};
pub use signalling::{glare, no_answer, not_described};

fn cause(code: Code, side: Whose, message: impl Into<String>, evidence: Vec<String>) -> Cause {
    let mut cause = Cause::new(code, side, message);
    cause.evidence = evidence;
    cause
}

/// The offer and the answer to it, and whether the offer is this end's.
pub fn negotiated(call: &JoinedCall) -> Option<(&Described, &Described, bool)> {
    fn last(told: &Told, is_offer: bool) -> Option<&Described> {
        let mut all = told.descriptions.iter().rev().map(|(_, read)| read);
        all.find(|read| read.is_offer == Some(is_offer))
    }
    let [one, two] = &call.ends;
    let views = [
        one.as_ref().map(|account| (&account.own, &account.other)),
        two.as_ref().map(|account| (&account.other, &account.own)),
        one.as_ref()
            .zip(two.as_ref())
            .map(|(one, two)| (&one.own, &two.own)),
    ];
    views.into_iter().flatten().find_map(|(here, there)| {
        let by_this = last(here, true)
            .zip(last(there, false))
            .map(|(offer, answer)| (offer, answer, true));
        let by_other = || {
            last(there, true)
                .zip(last(here, false))
                .map(|(offer, answer)| (offer, answer, false))
        };
        by_this.or_else(by_other)
    })
}
