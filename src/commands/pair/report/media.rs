//! What became of audio and video.

use serde::Serialize;

use crate::base::report::Millis;
use crate::proto::media::Kind;
use crate::proto::signal::message::Source;

/// A section of audio or video. This side sends back what it gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MediaReport {
    pub mid: Option<String>,
    pub kind: Kind,
    pub accepted: bool,
    /// What came, or else what was agreed.
    pub codec: Option<String>,
    /// Why this one and no other.
    pub codec_reason: Option<String>,
    /// Where the other side's sound or picture comes from; `None` if it did not tell.
    pub source: Option<Source>,
    /// Packets that this side sent, and that came to it.
    pub sent: u64,
    pub received: u64,
    /// Of what the other side sent; negative where packets came twice (RFC 3550 6.4.1).
    pub lost: Option<i64>,
    pub jitter_ms: Option<Millis>,
    /// By the other side.
    pub frames_decoded: Option<u64>,
    /// Why nothing, or less, flows.
    pub reason: Option<String>,
    /// From the other side to this one.
    pub incoming: DirectionReport,
    /// Back to it.
    pub outgoing: DirectionReport,
    /// Neither side has a codec of the other one.
    #[serde(skip)]
    pub lacks_codec: bool,
}

/// One direction, as its receiver saw it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct DirectionReport {
    /// As its sender counts.
    pub packets_sent: Option<u64>,
    pub packets_received: Option<u64>,
    pub lost: Option<i64>,
    pub jitter_ms: Option<Millis>,
    /// Of media, without headers.
    pub bitrate_kbps: Option<f64>,
    /// `None` for audio, and where nothing is decoded: at this side.
    pub frames_decoded: Option<u64>,
    pub freezes: Option<u64>,
    /// How often its decoder asked for a keyframe, or this side did in its name.
    pub keyframe_requests: Option<u32>,
}
