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

impl Difference {
    /// How far apart it keeps two codecs of one name.
    pub fn weight(&self) -> u32 {
        match self {
            Self::Name => 16,
            Self::Clock(..) => 8,
            Self::Channels(..) => 4,
            // How the same stream is cut into packets is less than which stream it is.
            Self::Parameter("packetization-mode", ..) => 1,
            Self::Parameter(..) => 2,
        }
    }

    /// What differs.
    pub fn subject(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Clock(..) => "clock rate",
            Self::Channels(..) => "number of channels",
            Self::Parameter(name, ..) => name,
        }
    }
}

/// Parameters that have to be the same on both sides, and what is meant where they are missing.
const SAME: [(&str, &[(&str, &str)]); 6] = [
    ("VP9", &[("profile-id", "0")]),
    ("AV1", &[("profile", "0")]),
    // RFC 7798 7.2.2.
    (
        "H265",
        &[("profile-id", "1"), ("tier-flag", "0"), ("tx-mode", "srst")],
    ),
    // RFC 4867 8.3.1.
    ("AMR", &AMR),
    ("AMR-WB", &AMR),
    // RFC 5577 5.
    ("G7221", &[("bitrate", "")]),
];
const AMR: [(&str, &str); 3] = [("octet-align", "0"), ("crc", "0"), ("robust-sorting", "0")];

impl Codec {
    /// Why they cannot be used with each other; `None` if they can. Parameters that each side sets for itself do not
    /// matter, such as levels, bit rates and `sprop-...`.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        self.differences(other).into_iter().next()
    }

    /// All that keeps them apart.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        if !self.is(&other.name) {
            return vec![Difference::Name];
        }
        let mut found = Vec::new();
        if self.clock != other.clock && !self.is_video() {
            found.push(Difference::Clock(self.clock, other.clock));
        }
        let [channels, others] = [self, other].map(|codec| codec.channels.unwrap_or(1));
        if channels != others {
            found.push(Difference::Channels(channels, others));
        }
        self.differing_parameters(other, &mut found);
        found
    }

    fn differing_parameters(&self, other: &Self, found: &mut Vec<Difference>) {
        let differ = |name, default: &str| {
            let [mine, others] = [self, other].map(|codec| codec.effective(name, default));
            (mine != others).then_some(Difference::Parameter(name, mine, others))
        };
        if self.is("H264") {
            // RFC 6184 8.2.2: both are to be the same at both sides.
            found.extend(self.differing_profile(other));
            found.extend(differ("packetization-mode", "0"));
        }
        if self.is("AMR") || self.is("AMR-WB") {
            found.extend(self.differing_modes(other));
        }
        let own = SAME.iter().find(|(name, _)| self.is(name));
        for &(name, default) in own.into_iter().flat_map(|(_, parameters)| *parameters) {
            found.extend(differ(name, default));
        }
    }

    /// RFC 4867 8.3.1: what one side restricts itself to has to be among what the other does.
    fn differing_modes(&self, other: &Self) -> Option<Difference> {
        const NAME: &str = "mode-set";
        let (mine, others) = (self.parameter(NAME)?, other.parameter(NAME)?);
        let is_there = |mode: &str| others.split(',').any(|other| other.trim() == mode.trim());
        let is_common = mine.split(',').any(is_there);
        (!is_common).then(|| Difference::Parameter(NAME, mine.to_owned(), others.to_owned()))
    }

    /// The value that counts.
    fn effective(&self, name: &str, default: &str) -> String {
        let written = self.parameter(name);
        // RFC 4867 8.1: what needs bytes asks for them.
        let needs_bytes = ["crc", "robust-sorting"]
            .iter()
            .any(|name| self.parameter(name) == Some("1"))
            || self.parameter("interleaving").is_some();
        if name == "octet-align" && needs_bytes {
            return "1".to_owned();
        }
        // There are three. Firefox writes the level of another end's codec there, where it shows what it was given.
        let is_none = |profile: &str| !["0", "1", "2"].contains(&profile.trim());
        let written =
            written.filter(|text| !(self.is("AV1") && name == "profile" && is_none(text)));
        written.unwrap_or(default).trim().to_ascii_lowercase()
    }

    /// Whether one of two of H.264 has no profile, and the other has what the RFC means by that, which browsers do not.
    pub fn rests_on_default(&self, other: &Self) -> bool {
        const NAME: &str = "profile-level-id";
        let ((None, Some(written)) | (Some(written), None)) =
            (self.parameter(NAME), other.parameter(NAME))
        else {
            return false;
        };
        let profile = h264::profile(written).map(|(profile, _)| profile);
        self.is("H264") && other.is("H264") && profile == Some(h264::Profile::Baseline)
    }

    fn differing_profile(&self, other: &Self) -> Option<Difference> {
        const NAME: &str = "profile-level-id";
        let [mine, others] = [self, other].map(|codec| match codec.parameter(NAME) {
            None => Some(h264::DEFAULT),
            Some(text) => h264::profile(text).map(|(profile, _)| profile),
        });
        if mine.is_some() && mine == others || self.rests_on_default(other) {
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
        let av1 = codec("99 AV1/90000", "");
        assert_eq!(
            av1.difference(&codec("45 AV1/90000", "profile=5;tier=0")),
            None
        );
        assert!(
            av1.difference(&codec("45 AV1/90000", "profile=1;tier=0"))
                .is_some()
        );
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
