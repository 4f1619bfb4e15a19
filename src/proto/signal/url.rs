//! Where a rendezvous is: `ws://` and `wss://` (rtcdiag serve), `mqtt://`, `mqtts://`, `mqtt+ws://` and
//! `mqtt+wss://` (a broker), and the bare `host:port` that people type.

use std::fmt;
use std::str::FromStr;

use crate::proto::signal::wire::PATH;
use crate::proto::stun::uri::{Host, UriError, parse_host, parse_port, split_port};

/// Default port of `ws://` (RFC 6455 3).
const PORT: u16 = 80;
/// Default port of `wss://`.
const TLS_PORT: u16 = 443;
/// Default port of `mqtt://` and of `mqtts://`, as IANA has them.
const MQTT_PORT: u16 = 1883;
const MQTT_TLS_PORT: u16 = 8883;
/// Where brokers have their WebSocket, if the URL does not say.
const MQTT_PATH: &str = "/mqtt";

/// What is spoken there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `rtcdiag serve`, over WebSocket.
    Rooms,
    /// An MQTT broker.
    Mqtt,
    /// An MQTT broker, over WebSocket.
    MqttWebSocket,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RendezvousUrl {
    pub service: Service,
    /// Whether it is `wss://`, `mqtts://` or `mqtt+wss://`.
    pub tls: bool,
    pub host: Host,
    /// Port, the default of the scheme filled in.
    pub port: u16,
    /// What stands before `/pair` in the path: empty, or `/prefix` without a slash at the end. With
    /// `mqtt+ws://` it is the whole path, and empty where that is the usual one.
    pub prefix: String,
}

impl RendezvousUrl {
    /// Its page for browsers, if they let it work: what comes over plain HTTP gets no cryptography from them, unless it
    /// is of the same machine (W3C Secure Contexts 3.1).
    pub fn page(&self) -> Option<String> {
        if self.service != Service::Rooms {
            return None;
        }
        let is_here = match &self.host {
            Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Host::Ip(ip) => ip.is_loopback(),
        };
        let url = self.to_string();
        let (_, rest) = url.split_once("://")?;
        match self.tls {
            true => Some(format!("https://{rest}/")),
            false if is_here => Some(format!("http://{rest}/")),
            false => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("the rendezvous is empty")]
    Empty,
    /// `http://` and the like.
    #[error(
        "'{0}://' is not a scheme for a rendezvous: use ws:// or wss://, or mqtt://, mqtts://, mqtt+ws:// or mqtt+wss:// for an MQTT broker"
    )]
    Scheme(String),
    /// A user name or more before an `@`. It may be a secret, so it is not repeated.
    #[error("user name and password do not belong in the URL of a rendezvous")]
    UserInfo,
    #[error("the URL of a rendezvous cannot have '?' or '#'")]
    Query,
    /// A path where there is none.
    #[error("a broker that is not reached over WebSocket has no path: leave '{0}' out")]
    Path(String),
    #[error("'{0}' is not a path: escape spaces and whatever is not ASCII with %")]
    BadPath(String),
    /// Only a host, so that nobody knows which port is meant.
    #[error("the port is missing: write {0}:7880, or a whole URL such as ws://{0}")]
    NoPort(String),
    #[error(transparent)]
    Authority(#[from] UriError),
}

impl RendezvousUrl {
    /// The path of the WebSocket.
    pub fn path(&self) -> String {
        match self.service {
            Service::Rooms => format!("{}{PATH}", self.prefix),
            _ if self.prefix.is_empty() => MQTT_PATH.to_owned(),
            _ => self.prefix.clone(),
        }
    }

    pub fn is_broker(&self) -> bool {
        self.service != Service::Rooms
    }

    pub const fn scheme(&self) -> &'static str {
        match (self.service, self.tls) {
            (Service::Rooms, false) => "ws",
            (Service::Rooms, true) => "wss",
            (Service::Mqtt, false) => "mqtt",
            (Service::Mqtt, true) => "mqtts",
            (Service::MqttWebSocket, false) => "mqtt+ws",
            (Service::MqttWebSocket, true) => "mqtt+wss",
        }
    }

    /// The same service with TLS, or without.
    #[must_use]
    pub fn with_tls(&self, tls: bool) -> Self {
        Self {
            tls,
            ..self.clone()
        }
    }

    /// Host and port as in a URL and in the Host header (RFC 9110 7.2).
    pub fn authority(&self) -> String {
        if self.port == default_port(self.service, self.tls) {
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
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some((scheme, rest)) => {
                let known = of_scheme(&scheme.to_ascii_lowercase());
                let known = known.ok_or_else(|| UrlError::Scheme(scheme.to_owned()))?;
                (Some(known), rest)
            }
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, port) = split_port(authority)?;
        let host = parse_host(host)?;
        let port = match (port, scheme) {
            (Some(port), _) => parse_port(port)?,
            (None, Some((service, tls))) => default_port(service, tls),
            (None, None) => return Err(UrlError::NoPort(host.to_string())),
        };
        let (service, tls) = scheme.unwrap_or((Service::Rooms, false));
        let mut prefix = prefix(path)?;
        match service {
            Service::Mqtt if !prefix.is_empty() => return Err(UrlError::Path(prefix)),
            Service::MqttWebSocket if prefix == MQTT_PATH => prefix.clear(),
            _ => {}
        }
        Ok(Self {
            service,
            tls,
            host,
            port,
            prefix,
        })
    }
}

fn of_scheme(scheme: &str) -> Option<(Service, bool)> {
    Some(match scheme {
        "ws" => (Service::Rooms, false),
        "wss" => (Service::Rooms, true),
        "mqtt" => (Service::Mqtt, false),
        "mqtts" => (Service::Mqtt, true),
        "mqtt+ws" => (Service::MqttWebSocket, false),
        "mqtt+wss" => (Service::MqttWebSocket, true),
        _ => return None,
    })
}

const fn default_port(service: Service, tls: bool) -> u16 {
    match (service, tls) {
        (Service::Mqtt, false) => MQTT_PORT,
        (Service::Mqtt, true) => MQTT_TLS_PORT,
        (_, false) => PORT,
        (_, true) => TLS_PORT,
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
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.prefix)
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
            ("mqtt://b.example.org:1883", "mqtt://b.example.org", "/mqtt"),
            (
                "MQTTS://b.example.org:8886/",
                "mqtts://b.example.org:8886",
                "/mqtt",
            ),
            (
                "mqtt+wss://b.example.org/mqtt",
                "mqtt+wss://b.example.org",
                "/mqtt",
            ),
            (
                "mqtt+ws://b.example.org:9001/ws/",
                "mqtt+ws://b.example.org:9001/ws",
                "/ws",
            ),
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
            ("mqtt://example.org/x", E::Path("/x".to_owned())),
            ("mqtt+tls://example.org", scheme("mqtt+tls")),
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
