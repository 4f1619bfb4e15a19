//! What calls are joined and judged by in a description (RFC 8866, RFC 8839, RFC 8842).

use crate::base::words::printable;

/// Sections of one description that are looked at.
const MAX_SECTIONS: usize = 1000;

/// One description.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Described {
    pub is_offer: Option<bool>,
    /// As it was found.
    pub text: String,
    pub sections: Vec<Section>,
    /// Each once; so few that a list takes least.
    pub ufrags: Vec<String>,
    pub fingerprints: Vec<String>,
    /// `a=candidate` lines, until they are read.
    pub candidates: Vec<String>,
    pub has_candidates: bool,
    pub is_trickle: bool,
    pub is_complete: bool,
    pub is_lite: bool,
    /// Roles of `a=setup`.
    pub setup: Option<String>,
}

/// An m-section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    pub kind: String,
    pub port: u16,
    pub mid: Option<String>,
    /// Formats with their codecs, in order of preference: "opus/48000/2".
    pub codecs: Vec<String>,
    pub direction: Option<String>,
    pub is_bundle_only: bool,
}

impl Section {
    /// Port 0 rejects it (RFC 3264 6), but for those that are bundled (RFC 9143 6).
    pub const fn is_rejected(&self) -> bool {
        self.port == 0 && !self.is_bundle_only
    }

    /// Codecs that carry media of their own: not redundancy, repair, tones or noise.
    pub fn media_codecs(&self) -> impl Iterator<Item = &str> {
        const AUXILIARY: [&str; 8] = [
            "rtx",
            "red",
            "ulpfec",
            "flexfec-03",
            "flexfec",
            "telephone-event",
            "cn",
            "parityfec",
        ];
        self.codecs.iter().map(String::as_str).filter(|codec| {
            let name = codec.split('/').next().unwrap_or_default();
            !AUXILIARY.contains(&name.to_ascii_lowercase().as_str())
        })
    }
}

/// A fingerprint as all files have it: the algorithm in lower case, the digits in upper case.
pub fn fingerprint(text: &str) -> Option<String> {
    let (algorithm, digits) = text.trim().split_once(' ')?;
    let digits = digits.trim().to_ascii_uppercase();
    let is_hex = |c: char| c.is_ascii_hexdigit() || c == ':';
    let is_one = (16..=256).contains(&digits.len()) && digits.chars().all(is_hex);
    is_one.then(|| format!("{} {digits}", algorithm.to_ascii_lowercase()))
}

/// Whether a text is a description, or could be meant as one.
pub fn is_description(text: &str) -> bool {
    let begins = |line: &str, with: &str| line.trim_start().starts_with(with);
    let mut lines = text.lines().take(200);
    lines.any(|line| begins(line, "v=0") || begins(line, "m="))
}

pub fn read(text: &str) -> Described {
    let mut read = Described::default();
    // Some carry it in one line, as JSON has it.
    let text = if text.contains('\n') {
        text.to_owned()
    } else {
        text.replace("\\r\\n", "\n").replace("\\n", "\n")
    };
    let mut maps: Vec<(String, String)> = Vec::new();
    read.text.clone_from(&text);
    for line in text.lines().map(str::trim) {
        if let Some(media) = line.strip_prefix("m=") {
            close(&mut read, &maps);
            maps.clear();
            if read.sections.len() >= MAX_SECTIONS {
                break;
            }
            read.sections.push(section(media));
        } else if let Some(attribute) = line.strip_prefix("a=") {
            of_attribute(&mut read, &mut maps, attribute);
        }
    }
    close(&mut read, &maps);
    read
}

