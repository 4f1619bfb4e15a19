//! Descriptions in text: from a line with `v=0` on, or in a string with its line ends written out.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::super::scan::typed;
use super::{Found, MOST, Role};

/// Lines among which the first of a description is looked for, where something stands before each.
const MAX_LOOKED: usize = 2000;
/// Characters before a description in which its role is looked for.
const BEFORE: usize = 160;

/// All descriptions of a text.
pub(super) fn find(text: &str) -> Vec<Found> {
    let bare = numbered(text);
    let text = bare.as_deref().unwrap_or(text);
    let starts = starts(text);
    if starts.is_empty() {
        return headless(text).into_iter().collect();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let found = starts.iter().zip(ends).map(|(start, end)| {
        let part = &text[*start..end];
        let role = role_before(&text[..*start]);
        let line = 1 + line_ends(&text[..*start]);
        if is_written_out(part) {
            return Found {
                text: unescaped(part),
                first: 1,
                role,
                is_exact: true,
                beside: Vec::new(),
            };
        }
        let indent = text[..*start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let decoration = &text[indent..*start];
        let text = undecorated(part, decoration);
        Found {
            text,
            first: line,
            role,
            is_exact: false,
            beside: Vec::new(),
        }
    });
    found.take(MOST).collect()
}

/// The text without what stands before each of its lines, where that has one form: the number of the line, the time of
/// a log.
fn numbered(text: &str) -> Option<String> {
    /// Lines that have it, behind the first.
    const SEVERAL: usize = 3;
    let form = text.lines().take(MAX_LOOKED).find_map(|line| {
        let at = line.find("v=0")?;
        let is_first = line[at + 3..].trim().is_empty();
        let form = line[..at].trim_start();
        let has_digit = form.contains(|c: char| c.is_ascii_digit());
        (is_first && has_digit && at <= BEFORE).then_some(form)
    })?;
    let is_so = |line: &&str| behind(form, line).is_some_and(|rest| typed(rest).is_some());
    if text.lines().filter(is_so).take(SEVERAL + 1).count() <= SEVERAL {
        return None;
    }
    let lines = text.split('\n');
    let lines = lines.map(|line| behind(form, line).unwrap_or(line));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// What stands behind a form: any number for each of its numbers, and any blanks for its blanks.
fn behind<'a>(form: &str, line: &'a str) -> Option<&'a str> {
    let mut rest = line.trim_start();
    let mut form = form.chars().peekable();
    while let Some(c) = form.next() {
        let is_kind: fn(char) -> bool = if c.is_ascii_digit() {
            |c| c.is_ascii_digit()
        } else if c.is_whitespace() {
            |c| c == ' ' || c == '\t'
        } else {
            rest = rest.strip_prefix(c)?;
            continue;
        };
        while form.next_if(|next| is_kind(*next)).is_some() {}
        let shorter = rest.trim_start_matches(is_kind);
        let is_end = shorter.trim().is_empty() && c.is_whitespace();
        if shorter.len() == rest.len() && !is_end {
            return None;
        }
        rest = shorter;
    }
    Some(rest)
}

/// Where `v=0` begins a line, or stands behind what marks a description.
fn starts(text: &str) -> Vec<usize> {
    let starts = text.match_indices("v=").filter_map(|(at, _)| {
        let is_number = text[at + 2..].starts_with(|c: char| c.is_ascii_digit());
        let behind = text[at + 2..].trim_start_matches(|c: char| c.is_ascii_digit());
        let ends = behind.is_empty() || behind.starts_with(['\r', '\n', '\\', ' ', '\t']);
        let near = before(text, at);
        let line = near.rsplit(['\n', '\r']).next().unwrap_or_default();
        let bare = line.trim_end();
        let is_marked = bare.trim_matches(['>', ' ', '\t', '|']).is_empty()
            || bare.ends_with(['"', '\'', '`'])
            || bare.ends_with("sdp:")
            || bare.ends_with("sdp=");
        (is_number && ends && is_marked).then_some(at)
    });
    starts.take(MOST).collect()
}

/// Without its first lines, as people copy it: from `m=` on, or from another line that is one.
fn headless(text: &str) -> Option<Found> {
    let mut at = 0;
    for (index, line) in text.split('\n').enumerate() {
        let bare = line.trim();
        if bare.starts_with("m=") && bare.split_whitespace().count() >= 3 {
            // What stands directly before it belongs to the session.
            let before = text[..at].rsplit('\n').skip(1);
            let lines: Vec<&str> = before
                .take_while(|line| typed(line.trim()).is_some())
                .collect();
            let length: usize = lines.iter().map(|line| line.len() + 1).sum();
            return Some(Found {
                text: text[at - length..].to_owned(),
                first: index + 1 - lines.len(),
                role: None,
                is_exact: false,
                beside: Vec::new(),
            });
        }
        at += line.len() + 1;
    }
    None
}

fn line_ends(text: &str) -> usize {
    let lone = text
        .split("\r\n")
        .map(|part| part.matches(['\r', '\n']).count());
    text.matches("\r\n").count() + lone.sum::<usize>()
}

/// What stands directly before a place.
fn before(text: &str, at: usize) -> &str {
    let mut from = at.saturating_sub(BEFORE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..at]
}

/// The word that is nearest before it.
fn role_before(text: &str) -> Option<Role> {
    let near = before(text, text.len()).to_ascii_lowercase();
    let offer = near.rfind("offer");
    let answer = near.rfind("answer");
    match (offer, answer) {
        (None, None) => None,
        (offer, answer) if offer > answer => Some(Role::Offer),
        _ => Some(Role::Answer),
    }
}

/// In a string of a programming language.
fn is_written_out(text: &str) -> bool {
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    line.contains("\\n") || line.contains("\\r")
}

fn unescaped(text: &str) -> String {
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    let end = line.find(['"', '`']).unwrap_or(line.len());
    let line = line[..end].trim_end_matches('\\');
    line.replace("\\\\r", "\r")
        .replace("\\\\n", "\n")
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\/", "/")
        .replace("\\\"", "\"")
}

/// Without what stands before every line, as a quotation or an indentation has it. Line numbers stay.
fn undecorated(text: &str, decoration: &str) -> String {
    let is_mark = |c: char| matches!(c, '>' | ' ' | '\t' | '|');
    if !decoration.chars().all(is_mark) {
        return text.to_owned();
    }
    if decoration.is_empty() {
        // The first line of a quotation is often copied without its mark, and no line begins with one.
        return text
            .split('\n')
            .map(unquoted)
            .collect::<Vec<_>>()
            .join("\n");
    }
    let trimmed = decoration.trim_end();
    let lines = text.split('\n').map(|line| {
        line.strip_prefix(decoration)
            .or_else(|| line.strip_prefix(trimmed))
            .unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn unquoted(line: &str) -> &str {
    let bare = line.trim_start_matches(['>', '|', ' ', '\t']);
    let marks = &line[..line.len() - bare.len()];
    if marks.contains(['>', '|']) {
        bare
    } else {
        line
    }
}

/// Base64 of a description, in any alphabet, with padding or without, broken into lines.
pub(in crate::proto) fn of_base64(text: &str) -> Option<String> {
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if packed.len() < 8 || !packed.is_ascii() {
        return None;
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| {
            let bytes = GeneralPurpose::new(alphabet, config).decode(&packed).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            text.trim_start()
                .starts_with(['v', '{', '"', '['])
                .then_some(text)
        })
}
