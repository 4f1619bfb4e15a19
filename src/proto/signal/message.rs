//! What the two sides of a session tell each other, sealed, through the rendezvous.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::base::codes::Code;
use crate::base::words::printable;
use crate::proto::ice::causes::{Found, OwnRelay, ServerFacts};
use crate::proto::ice::checks::Role;
use crate::proto::ice::facts::{self, NatFacts};
use crate::proto::media;
use crate::proto::stun::uri::Transport;

/// Version of these messages. A side understands all messages of its version, and skips those that
/// only a newer one has.
pub const VERSION: u32 = 1;

/// What a side is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// This program. Older versions do not say so.
    #[default]
    Program,
    /// The page that a rendezvous has for browsers: it answers with an RTCPeerConnection, so its data goes in a data
    /// channel, and it cannot tell which checks arrived.
    Browser,
    /// Something that only a newer version knows; it has to cope with this one.
    #[serde(other)]
    Other,
}

impl Kind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    fn is_program(&self) -> bool {
        *self == Self::Program
    }
}

/// The first thing that a side says, with which it greets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// See [`VERSION`].
    pub version: u32,
    /// Name and version of the program.
    pub software: String,
    /// The part that this side must have, if it was forced.
    #[serde(default)]
    pub role: Option<Role>,
    #[serde(default)]
    pub relay_only: bool,
    /// Whether it tells what becomes of its servers ([`Message::Server`]).
    #[serde(default)]
    pub tells_servers: bool,
    #[serde(default, skip_serializing_if = "Kind::is_program")]
    pub kind: Kind,
    /// Of a browser: whether its page knows [`Message::MediaTest`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub media: bool,
}

/// A STUN or TURN server as RTCPeerConnection takes it (W3C WebRTC 4.2.4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    pub urls: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    /// Without the password, which is for the other side alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// What a browser says of one of its pairs (W3C webrtc-stats 8.15). Addresses that it hides from the page are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPair {
    #[serde(default)]
    pub local: Option<SocketAddr>,
    /// It is told even where the address is hidden.
    #[serde(default)]
    pub local_port: Option<u16>,
    #[serde(default)]
    pub remote: Option<SocketAddr>,
    pub requests_received: u32,
}

/// What a browser says of one section of audio or video (W3C webrtc-stats 8.5, 8.7). The bit rate is of media without headers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeenStream {
    pub mid: String,
    pub source: Source,
    /// Why it is not the device: the name of the error (W3C mediacapture-streams 10.2).
    pub trouble: Option<String>,
    pub sent: Option<u64>,
    pub received: Option<u64>,
    pub received_kbps: Option<f64>,
    /// Negative where packets came twice.
    pub lost: Option<i64>,
    pub jitter_ms: Option<f64>,
    pub frames_decoded: Option<u64>,
    pub freezes: Option<u64>,
}

/// A result in the words of its reader at the other side (see [`for_browser`](crate::base::reader::for_browser)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderWords {
    pub summary: String,
    pub findings: Vec<String>,
    /// What is remarked on each step of the call, in their order.
    pub details: Vec<Option<String>>,
}

/// Where a browser's sound or picture comes from.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Microphone or camera.
    Device,
    /// A tone, or a picture that moves.
    Synthetic,
    #[default]
    #[serde(other)]
    None,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Message {
    /// The description of the controlling side (RFC 8839).
    Offer {
        sdp: String,
    },
    Answer {
        sdp: String,
    },
    /// One more candidate (RFC 8838), and where it comes from.
    Candidate {
        line: String,
        #[serde(default)]
        interface: Option<String>,
        /// The server that it was learned from.
        #[serde(default)]
        server: Option<String>,
        /// How a TURN server is talked to.
        #[serde(default)]
        relay_transport: Option<Transport>,
    },
    /// No more host and server-reflexive candidates are to be expected soon.
    DirectsComplete {
        /// Whether UDP works towards STUN servers.
        udp: bool,
    },
    /// `end-of-candidates` (RFC 8838 14).
    Complete,
    Nat {
        /// One for each family.
        nats: Vec<NatFacts>,
    },
    /// What became of a STUN or TURN server of this side.
    Server(ServerFacts),
    /// A pair is selected, and data has gone both ways over it.
    Connected {
        /// This side's address, as the other side sees it; a browser may hide it from the page.
        #[serde(default)]
        local: Option<SocketAddr>,
        /// The other side's address, as this side sees it.
        #[serde(default)]
        remote: Option<SocketAddr>,
    },
    /// Servers for the other side, a browser, which has none of its own.
    IceServers {
        servers: Vec<IceServer>,
    },
    /// The offer that follows has audio or video, which comes back: what a browser is to test, and for how long once
    /// it flows.
    MediaTest {
        kinds: Vec<media::Kind>,
        duration_ms: u32,
    },
    /// What a browser counted of it.
    MediaSeen {
        streams: Vec<SeenStream>,
    },
    /// What a browser recorded, in place of [`Message::Record`].
    Seen {
        pairs: Vec<SeenPair>,
    },
    /// This side's result as it prints it, for a page that has no verdict of its own.
    Report {
        document: serde_json::Value,
        /// What of it the page shows, in the words of who reads it there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<ReaderWords>,
    },
    /// Something that happened at this side, where one of the two is a browser.
    Step {
        /// One of [`crate::proto::ice::steps::Event`]; a newer version may have more.
        event: String,
        #[serde(default)]
        detail: Option<String>,
    },
    /// No pair can be connected (of the controlling side).
    Failed,
    /// This side makes no more checks.
    Finished,
    /// What this side recorded, once both sides make no more checks.
    Record {
        /// The first four bytes of the transaction ID of each check that arrived here.
        arrived: Vec<u32>,
        /// What its system and TURN servers say of all its pairs.
        #[serde(default)]
        troubles: Vec<Code>,
        /// Its relays that it tried to reach itself.
        #[serde(default)]
        own_relays: Vec<OwnRelay>,
        #[serde(flatten)]
        found: Box<Found>,
    },
    Ended {
        reason: End,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum End {
    Done,
    Interrupted,
    Timeout,
    Error {
        message: String,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("a message of the other side cannot be read: {0}")]
    Malformed(String),
    #[error(
        "the other side speaks version {0} of these messages, this side version {VERSION}: use the same version of rtcdiag on both"
    )]
    Version(u32),
}

