//! People type `turn:user:password@host`. What they typed must not come back in a message.

use clap::error::ContextValue;

use crate::ui::redact::Redaction;

/// Stands for what is not repeated.
pub const HIDDEN: &str = "***";

/// clap's message without anything from the user that has an `@`; and with `--redact` without
/// addresses, nor what may be an IPv6 address with a typing mistake.
pub fn message(error: &clap::Error, redaction: &Redaction) -> String {
    let mut text = error.to_string();
    for (_, value) in error.context() {
        let typed: &[String] = match value {
            ContextValue::String(one) => std::slice::from_ref(one),
            ContextValue::Strings(several) => several,
            _ => &[],
        };
        let is_hidden = |typed: &&String| {
            typed.contains('@') || redaction.is_on() && redaction.text(typed).contains("::")
        };
        for typed in typed.iter().filter(is_hidden) {
            text = text.replace(typed.as_str(), HIDDEN);
        }
    }
    redaction.text(&text).into_owned()
}

/// A value from a file, or that there was one.
pub fn value(text: &str) -> &str {
    if text.contains('@') { HIDDEN } else { text }
}
