//! Clients behind a reverse proxy, and pages that open a WebSocket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hyper::header::{self, HeaderMap};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::proto::signal::forwarded::{self, Begin};
use crate::proto::turn::server::peers::Network;

/// Who may speak for clients, and which pages may connect.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Reverse proxies that are believed whom they speak for.
    pub trusted: Vec<Network>,
    /// Origins of pages that may connect beside those of this host; `*` is all.
    pub origins: Vec<String>,
}

/// Between two looks at a PROXY header that is not whole yet.
const AGAIN: Duration = Duration::from_millis(10);

impl Proxies {
    pub(super) fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.trusted.iter().any(|network| network.contains(ip))
    }

    /// The client whom a request is of, by its headers. Its port is not known where a proxy named it.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let values = |name: &str| -> Vec<&str> {
            let values = headers.get_all(name).iter();
            // What is no text names nobody.
            values.map(|value| value.to_str().unwrap_or("?")).collect()
        };
        let client = forwarded::client(
            peer.ip().to_canonical(),
            &values("x-forwarded-for"),
            &values("forwarded"),
            |ip| self.trusts(ip),
        );
        if client == peer.ip().to_canonical() {
            peer
        } else {
            SocketAddr::new(client, 0)
        }
    }

    /// Takes a header of the PROXY protocol off the beginning. Gives whom the proxy speaks for, if it
    /// says so.
    pub(super) async fn begin(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
        let mut buffer = [0; forwarded::MOST_BEGIN];
        let mut seen = 0;
        loop {
            let length = stream.peek(&mut buffer).await?;
            match forwarded::begin(&buffer[..length]) {
                Begin::Absent => return Ok(None),
                Begin::Malformed => return Err(io::ErrorKind::InvalidData.into()),
                Begin::Header(length, source) => {
                    stream.read_exact(&mut buffer[..length]).await?;
                    return Ok(source);
                }
                // The end of the stream shows as nothing new for ever; the request's time ends that.
                Begin::Unfinished if length == 0 => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Begin::Unfinished => {
                    if seen == length {
                        tokio::time::sleep(AGAIN).await;
                    }
                    seen = length;
                }
            }
        }
    }

    /// Whether a WebSocket may be opened by the page that asks for it, if a page does (RFC 6455 10.2): one of
    /// this host, or of an origin that the operator has named. Programs send no Origin.
    pub(super) fn allows_page(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return true;
        };
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        if origins.next().is_some() {
            return false;
        }
        let is_named = |named: &String| named == "*" || named.eq_ignore_ascii_case(origin);
        if self.origins.iter().any(is_named) {
            return true;
        }
        let host = headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        host.is_some_and(|host| is_of_host(origin, host))
    }
}

/// The port of the scheme may be left out on either side. A proxy that ends TLS may be between, so the scheme
/// itself is not compared.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let port = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
    !authority.is_empty() && bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn pages_of_this_host_and_of_named_origins_may_connect() {
        let proxies = Proxies {
            origins: vec!["https://app.example.org".into()],
            ..Proxies::default()
        };
        let allows = |origin: &'static str, host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            headers.insert(header::HOST, HeaderValue::from_static(host));
            proxies.allows_page(&headers)
        };
        assert!(proxies.allows_page(&HeaderMap::new()), "a program");
        for (origin, host) in [
            ("https://rdv.example.org", "rdv.example.org"),
            ("https://rdv.example.org", "RDV.example.org:443"),
            ("http://rdv.example.org:7880", "rdv.example.org:7880"),
            ("http://[2001:db8::1]:7880", "[2001:db8::1]:7880"),
            ("https://app.example.org", "rdv.example.org"),
        ] {
            assert!(allows(origin, host), "{origin} at {host}");
        }
        for (origin, host) in [
            ("https://evil.example.net", "rdv.example.org"),
            ("https://rdv.example.org.evil.net", "rdv.example.org"),
            ("https://rdv.example.org:8443", "rdv.example.org"),
            ("null", "null"),
            ("file://", ""),
            ("https://", ""),
        ] {
            assert!(!allows(origin, host), "{origin} at {host}");
        }
    }
}
