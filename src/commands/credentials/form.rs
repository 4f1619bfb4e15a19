//! What a file looks like that should have a secret in its first line, and nothing else.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What is odd about such a file. No part of the secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    Json,
    /// A private key or certificate.
    Pem,
    /// Names and values: the name before the value that is the secret, if one is.
    Configuration(Option<String>),
    SeveralLines,
    /// Quotes or white space around it.
    Wrapped(&'static str),
    /// Base64 of a text, as Kubernetes shows secrets.
    Base64OfText,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json => f.write_str("looks like JSON, not like a secret"),
            Self::Pem => {
                f.write_str("looks like a PEM file (a key or certificate), not like a secret")
            }
            Self::Configuration(Some(name)) => write!(
                f,
                "looks like a configuration file, not like a secret: it has a value for {name}"
            ),
            Self::Configuration(None) => {
                f.write_str("looks like a configuration file, not like a secret")
            }
            Self::SeveralLines => f.write_str("has several lines"),
            Self::Wrapped(what) => write!(f, "has {what} around the secret"),
            Self::Base64OfText => f.write_str("looks like base64 of a text"),
        }
    }
}

impl Oddity {
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Base64OfText => {
                "if the server has the text itself, as with a Kubernetes secret that YAML shows encoded, decode it (base64 -d)"
            }
            _ => {
                "write the secret alone into the file, in one line, without a name, quotes or spaces"
            }
        }
    }
}

/// Names in front of secrets in the configuration of servers and programs.
const SECRET_NAMES: [&str; 6] = ["secret", "password", "passwd", "credential", "key", "token"];

pub fn oddity(text: &str) -> Option<Oddity> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let first = *lines.first()?;
    if first.starts_with("-----BEGIN ") {
        return Some(Oddity::Pem);
    }
    let begins = |signs: [char; 2]| first.trim_start().starts_with(signs);
    if begins(['{', '[']) && serde_json::from_str::<serde_json::Value>(text).is_ok() {
        return Some(Oddity::Json);
    }
    let names: Vec<&str> = lines.iter().filter_map(|line| name_in(line)).collect();
    let of_secret = names.iter().find(|name| is_secret_name(name));
    let is_comment = |line: &&str| line.trim_start().starts_with(['#', ';']);
    let is_section = begins(['[', '{']) && lines.len() > 1;
    let is_listed = lines.len() > 1 && (lines.iter().any(is_comment) || !names.is_empty());
    if of_secret.is_some() || is_section || is_listed {
        return Some(Oddity::Configuration(
            of_secret.map(|name| (*name).to_owned()),
        ));
    }
    if lines.len() > 1 {
        return Some(Oddity::SeveralLines);
    }
    let is_quoted = |quote| first.len() > 2 && first.starts_with(quote) && first.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') {
        Some(Oddity::Wrapped("quotes"))
    } else if first.trim() != first {
        Some(Oddity::Wrapped("white space"))
    } else if is_base64_of_text(first) {
        Some(Oddity::Base64OfText)
    } else {
        None
    }
}

/// The name in `name=value` or `name: value`.
fn name_in(line: &str) -> Option<&str> {
    let line = line
        .trim()
        .trim_start_matches("export ")
        .trim_start_matches("- ");
    let (name, value) = line.split_once(['=', ':'])?;
    let name = name.trim().trim_matches(['"', '\'']);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= 64
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    // Base64 ends with equals signs.
    (is_name && !value.trim_matches(['=', ' ']).is_empty()).then_some(name)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|known| name.ends_with(known))
}

/// Random bytes are not such a text.
fn is_base64_of_text(line: &str) -> bool {
    let decoded = STANDARD.decode(line).unwrap_or_default();
    let is_text = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\n');
    decoded.len() >= 4 && decoded.iter().all(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_secret_is_seen() {
        let named = |name: &str| Some(Oddity::Configuration(Some(name.to_owned())));
        for (text, expected) in [
            ("static-auth-secret=north", named("static-auth-secret")),
            (
                "# turnserver.conf\nrealm=lab\nuse-auth-secret\nstatic-auth-secret=north\n",
                named("static-auth-secret"),
            ),
            ("export TURN_SECRET='north'", named("TURN_SECRET")),
            ("turn:\n  secret: north\n", named("secret")),
            ("# a comment\nnorth\n", Some(Oddity::Configuration(None))),
            ("{\"secret\": \"north\"}", Some(Oddity::Json)),
            ("-----BEGIN PRIVATE KEY-----\nMIG\n", Some(Oddity::Pem)),
            ("north\nsouth\n", Some(Oddity::SeveralLines)),
            ("\"north\"\n", Some(Oddity::Wrapped("quotes"))),
            ("north \n", Some(Oddity::Wrapped("white space"))),
            ("bm9ydGgtc2VjcmV0\n", Some(Oddity::Base64OfText)),
        ] {
            assert_eq!(oddity(text), expected, "{text}");
        }
        for good in [
            "north",
            "north\n",
            "north\r\n",
            "a=b",
            "x:y",
            "n=",
            "Zm9v\u{e9}",
            "q83vEjRWeJA=",
            "0ctopus-5hared-Key",
            "#north",
        ] {
            assert_eq!(oddity(good), None, "{good}");
        }
    }
}
