//! Times, lists and texts from outside, for people.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

/// How a report says that a TURN server which is silent over UDP answers over TCP.
pub const OVER_TCP: &str = "over TCP the same port answers TURN";

/// A time in seconds, in the unit that suits it.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time that was waited or measured: tenths where it is short and not whole.
pub fn short_span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let tenths = (seconds * 10.0).round() / 10.0;
    let is_whole = (tenths - tenths.round()).abs() < 0.05;
    match seconds {
        ..0.001 => "0 s".to_owned(),
        ..0.1 => format!("{:.0} ms", seconds * 1000.0),
        ..10.0 if !is_whole => format!("{tenths:.1} s"),
        ..120.0 => format!("{:.0} s", tenths.round()),
        _ => span(std::time::Duration::from_secs_f64(seconds).as_secs()),
    }
}

/// "a", "a and b", "a, b and c".
pub fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

/// "1 server", "2 servers".
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// With a capital letter at the beginning, unless a name stands there: of a server, a file, an option.
pub fn capitalised(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    let first = first.trim_end_matches([',', ':', ';', '.']);
    if first.contains(|c: char| !c.is_alphabetic() && !matches!(c, '-' | '\'' | '\u{2019}')) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}

/// The same, where the text may begin with one of these names: it stays as it is.
pub fn capitalised_but<'a>(text: &str, mut names: impl Iterator<Item = &'a str>) -> String {
    let is_name = |name: &str| {
        let rest = text.strip_prefix(name).filter(|_| !name.is_empty());
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    if names.any(is_name) {
        text.to_owned()
    } else {
        capitalised(text)
    }
}

/// By which way nothing came of a server, to be put behind that.
pub fn by_route(interface: &str, local: IpAddr) -> String {
    format!("; its route leads over {interface} ({local}), and --interface tries another way")
}

/// Text from the network goes to terminals and into documents: what would draw there, turn the text around it or
/// hide in it is shown by its number. No longer than anybody reads.
pub fn printable(text: &str) -> String {
    // Some servers fill up with zeroes.
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    let text: String = text.chars().take(128).collect();
    let is_harmful = |c: char| c.is_control() || is_invisible(c);
    let mut shown = escape_where(text.trim_end(), is_harmful).into_owned();
    let cut = shown.char_indices().nth(256).map(|(at, _)| at);
    shown.truncate(cut.unwrap_or(shown.len()));
    shown
}

/// What somebody else says, so that it cannot be taken for what this program says.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", printable(text).replace('"', "'"))
}

/// Text for a terminal: control characters other than line ends, and what is not seen, by their numbers
/// (`\u{202e}`).
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape_where(text, |c| c != '\n' && (c.is_control() || is_invisible(c)))
}

/// The same for a text that has the program's own styles and tabs: colours (SGR of ECMA-48) and no other sequence,
/// which could move the cursor, write to the clipboard or answer in the user's name.
pub fn escaped_in_layout(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| !matches!(c, '\n' | '\t') && (c.is_control() || is_invisible(c));
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default();
    let mut out = escape_where(first, is_harmful);
    for part in parts {
        let out = out.to_mut();
        match part.strip_prefix('[').and_then(|rest| rest.split_once('m')) {
            Some((codes, _)) if codes.bytes().all(|b| b.is_ascii_digit() || b == b';') => {
                out.push('\u{1b}');
            }
            _ => out.push_str("\\u{1b}"),
        }
        out.push_str(&escape_where(part, is_harmful));
    }
    out
}

