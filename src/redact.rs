//! People type `turn:user:password@host`. What they typed must not come back in a message.

use clap::error::ContextValue;

/// Stands for what is not repeated.
pub const HIDDEN: &str = "***";

/// clap's message without anything from the user that has an `@`.
pub fn message(error: &clap::Error) -> String {
    let mut text = error.to_string();
    for (_, value) in error.context() {
        let typed: &[String] = match value {
            ContextValue::String(one) => std::slice::from_ref(one),
            ContextValue::Strings(several) => several,
            _ => &[],
        };
        for typed in typed.iter().filter(|typed| typed.contains('@')) {
            text = text.replace(typed.as_str(), HIDDEN);
        }
    }
    text
}

/// A value from a file, or that there was one.
pub fn value(text: &str) -> &str {
    if text.contains('@') { HIDDEN } else { text }
}
