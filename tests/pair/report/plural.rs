//! What is said of two sides at once is said in the plural, and what is said of each names it.

use rtcdiag::proto::ice::causes::{Cause, Whose};

/// Words that are about one.
const SINGULAR: [&str; 7] = ["its", "itself", "firewall", "NAT", "tells", "has", "gets"];
/// What may be one all the same: UDP, and a server that both use.
const ONE: [&str; 4] = [
    "UDP allowed",
    "UDP over IPv6 allowed",
    "certificate",
    "TURN server",
];

/// Parts of its sentences that are of both sides, and speak as of one.
pub(super) fn singular(cause: &Cause) -> Vec<String> {
    if cause.side != Whose::Both {
        return Vec::new();
    }
    let remedies = cause.remedies.iter().filter(|r| r.side == Whose::Both);
    let texts = [cause.message.as_str(), cause.in_brief()].into_iter();
    let texts = texts.chain(remedies.map(|remedy| &*remedy.message));
    let parts = texts.flat_map(|text| text.split("; "));
    let is_of_both = |part: &&str| {
        let names = ["both sides", "each side", "neither side"];
        names.iter().any(|words| part.contains(words))
    };
    let is_wrong = |part: &&str| {
        let mut words = part.split([' ', ',', ':']);
        !ONE.iter().any(|words| part.contains(words)) && words.any(|word| SINGULAR.contains(&word))
    };
    parts
        .filter(is_of_both)
        .filter(is_wrong)
        .map(str::to_owned)
        .collect()
}
