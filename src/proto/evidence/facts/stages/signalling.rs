//! What goes wrong before ICE: descriptions that were not made, not set, or never came.

use crate::base::codes::Code;
use crate::base::words::short_span;
use crate::proto::evidence::account::{Account, StateKind, Told};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::words::short;
use crate::proto::ice::causes::{Cause, Whose};

/// How long a description may be on its way, and a program may take to answer it.
const UNDER_WAY_MS: f64 = 5000.0;
/// How long an answer that was made may be on its way.
const CARRIED_MS: f64 = 1000.0;

/// An offer or answer that a program could not make or did not take, where it was not tried again with
/// success, and nothing came of the call.
pub fn not_described(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    if standing > Standing::Failed {
        return None;
    }
    // An end that checks has what it needs, whatever else it did not take.
    let failure = |end: usize| {
        let account = call.ends[end]
            .as_ref()
            .filter(|account| !has_checked(account))?;
        account.open_failure()
    };
    let side = Whose::of(failure(0).is_some(), failure(1).is_some())?;
    let who = short(side);
    let first = failure(0).or(failure(1))?;
    let what = match first.step.as_str() {
        "createOffer" => "made no offer",
        "createAnswer" => "made no answer",
        "setRemoteDescription" => "did not take the description that came",
        _ => "did not take its own description",
    };
    let message = match (failure(0), failure(1)) {
        (Some(one), Some(two)) => format!(
            "the programs of both sides failed: this side's {}, the other side's {}",
            one.text(),
            two.text()
        ),
        _ => format!("the program of {who} {what}: {}", first.text()),
    };
    let seen = format!("{}OnFailure in the record of {who}", first.step);
    Some(cause(Code::DescriptionFailed, side, message, vec![seen]))
}

/// Offers that crossed each other: each end gave way to the other and answered, and neither took an answer.
pub fn glare(call: &JoinedCall, standing: Standing) -> Option<Cause> {
    if standing > Standing::Failed {
        return None;
    }
    let has_answered = |account: &Account| {
        let last = account.own.descriptions.last();
        last.is_some_and(|(_, read)| read.is_offer == Some(false))
    };
    // An answer comes to whoever has offered, and was of no use any more.
    let came_too_late = |account: &Account| {
        let failure = account.open_failure();
        let is_answer = failure.is_some_and(|f| f.is_of_other() && f.is_offer == Some(false));
        is_answer && has_answered(account) && has(&account.own, true)
    };
    let ends = || call.ends.iter().flatten();
    let seen: Vec<String> = ["this side", "the other side"]
        .into_iter()
        .zip(&call.ends)
        .filter_map(|(who, end)| {
            let account = end.as_ref().filter(|account| came_too_late(account))?;
            let failure = account.open_failure()?.text();
            Some(format!(
                "{who} offered, then answered, and did not take the answer that came: {failure}"
            ))
        })
        .collect();
    let has_both = call.ends.iter().all(Option::is_some);
    // Programs that take no answer at all have no failure to tell of.
    let took_none = |account: &Account| {
        has(&account.own, true) && has_answered(account) && !has(&account.other, false)
    };
    let mut seen = seen;
    if seen.is_empty() && has_both && ends().all(took_none) {
        seen.push("each side has offered and answered, and neither has set an answer".to_owned());
    }
    if seen.is_empty() || has_both && !ends().all(has_answered) {
        return None;
    }
    let message = "both sides offered at once and each gave way to the other (glare): each has answered, and neither took the answer, so they do not know each other's credentials for ICE";
    Some(cause(
        Code::DescriptionFailed,
        Whose::Between,
        message,
        seen,
    ))
}

/// Whether an end has made an offer and waits still.
fn waits(end: Option<&Account>) -> Option<&Account> {
    let account = end.filter(|account| !has_checked(account))?;
    let is_pending = account.state(StateKind::Signaling) == Some("have-local-offer")
        && account.other.descriptions.is_empty();
    let is_waiting = account.has_events && Standing::of(account) == Standing::Unanswered;
    (is_pending || is_waiting).then_some(account)
}

