//! What came out, why, and what to do: the words on top of the page.

use std::fmt::Write as _;

use serde_json::Value;

use crate::base::words::{capitalised, capitalised_but};

use super::markup::{escape, heading};
use super::words::{label, list, text};

/// The verdict, in this word, and its sentence.
pub(super) fn of_document(out: &mut String, document: &Value, word: &str) {
    let class = match word {
        "good" => "good",
        "bad" | "error" => "bad",
        _ => "open",
    };
    let command = text(document, "command").unwrap_or("rtcdiag");
    let version = text(document, "rtcdiag_version").unwrap_or_default();
    let began = text(document, "started_at").unwrap_or_default();
    let redacted = if document["redacted"].as_bool() == Some(true) {
        ", with labels in place of addresses"
    } else {
        ""
    };
    let _ = write!(
        out,
        "<header><p class=outcome><span class=\"badge {class}\">{}</span> rtcdiag {}</p><h1>{}</h1>\
         <p class=note>rtcdiag {} at {}{redacted}</p></header>",
        escape(word),
        escape(command),
        escape(text(document, "summary").unwrap_or_default()),
        escape(version),
        escape(began),
    );
}

/// The causes of a call, weightiest first, each with what proves it and what would help.
pub(super) fn causes(out: &mut String, result: &Value) {
    let why = if text(result, "path") == Some("direct") {
        "What went wrong"
    } else {
        "Why there is no direct path"
    };
    for (key, title) in [("causes", why), ("relay_causes", "Why no relay helped")] {
        let causes = list(result, key);
        if causes.is_empty() {
            continue;
        }
        heading(out, title);
        for cause in causes {
            of_cause(out, cause);
        }
    }
}

fn of_cause(out: &mut String, cause: &Value) {
    let _ = write!(
        out,
        "<section class=cause><p><strong>{}</strong></p>",
        escape(&capitalised(text(cause, "message").unwrap_or_default()))
    );
    let evidence = list(cause, "evidence");
    if !evidence.is_empty() {
        out.push_str("<p>Seen:</p><ul>");
        for seen in evidence.iter().filter_map(Value::as_str) {
            let _ = write!(out, "<li>{}</li>", escape(seen));
        }
        out.push_str("</ul>");
    }
    let remedies = list(cause, "remedies");
    if !remedies.is_empty() {
        out.push_str("<p>What would help:</p><ul>");
        for remedy in remedies {
            let effect = text(remedy, "effect")
                .map(|effect| format!(" ({})", escape(&label(effect))))
                .unwrap_or_default();
            let _ = write!(
                out,
                "<li>{}{effect}</li>",
                escape(&capitalised(text(remedy, "message").unwrap_or_default()))
            );
        }
        out.push_str("</ul>");
    }
    explained(out, cause);
    out.push_str("</section>");
}

/// All findings, with their hints.
pub(super) fn findings(out: &mut String, document: &Value) {
    let findings = list(document, "findings");
    if findings.is_empty() {
        return;
    }
    heading(out, "Findings");
    // Of a mesh.
    let hosts = list(&document["result"], "hosts");
    let names = || hosts.iter().filter_map(|host| text(host, "name"));
    for finding in findings {
        let severity = text(finding, "severity").unwrap_or("info");
        let class = match severity {
            "error" => "bad",
            "warning" => "open",
            _ => "info",
        };
        let _ = write!(
            out,
            "<section class=finding><p><span class=\"badge {class}\">{}</span> {}</p>",
            escape(severity),
            escape(&capitalised_but(
                text(finding, "message").unwrap_or_default(),
                names()
            ))
        );
        if let Some(hint) = text(finding, "hint") {
            let _ = write!(out, "<p>What to do: {}</p>", escape(&capitalised(hint)));
        }
        explained(out, finding);
        out.push_str("</section>");
    }
}

fn explained(out: &mut String, of: &Value) {
    if let Some(code) = text(of, "code") {
        let _ = write!(
            out,
            "<p class=note><code>rtcdiag explain {}</code></p>",
            escape(code)
        );
    }
}
