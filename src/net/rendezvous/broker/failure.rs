//! Why a broker cannot be used, in words, and whether trying again may help.

use tokio_tungstenite::tungstenite::http::StatusCode;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::net::rendezvous::failure::Failure;
use crate::proto::signal::mqtt::Fault;
use crate::proto::signal::url::RendezvousUrl;

const WHERE: &str = "check host and port, that the broker runs there, and that no firewall is in between (brokers listen on 1883, with TLS on 8883, over WebSocket often on 443)";
const WITHOUT_TLS: &str =
    "check that the broker speaks TLS on this port; if not, use mqtt:// or mqtt+ws://";
const OTHER_PORT: &str = "check scheme, host and port: mqtt:// is plain, mqtts:// with TLS, mqtt+ws:// and mqtt+wss:// are for the broker's WebSocket";
const LOGIN: &str = "give --rendezvous-username, and the password in RTCDIAG_RENDEZVOUS_PASSWORD or --rendezvous-password-file";
const RIGHTS: &str = "the user needs the right to read and write any topic: the name comes from the code and differs each time";
pub(super) const ANOTHER: &str = "use another broker (--rendezvous), or rtcdiag serve";

/// The words of the way to a rendezvous, where it is one to a broker.
pub fn worded(report: ErrorReport) -> ErrorReport {
    let is_of_serve = |hint: &str| hint.contains("rtcdiag serve") || hint.contains("ws://");
    let hint = match (report.hint, report.code) {
        (Some(hint), Code::Tls) if is_of_serve(hint) => Some(WITHOUT_TLS),
        (Some(hint), _) if is_of_serve(hint) => Some(WHERE),
        (hint, _) => hint,
    };
    ErrorReport { hint, ..report }
}

/// The connection did not come about.
pub(in crate::net) fn of_way(failure: Failure) -> Failure {
    Failure {
        report: worded(failure.report),
        ..failure
    }
}

pub(in crate::net) fn of_fault(fault: Fault, url: &RendezvousUrl) -> Failure {
    let (code, hint) = match fault {
        Fault::Tls => return needs_tls(url),
        Fault::Http | Fault::Foreign | Fault::Malformed => (Code::NotABroker, OTHER_PORT),
        Fault::Version | Fault::ClientId => (Code::NotABroker, ANOTHER),
        Fault::Unavailable => (Code::BrokerUnavailable, ANOTHER),
        Fault::WrongLogin | Fault::NotAuthorized => (Code::BrokerLogin, LOGIN),
        Fault::TopicForbidden | Fault::Swallows => (Code::BrokerForbids, RIGHTS),
        Fault::Silent => (
            Code::Timeout,
            "the network may have changed, or a firewall dropped the connection",
        ),
        Fault::Budget(..) => (
            Code::BrokerBudget,
            "run it again, with fewer servers and interfaces if it happens again; rtcdiag serve has no such limit",
        ),
        Fault::Flood(_) => (Code::BrokerFlood, ANOTHER),
    };
    let report = ErrorReport::new(code, fault.to_string()).with_hint(hint);
    Failure {
        is_final: !matches!(fault, Fault::Silent | Fault::Unavailable),
        report,
    }
}

pub(in crate::net) fn closed() -> Failure {
    Failure::passing(
        ErrorReport::new(Code::Closed, "the broker closed the connection")
            .with_hint("look at the broker's log; a firewall in between may also close it"),
    )
}

pub(in crate::net) fn unanswered() -> Failure {
    Failure::passing(
        ErrorReport::new(
            Code::Timeout,
            "it takes the connection and does not answer as an MQTT broker",
        )
        .with_hint(OTHER_PORT),
    )
}

/// Nothing came for too long of a broker that has let the client in, or not; `another` is what else may be used.
pub(in crate::net) fn silent(is_let_in: bool, another: &'static str) -> Failure {
    if !is_let_in {
        return unanswered();
    }
    Failure::passing(
        ErrorReport::new(
            Code::Timeout,
            "the broker lets this client in and does not answer its subscription",
        )
        .with_hint(another),
    )
}

/// Whether such an answer to plain MQTT may come from a port with TLS.
pub(in crate::net) fn may_be_tls(failure: &Failure) -> bool {
    matches!(
        failure.report.code,
        Code::Closed | Code::NotABroker | Code::Timeout
    )
}

pub(in crate::net) fn needs_tls(url: &RendezvousUrl) -> Failure {
    let message = format!(
        "the port speaks TLS, and {}:// is without it: use {}",
        url.scheme(),
        url.with_tls(true)
    );
    Failure::lasting(ErrorReport::new(Code::NotABroker, message).with_hint(OTHER_PORT))
}

/// An answer to the request for a WebSocket.
pub(in crate::net) fn of_status(status: StatusCode) -> Failure {
    let message =
        format!("an HTTP server answers there, and opens no WebSocket (HTTP status {status})");
    let report = ErrorReport::new(Code::NotABroker, message).with_hint(
        "check host, port and path: most brokers have their WebSocket at /mqtt, which is used if the URL has no path",
    );
    Failure {
        // A proxy whose broker is just being restarted.
        is_final: !status.is_server_error(),
        report,
    }
}

pub(in crate::net) fn no_websocket() -> Failure {
    let message = "what answers there is not the WebSocket of an MQTT broker";
    Failure::lasting(ErrorReport::new(Code::NotABroker, message).with_hint(OTHER_PORT))
}

pub(in crate::net) fn too_large(size: usize) -> Failure {
    let message = format!("the broker ends the connection at a message of {size} bytes");
    Failure::lasting(ErrorReport::new(Code::TooLarge, message).with_hint(
        "raise the broker's limit for messages (mosquitto: max_packet_size), or use another broker",
    ))
}
