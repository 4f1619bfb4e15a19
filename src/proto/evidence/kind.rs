//! What a file is, by its content.

use crate::proto::evidence::account::{Fault, FileKind};
use crate::proto::evidence::described;

/// How far is looked: dumps begin with what they are.
const LOOKED_AT: usize = 64 << 10;

pub fn of(bytes: &[u8]) -> Option<FileKind> {
    if is_capture(bytes) {
        return Some(FileKind::Pcap);
    }
    let head = &bytes[..bytes.len().min(LOOKED_AT)];
    let head = String::from_utf8_lossy(head);
    let head = head.trim_start_matches('\u{feff}').trim_start();
    // What Firefox's page puts into the clipboard.
    if is_json(head) && head.contains("\"iceCandidatePairStats\"") {
        return Some(FileKind::AboutWebrtc);
    }
    match head.chars().next()? {
        '{' => of_object(bytes, head),
        '[' if is_json(head) => Some(of_array(head)),
        '<' => is_about(bytes).then_some(FileKind::AboutWebrtc),
        _ if head.starts_with("RTCStatsDump") => Some(FileKind::Rtcstats),
        _ if described::is_description(head) => Some(FileKind::Sdp),
        _ if head.contains("candidate:") => Some(FileKind::Candidates),
        _ => None,
    }
}

/// Whether a text is meant as JSON: lines of logs begin with brackets too, around a time or a name.
pub fn is_json(text: &str) -> bool {
    let mut chars = text.chars().filter(|c| !c.is_whitespace());
    match chars.next() {
        Some('{') => true,
        Some('[') => matches!(chars.next(), None | Some('[' | ']' | '{' | '"')),
        _ => false,
    }
}

/// Magic numbers of pcap, in both orders and both units, and of pcapng.
fn is_capture(bytes: &[u8]) -> bool {
    const MAGIC: [[u8; 4]; 5] = [
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0x0a, 0x0d, 0x0d, 0x0a],
    ];
    MAGIC.iter().any(|magic| bytes.starts_with(magic))
}

fn has(bytes: &[u8], word: &str) -> bool {
    let word = word.as_bytes();
    bytes.windows(word.len()).any(|part| part == word)
}

fn of_object(bytes: &[u8], head: &str) -> Option<FileKind> {
    let starts = |word: &str| head.contains(word);
    if starts("\"rtcdiag_version\"") {
        return Some(FileKind::Rtcdiag);
    }
    let is_head_of_dump = [
        "\"PeerConnections\"",
        "\"getUserMedia\"",
        "\"UserAgentData\"",
    ];
    if is_head_of_dump.iter().any(|word| starts(word)) {
        return Some(FileKind::WebrtcInternals);
    }
    // A description as applications carry it.
    if starts("\"sdp\"") && starts("v=0") {
        return Some(FileKind::Sdp);
    }
    if starts("\"candidate\"") && starts("candidate:") && !starts("\"candidateType\"") {
        return Some(FileKind::Candidates);
    }
    let is_stats = starts("\"type\"") || starts("\"candidateType\"") || starts("\"timestamp\"");
    if is_stats {
        return Some(FileKind::Getstats);
    }
    has(bytes, "\"PeerConnections\"").then_some(FileKind::WebrtcInternals)
}

fn of_array(head: &str) -> FileKind {
    // `["create","PC_0",...]`: the first line, which says what it is, is missing.
    let mut parts = head.split('"');
    let (name, id) = (parts.nth(1), parts.nth(1));
    if name.is_some_and(|name| !name.is_empty()) && id.is_some_and(|id| id.starts_with("PC_")) {
        return FileKind::Rtcstats;
    }
    if head.contains("\"sdp\"") && head.contains("v=0") {
        return FileKind::Sdp;
    }
    let is_line = head.contains("candidate:") && !head.contains("\"candidateType\"");
    if is_line {
        FileKind::Candidates
    } else {
        FileKind::Getstats
    }
}

/// Firefox's page, in whatever language: the words that it shows are translated, its structure is not.
fn is_about(bytes: &[u8]) -> bool {
    [
        "about:webrtc",
        "aboutWebrtc",
        "about-webrtc",
        "peer-connection",
        "ice-stats",
        "candidate:",
    ]
    .iter()
    .any(|word| has(bytes, word))
}

/// Why a file is none of these.
pub fn complaint(bytes: &[u8]) -> Fault {
    let head = &bytes[..bytes.len().min(512)];
    let text = String::from_utf8_lossy(head);
    let text = text.trim();
    let message = if text.is_empty() {
        "it is empty"
    } else if head.starts_with(b"PK") {
        "it is a zip archive: unpack it first"
    } else if text.starts_with('<') {
        "it is a web page, but not Firefox's about:webrtc"
    } else if text.starts_with('{') {
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            return Fault::of_json(&error);
        }
        "it is JSON, but neither a webrtc-internals dump, nor statistics, nor a description"
    } else {
        "it is none of the kinds that are read: webrtc-internals, rtcstats, about:webrtc, getStats, captures, SDP, candidates, JSON of rtcdiag pair"
    };
    Fault::new("the beginning", message)
}
