//! What client and rendezvous say to each other beside the sealed messages: JSON in WebSocket text
//! frames. `net::rendezvous` describes the whole protocol.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::codes::Code;
use crate::proto::signal::rooms::{RoomKind, RoomName};
use crate::proto::signal::seal::Name;

/// Version of the protocol.
pub const VERSION: u64 = 1;
/// The version with lobbies. A server that knows only the first one says so to who wants a lobby.
pub const LOBBY_VERSION: u64 = 2;
/// The WebSocket subprotocol (RFC 6455 1.9).
pub const SUBPROTOCOL: &str = "rtcdiag.1";
/// Where the WebSocket is, behind the prefix of the URL.
pub const PATH: &str = "/pair";
/// What the first page of a rendezvous says, by which one behind a proxy is known.
pub const ABOUT: &str = "a rendezvous for 'rtcdiag pair'";
/// Longer text frames are not read.
use crate::base::bounds::NOTICE as MAX_TEXT;

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Refusal {
    RoomFull,
    /// The same of a lobby.
    MeshFull,
    /// The client did not join, or not in the right way.
    BadJoin,
    Version,
    TooLarge,
    /// Too many joins, messages or bytes in a second.
    TooFast,
    /// Too many connections, in all or from one address.
    TooManyConnections,
    TooManyRooms,
    /// It takes what it is sent too slowly.
    Slow,
    /// Nothing was heard of it.
    Silent,
    /// It began a message and did not end it, or too much of that waits already.
    Unfinished,
    /// The same member has joined again.
    Replaced,
    /// The room has been open for too long.
    RoomExpired,
    ShuttingDown,
}

impl Refusal {
    /// What it says; its name is also that on the wire.
    pub fn code(self) -> Code {
        let name: &str = self.into();
        name.parse().expect("every refusal is a code")
    }

    pub fn from_code(code: &str) -> Option<Self> {
        code.parse().ok()
    }

