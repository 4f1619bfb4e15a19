//! A call that the other end has the better record of: it is judged from there, and what comes of it is turned round.

use crate::proto::evidence::account::Account;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::{JudgedCall, pairs};
use crate::proto::ice::causes::{Cause, Whose};
use crate::proto::ice::checks::Role;

/// Whether the other end alone tells what went over the pairs.
pub(super) fn is_recorded_there(call: &JoinedCall) -> bool {
    let has_pairs = |end: usize| {
        let account = call.ends[end].as_ref();
        account.is_some_and(|account| !account.pairs.is_empty())
    };
    has_pairs(1) && !has_pairs(0)
}

/// Whether the verdict rests on the record of the other end, where both have one: it is that of one end, whichever
/// file comes first.
pub(super) fn is_led_there(call: &JoinedCall) -> bool {
    let weight = |account: &Account| {
        (
            !account.pairs.is_empty(),
            account.has_events,
            account.role == Some(Role::Controlling),
            account.own.ufrags.clone(),
        )
    };
    let [Some(one), Some(two)] = &call.ends else {
        return false;
    };
    weight(two) > weight(one)
}

/// The same call, with the other end as this one.
pub(super) fn turned_call(call: &JoinedCall) -> JoinedCall {
    let [one, two] = call.ends.clone();
    JoinedCall {
        ends: [two, one],
        files: call.files.clone(),
        offset_ms: -call.offset_ms,
        has_bare_connection: call.has_bare_connection,
    }
}

impl JudgedCall {
    /// The pairs as this end has them, with what another record of the call comes to.
    pub(super) fn with_verdict_of(self, other: Self) -> Self {
        Self {
            standing: other.standing,
            path: other.path,
            is_path_supposed: other.is_path_supposed,
            is_end_open: other.is_end_open,
            causes: other.causes,
            relay_causes: other.relay_causes,
            ..self
        }
    }

    /// As the end sees it that has no record.
    pub(super) fn turned(mut self) -> Self {
        std::mem::swap(&mut self.local, &mut self.remote);
        for pair in self.pairs.iter_mut().chain(&mut self.forgotten) {
            *pair = pairs::mirrored(&pair.record);
        }
        for cause in self.causes.iter_mut().chain(&mut self.relay_causes) {
            turn(cause);
        }
        self
    }
}

fn turn(cause: &mut Cause) {
    cause.side = other(cause.side);
    let texts = [&mut cause.message].into_iter().chain(&mut cause.brief);
    for text in texts.chain(&mut cause.evidence) {
        *text = in_turned_words(text);
    }
    for remedy in &mut cause.remedies {
        remedy.side = other(remedy.side);
        for text in [&mut remedy.message].into_iter().chain(&mut remedy.brief) {
            *text = in_turned_words(text);
        }
    }
}

const fn other(side: Whose) -> Whose {
    match side {
        Whose::Local => Whose::Remote,
        Whose::Remote => Whose::Local,
        side => side,
    }
}

/// "this side" for "the other side", and "here" for "there", where that is a place.
fn in_turned_words(text: &str) -> String {
    let text = text
        .split("the other side")
        .map(|part| part.replace("this side", "the other side"))
        .collect::<Vec<_>>()
        .join("this side");
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for at in 0..words.len() {
        let is_place = !matches!(words.get(at + 1).map(String::as_str), Some("is" | "are"));
        let bare = words[at]
            .trim_end_matches([',', ';', ':', '.', ')'])
            .to_owned();
        let turned = match bare.as_str() {
            "here" => "there",
            "there" if is_place => "here",
            _ => continue,
        };
        words[at] = words[at].replacen(&bare, turned, 1);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::in_turned_words;

    #[test]
    fn words_are_turned_and_turned_back() {
        let said = "none of this side's 3 checks arrived there, and none of the other side's arrived here; \
                    there is no relay, and rtcdiag nat there tells";
        let turned = in_turned_words(said);
        assert_eq!(
            turned,
            "none of the other side's 3 checks arrived here, and none of this side's arrived there; \
             there is no relay, and rtcdiag nat here tells"
        );
        assert_eq!(in_turned_words(&turned), said);
    }
}
