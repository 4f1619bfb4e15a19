//! Descriptions in what people have: plain text, JSON, base64, a page copied from webrtc-internals, a log.

mod beside;
mod json;
mod text;

use super::model::{Description, Role};
use beside::Beside;
pub(in crate::proto) use json::of_lines;
pub(in crate::proto) use text::of_base64;

/// How many forms may be wrapped around each other.
const LAYERS: usize = 5;
/// Descriptions of one text that are read.
const MOST: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    #[error("it is empty")]
    Empty,
    #[error("it begins as JSON, which {flaw} (line {line}, column {column})")]
    Json {
        flaw: Flaw,
        line: usize,
        column: usize,
    },
    #[error(
        "it is JSON without a description in it: \"sdp\" is meant, or a dump of chrome://webrtc-internals"
    )]
    JsonWithout,
    #[error("it is one candidate of a browser: the whole description is meant")]
    Candidate,
    #[error("it is the answer of a web server without SDP in it: give the body of a 200 or 201")]
    Http,
    #[error("it is a web page or XML, not SDP")]
    Markup,
    #[error("there is no description in it: no line begins with v=0, and none with m=")]
    None,
}

/// What is wrong with JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum Flaw {
    #[strum(to_string = "ends in the middle")]
    CutOff,
    #[strum(to_string = "is nested too deeply to be read")]
    TooDeep,
    #[strum(to_string = "is damaged")]
    Damaged,
}

impl Flaw {
    pub(in crate::proto) fn of(error: &serde_json::Error) -> Self {
        if error.is_eof() {
            Self::CutOff
        } else if error.to_string().starts_with("recursion limit") {
            Self::TooDeep
        } else {
            Self::Damaged
        }
    }
}

impl SourceError {
    /// Of a text from which blanks were cut.
    pub(in crate::proto) fn of_json(error: &serde_json::Error, text: &str) -> Self {
        let before = &text[..text.len() - text.trim_start().len()];
        Self::Json {
            flaw: Flaw::of(error),
            line: error.line() + before.matches('\n').count(),
            column: error.column(),
        }
    }
}

/// A description as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    text: String,
    /// The number of its first line.
    first: usize,
    role: Option<Role>,
    is_exact: bool,
    /// Candidates that stand beside it, as applications send them.
    beside: Vec<Beside>,
}

/// All descriptions in a text, in their order.
pub fn read(text: &str) -> Result<Vec<Description>, SourceError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut found = find(text, LAYERS)?;
    found.truncate(MOST);
    let read = found.into_iter().map(|found| {
        let read = if found.is_exact {
            Description::read
        } else {
            Description::read_copied
        };
        let mut description = read(&found.text, found.first);
        description.role = found.role;
        description.is_exact = found.is_exact;
        for candidate in found.beside {
            candidate.add_to(&mut description);
        }
        description
    });
    Ok(read.collect())
}

