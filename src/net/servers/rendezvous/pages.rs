//! What is answered to HTTP requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use crate::net::servers::rendezvous::page::GUEST_PAGE;
use crate::net::servers::rendezvous::shared::Shared;
use crate::proto::signal::wire::{ABOUT, PATH, SUBPROTOCOL};

const NOT_SHARED: &str =
    "the broker cannot be reached: rooms are not shared with other processes\n";

/// The first page.
fn about(has_admin: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let more = if has_admin {
        "; see /health and /metrics"
    } else {
        ""
    };
    format!("rtcdiag {version}: {ABOUT}{more}\n")
}

/// What the requests of one connection leave for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Left(Arc<Mutex<Requests>>);

#[derive(Debug, Default)]
struct Requests {
    any: bool,
    /// Whose the WebSocket is.
    client: Option<SocketAddr>,
    upgrade: Option<OnUpgrade>,
}

impl Left {
    pub(super) fn has_any(&self) -> bool {
        self.requests().any
    }

    fn note(&self) {
        self.requests().any = true;
    }

    /// The WebSocket, if one was asked for.
    pub(super) fn upgrade(&self) -> Option<OnUpgrade> {
        self.requests().upgrade.take()
    }

    /// Whose it is.
    pub(super) fn client(&self) -> Option<SocketAddr> {
        self.requests().client
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Page = Response<Full<Bytes>>;

/// The pages at the address of the rendezvous, for a connection that comes from `peer`.
pub(super) fn answer(
    shared: &Shared,
    left: &Left,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Page {
    left.note();
    let admin = !shared.has_admin;
    match request.uri().path() {
        "/" if is_for_browser(request.headers()) => of_get(&request, guest),
        "/" => of_get(&request, || text(StatusCode::OK, about(admin))),
        "/health" if admin => of_get(&request, || health(shared)),
        "/metrics" if admin => of_get(&request, || metrics(shared)),
        PATH if is_get(&request) => pair(shared, left, peer, request),
        PATH => of_get(&request, || text(StatusCode::NOT_FOUND, "")),
        _ => text(StatusCode::NOT_FOUND, ""),
    }
}

/// Those at an address of their own.
pub(super) fn answer_admin(shared: &Shared, request: &Request<Incoming>) -> Page {
    match request.uri().path() {
        "/health" => of_get(request, || health(shared)),
        "/metrics" => of_get(request, || metrics(shared)),
        _ => text(StatusCode::NOT_FOUND, ""),
    }
}

fn is_get(request: &Request<Incoming>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

fn of_get(request: &Request<Incoming>, page: impl FnOnce() -> Page) -> Page {
    if is_get(request) {
        return page();
    }
    let refused = text(StatusCode::METHOD_NOT_ALLOWED, "");
    with(refused, header::ALLOW, "GET,HEAD")
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Page {
    let mut page = Response::new(Full::new(text.into()));
    *page.status_mut() = status;
    with(page, header::CONTENT_TYPE, "text/plain; charset=utf-8")
}

fn with(mut page: Page, name: header::HeaderName, value: &'static str) -> Page {
    page.headers_mut()
        .insert(name, HeaderValue::from_static(value));
    page
}

/// Whether a person is to see it.
fn is_for_browser(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.to_ascii_lowercase().contains("text/html"))
}

/// The page that joins a session.
fn guest() -> Page {
    let mut page = text(StatusCode::OK, GUEST_PAGE.html.as_str());
    if let Ok(policy) = HeaderValue::from_str(&GUEST_PAGE.policy) {
        page.headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A server that is replaced by a newer one has another page.
        (header::CACHE_CONTROL, "no-cache"),
        // What answers depends on who asks.
        (header::VARY, "Accept"),
    ] {
        page = with(page, name, value);
    }
    page
}

fn health(shared: &Shared) -> Page {
    if shared.is_stopping() {
        text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        // What is in one process goes on, so that a broker that is away is no reason to send nobody there.
        let alone = if shared.is_alone() { NOT_SHARED } else { "" };
        text(StatusCode::OK, format!("ok\n{alone}"))
    }
}

fn metrics(shared: &Shared) -> Page {
    let format = "text/plain; version=0.0.4; charset=utf-8";
    let page = text(StatusCode::OK, shared.metrics());
    with(page, header::CONTENT_TYPE, format)
}

/// The opening handshake of a WebSocket (RFC 6455 4.2).
fn pair(shared: &Shared, left: &Left, peer: SocketAddr, mut request: Request<Incoming>) -> Page {
    if shared.is_stopping() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    if !shared.proxies.allows_page(request.headers()) {
        let about = "this rendezvous takes no connections from pages of that origin\n";
        return text(StatusCode::FORBIDDEN, about);
    }
    let Ok(response) = create_response_with_body(&request, Full::default) else {
        let about = "rtcdiag pair meets here; it speaks WebSocket\n";
        let page = text(StatusCode::UPGRADE_REQUIRED, about);
        return with(page, header::UPGRADE, "websocket");
    };
    if !offers(request.headers(), SUBPROTOCOL) {
        let about = format!("this rendezvous speaks the WebSocket subprotocol {SUBPROTOCOL}\n");
        return text(StatusCode::BAD_REQUEST, about);
    }
    left.requests().client = Some(shared.proxies.client(peer, request.headers()));
    left.requests().upgrade = Some(hyper::upgrade::on(&mut request));
    with(response, header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
}

fn offers(headers: &HeaderMap, subprotocol: &str) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim() == subprotocol)
}