/// The same for JSON, where a string then means what it meant.
pub fn escaped_in_json(json: &str) -> Cow<'_, str> {
    // What is below has its escapes already, and lines of the layout.
    let is_harmful = |c| is_invisible(c) || ('\u{7f}'..='\u{9f}').contains(&c);
    if !json.chars().any(is_harmful) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a String does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn escape_where(text: &str, is_harmful: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A character that looks like nothing or like a plain blank, and is something else, by its number: `U+200B`.
pub fn unseen(text: &str) -> Option<String> {
    let is_odd = |c: char| is_invisible(c) || c.is_whitespace() && !c.is_ascii();
    let found = text.chars().find(|c| is_odd(*c))?;
    Some(format!("U+{:04X}", u32::from(found)))
}

/// Characters that change the direction or the place of others, and those that are not seen: a name that looks like
/// another one is made of them.
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        // Soft hyphen, grapheme joiner, the mark of Arabic letters.
        '\u{ad}' | '\u{34f}' | '\u{61c}'
            // Fillers that take no place or an empty one.
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}'
            // Khmer vowels that are not shown, separators and selectors of Mongolian.
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            // Zero width, direction, line and paragraph ends, operators that are not seen.
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            // Variation selectors, byte order mark, notes between lines.
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            // Beams of musical notation, tags and more variation selectors.
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each turns, hides or draws.
    const EVIL: &str = "\u{1b}\u{9b}\u{7f}\u{ad}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{200b}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{fe00}\u{fe0f}\u{feff}\u{e0001}\u{e007f}\u{e0100}\u{e01ef}\u{180e}\u{2800}\u{34f}";

    #[test]
    fn a_name_keeps_its_letters() {
        for (text, shown) in [
            ("no answer", "No answer"),
            ("coturn: remove it", "Coturn: remove it"),
            ("this side's NAT", "This side's NAT"),
            (
                "stun:192.0.2.1: port unreachable",
                "stun:192.0.2.1: port unreachable",
            ),
            ("turn.example.org: no answer", "turn.example.org: no answer"),
            ("", ""),
        ] {
            assert_eq!(capitalised(text), shown);
        }
        let names = || ["ula", "ulb"].into_iter();
        assert_eq!(capitalised_but("ula <-> ulb", names()), "ula <-> ulb");
        assert_eq!(capitalised_but("ula's NAT", names()), "ula's NAT");
        assert_eq!(capitalised_but("ulan has it", names()), "Ulan has it");
    }

    #[test]
    fn what_is_not_seen_is_shown_by_its_number() {
        for c in EVIL.chars() {
            let text = format!("a{c}b");
            let number = u32::from(c);
            let expected = format!("a\\u{{{number:x}}}b");
            assert_eq!(printable(&text), expected);
            assert_eq!(escaped(&text), expected);
            let json = format!("\"{text}\"");
            let shown = escaped_in_json(&json);
            assert!(!shown.chars().any(is_invisible), "{shown}");
            if !c.is_control() {
                assert_eq!(escaped_in_layout(&text), expected);
            }
            // serde has escaped what is below.
            if c >= ' ' {
                assert!(shown.is_ascii() && !shown.contains('\u{7f}'), "{shown}");
                let read: String = serde_json::from_str(&shown).expect("JSON");
                assert_eq!(read, text, "it means the same");
            }
        }
        for good in [
            "caf\u{e9} \u{4f60}\u{597d}",
            "\u{5d0}\u{5d1}",
            "\u{1f600}",
            "line\nline",
        ] {
            assert_eq!(escaped(good), good);
            assert_eq!(escaped_in_json(good), good);
        }
        assert_eq!(
            escaped_in_layout("\u{1b}[1mbold\u{1b}[0m\t\n"),
            "\u{1b}[1mbold\u{1b}[0m\t\n"
        );
        assert_eq!(
            escaped_in_layout("\u{1b}]52;c;cm0=\u{1b}\\ \u{1b}[2J\u{1b}[0;1m \u{1b}[;m\u{1b}"),
            "\\u{1b}]52;c;cm0=\\u{1b}\\ \\u{1b}[2J\u{1b}[0;1m \u{1b}[;m\\u{1b}"
        );
        assert_eq!(printable("a\r\nb\n"), "a\\u{d}\\u{a}b");
        assert_eq!(printable("Coturn-4.6\0\0"), "Coturn-4.6");
        assert!(printable(&EVIL.repeat(100)).len() <= 256);
    }

    #[test]
    fn what_others_say_does_not_end_its_quotes() {
        assert_eq!(quoted("done\". All is well"), "\"done'. All is well\"");
    }
}
