//! A second look at a port that did not become a WebSocket: plain questions that tell a proxy before a
//! rendezvous from a server for something else, and a port with TLS from one without.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::http::StatusCode;
use url::Url;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::words::printable;
use crate::net::rendezvous::client::Way;
use crate::net::rendezvous::dial::{Stream, connect};
use crate::net::rendezvous::failure::Failure;
use crate::net::tls;
use crate::proto::signal::url::RendezvousUrl;
use crate::proto::signal::wire::{ABOUT, PATH};

/// For one question: connection, TLS and answer.
const PATIENCE: Duration = Duration::from_millis(1500);
/// More of an answer tells no more.
const LONGEST: usize = 4096;

const PASS_UPGRADE: &str = "have the proxy pass it on (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade)";
const NO_LOGIN: &str = "rtcdiag has no login for a rendezvous: let its path through without one, or use another rendezvous";
const BEHIND: &str = "check that 'rtcdiag serve' runs behind the proxy that answers, and where the proxy looks for it";
const OTHER_PATH: &str = "if 'rtcdiag serve' is behind a path of this web server, put it into the URL (wss://HOST/PATH), and have the proxy cut it off (nginx: a slash at the end of proxy_pass)";
const IN_ITS_PLACE: &str = "check host, port and path; on a guest network a captive portal answers in the place of others until somebody logs in: open a web page in a browser, then try again";
const ANOTHER: &str = "check host, port and path of the rendezvous";

pub(in crate::net) struct Look<'a> {
    pub(in crate::net) way: &'a Way,
    pub(in crate::net) addresses: &'a [SocketAddr],
}

impl Look<'_> {
    /// An HTTP server answered the request for a WebSocket with something else.
    pub(in crate::net) async fn at_answer(
        &self,
        status: StatusCode,
        location: Option<&str>,
    ) -> Failure {
        let url = &self.way.url;
        if status.is_redirection()
            && let Some(location) = location
        {
            return redirected(url, status, location);
        }
        if !url.tls && status == StatusCode::BAD_REQUEST && self.speaks_tls().await {
            return needs_tls(url);
        }
        // What stands behind shows in its first page; a proxy that reaches nothing is asked no more.
        if !status.is_server_error()
            && let Some(prefix) = self.rendezvous_at(url.tls).await
        {
            return behind(url, prefix, status);
        }
        of_status(status)
    }

    /// `ws://` was not understood there.
    pub(in crate::net) async fn at_plain(&self, failure: Failure) -> Failure {
        if self.speaks_tls().await {
            needs_tls(&self.way.url)
        } else {
            self.at_silent(failure).await
        }
    }

    /// Nothing of HTTP was answered there, be it with TLS or without.
    pub(in crate::net) async fn at_silent(&self, failure: Failure) -> Failure {
        let is_broker = timeout(PATIENCE, self.speaks_mqtt()).await;
        if is_broker.ok().flatten() != Some(true) {
            return failure;
        }
        let url = &self.way.url;
        let scheme = if url.tls { "mqtts" } else { "mqtt" };
        let message = format!(
            "an MQTT broker answers at this port: use {scheme}://{}:{}",
            url.host, url.port
        );
        Failure::lasting(ErrorReport::new(Code::NotARendezvous, message).with_hint(ANOTHER))
    }

    /// Whether CONNECT is answered with CONNACK, whatever it says (MQTT 3.1.1, 3.1 and 3.2).
    async fn speaks_mqtt(&self) -> Option<bool> {
        const CONNECT: [u8; 14] = *b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0";
        const DISCONNECT: [u8; 2] = [0xe0, 0];
        let mut stream = self.stream(self.way.url.tls).await?;
        stream.write_all(&CONNECT).await.ok()?;
        stream.flush().await.ok()?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.ok()?;
        // It need not hear it.
        let _ = stream.write_all(&DISCONNECT).await;
        Some(answer[..2] == [0x20, 2] && answer[2] <= 1)
    }

    async fn stream(&self, with_tls: bool) -> Option<Box<dyn Stream>> {
        let stream = connect(self.addresses, &self.way.source).await.ok()?;
        if !with_tls {
            return Some(Box::new(stream));
        }
        let shaken = tls::handshake(&self.way.url.host, stream).await;
        Some(Box::new(shaken.ok()?.0))
    }

    /// The TLS handshake came to nothing.
    pub(in crate::net) async fn at_tls(&self, failure: Failure) -> Failure {
        let answer = timeout(PATIENCE, self.ask(false, "/")).await.ok().flatten();
        // A port with TLS answers a plain request with 400, if at all.
        let Some((status, _)) =
            answer.filter(|(status, body)| *status != 400 || body.contains(ABOUT))
        else {
            return failure;
        };
        let url = self.way.url.with_tls(false);
        if let Some(prefix) = self.rendezvous_at(false).await {
            let found = RendezvousUrl {
                prefix: prefix.to_owned(),
                ..url
            };
            let message =
                format!("the port speaks HTTP without TLS, and wss:// is with it: use {found}");
            return Failure::lasting(ErrorReport::new(Code::Tls, message).with_hint(ANOTHER));
        }
        let message = format!(
            "the port speaks HTTP without TLS (status {status}), wss:// is with it, and no rendezvous shows there"
        );
        Failure::lasting(ErrorReport::new(Code::Tls, message).with_hint(IN_ITS_PLACE))
    }

    pub(in crate::net) async fn speaks_tls(&self) -> bool {
        let tried = timeout(PATIENCE, async {
            let stream = connect(self.addresses, &self.way.source).await.ok()?;
            match tls::handshake(&self.way.url.host, stream).await {
                Ok(_) => Some(true),
                // A certificate that is not accepted was sent over TLS all the same.
                Err((report, _)) => Some(report.code.is_of_certificate()),
            }
        });
        tried.await.ok().flatten() == Some(true)
    }

    /// The path under which `rtcdiag serve` answers, if it does: that of the URL, or none.
    async fn rendezvous_at(&self, with_tls: bool) -> Option<&str> {
        let mut prefixes = vec![self.way.url.prefix.as_str(), ""];
        prefixes.dedup();
        for prefix in prefixes {
            let path = format!("{prefix}/");
            let answer = timeout(PATIENCE, self.ask(with_tls, &path)).await;
            if answer
                .ok()
                .flatten()
                .is_some_and(|(_, body)| body.contains(ABOUT))
            {
                return Some(prefix);
            }
        }
        None
    }

    /// The status and the beginning of the answer to a plain request.
    async fn ask(&self, with_tls: bool, path: &str) -> Option<(u16, String)> {
        let mut stream = self.stream(with_tls).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.way.url.authority()
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        let mut answer = Vec::new();
        let mut buffer = [0; 1024];
        while answer.len() < LONGEST {
            match stream.read(&mut buffer).await {
                Ok(length) if length > 0 => answer.extend_from_slice(&buffer[..length]),
                _ => break,
            }
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
        Some((status, answer))
    }
}

