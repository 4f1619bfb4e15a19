//! When time-limited credentials end.

use super::words::span;
use super::{Finding, Severity};

/// What is worth knowing about credentials that end at a time, both in seconds since 1970: that they
/// have ended, or, where a server refuses them, that its clock may say so.
pub fn of_expiry(expires: u64, now: u64, refused: bool) -> Option<Finding> {
    if expires <= now {
        Some(Finding::new(
            "credentials-expired",
            Severity::Error,
            format!(
                "the time-limited credentials ended {} ago by this machine's clock",
                span(now - expires)
            ),
            "get fresh ones; if they are fresh, this machine's clock is ahead",
        ))
    } else if refused {
        Some(Finding::new(
            "credentials-time-limited",
            Severity::Info,
            format!(
                "the credentials are time-limited and end in {} by this machine's clock",
                span(expires - now)
            ),
            "if the server's clock is ahead of that, it refuses them",
        ))
    } else {
        None
    }
}
