//! A text of one end of a session in the words of a reader at the other end, a browser.

/// What a phrase of the end that wrote it is to the browser at the other end. Of two that begin alike the longer one
/// stands first.
const PHRASES: [(&str, &str); 14] = [
    ("the other side", "this browser"),
    ("The other side", "This browser"),
    ("Other side", "This browser"),
    ("this side", "the other side"),
    ("This side", "The other side"),
    ("this machine's", "the other side's"),
    ("this machine", "the other side's machine"),
    ("this host's", "the other side's"),
    ("this host", "the other side's host"),
    ("arrived there", "arrived here"),
    ("arrives there", "arrives here"),
    ("arrive there", "arrive here"),
    ("here", "at the other side"),
    ("from here", "from the other side"),
];

/// The same text as the browser at the other end has to say it: its "this side" is the reader's "the other side".
pub fn for_browser(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let at_word =
            !out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '/' | ':'));
        let found = at_word.then(|| PHRASES.iter().find(|(phrase, _)| begins(rest, phrase)));
        if let Some((phrase, said)) = found.flatten() {
            out.push_str(said);
            rest = &rest[phrase.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// Whether the whole phrase stands there, and no longer word.
fn begins(text: &str, phrase: &str) -> bool {
    let rest = text.strip_prefix(phrase);
    let goes_on = |c: char| c.is_alphanumeric() || c == '-';
    rest.is_some_and(|rest| !rest.starts_with(goes_on))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_own_words() {
        for (said, read) in [
            (
                "this side: 1 of 1 server answered; the other side: 0 of 1 server answered",
                "the other side: 1 of 1 server answered; this browser: 0 of 1 server answered",
            ),
            (
                "none of this side's 57 checks arrived there, and none of the other side's arrived here",
                "none of the other side's 57 checks arrived here, and none of this browser's arrived at the other side",
            ),
            (
                "The other side's NAT (203.0.113.1) is symmetric, this side lets in only known ports.",
                "This browser's NAT (203.0.113.1) is symmetric, the other side lets in only known ports.",
            ),
            (
                "where many fail, look at this machine's DNS settings",
                "where many fail, look at the other side's DNS settings",
            ),
            (
                "2 candidates cannot be checked from here",
                "2 candidates cannot be checked from the other side",
            ),
            // Words that only look alike, and what belongs to nobody.
            (
                "neither side has one: where there is no way, stun:here.example.org is adherent to this-side",
                "neither side has one: where there is no way, stun:here.example.org is adherent to this-side",
            ),
            ("", ""),
        ] {
            assert_eq!(for_browser(said), read);
        }
    }
}