/// Whether an end has sent checks: it has the credentials of the other end then (RFC 8445 7.2.2), whatever description
/// the record lacks.
fn has_checked(account: &Account) -> bool {
    let mut pairs = account.pairs.iter();
    pairs.any(|pair| pair.requests_sent > 0 || pair.is_answered())
}

/// Whether an end has got an offer and has not answered.
fn owes(end: Option<&Account>) -> Option<&Account> {
    let account = end.filter(|account| account.has_events && !account.is_late)?;
    let is_offered = has(&account.other, true);
    (is_offered && account.own.descriptions.is_empty()).then_some(account)
}

/// Whether a description of this kind is there.
fn has(told: &Told, is_offer: bool) -> bool {
    let mut all = told.descriptions.iter();
    all.any(|(_, read)| read.is_offer == Some(is_offer))
}

/// Since when the first one of this kind is there, if it has a time.
fn since(told: &Told, is_offer: bool) -> Option<f64> {
    let mut all = told.descriptions.iter();
    all.find(|(_, read)| read.is_offer == Some(is_offer))?.0
}

/// How long a record goes on after a moment.
fn goes_on(account: &Account, since: Option<f64>) -> Option<f64> {
    account.ended.zip(since).map(|(ended, since)| ended - since)
}

fn is_closed(account: &Account) -> bool {
    account.reached(StateKind::Closed, &["closed"]).is_some()
}

/// Nothing more comes after a connection was closed; else a record that ends soon tells nothing.
fn is_settled(account: &Account, waited: Option<f64>, enough: f64) -> bool {
    is_closed(account) || waited.is_some_and(|ms| ms >= enough)
}

/// Which end waits for the answer, and what it has.
struct Waiting<'a> {
    account: &'a Account,
    other: Option<&'a Account>,
    /// Whose the answer is.
    whose: Whose,
    offerer: &'static str,
    answerer: &'static str,
    /// How much later the clock of the offerer is than that of the answerer.
    late: f64,
    /// See [`JoinedCall::has_bare_connection`].
    has_bare_connection: bool,
}

/// An answer that did not come.
pub fn no_answer(call: &JoinedCall) -> Option<Cause> {
    let [one, two] = [call.ends[0].as_ref(), call.ends[1].as_ref()];
    let waiting = match (waits(one), waits(two)) {
        (Some(account), _) => Waiting {
            account,
            other: two,
            whose: Whose::Remote,
            offerer: "this side",
            answerer: "the other side",
            late: -call.offset_ms,
            has_bare_connection: call.has_bare_connection,
        },
        (None, Some(account)) => Waiting {
            account,
            other: one,
            whose: Whose::Local,
            offerer: "the other side",
            answerer: "this side",
            late: call.offset_ms,
            has_bare_connection: call.has_bare_connection,
        },
        (None, None) => return not_answered(call),
    };
    Some(waiting.cause())
}

