//! URLs that are not as RFC 7064 and 7065 have them, and what programs and people mean by them.

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
