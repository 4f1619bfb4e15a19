//! The syntax of one attribute, as Mozilla's parser has it.

use webrtc_sdp::attribute_type::parse_attribute;
use webrtc_sdp::error::SdpParserInternalError as Refusal;

/// Characters of an attribute that are looked at.
const LONGEST: usize = 4096;

/// What is wrong with an attribute that the parser knows; `None` if nothing is, or if it does not know it: unknown
/// attributes are to be passed over (RFC 8866 5.13).
pub fn objection(attribute: &str) -> Option<String> {
    // It cuts some values by bytes.
    if !attribute.is_ascii() || attribute.len() > LONGEST {
        return None;
    }
    match parse_attribute(attribute) {
        Ok(_) | Err(Refusal::Unsupported(_)) => None,
        Err(Refusal::Generic(text)) => Some(text),
        Err(Refusal::Integer(error)) => Some(format!("a number is wrong: {error}")),
        Err(Refusal::Float(error)) => Some(format!("a number is wrong: {error}")),
        Err(Refusal::IpAddress(_)) => Some("an address is wrong".to_owned()),
        Err(Refusal::Domain(_)) => Some("a name is wrong".to_owned()),
        Err(other) => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_judged_one_by_one() {
        for good in [
            "rtpmap:111 opus/48000/2",
            "x-unknown:1",
            "sendrecv",
            "setup:actpass",
            "candidate:1 1 udp 2122260223 x.local 5000 typ host generation 0",
        ] {
            assert_eq!(objection(good), None, "{good}");
        }
        for bad in [
            "rtpmap:x opus/48000",
            "setup:sometimes",
            "fingerprint:sha-256 AB",
            "extmap:x urn:y",
        ] {
            assert!(objection(bad).is_some(), "{bad}");
        }
    }
}
