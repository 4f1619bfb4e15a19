//! People type `turn:user:password@host`. What they typed must not come back in a message.

use std::ffi::OsString;

/// The message without arguments that have an `@`, and without quoted text that has one.
pub fn redact(message: &str, args: &[OsString]) -> String {
    let mut text = message.to_owned();
    for arg in args.iter().filter_map(|arg| arg.to_str()) {
        if arg.contains('@') {
            for word in words(arg) {
                text = text.replace(word, "***");
            }
        }
    }
    quoted(&text)
}

/// Everything of an argument that a message may repeat, the longest first: it may be cut at commas
/// and lose its flag and its scheme.
fn words(arg: &str) -> Vec<&str> {
    let value = match arg.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") => value,
        _ => arg,
    };
    let mut words = vec![arg, value];
    for part in value.split(',') {
        words.push(part);
        if let Some((_, rest)) = part.split_once(':') {
            words.push(rest);
        }
    }
    words.retain(|word| word.len() > 2);
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// Replaces `'...@...'`, which may come from a variable or a file.
fn quoted(text: &str) -> String {
    let mut parts: Vec<&str> = text.split('\'').collect();
    for part in parts.iter_mut().skip(1).step_by(2) {
        if part.contains('@') {
            *part = "***";
        }
    }
    parts.join("'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_does_not_come_back() {
        let args = [OsString::from(
            "--server=turn:ann:hun,ter2@turn.example.org",
        )];
        let message = "invalid value 'turn:ann:hun' for '--server': 'ann:hun' is wrong";
        let shown = redact(message, &args);
        assert_eq!(shown, "invalid value '***' for '--server': '***' is wrong");
        let from_a_variable = "invalid value 'turn:ann:hunter2@host' for '--server'";
        assert!(!redact(from_a_variable, &[]).contains("hunter2"));
    }
}