    pub const fn message(self) -> &'static str {
        match self {
            Self::RoomFull => "two others are in this session already",
            Self::MeshFull => "as many hosts as one mesh may have are in it already",
            Self::BadJoin => "this is not how a client of rtcdiag joins a room, or speaks in it",
            Self::Version => "the rendezvous speaks another version of the protocol",
            Self::TooLarge => "a message is larger than the rendezvous takes",
            Self::TooFast => "more than the rendezvous takes in this time",
            Self::TooManyConnections => "the rendezvous has too many connections",
            Self::TooManyRooms => "the rendezvous has too many rooms",
            Self::Slow => "messages were taken too slowly",
            Self::Silent => "nothing was heard for too long",
            Self::Unfinished => {
                "a message was begun and not ended in time, or too much waits in all"
            }
            Self::Replaced => "the same member has joined over another connection",
            Self::RoomExpired => "the room has been open for too long",
            Self::ShuttingDown => "the rendezvous is being stopped",
        }
    }

    /// Whether trying again cannot help.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::RoomFull
                | Self::MeshFull
                | Self::BadJoin
                | Self::Version
                | Self::TooLarge
                | Self::Replaced
                | Self::RoomExpired
        )
    }

    /// The status code of the close frame that follows (RFC 6455 7.4.1).
    pub const fn close_code(self) -> u16 {
        match self {
            Self::TooLarge => 1009,
            Self::ShuttingDown => 1001,
            Self::TooManyConnections | Self::TooManyRooms => 1013,
            _ => 1008,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    pub room: RoomName,
    pub kind: RoomKind,
    /// The member's name for this run.
    pub member: Name,
}

#[derive(Serialize, Deserialize)]
struct JoinFrame {
    r#type: String,
    version: u64,
    room: String,
    member: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<RoomKind>,
}

/// What can be read of a join of any version.
#[derive(Deserialize)]
struct AnyJoin {
    r#type: String,
    version: u64,
}

impl Join {
    /// Reads a join. Fields that are not known may be there.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_TEXT {
            return Err(Refusal::BadJoin);
        }
        let any: AnyJoin = serde_json::from_str(text).map_err(|_| Refusal::BadJoin)?;
        if any.r#type != "join" {
            return Err(Refusal::BadJoin);
        }
        if !matches!(any.version, VERSION | LOBBY_VERSION) {
            return Err(Refusal::Version);
        }
        let frame: JoinFrame = serde_json::from_str(text).map_err(|_| Refusal::BadJoin)?;
        let kind = match (any.version, frame.kind) {
            (VERSION, _) => RoomKind::Pair,
            (_, kind) => kind.ok_or(Refusal::BadJoin)?,
        };
        Ok(Self {
            room: frame.room.parse().map_err(|()| Refusal::BadJoin)?,
            kind,
            member: frame.member.parse().map_err(|_| Refusal::BadJoin)?,
        })
    }

    pub fn to_text(&self) -> String {
        let (version, kind) = match self.kind {
            RoomKind::Pair => (VERSION, None),
            kind @ RoomKind::Lobby => (LOBBY_VERSION, Some(kind)),
        };
        let frame = JoinFrame {
            r#type: "join".to_owned(),
            version,
            room: self.room.to_string(),
            member: self.member.to_string(),
            kind,
        };
        serde_json::to_string(&frame).unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Notice {
    Joined {
        peer: bool,
    },
    PeerJoined,
    PeerLeft,
    ThirdRefused,
    Error {
        /// See [`Refusal`]; a newer server may have others.
        code: String,
        message: String,
    },
    /// Something that a newer server says.
    #[serde(other)]
    Unknown,
}

impl Notice {
    pub fn refusal(refusal: Refusal) -> Self {
        Self::Error {
            code: refusal.code().to_string(),
            message: refusal.message().to_owned(),
        }
    }

    /// Reads a text frame of the server; `None` if it is no notice.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::VariantArray as _;

    use super::*;
    use crate::proto::signal::code::Code;

    fn join() -> Join {
        Join {
            room: RoomName::from(&Code::new([5; 10])),
            kind: RoomKind::Pair,
            member: Name([0xa5; 16]),
        }
    }

    #[test]
    fn joins_and_notices_survive_the_wire() {
        assert_eq!(Join::parse(&join().to_text()), Ok(join()));
        let lobby = Join {
            kind: RoomKind::Lobby,
            ..join()
        };
        assert_eq!(Join::parse(&lobby.to_text()), Ok(lobby));
        let bare = lobby.to_text().replace(r#","kind":"lobby""#, "");
        assert_eq!(Join::parse(&bare), Err(Refusal::BadJoin));
        for notice in [
            Notice::Joined { peer: true },
            Notice::PeerJoined,
            Notice::PeerLeft,
            Notice::ThirdRefused,
            Notice::refusal(Refusal::Slow),
        ] {
            assert_eq!(Notice::parse(&notice.to_text()), Some(notice));
        }
        let text = Notice::Joined { peer: false }.to_text();
        assert_eq!(text, r#"{"type":"joined","peer":false}"#);
        let newer = Notice::parse(r#"{"type":"weather","sun":true}"#);
        assert_eq!(newer, Some(Notice::Unknown));
        for refusal in Refusal::VARIANTS.iter().copied() {
            assert_eq!(Refusal::from_code(refusal.code().name()), Some(refusal));
        }
    }

    #[test]
    fn what_is_no_join_is_told_from_another_version() {
        let good = join().to_text();
        let more = good.replace('{', r#"{"colour":"blue","#);
        assert_eq!(Join::parse(&more), Ok(join()));
        let newer = good.replace(r#""version":1"#, r#""version":3"#);
        assert_eq!(Join::parse(&newer), Err(Refusal::Version));
        let bare = r#"{"type":"join","version":7}"#;
        assert_eq!(Join::parse(bare), Err(Refusal::Version));
        let long = format!("{good}{}", " ".repeat(MAX_TEXT));
        for wrong in [
            "",
            "{}",
            "[]",
            "null",
            &good[1..],
            &good.replace("join", "jump"),
            &good.replace("a5a5", "a5"),
            &good.replace("a5a5", "a5+5"),
            &good.replace(r#""version":1"#, r#""version":"1""#),
            &long,
        ] {
            assert_eq!(Join::parse(wrong), Err(Refusal::BadJoin), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parsers(text in any::<String>()) {
            let _ = Join::parse(&text);
            let _ = Notice::parse(&text);
        }

        #[test]
        fn a_join_that_is_damaged_is_read_as_itself_or_refused(
            place in 0_usize..120,
            with in any::<char>(),
        ) {
            let mut text: Vec<char> = join().to_text().chars().collect();
            let place = place % text.len();
            text[place] = with;
            let text: String = text.into_iter().collect();
            if let Ok(read) = Join::parse(&text) {
                prop_assert_eq!(Join::parse(&read.to_text()), Ok(read));
            }
        }

        #[test]
        fn fields_of_any_kind_are_refused_in_order(
            room in "\\PC{0,40}",
            member in "\\PC{0,40}",
            version in any::<i64>(),
        ) {
            let text = serde_json::json!({
                "type": "join", "version": version, "room": room, "member": member,
            });
            let read = Join::parse(&text.to_string());
            let expected = if version < 0 || matches!(version, 1 | 2) {
                Refusal::BadJoin
            } else {
                Refusal::Version
            };
            if let Err(refusal) = read {
                prop_assert_eq!(refusal, expected);
            }
        }
    }
}
