//! Session descriptions: what is wrong with them, what they come to, and what real programs answer.

mod agreements;
mod answers;
mod copied;
mod forms;
mod mistakes;
mod negotiations;

use rtcdiag::proto::sdp::model::Description;
use rtcdiag::proto::sdp::source;

/// An offer of Chromium, as `tests/browser` has recorded it.
pub fn chromium_offer() -> String {
    answers::offer_of("as it is")
}

pub fn read(text: &str) -> Description {
    let mut found = source::read(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    found.swap_remove(0)
}
