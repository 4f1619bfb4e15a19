//! Keys in the description (SDES, RFC 4568), and media that is to be encrypted without any.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{Problem, is_answer};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::model::{Attribute, Description, Section};

/// Bytes of key and salt of each suite (RFC 4568 6.2, 6188 4, 7714 14.2).
const SUITES: [(&str, usize); 9] = [
    ("AES_CM_128_HMAC_SHA1_80", 30),
    ("AES_CM_128_HMAC_SHA1_32", 30),
    ("F8_128_HMAC_SHA1_80", 30),
    ("AES_192_CM_HMAC_SHA1_80", 38),
    ("AES_192_CM_HMAC_SHA1_32", 38),
    ("AES_256_CM_HMAC_SHA1_80", 46),
    ("AES_256_CM_HMAC_SHA1_32", 46),
    ("AEAD_AES_128_GCM", 28),
    ("AEAD_AES_256_GCM", 44),
];
/// Padding may be there or not; what is left over of the last byte is not looked at.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    // With DTLS nobody reads them.
    let has_dtls = description.parts().any(|part| part.has("fingerprint"));
    for attribute in description.parts().flat_map(|part| part.all("crypto")) {
        let found = wrong_key(attribute).map(|message| {
            Problem::new(
                Code::SdpCrypto,
                attribute.line,
                message,
                "RFC 4568 6.1, RFC 7714 14.2",
                "the other side cannot take the key: the call is refused, or media cannot be read",
            )
        });
        problems.extend(found.map(|problem| {
            if has_dtls {
                problem.severity(Severity::Warning)
            } else {
                problem
            }
        }));
    }
    if description.is_webrtc() || is_answer(description) {
        return;
    }
    let sections = description.sections.iter();
    for section in sections.filter(|section| is_without_keys(description, section)) {
        problems.push(Problem::new(
            Code::SdpCrypto,
            section.line,
            format!(
                "{} is to be encrypted ({}), and no keys come with it: neither a=crypto nor a=fingerprint",
                section.name(),
                printable(&section.protocol)
            ),
            "RFC 4568 5.1.1, RFC 5763 5",
            "phones refuse the section, or its media cannot be read",
        ));
    }
}

/// MIKEY has its keys in a line of its own (RFC 4567), ZRTP its hash (RFC 6189).
fn is_without_keys(description: &Description, section: &Section) -> bool {
    let ways = ["crypto", "fingerprint", "key-mgmt", "zrtp-hash"];
    section.protocol.contains("SAVP")
        && section.port != Some(0)
        && !ways
            .iter()
            .any(|way| description.of_section(section, way).is_some())
}

/// What is wrong with the keys of a line, if its suite is known.
fn wrong_key(attribute: &Attribute) -> Option<String> {
    let mut fields = attribute.value.split_ascii_whitespace().skip(1);
    let (suite, keys) = (fields.next()?, fields.next()?);
    let (suite, length) = SUITES
        .iter()
        .find(|(name, _)| suite.eq_ignore_ascii_case(name))?;
    keys.split(';').find_map(|key| {
        let key = key.strip_prefix("inline:")?;
        let key = key.split('|').next().unwrap_or_default();
        match BASE64.decode(key) {
            Err(_) => Some(format!("the key of a=crypto is no base64 ({suite})")),
            Ok(bytes) if bytes.len() != *length => Some(format!(
                "the key of a=crypto has {} bytes with its salt: {suite} needs {length}",
                bytes.len()
            )),
            Ok(_) => None,
        }
    })
}
