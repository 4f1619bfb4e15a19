//! Codecs as sections list them, and which of two sides are the same.

mod h264;
mod parameters;

use std::fmt;

pub use parameters::Difference;

/// A format of a section of audio or video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// RTP payload type.
    pub payload: u8,
    /// As it was written; names are the same in any case (RFC 8866 6.6).
    pub name: String,
    /// Clock rate in Hz.
    pub clock: u32,
    /// As `a=rtpmap` has it; `None` where it has none, which means one.
    pub channels: Option<u32>,
    /// `a=fmtp`, names in small letters.
    pub parameters: Vec<(String, String)>,
    /// The line of `a=rtpmap`, or of `m=` where the payload type is enough (RFC 3551 6).
    pub line: usize,
}

/// Static payload types (RFC 3551 6): number, name, clock rate, channels.
const STATIC: [(u8, &str, u32, u32); 23] = [
    (0, "PCMU", 8000, 1),
    (3, "GSM", 8000, 1),
    (4, "G723", 8000, 1),
    (5, "DVI4", 8000, 1),
    (6, "DVI4", 16000, 1),
    (7, "LPC", 8000, 1),
    (8, "PCMA", 8000, 1),
    (9, "G722", 8000, 1),
    (10, "L16", 44100, 2),
    (11, "L16", 44100, 1),
    (12, "QCELP", 8000, 1),
    (13, "CN", 8000, 1),
    (14, "MPA", 90000, 1),
    (15, "G728", 8000, 1),
    (16, "DVI4", 11025, 1),
    (17, "DVI4", 22050, 1),
    (18, "G729", 8000, 1),
    (25, "CelB", 90000, 1),
    (26, "JPEG", 90000, 1),
    (31, "H261", 90000, 1),
    (32, "MPV", 90000, 1),
    (33, "MP2T", 90000, 1),
    (34, "H263", 90000, 1),
];

/// What has no media of its own: repair, redundancy, silence, tones.
const HELPERS: [&str; 7] = [
    "rtx",
    "red",
    "ulpfec",
    "flexfec",
    "flexfec-03",
    "CN",
    "telephone-event",
];

/// Video of browsers, all with one clock rate (RFC 6184 8.2.1, 7741 6, 9628 7).
const VIDEO: [&str; 5] = ["VP8", "VP9", "H264", "H265", "AV1"];
/// Its clock rate in Hz.
pub const VIDEO_CLOCK: u32 = 90_000;

impl Codec {
    /// What a static payload type stands for.
    pub fn of_static(payload: u8, line: usize) -> Option<Self> {
        let (_, name, clock, channels) = STATIC.iter().find(|entry| entry.0 == payload)?;
        Some(Self {
            payload,
            name: (*name).to_owned(),
            clock: *clock,
            channels: Some(*channels).filter(|channels| *channels != 1),
            parameters: Vec::new(),
            line,
        })
    }

    /// Reads the value of `a=rtpmap`; parameters come later.
    pub fn of_rtpmap(value: &str, line: usize) -> Option<Self> {
        let (payload, encoding) = value.trim().split_once(' ')?;
        let mut fields = encoding.trim().split('/');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let clock = fields.next()?.trim().parse().ok()?;
        let channels = match fields.next() {
            None => None,
            Some(channels) => Some(channels.trim().parse().ok()?),
        };
        Some(Self {
            payload: payload.parse().ok()?,
            name: name.to_owned(),
            clock,
            channels,
            parameters: Vec::new(),
            line,
        })
    }

    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it carries media of its own.
    pub fn is_media(&self) -> bool {
        !HELPERS.iter().any(|helper| self.is(helper))
    }

    /// Whether it is one of those whose clock is 90 kHz, whatever is written.
    pub fn is_video(&self) -> bool {
        VIDEO.iter().any(|name| self.is(name))
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a `profile-level-id` of H.264 can be read.
    pub fn has_known_profile(&self, text: &str) -> bool {
        h264::profile(text).is_some()
    }

    /// The payload type that `rtx` is for (RFC 4588 8.1).
    pub fn repaired(&self) -> Option<u8> {
        self.parameter("apt")?.parse().ok()
    }

    /// Takes `a=fmtp` (RFC 8866 6.15): a list with semicolons, or a single word as of `red` and `telephone-event`.
    pub fn take_parameters(&mut self, text: &str) {
        for part in text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = part.split_once('=').unwrap_or(("", part));
            let name = name.trim().to_ascii_lowercase();
            self.parameters.push((name, value.trim().to_owned()));
        }
    }
}

/// As in `a=rtpmap`.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.clock)?;
        match self.channels {
            Some(channels) => write!(f, "/{channels}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rtpmap_is_read() {
        let codec = Codec::of_rtpmap("111 opus/48000/2", 7).expect("it is one");
        assert_eq!(
            (codec.payload, codec.clock, codec.channels, codec.line),
            (111, 48000, Some(2), 7)
        );
        assert_eq!(codec.to_string(), "opus/48000/2");
        for wrong in [
            "x opus/48000",
            "111 opus",
            "111",
            "300 VP8/90000",
            "96 /90000",
        ] {
            assert_eq!(Codec::of_rtpmap(wrong, 1), None, "{wrong}");
        }
    }

    #[test]
    fn parameters_are_read_with_blanks_and_capitals() {
        let mut codec = Codec::of_rtpmap("102 H264/90000", 1).expect("it is one");
        codec.take_parameters("Packetization-Mode=1; profile-level-id=42e01f;;x");
        assert_eq!(codec.parameter("packetization-mode"), Some("1"));
        assert_eq!(codec.parameter("profile-level-id"), Some("42e01f"));
        assert_eq!(codec.parameter(""), Some("x"));
    }
}
