//! Checks and answers that come to a machine, and not to the program on it.

use crate::base::codes::Code;
use crate::proto::evidence::account::{Account, PairRecord};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::words::short;
use crate::proto::ice::causes::{Cause, Effect, Remedy, RemedyCode, Whose};

/// So many checks are no chance.
const MANY: u32 = 4;
/// A program that was answered nominates the pair or rests by then.
const GOES_ON_MS: f64 = 2000.0;

/// A pair of a capture on which this end asks on and on, and answers nothing of what comes.
fn is_deaf(pair: &PairRecord) -> bool {
    let own = pair.local.kind != CandidateType::Relay;
    let comes = pair.requests_received >= MANY && pair.responses_received > 0;
    let (asked, first) = (pair.asking.asked, pair.first_answered);
    let goes_on = asked
        .zip(first)
        .is_some_and(|(at, first)| at - first >= GOES_ON_MS);
    pair.asked.is_some()
        && own
        && comes
        && goes_on
        && pair.responses_sent == 0
        && pair.refuses.is_none()
        && pair.bytes_sent == 0
}

/// What a firewall on a machine drops shows in a capture there: that is taken before it.
pub fn deaf(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    if !(Standing::Checking..=Standing::Failed).contains(&standing) {
        return None;
    }
    let found = |end: usize| {
        let account: Option<&Account> = call.ends[end].as_ref();
        let account = account.filter(|account| account.gap.is_none())?;
        account.pairs.iter().find(|pair| is_deaf(pair))
    };
    let side = Whose::of(found(0).is_some(), found(1).is_some())?;
    let pair = found(0).or(found(1))?;
    let who = short(side);
    let message = format!(
        "checks and answers come to the machine of {who}, and the program there neither answers the checks nor takes the answers: a firewall on that machine drops what comes in"
    );
    let seen = format!(
        "in the capture of {who}: {} checks came and none was answered, and {} of its {} were answered while it went on",
        pair.requests_received, pair.responses_received, pair.requests_sent
    );
    let mut cause = cause(Code::Filtered, side, message, vec![seen]);
    cause.remedies = vec![Remedy {
        code: RemedyCode::OpenUdp,
        side,
        message: format!("UDP of the program let in by the firewall on the machine of {who}"),
        brief: None,
        effect: Effect::Direct,
        is_sure: false,
    }];
    Some(cause)
}
