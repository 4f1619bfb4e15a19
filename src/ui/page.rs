//! The result as one HTML page: for people without a terminal, for a ticket, for print. It loads nothing
//! and runs nothing, and is made from the document, so that it says what the document says; the headline's word
//! is that of the terminal.

mod flow;
mod markup;
mod nats;
mod pairs;
mod quality;
mod saved;
mod tables;
mod verdict;
mod ways;
mod words;

use std::fmt::Write as _;

use serde_json::Value;

use crate::base::report::Caveat;
use markup::escape;
use words::{list, text};

const STYLE: &str = include_str!("page/style.css");

/// A page that a mail server or a ticket system takes has at most so many bytes.
const MOST_BYTES: usize = 200_000;

/// The page of a document and of its text for the terminal. At most 200 kB: the text gives way first, then the
/// document inside, and the page says so.
pub fn page(document: &Value, caveat: Option<Caveat>, terminal: &str) -> String {
    let word = match caveat {
        Some(caveat) => caveat.word(),
        None => text(document, "outcome").unwrap_or("unknown"),
    };
    let mut page = head(document, word);
    page.push_str(&body(document, word));
    for (part, without) in [
        (
            saved::document(document),
            "The document is too large for this page: --json has it.",
        ),
        (
            as_text(terminal),
            "The text is too long for this page: the terminal has it.",
        ),
    ] {
        if page.len() + part.len() + FOOT.len() <= MOST_BYTES {
            page.push_str(&part);
        } else {
            let _ = write!(page, "<p class=note>{}</p>", escape(without));
        }
    }
    page + FOOT
}

const FOOT: &str = "</main></body></html>\n";

fn head(document: &Value, word: &str) -> String {
    let command = text(document, "command").unwrap_or("rtcdiag");
    format!(
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\"><meta name=referrer content=no-referrer>\
         <title>rtcdiag {}: {}</title><style>{STYLE}</style></head><body><main>",
        escape(command),
        escape(word),
    )
}

fn body(document: &Value, word: &str) -> String {
    let mut out = String::new();
    verdict::of_document(&mut out, document, word);
    of_result(&mut out, document);
    verdict::findings(&mut out, document);
    out
}

fn of_result(out: &mut String, document: &Value) {
    let result = &document["result"];
    match text(document, "command") {
        Some("pair") => of_call(out, result),
        Some("mesh") => ways::of_mesh(out, result),
        Some("inspect") => of_calls(out, result),
        Some("nat") => {
            nats::of_paths(out, result);
            tables::of_paths(out, result);
            tables::reachability(out, result);
            tables::servers(out, result);
        }
        Some("gather") => {
            tables::candidates(out, "Candidates", result);
            tables::servers(out, result);
        }
        Some("turn") => tables::of_turn(out, result),
        Some("demo") => of_demo(out, result),
        Some("sdp") => {
            tables::media(out, result);
            tables::problems(out, result);
        }
        _ => {}
    }
}

/// The commands that `demo` ran, one after the other.
fn of_demo(out: &mut String, result: &Value) {
    for (name, document) in [
        ("nat", &result["nat"]),
        ("gather", &result["gather"]),
        ("pair", &result["pair"]["a"]),
    ] {
        if document.is_object() {
            let summary = text(document, "summary").unwrap_or_default();
            let _ = write!(out, "<h2 class=call>{name}</h2><p>{}</p>", escape(summary));
            of_result(out, document);
        }
    }
}

/// A call that `pair` made, or that `inspect` found.
fn of_call(out: &mut String, result: &Value) {
    verdict::causes(out, result);
    nats::of_call(out, result);
    flow::of_steps(out, result);
    flow::of_timeline(out, result);
    pairs::matrix(out, result);
    quality::of_path(out, result);
    tables::media(out, result);
    tables::candidates(out, "Candidates of this side", &result["local"]);
    tables::candidates(out, "Candidates of the other side", &result["remote"]);
    tables::servers(out, result);
}

/// Calls that are shown in full: with more, the document has them.
const CALLS: usize = 5;

fn of_calls(out: &mut String, result: &Value) {
    tables::sources(out, result);
    let calls = list(result, "calls");
    for (number, call) in calls.iter().take(CALLS).enumerate() {
        if calls.len() > 1 {
            let _ = write!(out, "<h2 class=call>Call {}</h2>", number + 1);
        }
        of_call(out, call);
    }
    if calls.len() > CALLS {
        let _ = write!(
            out,
            "<p class=note>{} more calls are in the document.</p>",
            calls.len() - CALLS
        );
    }
}

fn as_text(terminal: &str) -> String {
    format!(
        "<details><summary>As the terminal shows it</summary><pre tabindex=0>{}</pre></details>",
        escape(terminal.trim_end())
    )
}

#[cfg(test)]
mod tests;
