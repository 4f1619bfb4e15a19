//! Candidates that stand beside a description in JSON: `{type, sdp, candidates: [...]}`, messages of
//! signalling one after the other.

use serde_json::{Map, Value};

use super::super::model::{Attribute, Description};
use super::Found;

/// Candidates of one description that are kept.
const MOST_CANDIDATES: usize = 2000;

/// A candidate as `RTCIceCandidate` has it (W3C webrtc-pc 4.8.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beside {
    /// As in an attribute: without `a=`.
    text: String,
    mid: Option<String>,
    index: Option<usize>,
    ufrag: Option<String>,
}

impl Beside {
    pub(super) fn of_line(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let is_one = text.starts_with("candidate:") && !text.contains(['\n', '\r']);
        is_one.then(|| {
            let mut words = text.split_ascii_whitespace();
            let ufrag = words.by_ref().find(|word| *word == "ufrag");
            Self {
                mid: None,
                index: None,
                ufrag: ufrag.and_then(|_| words.next()).map(str::to_owned),
                text: text.to_owned(),
            }
        })
    }

    pub(super) fn of_object(object: &Map<String, Value>) -> Option<Self> {
        let word = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let line = Self::of_line(object.get("candidate")?.as_str()?)?;
        let index = object.get("sdpMLineIndex").and_then(Value::as_u64);
        Some(Self {
            mid: word("sdpMid"),
            index: index.and_then(|index| index.try_into().ok()),
            ufrag: word("usernameFragment").or(line.ufrag),
            text: line.text,
        })
    }

    /// Into its section; into the first one if it does not say which. Its line is that of the section.
    pub(super) fn add_to(self, description: &mut Description) {
        let by_mid = self.mid.as_deref().and_then(|mid| {
            let mut sections = description.sections.iter();
            sections.position(|section| section.mid() == Some(mid))
        });
        let at = by_mid.or(self.index).unwrap_or(0);
        let Some(section) = description.sections.get_mut(at) else {
            return;
        };
        let known = || section.part.all("candidate");
        if known().count() >= MOST_CANDIDATES {
            return;
        }
        let value = self.text.strip_prefix("candidate:").unwrap_or_default();
        // Some have it in the description and beside it.
        let head = |text: &str| {
            let words: Vec<String> = text
                .split_ascii_whitespace()
                .take(8)
                .map(str::to_owned)
                .collect();
            words
        };
        if known().any(|known| head(&known.value) == head(value)) {
            return;
        }
        let line = section.line;
        section.part.attributes.push(Attribute {
            line,
            name: "candidate".to_owned(),
            value: value.to_owned(),
            text: self.text,
            has_blank: false,
        });
    }
}

/// Gives candidates to the description that they stand beside, or that has their fragment; the rest
/// comes back.
pub(super) fn give(candidates: Vec<Beside>, found: &mut [Found]) -> Vec<Beside> {
    let is_alone = found.len() == 1;
    let mut left = Vec::new();
    for candidate in candidates {
        let place = found.iter().position(|found| {
            let ufrag = candidate.ufrag.as_deref();
            is_alone || ufrag.is_some_and(|ufrag| has_fragment(&found.text, ufrag))
        });
        match place.and_then(|place| found.get_mut(place)) {
            Some(found) if found.beside.len() < MOST_CANDIDATES => found.beside.push(candidate),
            Some(_) => {}
            None => left.push(candidate),
        }
    }
    left
}

fn has_fragment(text: &str, ufrag: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|line| line.trim().strip_prefix("a=ice-ufrag:") == Some(ufrag))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read;
    use crate::proto::sdp::model::Description;

    const HOST: &str = "candidate:1 1 udp 2122260223 192.168.1.10 5000 typ host";
    const SRFLX: &str =
        "candidate:2 1 udp 1686052607 203.0.113.7 6000 typ srflx raddr 0.0.0.0 rport 0";

    fn sdp(ufrag: &str) -> String {
        format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:{ufrag}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n"
        )
    }

    fn counts(description: &Description) -> Vec<usize> {
        let sections = description.sections.iter();
        sections
            .map(|section| section.part.all("candidate").count())
            .collect()
    }

    #[test]
    fn candidates_are_those_of_the_description_beside_them() {
        let offer = json!({"type": "offer", "sdp": sdp("aaaa")});
        let of_video = json!({"candidate": SRFLX, "sdpMid": "v", "sdpMLineIndex": 0});
        for (text, wanted) in [
            (
                json!({"type": "offer", "sdp": sdp("aaaa"), "candidates": [HOST, of_video, HOST]}),
                [1, 1],
            ),
            (
                json!({"offer": offer, "ice": {"candidates": [{"candidate": HOST, "sdpMLineIndex": 1}]}}),
                [0, 1],
            ),
            (
                json!([offer, {"type": "candidate", "candidate": {"candidate": HOST}}, {"candidate": ""}]),
                [1, 0],
            ),
            (json!([offer, format!("a={HOST}")]), [1, 0]),
            (
                json!({"offer": offer, "candidates": [{"candidate": HOST, "sdpMLineIndex": 7}]}),
                [0, 0],
            ),
        ] {
            let read = read(&text.to_string()).expect("a description");
            assert_eq!(read.len(), 1, "{text}");
            assert_eq!(counts(&read[0]), wanted, "{text}");
        }
    }

    #[test]
    fn with_two_descriptions_the_fragment_decides() {
        let log = json!([
            {"type": "offer", "sdp": sdp("aaaa")},
            {"type": "answer", "sdp": sdp("bbbb")},
            {"candidate": HOST, "usernameFragment": "bbbb"},
            {"candidate": format!("{SRFLX} ufrag aaaa")},
            {"candidate": HOST},
        ]);
        let read = read(&log.to_string()).expect("two");
        assert_eq!(
            (counts(&read[0]), counts(&read[1])),
            (vec![1, 0], vec![1, 0])
        );
        let lines = read[0].sections[0].part.all("candidate");
        assert_eq!(lines.map(|one| one.line).collect::<Vec<_>>(), [6]);
    }
}
