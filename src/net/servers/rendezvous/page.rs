//! The page with which a browser joins a session as one of its two sides: one file, which loads nothing.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use crate::proto::ice::steps::of_guest;
use crate::proto::signal::wire::ABOUT;

/// The page, and what a browser may do with it.
pub(super) struct GuestPage {
    pub(super) html: String,
    /// `Content-Security-Policy`: its own script and style by their hashes, and its own rendezvous.
    pub(super) policy: String,
}

/// Its script, in the order in which it is read.
const SCRIPTS: [&str; 7] = [
    include_str!("page/shown.js"),
    include_str!("page/steps.js"),
    include_str!("page/session.js"),
    include_str!("page/quality.js"),
    include_str!("page/media.js"),
    include_str!("page/call.js"),
    include_str!("page/begin.js"),
];

pub(super) static GUEST_PAGE: LazyLock<GuestPage> = LazyLock::new(|| {
    // What stands in a script must not end it.
    let steps = serde_json::to_string(&of_guest()).unwrap_or_default();
    let script = SCRIPTS
        .concat()
        .replace("RTCDIAG_VERSION", env!("CARGO_PKG_VERSION"))
        .replace("RTCDIAG_STEPS", &steps.replace('<', "\\u003c"));
    let html = include_str!("page/page.html").replace("RTCDIAG_ABOUT", ABOUT);
    let style = html
        .split_once("<style>")
        .and_then(|(_, rest)| rest.split_once("</style>"))
        .map_or("", |(style, _)| style);
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(&script),
        hash(style)
    );
    GuestPage {
        html: html.replace("RTCDIAG_SCRIPT", &script),
        policy,
    }
});

/// As a policy names it (CSP 3, 2.3.1).
fn hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_and_loads_nothing() {
        let GuestPage { html, policy } = &*GUEST_PAGE;
        assert!(html.len() < 100_000, "{}", html.len());
        for word in ["src=", "href=", "http-equiv", "@import", "url("] {
            assert!(!html.contains(word), "{word}");
        }
        assert!(html.contains(ABOUT) && html.contains(env!("CARGO_PKG_VERSION")));
        assert!(!html.contains("RTCDIAG_") && !policy.contains("unsafe"));
        assert!(policy.starts_with("default-src 'none'"));
    }
}
