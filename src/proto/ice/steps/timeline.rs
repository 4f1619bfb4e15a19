//! What happened in a call, one entry after the other.

use serde::Serialize;

use crate::base::report::Millis;
use crate::proto::ice::causes::Whose;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// From the start of the command, or from the first moment that the files tell of. What the other side tells has the
    /// time when it told it here.
    pub at_ms: Millis,
    /// Which end tells of it.
    pub side: StepSide,
    pub event: Event,
    pub detail: Option<String>,
}

impl Entry {
    /// Whether it is one of many of its kind.
    pub const fn is_detail(&self) -> bool {
        matches!(self.event, Event::CheckSent | Event::CheckSucceeded)
    }
}

/// An end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum StepSide {
    Local,
    Remote,
}

impl StepSide {
    /// The one at the other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Local => Self::Remote,
            Self::Remote => Self::Local,
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Local => "this side",
            Self::Remote => "the other side",
        }
    }
}

impl From<StepSide> for Whose {
    fn from(side: StepSide) -> Self {
        match side {
            StepSide::Local => Self::Local,
            StepSide::Remote => Self::Remote,
        }
    }
}

/// What it was: first what belongs to a call that works, in its order, and then what may go wrong.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    strum::VariantArray,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Event {
    RendezvousJoined,
    RendezvousLost,
    /// One of several places was not reached.
    RendezvousUnreached,
    RendezvousRejoined,
    PeerJoined,
    PeerLeft,
    /// The object that makes the call: an RTCPeerConnection, or the ICE agent.
    PeerConnectionCreated,
    DescriptionMade,
    /// In recorded calls: made and set.
    DescriptionSent,
    GatheringStarted,
    ServerAnswered,
    CandidateFound,
    /// Received and set.
    DescriptionReceived,
    /// Received and added.
    CandidateReceived,
    Checking,
    /// The first check of a pair was sent.
    CheckSent,
    /// The first answer of a pair came.
    CheckSucceeded,
    GatheringComplete,
    RemoteGatheringComplete,
    CheckFailed,
    PairNominated,
    /// Nominated, and checked both ways.
    Connected,
    /// DTLS over the pair is up.
    DtlsConnected,
    /// With a browser: data can go in the channel.
    ChannelOpened,
    /// Data went both ways; in recorded calls media or data came.
    DataExchanged,
    /// With a browser: the first packet of audio or video came.
    MediaReceived,
    /// With a browser: it has told what came back to it.
    MediaMeasured,
    QualityMeasured,
    RecordReceived,
    /// The NAT test is waited for, which tells why there is no direct path.
    FactsAwaited,
    PeerEnded,
    ServerFailed,
    Disconnected,
    DtlsFailed,
    Failed,
    Closed,
}

impl Event {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        self.into_str()
    }

    /// For a person.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RendezvousJoined => "rendezvous joined",
            Self::RendezvousLost => "rendezvous lost",
            Self::RendezvousUnreached => "rendezvous not reached",
            Self::RendezvousRejoined => "rendezvous joined again",
            Self::PeerJoined => "the other side has joined",
            Self::PeerLeft => "the other side has gone",
            Self::PeerConnectionCreated => "peer connection made",
            Self::DescriptionMade => "description made",
            Self::DescriptionSent => "description sent",
            Self::GatheringStarted => "gathering began",
            Self::ServerAnswered => "server answered",
            Self::CandidateFound => "candidate found",
            Self::DescriptionReceived => "description received",
            Self::CandidateReceived => "candidate received",
            Self::Checking => "checks began",
            Self::CheckSent => "check sent",
            Self::CheckSucceeded => "check answered",
            Self::GatheringComplete => "all candidates found",
            Self::RemoteGatheringComplete => "all candidates of the other side received",
            Self::CheckFailed => "pair given up",
            Self::PairNominated => "pair nominated",
            Self::Connected => "connected",
            Self::DtlsConnected => "DTLS is up",
            Self::ChannelOpened => "data channel open",
            Self::DataExchanged => "data went both ways",
            Self::MediaReceived => "the first packet of sound or picture received",
            Self::MediaMeasured => "sound and picture measured",
            Self::QualityMeasured => "path quality measured",
            Self::RecordReceived => "record of the other side received",
            Self::FactsAwaited => "waiting for this side's NAT test",
            Self::PeerEnded => "the session is over",
            Self::ServerFailed => "server failed",
            Self::Disconnected => "disconnected",
            Self::DtlsFailed => "DTLS failed",
            Self::Failed => "failed",
            Self::Closed => "closed",
        }
    }

    /// Whether the two ends of a call tell each other of it as it happens, where one of them is a browser. The rest is
    /// told by messages of its own.
    pub const fn is_told(self) -> bool {
        matches!(
            self,
            Self::RendezvousJoined
                | Self::PeerConnectionCreated
                | Self::DescriptionMade
                | Self::DescriptionSent
                | Self::DescriptionReceived
                | Self::ServerAnswered
                | Self::ServerFailed
                | Self::CandidateReceived
                | Self::Connected
                | Self::DtlsConnected
                | Self::DtlsFailed
                | Self::ChannelOpened
                | Self::DataExchanged
        )
    }
}
