//! Why a broker cannot be used, from what it answers.

use rumqttc::mqttbytes::v4::ConnectReturnCode;

/// Why a broker cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("an HTTP server answers there, not an MQTT broker")]
    Http,
    #[error("what answers there speaks TLS")]
    Tls,
    #[error("what answers there is not an MQTT broker")]
    Foreign,
    #[error("the broker sends what MQTT does not allow")]
    Malformed,
    #[error("the broker does not speak MQTT 3.1.1")]
    Version,
    #[error("the broker refuses the connection: it is not available")]
    Unavailable,
    #[error("the broker refuses the name of the client")]
    ClientId,
    #[error("the broker refuses user name and password")]
    WrongLogin,
    #[error("the broker lets only in whom it knows, and forbids this client")]
    NotAuthorized,
    #[error("the broker forbids the topic")]
    TopicForbidden,
    #[error("the broker takes messages and does not hand them on")]
    Swallows,
    #[error("the broker has been silent for {} s", crate::proto::signal::mqtt::packets::SILENCE.as_secs())]
    Silent,
    #[error("the session has sent as much as a broker that belongs to somebody else is given: {0} messages or {kilobytes} kB from each side", kilobytes = .1 / 1000)]
    Budget(u32, usize),
    #[error("the broker sends more than {0} messages, which is no session")]
    Flood(u32),
}

pub(super) const fn refused(code: ConnectReturnCode) -> Option<Fault> {
    Some(match code {
        ConnectReturnCode::Success => return None,
        ConnectReturnCode::RefusedProtocolVersion => Fault::Version,
        ConnectReturnCode::BadClientId => Fault::ClientId,
        ConnectReturnCode::ServiceUnavailable => Fault::Unavailable,
        ConnectReturnCode::BadUserNamePassword => Fault::WrongLogin,
        ConnectReturnCode::NotAuthorized => Fault::NotAuthorized,
    })
}

/// The beginning of a record of TLS with an alert (RFC 8446 5.1), and of an answer of HTTP.
const HEADS: [(&[u8], Fault); 2] = [(&[0x15, 0x03], Fault::Tls), (b"HTTP/", Fault::Http)];

/// What answers in place of a broker; `None` as long as too little of it has come to tell.
pub(super) fn foreign(answer: &[u8]) -> Option<Fault> {
    for (head, fault) in HEADS {
        if answer.starts_with(head) {
            return Some(fault);
        }
        if head.starts_with(answer) {
            return None;
        }
    }
    Some(Fault::Foreign)
}