/// Formats stand in `codecs` until the section ends; then the codecs that they are.
fn close(read: &mut Described, maps: &[(String, String)]) {
    let Some(section) = read.sections.last_mut() else {
        return;
    };
    let formats = std::mem::take(&mut section.codecs);
    // A rejected section has a format because the line has to have one.
    let is_bare = section.port == 0 && maps.is_empty();
    section.codecs = formats
        .iter()
        .filter_map(|format| {
            let mapped = maps.iter().find(|(payload, _)| payload == format);
            let codec = mapped.map(|(_, codec)| codec.clone());
            codec.or_else(|| (!is_bare).then(|| fixed(&section.kind, format))?)
        })
        .collect();
}

/// Payload types that need no `rtpmap` (RFC 3551 6), and formats that are no numbers.
fn fixed(kind: &str, format: &str) -> Option<String> {
    let name = match (kind, format) {
        ("audio", "0") => "PCMU/8000",
        ("audio", "3") => "GSM/8000",
        ("audio", "8") => "PCMA/8000",
        ("audio", "9") => "G722/8000",
        ("audio", "18") => "G729/8000",
        ("video", "26") => "JPEG/90000",
        ("video", "31") => "H261/90000",
        ("video", "34") => "H263/90000",
        ("application", other) => other,
        _ => return None,
    };
    Some(name.to_owned())
}

fn section(media: &str) -> Section {
    let mut fields = media.split_ascii_whitespace();
    let kind = printable(fields.next().unwrap_or_default());
    let port = fields.next().unwrap_or_default();
    let port = port.split('/').next().and_then(|port| port.parse().ok());
    Section {
        kind,
        port: port.unwrap_or(9),
        codecs: fields.skip(1).take(256).map(str::to_owned).collect(),
        ..Section::default()
    }
}

fn add_new(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}

fn of_attribute(read: &mut Described, maps: &mut Vec<(String, String)>, attribute: &str) {
    let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
    let value = value.trim();
    match name {
        "ice-ufrag" if read.ufrags.len() < MAX_SECTIONS => {
            add_new(&mut read.ufrags, printable(value));
        }
        "fingerprint" if read.fingerprints.len() < MAX_SECTIONS => {
            if let Some(print) = fingerprint(value) {
                add_new(&mut read.fingerprints, print);
            }
        }
        "candidate" if read.candidates.len() < super::MAX_PARTS => {
            read.candidates.push(attribute.to_owned());
            read.has_candidates = true;
        }
        "ice-options" => {
            read.is_trickle |= value.split_ascii_whitespace().any(|word| word == "trickle");
        }
        "end-of-candidates" => read.is_complete = true,
        "ice-lite" => read.is_lite = true,
        "setup" if read.setup.is_none() => read.setup = Some(printable(value)),
        _ => of_section(read, maps, name, value),
    }
}

fn of_section(read: &mut Described, maps: &mut Vec<(String, String)>, name: &str, value: &str) {
    let Some(section) = read.sections.last_mut() else {
        return;
    };
    match name {
        "mid" => section.mid = Some(printable(value)),
        "bundle-only" => section.is_bundle_only = true,
        "sendrecv" | "sendonly" | "recvonly" | "inactive" => {
            section.direction = Some(name.to_owned());
        }
        "rtpmap" if maps.len() < 256 => {
            if let Some((payload, codec)) = value.split_once(' ') {
                maps.push((payload.to_owned(), printable(codec)));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_section_has_no_codec_for_its_format() {
        let read = read(
            "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=mid:0\r\nm=video 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=sendrecv\r\n",
        );
        assert_eq!(read.sections[0].codecs, ["opus/48000/2", "PCMU/8000"]);
        assert!(!read.sections[0].is_rejected());
        assert!(read.sections[1].is_rejected());
        assert!(read.sections[1].codecs.is_empty());
    }

    #[test]
    fn fingerprints_are_compared_whatever_their_case() {
        let one = fingerprint("SHA-256 aa:bb:cc:dd:ee:ff:00:11").expect("it is one");
        assert_eq!(one, "sha-256 AA:BB:CC:DD:EE:FF:00:11");
        assert_eq!(fingerprint("sha-256 zz"), None);
    }
}
