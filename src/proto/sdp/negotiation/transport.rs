//! The roles of DTLS.

use super::super::model::{Description, Section};
use super::Party;

/// Who begins the handshake: who is active (RFC 8842 5.3).
pub(super) fn dtls_client(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
) -> Option<Party> {
    let of = |description: &Description, section: &Section| {
        let setup = description.of_section(description.carrier(section), "setup");
        setup.map_or_else(String::new, |setup| setup.value.to_ascii_lowercase())
    };
    match (of(offer, offered).as_str(), of(answer, answered).as_str()) {
        ("active", "passive" | "") | ("actpass" | "", "passive") => Some(Party::Offer),
        ("passive" | "actpass" | "", "active") => Some(Party::Answer),
        _ => None,
    }
}
