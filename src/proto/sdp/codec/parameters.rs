//! What keeps two codecs of one name apart.

use std::fmt;

use super::{Codec, h264};

/// The first thing in which they differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    Name,
    /// Clock rates of both.
    Clock(u32, u32),
    /// Channels of both.
    Channels(u32, u32),
    /// A parameter, and its values at both.
    Parameter(&'static str, String, String),
}

impl Codec {
    /// Why they cannot be used with each other; `None` if they can. Parameters that each side sets for itself do not
    /// matter, such as levels, bit rates and `sprop-...`.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        if !self.is(&other.name) {
            return Some(Difference::Name);
        }
        if self.clock != other.clock && !self.is_video() {
            return Some(Difference::Clock(self.clock, other.clock));
        }
        let [channels, others] = [self, other].map(|codec| codec.channels.unwrap_or(1));
        if channels != others {
            return Some(Difference::Channels(channels, others));
        }
        self.differing_parameter(other)
    }

    fn differing_parameter(&self, other: &Self) -> Option<Difference> {
        let differ = |name, default: &str| {
            let [mine, others] = [self, other].map(|codec| {
                let value = codec.parameter(name).unwrap_or(default);
                value.trim().to_ascii_lowercase()
            });
            (mine != others).then_some(Difference::Parameter(name, mine, others))
        };
        if self.is("H264") {
            // RFC 6184 8.2.2: both are to be the same at both sides.
            return self
                .differing_profile(other)
                .or_else(|| differ("packetization-mode", "0"));
        }
        if self.is("VP9") {
            return differ("profile-id", "0");
        }
        if self.is("AV1") {
            return differ("profile", "0");
        }
        if self.is("H265") {
            return differ("profile-id", "1").or_else(|| differ("tier-flag", "0"));
        }
        None
    }

    fn differing_profile(&self, other: &Self) -> Option<Difference> {
        const NAME: &str = "profile-level-id";
        let [mine, others] = [self, other].map(|codec| match codec.parameter(NAME) {
            None => Some(h264::DEFAULT),
            Some(text) => h264::profile(text).map(|(profile, _)| profile),
        });
        if mine.is_some() && mine == others {
            return None;
        }
        let text = |codec: &Self, profile: Option<h264::Profile>| {
            let written = codec.parameter(NAME).unwrap_or("none");
            match profile {
                Some(h264::Profile::Other(..)) => written.to_owned(),
                Some(profile) => format!("{written}, {}", <&str>::from(profile)),
                None => format!("{written}, which is no profile"),
            }
        };
        Some(Difference::Parameter(
            NAME,
            text(self, mine),
            text(other, others),
        ))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("another codec"),
            Self::Clock(mine, others) => write!(f, "clock rate {mine} here and {others} there"),
            Self::Channels(mine, others) => write!(f, "{mine} channels here and {others} there"),
            Self::Parameter(name, mine, others) => {
                let shown = |value: &str| {
                    if value.is_empty() {
                        "none".to_owned()
                    } else {
                        value.to_owned()
                    }
                };
                write!(
                    f,
                    "{name} ({}) here and ({}) there",
                    shown(mine),
                    shown(others)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec(rtpmap: &str, fmtp: &str) -> Codec {
        let mut codec = Codec::of_rtpmap(rtpmap, 1).expect("it is one");
        codec.take_parameters(fmtp);
        codec
    }

    #[test]
    fn what_has_to_be_the_same() {
        let base = codec(
            "96 H264/90000",
            "packetization-mode=1;profile-level-id=42e01f",
        );
        for (other, differs) in [
            (
                codec(
                    "97 h264/90000",
                    "profile-level-id=42e033;packetization-mode=1;sprop-parameter-sets=x",
                ),
                false,
            ),
            (codec("97 H264/90000", "packetization-mode=1"), false),
            (
                codec(
                    "97 H264/90000",
                    "packetization-mode=0;profile-level-id=42e01f",
                ),
                true,
            ),
            (
                codec(
                    "97 H264/90000",
                    "packetization-mode=1;profile-level-id=640c1f",
                ),
                true,
            ),
            (
                codec("97 H264/90000", "packetization-mode=1;profile-level-id=zz"),
                true,
            ),
            (codec("97 H264/9000", "packetization-mode=1"), false),
            (codec("97 VP8/90000", ""), true),
        ] {
            assert_eq!(base.difference(&other).is_some(), differs, "{other:?}");
        }
        let opus = codec("111 opus/48000/2", "");
        assert_eq!(
            opus.difference(&codec("96 opus/48000", "")),
            Some(Difference::Channels(2, 1))
        );
        let said = base.difference(&codec(
            "97 H264/90000",
            "packetization-mode=1;profile-level-id=640c1f",
        ));
        assert_eq!(
            said.expect("they differ").to_string(),
            "profile-level-id (42e01f, Constrained Baseline) here and (640c1f, Constrained High) there"
        );
    }
}
