//! Where a rendezvous is: `ws://`, `wss://`, and the bare `host:port` that people type.

use std::fmt;
use std::str::FromStr;

use crate::proto::signal::wire::PATH;
use crate::proto::stun::uri::{Host, UriError, parse_host, parse_port, split_port};

/// Default port of `ws://` (RFC 6455 3).
const PORT: u16 = 80;
/// Default port of `wss://`.
const TLS_PORT: u16 = 443;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RendezvousUrl {
    /// Whether it is `wss://`.
    pub tls: bool,
    pub host: Host,
    /// Port, the default of the scheme filled in.
    pub port: u16,
    /// What stands before `/pair` in the path: empty, or `/prefix` without a slash at the end.
    pub prefix: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("the rendezvous is empty")]
    Empty,
    /// `http://` and the like.
    #[error("'{0}://' is not a scheme for a rendezvous: use ws:// or wss://")]
    Scheme(String),
    /// A user name or more before an `@`. It may be a secret, so it is not repeated.
    #[error("user name and password do not belong in the URL of a rendezvous")]
    UserInfo,
    #[error("the URL of a rendezvous cannot have '?' or '#'")]
    Query,
    #[error("'{0}' is not a path: escape spaces and whatever is not ASCII with %")]
    BadPath(String),
    /// Only a host, so that nobody knows which port is meant.
    #[error("the port is missing: write {0}:7880, or a whole URL such as ws://{0}")]
    NoPort(String),
    #[error(transparent)]
    Authority(#[from] UriError),
}

impl RendezvousUrl {
    pub fn path(&self) -> String {
        format!("{}{PATH}", self.prefix)
    }

    /// Host and port as in a URL and in the Host header (RFC 9110 7.2).
    pub fn authority(&self) -> String {
        let default = if self.tls { TLS_PORT } else { PORT };
        if self.port == default {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for RendezvousUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.contains('@') {
            return Err(UrlError::UserInfo);
        }
        if text.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        let (tls, rest) = match text.split_once("://") {
            None => (None, text),
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "ws" => (Some(false), rest),
                "wss" => (Some(true), rest),
                _ => return Err(UrlError::Scheme(scheme.to_owned())),
            },
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, port) = split_port(authority)?;
        let host = parse_host(host)?;
        let port = match (port, tls) {
            (Some(port), _) => parse_port(port)?,
            (None, Some(true)) => TLS_PORT,
            (None, Some(false)) => PORT,
            (None, None) => return Err(UrlError::NoPort(host.to_string())),
        };
        Ok(Self {
            tls: tls == Some(true),
            host,
            port,
            prefix: prefix(path)?,
        })
    }
}

/// The path without slashes at its end.
fn prefix(path: &str) -> Result<String, UrlError> {
    // RFC 3986 3.3: pchar and slashes.
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%/".contains(&b);
    if !path.bytes().all(fits) {
        return Err(UrlError::BadPath(path.to_owned()));
    }
    Ok(path.trim_end_matches('/').to_owned())
}

impl fmt::Display for RendezvousUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read() {
        for (text, shown, path) in [
            ("ws://example.org", "ws://example.org", "/pair"),
            ("WSS://Example.org/", "wss://example.org", "/pair"),
            ("ws://example.org:80", "ws://example.org", "/pair"),
            ("wss://example.org:80/", "wss://example.org:80", "/pair"),
            (
                "wss://example.org/a/b/",
                "wss://example.org/a/b",
                "/a/b/pair",
            ),
            ("192.0.2.1:7880", "ws://192.0.2.1:7880", "/pair"),
            ("example.org:7880/x", "ws://example.org:7880/x", "/x/pair"),
            ("[2001:db8::1]:7880", "ws://[2001:db8::1]:7880", "/pair"),
            ("ws://[2001:db8::1]", "ws://[2001:db8::1]", "/pair"),
        ] {
            let url: RendezvousUrl = text.parse().expect(text);
            assert_eq!(url.to_string(), shown, "{text}");
            assert_eq!(url.path(), path, "{text}");
            assert_eq!(shown.parse::<RendezvousUrl>(), Ok(url), "{text}");
        }
        let tls: RendezvousUrl = "wss://example.org".parse().expect("a URL");
        assert_eq!((tls.tls, tls.port), (true, 443));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use UrlError as E;
        let scheme = |s: &str| E::Scheme(s.to_owned());
        for (text, error) in [
            (" ", E::Empty),
            ("http://example.org", scheme("http")),
            ("stun://example.org", scheme("stun")),
            ("ws://ann:secret@example.org", E::UserInfo),
            ("ws://example.org/?x=1", E::Query),
            ("ws://example.org#x", E::Query),
            ("ws://example.org/a b", E::BadPath("/a b".to_owned())),
            ("example.org", E::NoPort("example.org".to_owned())),
            ("ws://", E::Authority(UriError::NoHost)),
            (
                "ws://example.org:0",
                E::Authority(UriError::BadPort("0".to_owned())),
            ),
        ] {
            assert_eq!(text.parse::<RendezvousUrl>(), Err(error), "{text}");
        }
        let secret = "ws://ann:secret@example.org".parse::<RendezvousUrl>();
        assert!(secret.is_err_and(|e| !e.to_string().contains("secret")));
    }
}
