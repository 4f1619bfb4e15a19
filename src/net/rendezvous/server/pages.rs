//! What is answered to HTTP requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::shared::Shared;
use crate::signal::wire::{PATH, SUBPROTOCOL};

const ABOUT: &str = concat!(
    "rtcdiag ",
    env!("CARGO_PKG_VERSION"),
    ": a rendezvous for 'rtcdiag pair'; see /health and /metrics\n"
);

/// What the requests of one connection leave for it. Each request finds it among its extensions.
#[derive(Debug, Clone, Default)]
pub(super) struct Left(Arc<Mutex<Requests>>);

#[derive(Debug, Default)]
struct Requests {
    any: bool,
    upgrade: Option<OnUpgrade>,
}

impl Left {
    /// Whether there was a request at all.
    pub(super) fn has_any(&self) -> bool {
        self.requests().any
    }

    /// There is one.
    pub(super) fn note(&self) {
        self.requests().any = true;
    }

    /// The WebSocket, if one was asked for.
    pub(super) fn upgrade(&self) -> Option<OnUpgrade> {
        self.requests().upgrade.take()
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All pages.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(ABOUT))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route(PATH, get(pair))
        .with_state(Arc::clone(shared))
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    if shared.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
    } else {
        "ok\n".into_response()
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, format)], shared.metrics()).into_response()
}

/// The opening handshake of a WebSocket (RFC 6455 4.2).
async fn pair(State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    if shared.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let Ok(mut response) = create_response_with_body(&request, Body::empty) else {
        let upgrade = [(header::UPGRADE, HeaderValue::from_static("websocket"))];
        let text = "rtcdiag pair meets here; it speaks WebSocket\n";
        return (StatusCode::UPGRADE_REQUIRED, upgrade, text).into_response();
    };
    if !offers(request.headers(), SUBPROTOCOL) {
        let text = format!("this rendezvous speaks the WebSocket subprotocol {SUBPROTOCOL}\n");
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let chosen = HeaderValue::from_static(SUBPROTOCOL);
    response
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
    let Some(left) = request.extensions().get::<Left>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    left.requests().upgrade = Some(hyper::upgrade::on(&mut request));
    response
}

fn offers(headers: &HeaderMap, subprotocol: &str) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim() == subprotocol)
}
