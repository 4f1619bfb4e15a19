//! Audio and video with a browser (RFC 8834), without I/O: what it sends is sent back to it, so that whoever sits there
//! hears and sees themselves as the network carries it.
//!
//! Packets are echoed as they are, under a source (SSRC) of this side. Nothing is decoded here: frames and freezes are what
//! the browser counts. Loss is that of the network, since nothing is sent twice: neither NACK (RFC 4585) nor
//! retransmission (RFC 4588) is offered. The same holds for congestion: a browser goes by the reports of loss alone.

pub mod echo;
pub mod offer;
pub mod reception;
pub mod rtcp;
pub mod rtp;
pub mod srtp;

use serde::{Deserialize, Serialize};

/// What is tested.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    Audio,
    Video,
}

/// What a datagram of a call is, by its first bytes (RFC 7983, 5761 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    Rtp,
    Rtcp,
    /// DTLS, or nothing of ours.
    Other,
}

impl Traffic {
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, _, ..] => Self::Rtp,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_it_is() {
        for (bytes, traffic) in [
            (&[0x80, 111][..], Traffic::Rtp),
            (&[0x90, 0xe0], Traffic::Rtp),
            (&[0x80, 200], Traffic::Rtcp),
            (&[0x81, 206], Traffic::Rtcp),
            (&[22, 254], Traffic::Other),
            (&[0x80], Traffic::Other),
            (&[], Traffic::Other),
        ] {
            assert_eq!(Traffic::of(bytes), traffic, "{bytes:?}");
        }
    }
}
