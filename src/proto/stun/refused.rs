//! What a STUN server means by an error in answer to a Binding request.

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::proto::stun::message::ErrorResponse;

/// What comes over UDP from a port that does not speak STUN.
pub const NOT_STUN: &str = "something answers there over UDP, and not as a STUN server does";
pub const OTHER_SERVICE: &str =
    "another service listens on this port; check address, port and transport";

/// The error of a server that answers with something else than STUN.
pub fn not_stun() -> ErrorReport {
    ErrorReport::new(Code::NotStun, NOT_STUN).with_hint(OTHER_SERVICE)
}

/// An error in answer to a Binding request (RFC 8489 14.8).
pub fn refused_binding(error: &ErrorResponse) -> ErrorReport {
    let said = format!("it answered with error {} {}", error.code, error.reason);
    let said = said.trim_end();
    let (message, hint) = match (error.code, error.alternate_server) {
        (300, Some(other)) => (
            format!(
                "{said}: it sends to another server, {other}, which browsers do not follow for STUN"
            ),
            "name that server in its place",
        ),
        (300, None) => (
            format!("{said}: it sends to another server without saying which"),
            "use another server for STUN",
        ),
        (400 | 420, _) => (
            format!("{said}: it does not understand a plain Binding request"),
            "it may be an old or very small server, or something on the way changes the packets: use another one for STUN",
        ),
        (500..=599, _) => (
            format!("{said}: something failed inside the server"),
            "look at the server's log, or try again later",
        ),
        _ => (
            said.to_owned(),
            "the server does not answer Binding requests from everybody: use another one for STUN",
        ),
    };
    ErrorReport::new(Code::StunError, message).with_hint(hint)
}
