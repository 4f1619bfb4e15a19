//! What people paste as a description: SDP, and the forms in which programs, mail and chat carry it.

use serde_json::Value;

use crate::proto::sdp::source::{SourceError, of_base64};

/// How many forms may be wrapped around each other: base64 of JSON of a string, say.
const LAYERS: usize = 5;
/// How deep the SDP may be in JSON.
const DEPTH: usize = 8;

/// The SDP in a text: as it is, quoted by mail, indented, in JSON, in base64, or with its line ends
/// written out. A text that is none of these is given back as it is; JSON without SDP is an error.
pub fn sdp_in(text: &str) -> Result<String, String> {
    let mut text = plain(text);
    for _ in 0..LAYERS {
        if let Some(sdp) = lines_of_sdp(&text) {
            return Ok(sdp);
        }
        let trimmed = text.trim();
        if trimmed.starts_with(['{', '[', '"']) {
            let value: Value = serde_json::from_str(trimmed)
                .map_err(|error| SourceError::of_json(&error, &text).to_string())?;
            text = of_json(&value, DEPTH).ok_or_else(|| without_sdp(&value))?;
        } else if let Some(decoded) = of_base64(trimmed) {
            text = decoded;
        } else if trimmed.contains("\\n") {
            text = trimmed.replace("\\r\\n", "\n").replace("\\n", "\n");
        } else {
            break;
        }
    }
    match not_sdp(text.trim_start()) {
        Some(why) => Err(why.to_owned()),
        None => Ok(text),
    }
}

/// What stands where SDP is meant, of things that are often copied in its place.
fn not_sdp(text: &str) -> Option<&'static str> {
    if text.starts_with("HTTP/") {
        Some(
            "it is the answer of a web server without SDP in it: look at its status, and give the body of a 200 or 201",
        )
    } else if text.starts_with('<') {
        Some("it is a web page or XML, not SDP")
    } else if text.starts_with("candidate:") || text.starts_with("a=candidate:") {
        Some(
            "it is a candidate line alone: the whole description is meant, with a=ice-ufrag and a=ice-pwd",
        )
    } else {
        None
    }
}

fn without_sdp(value: &Value) -> &'static str {
    if value.get("candidate").is_some() {
        "it is one candidate of a browser: the whole description is meant, as it is once iceGatheringState is complete"
    } else {
        "it is JSON without a description in it: \"sdp\" is meant"
    }
}

/// Whether nothing more has to be waited for: with an empty line a person ends the description, but one
/// that was copied may have empty lines within.
pub fn is_whole(text: &str) -> bool {
    match sdp_in(text) {
        Ok(sdp) if sdp.trim_start().starts_with("v=0") => sdp.contains("a=ice-pwd:"),
        Ok(_) => true,
        // Its body comes after an empty line.
        Err(_) if text.trim_start().starts_with("HTTP/") => false,
        Err(_) => serde_json::from_str::<Value>(plain(text).trim()).is_ok(),
    }
}

/// Without byte order mark, and without the marks of a quotation.
fn plain(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let filled = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_quoted = filled().next().is_some() && filled().all(|line| line.starts_with('>'));
    if !is_quoted {
        return text.to_owned();
    }
    let unquoted = text
        .lines()
        .map(|line| line.trim().trim_start_matches(['>', ' ']));
    unquoted.collect::<Vec<_>>().join("\n")
}

/// From the first line of a description on, each without blanks around it. Words before it, such as
/// "Answer:" or the fence of a code block, are passed over.
fn lines_of_sdp(text: &str) -> Option<String> {
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "v=0");
    let first = lines.next()?;
    let rest = lines
        .filter(|line| !line.is_empty())
        .take_while(|line| !line.starts_with("```"));
    let mut sdp = first.to_owned();
    for line in rest {
        sdp.push_str("\r\n");
        sdp.push_str(line);
    }
    sdp.push_str("\r\n");
    Some(sdp)
}