impl Waiting<'_> {
    fn cause(&self) -> Cause {
        let Self {
            account,
            offerer,
            answerer,
            ..
        } = self;
        // Connections may be made long before anything is offered.
        let offered = account.own.descriptions.first().and_then(|(at, _)| *at);
        let waited = goes_on(account, offered);
        let before = if is_closed(account) {
            " before it was closed"
        } else {
            ""
        };
        let seen = match waited.filter(|ms| *ms >= 1.0) {
            Some(ms) => format!(
                "{offerer} set its offer, and no answer in {}{before}",
                short_span(ms / 1000.0)
            ),
            None => format!("{offerer} set its offer, and no answer came{before}"),
        };
        if let Some(other) = self.other.filter(|other| has(&other.own, false)) {
            return self.lost(since(&other.own, false), seen);
        }
        let owing = owes(self.other);
        if let Some(owing) = owing {
            let had = goes_on(owing, since(&owing.other, true));
            if is_settled(owing, had, UNDER_WAY_MS) {
                let message = format!("{answerer} got the offer and made no answer");
                return cause(Code::NoAnswer, self.whose, message, vec![seen]);
            }
        }
        if is_settled(account, waited, UNDER_WAY_MS) {
            // Who tells candidates has set a description of its own (RFC 8838 4).
            let has_told = account.refused_candidates > 0 || !account.other.is_empty();
            let message = if owing.is_some() {
                format!(
                    "no answer came to the offer of {offerer} from {answerer}, which had got the offer when its record ended"
                )
            } else if has_told {
                format!(
                    "no answer came to the offer of {offerer}, and candidates of {answerer} did: it has made a description of its own, and signalling lost that or holds it back; its own dump tells"
                )
            } else {
                let tells = if self.has_bare_connection {
                    "if the other dump that was given is of it, the offer never came to it, since a PeerConnection there has no description"
                } else {
                    "its own dump tells which"
                };
                format!(
                    "no answer came to the offer of {offerer}: the other end did not answer, or signalling lost it; {tells}"
                )
            };
            return cause(Code::NoAnswer, Whose::Between, message, vec![seen]);
        }
        let ends = ends_after(waited, "the offer");
        let message = format!(
            "the record of {offerer} ends {ends}, and no answer is in it: a dump that is saved later, or that of the other end, tells whether one came"
        );
        cause(Code::Unknown, Whose::Between, message, vec![seen])
    }

    /// The answerer has made its answer, at a time by its own clock.
    fn lost(&self, answered: Option<f64>, seen: String) -> Cause {
        let Self {
            account,
            offerer,
            answerer,
            ..
        } = self;
        let seen = vec![seen, format!("{answerer} set its answer")];
        let waited = goes_on(account, answered.map(|at| at + self.late));
        if is_settled(account, waited, CARRIED_MS) {
            let message = format!(
                "{answerer} answered, and the answer never came to {offerer}: it was lost in signalling"
            );
            return cause(Code::NoAnswer, Whose::Between, message, seen);
        }
        let ends = ends_after(waited, "the answer was made");
        let message = format!(
            "{answerer} answered, and the record of {offerer} ends {ends}: a dump of {offerer} that is saved later tells whether it came"
        );
        cause(Code::Unknown, Whose::Between, message, seen)
    }
}

/// As in "0.4 s after the offer".
fn ends_after(waited: Option<f64>, what: &str) -> String {
    match waited.filter(|ms| *ms >= 1.0) {
        Some(ms) => format!("{} after {what}", short_span(ms / 1000.0)),
        None if waited.is_some() => format!("before {what} or with it"),
        None => format!("at an unknown time after {what}"),
    }
}

/// An end that has got an offer, where no record of the one that waits is there.
fn not_answered(call: &JoinedCall) -> Option<Cause> {
    let (account, whose, who) = match (owes(call.ends[0].as_ref()), owes(call.ends[1].as_ref())) {
        (Some(account), None) => (account, Whose::Local, "this side"),
        (None, Some(account)) => (account, Whose::Remote, "the other side"),
        _ => return None,
    };
    let had = goes_on(account, since(&account.other, true));
    if is_settled(account, had, UNDER_WAY_MS) {
        let message = format!("{who} got the offer and made no answer");
        let seen = match had.filter(|ms| *ms >= 1.0) {
            Some(ms) => format!(
                "{who} set the offer, and no answer in {}",
                short_span(ms / 1000.0)
            ),
            None => format!("{who} set the offer, and no answer"),
        };
        return Some(cause(Code::NoAnswer, whose, message, vec![seen]));
    }
    let ends = ends_after(had, "the offer came");
    let message = format!(
        "the record of {who} ends {ends}, and no answer is in it: a dump that is saved later tells whether there was one"
    );
    Some(cause(Code::Unknown, Whose::Between, message, Vec::new()))
}
