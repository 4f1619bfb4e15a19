//! How far a server got.

use serde::Serialize;

use crate::base::report::Millis;

/// The steps to a candidate, and through a TURN server, in order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Stage {
    /// From name to address.
    Resolve,
    /// TCP connection; over UDP there is none.
    Connect,
    /// TLS handshake.
    Tls,
    /// STUN Binding (RFC 8489).
    Binding,
    /// TURN Allocate (RFC 8656 7).
    Allocate,
    /// TURN `CreatePermission` (RFC 8656 10).
    Permission,
    /// Data through the relay.
    Relay,
    /// TURN `ChannelBind` (RFC 8656 12).
    Channel,
    /// TURN Refresh (RFC 8656 8).
    Refresh,
}

impl Stage {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        self.into_str()
    }
}

/// How long a stage took, whether or not it succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StageTime {
    /// Which.
    pub stage: Stage,
    /// How long.
    pub elapsed_ms: Millis,
}