fn find(text: &str, layers: usize) -> Result<Vec<Found>, SourceError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(SourceError::Empty);
    }
    let mut damage = None;
    if trimmed.starts_with(['{', '[', '"']) && layers > 0 {
        match json::find(trimmed, layers - 1) {
            Ok(found) if !found.is_empty() => return Ok(found),
            Ok(_) => return Err(json::without(trimmed)),
            // A log may begin with a bracket, and JSON may be cut off.
            Err(error) => damage = Some(SourceError::of_json(&error, text)),
        }
    }
    let found = text::find(text);
    if !found.is_empty() {
        return Ok(found);
    }
    if layers > 0
        && let Some(decoded) = text::of_base64(trimmed)
    {
        return find(&decoded, layers - 1);
    }
    if let Some(damage) = damage {
        return Err(damage);
    }
    Err(match trimmed {
        _ if trimmed.starts_with("HTTP/") => SourceError::Http,
        _ if trimmed.starts_with('<') => SourceError::Markup,
        _ if trimmed.trim_start_matches("a=").starts_with("candidate:") => SourceError::Candidate,
        _ => SourceError::None,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    const SDP: &str =
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=sendrecv\r\n";

    fn one(text: &str) -> Description {
        let mut read = read(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read.len(), 1, "{text}");
        read.remove(0)
    }

    #[test]
    fn all_forms_have_the_same_sections() {
        let object = json!({"type": "offer", "sdp": SDP});
        for (text, line) in [
            (SDP.to_owned(), 5),
            (SDP.replace("\r\n", "\n"), 5),
            (format!("\u{feff}{SDP}"), 5),
            (format!("The offer:\n```\n{SDP}```\nthanks"), 7),
            (format!("> {}", SDP.trim_end().replace("\r\n", "\n> ")), 5),
            (
                format!("    {}", SDP.trim_end().replace("\r\n", "\n    ")),
                5,
            ),
            (object.to_string(), 5),
            (json!([1, {"deep": object}]).to_string(), 5),
            (json!(object.to_string()).to_string(), 5),
            (json!({"offer": SDP}).to_string(), 5),
            (
                json!({"offer": {"side": "local", "sdp": SDP.split("\r\n").collect::<Vec<_>>()}})
                    .to_string(),
                5,
            ),
            (SDP.replace("\r\n", "\\r\\n"), 5),
            (STANDARD.encode(SDP), 5),
            (URL_SAFE_NO_PAD.encode(object.to_string()), 5),
            (
                format!("log 1 {} end", json!({"type": "offer", "sdp": SDP})),
                5,
            ),
            (format!("setRemoteDescription\ntype: offer, sdp: {SDP}"), 6),
            // From the middle on.
            (
                SDP.split_once("t=0 0\r\n")
                    .expect("it is there")
                    .1
                    .to_owned(),
                1,
            ),
        ] {
            let description = one(&text);
            assert_eq!(description.sections.len(), 1, "{text}");
            assert_eq!(description.sections[0].line, line, "{text}");
            assert_eq!(description.sections[0].codecs.len(), 1, "{text}");
        }
    }

    #[test]
    fn the_role_stands_beside_or_before() {
        for text in [
            json!({"type": "answer", "sdp": SDP}).to_string(),
            format!("type: answer, sdp: {SDP}"),
            format!(
                "x \"type\":\"answer\",\"sdp\":\"{}\"",
                SDP.replace("\r\n", "\\r\\n")
            ),
        ] {
            assert_eq!(one(&text).role, Some(Role::Answer), "{text}");
        }
        let both = format!(
            "createOffer\ntype: offer, sdp: {SDP}\nsetRemoteDescription\ntype: answer, sdp: {SDP}"
        );
        let roles: Vec<_> = read(&both).expect("two").iter().map(|d| d.role).collect();
        assert_eq!(roles, [Some(Role::Offer), Some(Role::Answer)]);
    }

    #[test]
    fn what_is_no_description_is_named() {
        for (text, error) in [
            (" ", SourceError::Empty),
            (
                "{\"type\": ",
                SourceError::Json {
                    flaw: Flaw::CutOff,
                    line: 1,
                    column: 8,
                },
            ),
            (
                "\n{\"type\":\n \"offer\" \"sdp\"}",
                SourceError::Json {
                    flaw: Flaw::Damaged,
                    line: 3,
                    column: 10,
                },
            ),
            ("{\"type\": \"offer\"}", SourceError::JsonWithout),
            (
                "{\"candidate\": \"candidate:1 1 udp 1 192.0.2.1 9 typ host\"}",
                SourceError::Candidate,
            ),
            (
                "a=candidate:1 1 udp 1 192.0.2.1 9 typ host",
                SourceError::Candidate,
            ),
            ("HTTP/1.1 404 Not Found", SourceError::Http),
            ("<html>", SourceError::Markup),
            ("hello", SourceError::None),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn deep_json_ends() {
        let deep = "[".repeat(100_000);
        let error = read(&deep).expect_err("too deep").to_string();
        assert!(error.contains("nested too deeply"), "{error}");
        let mut nested = json!({"sdp": SDP}).to_string();
        for _ in 0..8 {
            nested = json!({ "sdp": nested }).to_string();
        }
        assert_eq!(read(&nested), Err(SourceError::JsonWithout));
    }
}
