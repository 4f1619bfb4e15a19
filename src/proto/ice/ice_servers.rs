//! The `iceServers` that web applications give to RTCPeerConnection, as providers and people write them.
//!
//! Besides the list itself: one entry alone, an answer of a provider that has the list in it under one
//! of several names, JavaScript, JSON with comments. What browsers take is taken; what they refuse is
//! left out, with a remark. No text of the file is repeated but URLs, names of keys that are known,
//! and numbers: everything else may be a secret.

mod entries;
mod oddities;
mod text;
mod tree;

use crate::proto::stun::uri::ServerUri;
use crate::proto::turn::credentials::Credentials;

/// One entry, as the W3C's RTCIceServer dictionary has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer {
    /// Those that can be used.
    pub urls: Vec<ServerUri>,
    /// For `turn:` and `turns:` alone.
    pub credentials: Option<Credentials>,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IceServers {
    /// Entries with at least one URL.
    pub entries: Vec<IceServer>,
    /// What a person should know of it.
    pub remarks: Vec<Remark>,
    /// Whether it has anything secret in it.
    pub has_secret: bool,
}

/// Something about the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// It is no plain list in JSON, and was read all the same: what it is.
    Form(String),
    /// Something was left out, or read as something else: where, and why.
    LeftOut(String),
    /// It wants relayed candidates alone (`iceTransportPolicy`). Whether it names a TURN server for them.
    Policy {
        /// Whether one of the URLs that can be used is a TURN server's.
        has_turn: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IceServersError {
    /// It cannot be read as JSON, nor as JavaScript.
    #[error("{what} (line {line} column {column})")]
    Text {
        /// What it is, or what is wrong with it.
        what: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// It is something else altogether.
    #[error("{0}")]
    Other(&'static str),
    /// It has no list of servers.
    #[error(
        "it has no ICE servers: a list of entries with \"urls\" is meant, or an object with \"iceServers\""
    )]
    NoList,
    /// It is what a service says instead of its list.
    #[error(
        "it is no list of ICE servers, but what a service answers when it refuses or fails: ask it again, with the right key or token"
    )]
    Refusal,
    /// There are entries, and none can be used; what is wrong with the first.
    #[error("{0}")]
    Entry(String),
    #[error("it names no server")]
    Empty,
}

/// Reads a file's text.
pub fn parse(text: &str) -> Result<IceServers, IceServersError> {
    let document = text::read(text)?;
    let mut all = entries::of(&document)?;
    all.remarks.splice(0..0, document.remarks);
    Ok(all)
}

#[cfg(test)]
mod tests;
