//! Why there is no connection to a rendezvous, in words, and whether trying again may help.

use tokio_tungstenite::tungstenite;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::words::{printable, quoted};
use crate::net::stream::io_error;
use crate::proto::signal::wire::Refusal;

#[derive(Debug, Clone)]
pub(in crate::net) struct Failure {
    pub(in crate::net) report: ErrorReport,
    pub(in crate::net) is_final: bool,
}

const OTHER_PORT: &str = "check host, port and path of the rendezvous; wss:// is for a port with TLS, ws:// for one without";
const BOTH_NEW: &str = "use the same version of rtcdiag for the rendezvous and on both sides";

impl Failure {
    /// Trying again may help.
    pub(in crate::net) fn passing(report: ErrorReport) -> Self {
        Self {
            report,
            is_final: false,
        }
    }

    /// Trying again cannot help.
    pub(in crate::net) fn lasting(report: ErrorReport) -> Self {
        Self {
            report,
            is_final: true,
        }
    }

    pub(in crate::net) fn timeout(what: impl Into<String>) -> Self {
        Self::passing(ErrorReport::new(Code::Timeout, what).with_hint(
            "check host and port, that 'rtcdiag serve' runs there, and that no firewall is in between",
        ))
    }

    pub(in crate::net) fn silent() -> Self {
        Self::passing(
            ErrorReport::new(Code::Timeout, "nothing more is heard from the rendezvous")
                .with_hint("the network may have changed, or a firewall dropped the connection"),
        )
    }

    pub(in crate::net) fn closed() -> Self {
        Self::passing(
            ErrorReport::new(Code::Closed, "the rendezvous closed the connection")
                .with_hint("look at the rendezvous' log; a proxy in between may also close it"),
        )
    }

    pub(in crate::net) fn not_a_rendezvous(what: &str) -> Self {
        let message = format!("this is not an rtcdiag rendezvous: {what}");
        Self::lasting(ErrorReport::new(Code::NotARendezvous, message).with_hint(OTHER_PORT))
    }

    pub(in crate::net) fn of_refusal(refusal: Refusal) -> Self {
        let report = ErrorReport::new(refusal.code(), refusal.message());
        let report = match hint(refusal) {
            Some(hint) => report.with_hint(hint),
            None => report,
        };
        Self {
            report,
            is_final: refusal.is_final(),
        }
    }

    /// The same, as it came. A code that only newer servers know is taken for a final one.
    pub(in crate::net) fn of_error(code: &str, message: &str) -> Self {
        match Refusal::from_code(code) {
            Some(refusal) => Self::of_refusal(refusal),
            None => Self::lasting(
                ErrorReport::new(
                    Code::RefusedByRendezvous,
                    format!(
                        "the rendezvous refuses: {} ({})",
                        quoted(message),
                        printable(code)
                    ),
                )
                .with_hint(BOTH_NEW),
            ),
        }
    }

    /// The same of a WebSocket that was open: something has been said already.
    pub(in crate::net) fn of_open_websocket(error: &tungstenite::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let ends = [
            Kind::ConnectionReset,
            Kind::ConnectionAborted,
            Kind::BrokenPipe,
            Kind::UnexpectedEof,
        ];
        match error {
            tungstenite::Error::Io(error) if ends.contains(&error.kind()) => Self::closed(),
            error => Self::of_websocket(error),
        }
    }

    pub(in crate::net) fn of_websocket(error: &tungstenite::Error) -> Self {
        use tungstenite::Error as E;
        match error {
            E::Io(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                Self::not_a_rendezvous("it sends more than any rendezvous does")
            }
            E::Io(error) => Self::passing(io_error(error)),
            E::ConnectionClosed | E::AlreadyClosed => Self::closed(),
            E::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
                Self::closed()
            }
            E::Protocol(tungstenite::error::ProtocolError::HandshakeIncomplete) => {
                Self::not_a_rendezvous("it closes the connection instead of answering")
            }
            E::Protocol(tungstenite::error::ProtocolError::SecWebSocketSubProtocolError(_)) => {
                Self::not_a_rendezvous("a WebSocket server for something else answers there")
            }
            E::Capacity(_) => Self::not_a_rendezvous("it sends more than any rendezvous does"),
            _ => Self::not_a_rendezvous("what answers there is not a WebSocket server"),
        }
    }
}

const fn hint(refusal: Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::RoomFull => Some(
            "if you are one of the two that it is for, somebody else has the code: begin again with a new one (rtcdiag pair), on both hosts",
        ),
        Refusal::MeshFull => Some("test fewer hosts at a time, each group with a code of its own"),
        Refusal::RoomExpired => Some("start again with a new code: rtcdiag pair"),
        Refusal::BadJoin | Refusal::Version => Some(BOTH_NEW),
        Refusal::TooManyConnections | Refusal::TooManyRooms | Refusal::TooFast => {
            Some("wait a moment, or use another rendezvous")
        }
        Refusal::Slow | Refusal::Silent | Refusal::Unfinished => {
            Some("look at this machine's network")
        }
        Refusal::Replaced => Some("is the same command running twice?"),
        Refusal::ShuttingDown => Some("wait until it is back, or use another rendezvous"),
        Refusal::TooLarge => None,
    }
}
