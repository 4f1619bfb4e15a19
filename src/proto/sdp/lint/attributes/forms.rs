//! What Chromium demands of an attribute beyond what Mozilla's parser does, or in place of it.

use crate::base::words::escaped;
use crate::proto::sdp::model::Attribute;

/// The greatest message size that is read: it is a signed number of 32 bits.
const GREATEST_MESSAGE: u64 = i32::MAX as u64;

/// What is wrong with it; `None` if nothing is, or if its name is not one of these.
pub(super) fn objection(attribute: &Attribute) -> Option<String> {
    let fields: Vec<&str> = attribute.value.split(' ').collect();
    let wrong = match attribute.name.as_str() {
        "candidate" => candidate(&fields),
        "fmtp" => (fields.len() < 2).then_some("a payload type and parameters are meant"),
        "max-message-size" => {
            let size = attribute.value.parse::<u64>();
            let is_size = size.is_ok_and(|size| size <= GREATEST_MESSAGE);
            (!is_size).then_some("a number of bytes up to 2147483647 is meant")
        }
        "msid" => (words(&fields).len() > 2 || attribute.value.is_empty())
            .then_some("a stream and, if there is one, a track are meant"),
        "sctp-port" => {
            let is_port = attribute.value.parse::<u16>().is_ok();
            (!is_port).then_some("a port is meant")
        }
        "simulcast" => simulcast(attribute),
        "ssrc" => ssrc(&words(&fields)),
        "ssrc-group" => {
            let is_right = fields.len() > 1 && fields[1..].iter().all(|id| is_number(id));
            (!is_right).then_some("the kind of a group and its numbers are meant")
        }
        _ => None,
    };
    let wrong = wrong?;
    Some(match blank(&attribute.value) {
        Some(blank) => format!("{wrong}, and {blank} is no blank here"),
        None => wrong.to_owned(),
    })
}

/// Of these attributes several blanks part fields as one does.
fn words<'a>(fields: &[&'a str]) -> Vec<&'a str> {
    let words = fields.iter().filter(|field| !field.is_empty());
    words.copied().collect()
}

/// The first blank that is none: only U+0020 parts the fields of a line.
fn blank(text: &str) -> Option<String> {
    let found = text.chars().find(|c| c.is_whitespace() && *c != ' ')?;
    Some(match found {
        '\t' => "a tab".to_owned(),
        '\u{a0}' => "a non-breaking space (U+00A0)".to_owned(),
        other => format!(
            "U+{:04X} ({})",
            u32::from(other),
            escaped(&other.to_string())
        ),
    })
}

fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

/// RFC 8839 5.1.
fn candidate(fields: &[&str]) -> Option<&'static str> {
    let [
        _,
        component,
        transport,
        priority,
        address,
        port,
        typ,
        kind,
        more @ ..,
    ] = fields
    else {
        return Some("it has fewer than eight fields");
    };
    let is_tcp = matches!(transport.to_ascii_lowercase().as_str(), "tcp" | "ssltcp");
    let wrong = [
        (*typ != "typ", "\"typ\" is to be its seventh field"),
        (
            component.parse::<i32>().is_err(),
            "the component is no number",
        ),
        (
            !is_tcp && !transport.eq_ignore_ascii_case("udp"),
            "the transport is neither udp nor tcp",
        ),
        (!is_number(priority), "the priority is no number of 32 bits"),
        (address.is_empty(), "it has no address"),
        (
            port.parse::<u16>().is_err(),
            "the port is no number up to 65535",
        ),
        (
            !matches!(*kind, "host" | "srflx" | "prflx" | "relay"),
            "its type is none of host, srflx, prflx and relay",
        ),
    ];
    let wrong = wrong
        .into_iter()
        .find_map(|(is_wrong, text)| is_wrong.then_some(text));
    wrong.or_else(|| extensions(more, is_tcp))
}

/// Names with their values.
fn extensions(fields: &[&str], is_tcp: bool) -> Option<&'static str> {
    fields
        .chunks_exact(2)
        .find_map(|pair| match (pair[0], pair[1]) {
            ("rport", port) if port.parse::<u16>().is_err() => {
                Some("the port behind rport is no number up to 65535")
            }
            ("tcptype", _) if !is_tcp => Some("tcptype stands in a candidate that is not TCP"),
            ("tcptype", kind) if !matches!(kind, "active" | "passive" | "so") => {
                Some("its tcptype is none of active, passive and so")
            }
            ("generation", number) if !is_number(number) => Some("the generation is no number"),
            _ => None,
        })
}

/// RFC 5576 4.1.
fn ssrc(fields: &[&str]) -> Option<&'static str> {
    match fields {
        [id, ..] if !is_number(id) => Some("a number of 32 bits is meant"),
        [_, attribute, ..] if attribute.contains(':') => None,
        _ => Some("behind the number an attribute with a value is meant"),
    }
}

/// RFC 8853 5.1.
fn simulcast(attribute: &Attribute) -> Option<&'static str> {
    let words: Vec<&str> = attribute.value.split_ascii_whitespace().collect();
    let mut pairs = words.chunks(2);
    let is_right = matches!(words.len(), 2 | 4)
        && pairs.all(|pair| matches!(pair[0], "send" | "recv"))
        && (words.len() == 2 || words[0] != words[2]);
    (!is_right).then_some("\"send\" or \"recv\" with a list of rids is meant, once or twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        let (name, value) = text.split_once(':').expect("it has a value");
        objection(&Attribute {
            line: 1,
            name: name.to_owned(),
            value: value.to_owned(),
            text: text.to_owned(),
            has_blank: false,
        })
    }

    #[test]
    fn candidates_of_browsers_are_good() {
        for good in [
            "candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host generation 0 network-id 1",
            "candidate:1 1 UDP 2122260223 x.local 5000 typ host ufrag abcd network-cost 999",
            "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0",
            "candidate:1 1 udp 1 2001:db8::1 5000 typ srflx raddr 0.0.0.0 rport 0",
            "candidate:1 1 tcp 1 192.0.2.1 5000 typ host",
            "candidate:1 1 udp 1 192.0.2.1 0 typ host foo bar",
        ] {
            assert_eq!(of(good), None, "{good}");
        }
    }

    #[test]
    fn a_blank_that_is_none_is_named() {
        let said = of("fmtp:111\u{a0}minptime=10").expect("it is wrong");
        assert!(said.contains("non-breaking space (U+00A0)"), "{said}");
        assert!(of("fmtp:111\tminptime=10").is_some_and(|said| said.contains("a tab")));
        assert_eq!(of("fmtp:111 minptime=10"), None);
    }
}
