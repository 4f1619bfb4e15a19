//! How far the way to a rendezvous has been gone, for whoever ends it early.

use std::net::SocketAddr;
use std::sync::Mutex;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::words::listed;
use crate::proto::stun::uri::Host;

/// What is waited for.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Name(Host),
    Connection {
        host: Host,
        addresses: Vec<SocketAddr>,
    },
    Tls,
    WebSocket,
    Join,
    /// What a broker says to the first messages.
    Broker,
}

/// The step that is being tried.
#[derive(Debug, Default)]
pub struct Steps(Mutex<Option<Step>>);

impl Steps {
    pub(super) fn begin(&self, step: Step) {
        if let Ok(mut current) = self.0.lock() {
            *current = Some(step);
        }
    }

    /// What was reached and what was not, if it ends here; `None` before anything was tried.
    pub fn unfinished(&self) -> Option<ErrorReport> {
        let current = self.0.lock().ok()?;
        current.as_ref().map(Step::unfinished)
    }
}

impl Step {
    fn unfinished(&self) -> ErrorReport {
        let (code, message, hint) = match self {
            Self::Name(host) => (
                Code::Dns,
                format!("the name servers have not answered for {host}"),
                "check the DNS settings, or name the rendezvous by its IP address",
            ),
            Self::Connection { host, addresses } => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let name = match host {
                    Host::Name(name) => format!("{name} was resolved, but "),
                    Host::Ip(_) => String::new(),
                };
                (
                    Code::Timeout,
                    format!("{name}no connection to {} came about", listed(&addresses)),
                    "check host and port, that 'rtcdiag serve' runs there, and that no firewall is in between",
                )
            }
            Self::Tls => (
                Code::Timeout,
                "it took the connection, and has not answered the TLS handshake".to_owned(),
                "check that the rendezvous speaks TLS on this port; if not, use ws://",
            ),
            Self::WebSocket => (
                Code::Timeout,
                "it took the connection, and has not answered the request for a WebSocket"
                    .to_owned(),
                "check host, port and path of the rendezvous, and that 'rtcdiag serve' runs there",
            ),
            Self::Join => (
                Code::Timeout,
                "it opened the WebSocket, and has not answered the join".to_owned(),
                "check that 'rtcdiag serve' runs there, and look at its log",
            ),
            Self::Broker => (
                Code::Timeout,
                "it took the connection, and has not answered as an MQTT broker".to_owned(),
                "check scheme, host and port of the broker, and look at its log",
            ),
        };
        ErrorReport::new(code, message).with_hint(hint)
    }
}