fn needs_tls(url: &RendezvousUrl) -> Failure {
    let with_tls = url.with_tls(true);
    let message = format!("the port speaks TLS, and ws:// is without it: use {with_tls}");
    Failure::lasting(ErrorReport::new(Code::NotARendezvous, message).with_hint(ANOTHER))
}

/// `rtcdiag serve` answers plain requests there.
fn behind(url: &RendezvousUrl, prefix: &str, status: StatusCode) -> Failure {
    if prefix != url.prefix {
        let found = RendezvousUrl {
            prefix: prefix.to_owned(),
            ..url.clone()
        };
        let message = format!(
            "'rtcdiag serve' answers there, but not under {}: use {found}",
            url.prefix
        );
        return Failure::lasting(
            ErrorReport::new(Code::NotARendezvous, message).with_hint(ANOTHER),
        );
    }
    let message = format!(
        "'rtcdiag serve' answers there, and a proxy before it does not pass the WebSocket upgrade (HTTP status {status})"
    );
    Failure::lasting(ErrorReport::new(Code::UpgradeNotPassed, message).with_hint(PASS_UPGRADE))
}

fn redirected(url: &RendezvousUrl, status: StatusCode, location: &str) -> Failure {
    let base = format!(
        "{}://{}{}",
        if url.tls { "https" } else { "http" },
        url.authority(),
        url.path()
    );
    let to = Url::parse(&base).and_then(|base| base.join(location)).ok();
    let use_instead = to.as_ref().and_then(as_rendezvous);
    let shown = to.map_or_else(|| printable(location), |to| printable(to.as_str()));
    let (message, hint) = match use_instead {
        Some(other) if other != *url => (
            format!("it redirects to {shown} (HTTP status {status}): use {other}"),
            "a rendezvous is not looked for elsewhere: name the place that it redirects to, or have the redirection taken away for its path",
        ),
        _ => (
            format!("it redirects to {shown} (HTTP status {status}), which is no rendezvous"),
            IN_ITS_PLACE,
        ),
    };
    Failure::lasting(ErrorReport::new(Code::Redirected, message).with_hint(hint))
}

/// The rendezvous that a redirection leads to, if it leads to one.
fn as_rendezvous(to: &Url) -> Option<RendezvousUrl> {
    let scheme = match to.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return None,
    };
    let prefix = to.path().trim_end_matches('/').strip_suffix(PATH)?;
    let port = to
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{}{port}{prefix}", to.host_str()?)
        .parse()
        .ok()
}

fn of_status(status: StatusCode) -> Failure {
    let not_one = |what: &str, hint| {
        let message = format!("this is not an rtcdiag rendezvous: {what} (HTTP status {status})");
        Failure::lasting(ErrorReport::new(Code::NotARendezvous, message).with_hint(hint))
    };
    let passing = |what: &str| {
        let message = format!("the rendezvous cannot be reached: {what} (HTTP status {status})");
        Failure::passing(ErrorReport::new(Code::HttpError, message).with_hint(BEHIND))
    };
    match status.as_u16() {
        401 | 407 => not_one("a web server or proxy there asks for a login", NO_LOGIN),
        403 => not_one("a web server or proxy there forbids the request", NO_LOGIN),
        404 => not_one(
            "an HTTP server answers there, and has nothing at this path",
            OTHER_PATH,
        ),
        // From a proxy whose server is just being restarted, or from one that is being stopped.
        502 | 504 => passing("the proxy there does not reach the server behind it"),
        503 => passing("the server or proxy there is not ready"),
        429 => passing("the server or proxy there takes no more requests for now"),
        500..=599 => passing("the server or proxy there fails"),
        _ => not_one("an HTTP server answers there", ANOTHER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_name_what_to_use() {
        let url: RendezvousUrl = "ws://rdv.example.org/x".parse().expect("a URL");
        for (location, says) in [
            (
                "https://rdv.example.org/x/pair",
                "use wss://rdv.example.org/x",
            ),
            (
                "https://other.example.org:8443/pair",
                "use wss://other.example.org:8443",
            ),
            ("/y/pair/", "use ws://rdv.example.org/y"),
            ("/login?next=/x/pair", "no rendezvous"),
            ("/x/pair", "no rendezvous"),
        ] {
            let failure = redirected(&url, StatusCode::FOUND, location);
            let message = failure.report.message;
            assert!(
                message.contains(says) && failure.is_final,
                "{location}: {message}"
            );
        }
    }
}
