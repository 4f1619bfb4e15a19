//! URLs that are not as RFC 7064 and 7065 have them, and what programs and people mean by them; and files that hold
//! something else altogether.

use crate::proto::ice::ice_servers::text::is_url;
use crate::proto::stun::uri::{Host, ServerUri, UriError};

/// What is said of a URL that is not as the standards have it.
pub(super) enum Other {
    /// Browsers take it, as this.
    Read(&'static str),
    /// A browser refuses the whole list for it.
    Refused(&'static str),
}

/// Whether an IPv6 address stands without brackets, so that its last part may be meant as the port.
pub(super) fn is_v6_with_port(text: &str, uri: &ServerUri) -> bool {
    matches!(uri.host, Host::Ip(ip) if ip.is_ipv6()) && !text.contains('[')
}

/// Whether a variable or an example was left as it is: `$TURN_HOST`, `<your-server>`, `{{ host }}`.
pub(super) fn is_placeholder(text: &str) -> bool {
    let host = text.split_once(':').map_or(text, |(_, host)| host);
    let within = |open, close| host.find(open).is_some_and(|at| host[at..].contains(close));
    text.starts_with('$') || host.contains('$') || within('<', '>') || within('{', '}')
}

pub(super) fn is_scheme_twice(text: &str) -> bool {
    text.split_once(':').is_some_and(|(_, rest)| is_url(rest))
}

/// What is made of a query that RFC 7064 and 7065 do not have: for `turns:`, TLS over TCP, as Chrome does; for
/// `stun:` it is read past, as Firefox does (Chrome did until 2023, and throws an error since).
pub(super) fn as_chrome_does(
    text: &str,
    error: UriError,
) -> (Result<ServerUri, UriError>, Option<Other>) {
    let Some((before, query)) = text.split_once('?') else {
        return (Err(error), None);
    };
    let query = query.to_ascii_lowercase();
    if !matches!(&*query, "transport=udp" | "transport=tcp") {
        return (Err(error), None);
    }
    let remark = match error {
        UriError::Dtls => {
            Other::Read("there is no TURN over DTLS: it is TLS over TCP, as in Chrome")
        }
        _ => Other::Refused(
            "stun: has no ?transport= (RFC 7064), and Chrome refuses the whole list for it; it was read without",
        ),
    };
    (before.parse(), Some(remark))
}

/// Whether more than one URL stands in a string.
pub(super) fn is_several(text: &str) -> bool {
    let parts = text.split([',', ';', ' ', '\t', '\n']);
    parts.filter(|part| is_url(part)).count() > 1
}

/// What a text is that is no list of ICE servers in any form, told by its beginning.
pub(super) fn other_form(text: &str) -> Option<&'static str> {
    let begin = text.trim_start();
    if begin.starts_with('<') && text.contains("urn:xmpp:extdisco") {
        Some("it is an answer of an XMPP server (XEP-0215), not JSON: name its services with -s")
    } else if begin.starts_with('<') {
        Some(
            "it is a web page (HTML) or XML, not JSON: what was saved may be a page that asks for a login, or an error",
        )
    } else if begin.starts_with("HTTP/") {
        Some("it begins with the headers of an HTTP answer: save the body alone (curl without -i)")
    } else if is_ini(text) {
        Some(
            "it is a configuration file with sections in brackets, as Asterisk's are, not JSON: name its servers with -s",
        )
    } else {
        None
    }
}

/// Whether it begins with a section, as `[general]`, and a line `key=value`.
fn is_ini(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b' '))
    };
    let lines = text.lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with([';', '#']));
    let is_section = |line: &str| {
        let rest = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        rest.is_some_and(|(name, _)| {
            is_word(name) && name.starts_with(|c: char| c.is_ascii_alphabetic())
        })
    };
    let is_setting = |line: &str| line.split_once('=').is_some_and(|(key, _)| is_word(key));
    lines.next().is_some_and(is_section) && lines.next().is_some_and(is_setting)
}

pub(super) const ESCAPED: &str = "its quotes are written as HTML has them (&quot;): copy it from where the page shows it, or decode it first";

/// Whether all quotes are written as HTML escapes them.
pub(super) fn is_escaped(text: &str) -> bool {
    !text.contains(['"', '\''])
        && ["&quot;", "&#34;", "&#x22;", "&#39;", "&apos;"]
            .iter()
            .any(|escape| text.contains(escape))
}