// The texts of serde_json repeat names that they do not know.
fn malformed(error: &serde_json::Error) -> MessageError {
    MessageError::Malformed(printable(&error.to_string()))
}

impl Greeting {
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let versioned: Versioned =
            serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        if versioned.version != VERSION {
            return Err(MessageError::Version(versioned.version));
        }
        let mut greeting: Self =
            serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        greeting.software = printable(&greeting.software);
        Ok(greeting)
    }

    /// For [`crate::proto::signal::session::Session`].
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Message {
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut message: Self = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        message.clean();
        Ok(message)
    }

    /// What is shown must not draw on a terminal, and be no longer than anybody reads. Descriptions
    /// and candidate lines are looked at where they are read.
    fn clean(&mut self) {
        match self {
            Self::Candidate {
                interface, server, ..
            } => {
                for text in [interface, server].into_iter().flatten() {
                    *text = printable(text);
                }
            }
            Self::Nat { nats } => facts::bound(nats),
            Self::MediaSeen { streams } => {
                for stream in streams {
                    stream.mid = printable(&stream.mid);
                    stream.trouble = stream.trouble.as_deref().map(printable);
                }
            }
            Self::Server(server) => {
                server.uri = printable(&server.uri);
                server.detail = server.detail.as_deref().map(printable);
            }
            Self::Ended {
                reason: End::Error { message },
            } => *message = printable(message),
            Self::Step {
                detail: Some(detail),
                ..
            } => *detail = printable(detail),
            _ => {}
        }
    }

    /// For [`crate::proto::signal::session::Session`].
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::ice::causes::{EndedRelay, Refusal, Refused};

    #[test]
    fn messages_survive_the_way() {
        for message in [
            Message::Offer { sdp: "v=0".into() },
            Message::Complete,
            Message::DirectsComplete { udp: false },
            Message::Connected {
                local: "192.0.2.1:5".parse().ok(),
                remote: "[2001:db8::1]:6".parse().ok(),
            },
            Message::Record {
                arrived: vec![1, u32::MAX],
                troubles: vec![Code::ForbiddenIp],
                own_relays: vec![OwnRelay {
                    relayed: "192.0.2.30:61000".parse().expect("valid"),
                    is_reached: true,
                }],
                found: Box::new(Found {
                    ended_relays: vec![EndedRelay {
                        relayed: "192.0.2.30:61000".parse().expect("valid"),
                        code: Code::AllocationMismatch,
                    }],
                    refusals: vec![Refusal {
                        to: "192.0.2.1:5".parse().expect("valid"),
                        by: "192.0.2.1".parse().ok(),
                        what: Refused::Port,
                    }],
                    detour: None,
                    only_family: None,
                    gets_out: vec![crate::base::family::Family::Ipv4],
                    answered: Some(3),
                    heard: vec!["192.0.2.1:3478".parse().expect("valid")],
                    unheard: vec!["192.0.2.1:3479".parse().expect("valid")],
                    unreached: vec!["192.0.2.1".parse().expect("valid")],
                    data_arrived: Some(7),
                }),
            },
            Message::IceServers {
                servers: vec![IceServer {
                    urls: "turn:192.0.2.1".into(),
                    username: Some("1700000000:ann".into()),
                    credential: Some("hidden".into()),
                }],
            },
            Message::Seen {
                pairs: vec![SeenPair {
                    local: None,
                    local_port: Some(7),
                    remote: "192.0.2.1:5".parse().ok(),
                    requests_received: 3,
                }],
            },
            Message::MediaTest {
                kinds: vec![media::Kind::Audio, media::Kind::Video],
                duration_ms: 3000,
            },
            Message::MediaSeen {
                streams: vec![SeenStream {
                    mid: "1".into(),
                    source: Source::Device,
                    lost: Some(-1),
                    jitter_ms: Some(0.5),
                    ..SeenStream::default()
                }],
            },
            Message::Ended {
                reason: End::Error {
                    message: "x".into(),
                },
            },
            Message::Step {
                event: "description-received".into(),
                detail: Some("offer".into()),
            },
        ] {
            assert!(!format!("{message:?}").contains("hidden"));
            assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn what_is_newer_is_skipped_and_what_is_wrong_is_named() {
        let newer = br#"{"type": "hologram", "x": 1}"#;
        assert_eq!(Message::decode(newer), Ok(Message::Unknown));
        let newer = br#"{"type": "ended", "reason": {"why": "bored", "x": 1}}"#;
        assert_eq!(
            Message::decode(newer),
            Ok(Message::Ended {
                reason: End::Unknown
            })
        );
        assert!(Message::decode(b"\xff").is_err());
        assert!(Message::decode(br#"{"type": "offer"}"#).is_err());
        assert_eq!(
            Greeting::decode(br#"{"version": 2}"#),
            Err(MessageError::Version(2))
        );
        let more = br#"{"version": 1, "software": "x", "mood": "good"}"#;
        assert!(Greeting::decode(more).is_ok());
        for (kind, read) in [
            ("", Kind::Program),
            (r#", "kind": "browser""#, Kind::Browser),
            (r#", "kind": "telephone""#, Kind::Other),
        ] {
            let text = format!(r#"{{"version": 1, "software": "x"{kind}}}"#);
            let greeting = Greeting::decode(text.as_bytes()).expect("a greeting");
            assert_eq!(greeting.kind, read);
            assert_eq!(Greeting::decode(&greeting.encode()), Ok(greeting));
        }
    }

    #[test]
    fn texts_for_people_cannot_draw_on_the_terminal() {
        const EVIL: &str = "\u{1b}[2J\u{9b}\u{202e}x\r\n";
        let is_evil = |text: &str| text.chars().any(|c| c.is_control() || c == '\u{202e}');
        let fact = serde_json::json!({
            "status": "inconclusive", "reason": "contradiction", "detail": EVIL,
        });
        let facts = serde_json::json!({
            "family": "ipv4", "local_address": "192.0.2.1", "udp": fact, "nat": fact,
            "mapping": fact, "filtering": fact, "hairpinning": fact,
            "reflexive_addresses": vec!["192.0.2.1:5"; 1000],
        });
        for message in [
            serde_json::json!({"type": "nat", "nats": vec![facts; 5]}),
            serde_json::json!({"type": "candidate", "line": "", "interface": EVIL, "server": EVIL}),
            serde_json::json!({"type": "media-seen", "streams": [{"mid": EVIL, "trouble": EVIL}]}),
            serde_json::json!({"type": "ended", "reason": {"why": "error", "message": EVIL}}),
            serde_json::json!({"type": "step", "event": "server-failed", "detail": EVIL}),
            serde_json::json!({
                "type": "server", "uri": EVIL, "address": null, "transport": "udp",
                "is_turn": true, "error": EVIL,
            }),
        ] {
            let read = Message::decode(message.to_string().as_bytes()).expect("a message");
            if let Message::Nat { nats } = &read {
                assert_eq!((nats.len(), nats[0].reflexive_addresses.len()), (2, 32));
            }
            let shown: serde_json::Value = serde_json::from_slice(&read.encode()).expect("JSON");
            let mut open = vec![shown];
            while let Some(value) = open.pop() {
                match value {
                    serde_json::Value::String(text) => assert!(!is_evil(&text), "{text:?}"),
                    serde_json::Value::Array(list) => open.extend(list),
                    serde_json::Value::Object(fields) => open.extend(fields.into_values()),
                    _ => {}
                }
            }
        }
        for text in [
            format!(r#"{{"version": 1, "software": "x", "role": "\u001b{EVIL}"}}"#),
            r#"{"version": 1, "software": "x", "role": "\u001b[2J"}"#.to_owned(),
        ] {
            let error = Greeting::decode(text.as_bytes()).expect_err("no such role");
            assert!(!is_evil(&error.to_string()), "{error:?}");
        }
    }
}
