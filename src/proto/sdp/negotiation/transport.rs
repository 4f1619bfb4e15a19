//! The roles of DTLS.

use super::super::model::{Description, Section};
use super::Party;

/// The section whose transport a section uses: the first of its bundle (RFC 8843 8.3), or itself.
pub(super) fn carrier<'a>(description: &'a Description, section: &'a Section) -> &'a Section {
    let bundles = description.bundles();
    let bundle = section
        .mid()
        .and_then(|mid| bundles.iter().find(|(mids, _)| mids.contains(&mid)));
    let mut sections = description.sections.iter();
    let first = bundle.and_then(|(mids, _)| {
        sections.find(|other| {
            other.port != Some(0) && other.mid().is_some_and(|mid| mids.contains(&mid))
        })
    });
    first.unwrap_or(section)
}

/// Who begins the handshake: who is active (RFC 8842 5.3).
pub(super) fn dtls_client(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
) -> Option<Party> {
    let of = |description: &Description, section: &Section| {
        let setup = description.of_section(carrier(description, section), "setup");
        setup.map_or_else(String::new, |setup| setup.value.clone())
    };
    match (of(offer, offered).as_str(), of(answer, answered).as_str()) {
        ("active", "passive" | "") | ("actpass" | "", "passive") => Some(Party::Offer),
        ("passive" | "actpass" | "", "active") => Some(Party::Answer),
        _ => None,
    }
}