/// The description in JSON, as `JSON.stringify(description)` and signalling servers write it: `sdp`, at
/// any depth; candidates that stand beside it are put in.
fn of_json(value: &Value, depth: usize) -> Option<String> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            let is_meant =
                text.starts_with("v=0") || text.starts_with('{') || of_base64(text).is_some();
            is_meant.then(|| text.to_owned())
        }
        _ if depth == 0 => None,
        Value::Object(object) => {
            let inner = object.get("sdp").and_then(|sdp| of_json(sdp, depth - 1));
            let inner = inner.or_else(|| {
                object
                    .values()
                    .filter(|v| v.is_object() || v.is_array())
                    .find_map(|v| of_json(v, depth - 1))
            })?;
            Some(with_candidates(
                inner,
                object.get("candidates").or(object.get("iceCandidates")),
            ))
        }
        Value::Array(values) => values.iter().find_map(|v| of_json(v, depth - 1)),
        _ => None,
    }
}

/// With candidates that were told apart from the description (RFC 8838).
fn with_candidates(sdp: String, candidates: Option<&Value>) -> String {
    let Some(Value::Array(candidates)) = candidates else {
        return sdp;
    };
    let lines = candidates.iter().filter_map(|candidate| {
        let line = candidate
            .as_str()
            .or_else(|| candidate.get("candidate")?.as_str())?;
        let line = line.trim();
        Some(line.strip_prefix("a=").unwrap_or(line)).filter(|l| l.starts_with("candidate:"))
    });
    let lines: Vec<String> = lines.map(|line| format!("a={line}")).collect();
    match (lines.is_empty(), sdp.split_once('\n')) {
        (false, Some((first, rest))) => {
            format!("{}\n{}\n{rest}", first.trim_end(), lines.join("\n"))
        }
        _ => sdp,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    const SDP: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n";

    #[test]
    fn all_forms_have_the_same_sdp() {
        let json = serde_json::json!({"type": "answer", "sdp": SDP});
        let nested = serde_json::json!({"id": 7, "jsep": {"sdp": {"type": "offer", "sdp": SDP}}});
        let quoted = format!("> {}", SDP.trim_end().replace("\r\n", "\n> "));
        let indented = format!("    {}", SDP.replace("\r\n", "\n\n    "));
        for text in [
            SDP.to_owned(),
            SDP.replace("\r\n", "\n"),
            format!("\u{feff}{SDP}"),
            quoted,
            format!("Answer:\n```\n{SDP}```\n"),
            indented,
            json.to_string(),
            format!("{nested:#}"),
            serde_json::json!([json]).to_string(),
            serde_json::json!(SDP).to_string(),
            serde_json::json!(json.to_string()).to_string(),
            SDP.replace("\r\n", "\\r\\n"),
            STANDARD.encode(SDP),
            URL_SAFE_NO_PAD.encode(json.to_string()),
            serde_json::json!({"sdp": STANDARD.encode(SDP)}).to_string(),
        ] {
            assert_eq!(sdp_in(&text).as_deref(), Ok(SDP), "{text}");
            assert!(is_whole(&text), "{text}");
        }
    }

    #[test]
    fn candidates_beside_the_description_are_put_in() {
        let line = "candidate:1 1 udp 1 192.0.2.1 5000 typ host";
        let json = serde_json::json!({"sdp": SDP, "candidates": [{"candidate": line, "sdpMid": "0"}, {"candidate": ""}]});
        let sdp = sdp_in(&json.to_string()).expect("SDP");
        assert!(sdp.starts_with(&format!("v=0\r\na={line}\r\n")), "{sdp}");
    }

    #[test]
    fn other_texts_stay_and_json_without_sdp_is_named() {
        assert_eq!(sdp_in("hello").as_deref(), Ok("hello"));
        assert_eq!(sdp_in("").as_deref(), Ok(""));
        assert!(sdp_in("{\"type\": \"answer\"}").is_err_and(|e| e.contains("without")));
        assert!(sdp_in("{\"type\": ").is_err());
        for part in ["v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n", "{\"type\": "] {
            assert!(!is_whole(part), "{part}");
        }
        assert!(is_whole("hello") && is_whole("{}"));
    }
}
