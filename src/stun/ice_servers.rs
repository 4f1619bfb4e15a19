//! The `iceServers` JSON that web applications give to RTCPeerConnection.

use serde::Deserialize;

use super::uri::ServerUri;
use crate::turn::credentials::Secret;

/// One entry, as the W3C's RTCIceServer dictionary has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer {
    /// Its servers.
    pub urls: Vec<ServerUri>,
    /// `username`.
    pub username: Option<String>,
    /// `credential`.
    pub credential: Option<Credential>,
}

/// The `credential` of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A password.
    Password(Secret),
    /// Something else, such as the object of OAuth (RFC 7635), which browsers gave up too.
    Unsupported,
}

/// Why such a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IceServersError {
    /// It is not the JSON expected. serde's own message may repeat a credential.
    #[error("not the JSON of iceServers: {what} at line {line} column {column}")]
    Json {
        /// What is wrong.
        what: &'static str,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// An entry's URL cannot be read.
    #[error("entry {entry}")]
    Uri {
        /// Which entry, from 1.
        entry: usize,
        /// Why.
        source: super::uri::UriError,
    },
    /// No entry at all.
    #[error("it names no server")]
    Empty,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "iceServers")]
    ice_servers: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "url")]
    urls: Urls,
    username: Option<serde_json::Value>,
    credential: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "\"urls\" must be a string or a list of strings")]
enum Urls {
    One(String),
    Many(Vec<String>),
}

impl From<serde_json::Error> for IceServersError {
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        Self::Json {
            what: match error.classify() {
                Category::Data => {
                    "each entry needs \"urls\", a string or a list of strings, and may have \"username\" and \"credential\""
                }
                Category::Eof => "it ends too early",
                Category::Syntax | Category::Io => "it is no JSON",
            },
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Reads a list of servers, or an object with `iceServers`.
///
/// # Errors
///
/// If it is not that JSON, a URL in it is none, or it names no server.
pub fn parse(text: &str) -> Result<Vec<IceServer>, IceServersError> {
    // Which of the two forms it is shows in its first character; trying one after the other would
    // lose the line and column of the mistake.
    let entries: Vec<Entry> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)?
    } else {
        serde_json::from_str::<Configuration>(text)?.ice_servers
    };
    let servers = entries
        .into_iter()
        .zip(1..)
        .map(|(entry, number)| read(entry, number))
        .collect::<Result<Vec<_>, _>>()?;
    if servers.iter().all(|s| s.urls.is_empty()) {
        return Err(IceServersError::Empty);
    }
    Ok(servers)
}

fn read(entry: Entry, number: usize) -> Result<IceServer, IceServersError> {
    let urls = match entry.urls {
        Urls::One(url) => vec![url],
        Urls::Many(urls) => urls,
    };
    let urls = urls
        .iter()
        .map(|url| url.parse())
        .collect::<Result<_, _>>()
        .map_err(|source| IceServersError::Uri {
            entry: number,
            source,
        })?;
    Ok(IceServer {
        urls,
        username: entry
            .username
            .and_then(|name| name.as_str().map(ToOwned::to_owned)),
        credential: entry.credential.map(|value| match value {
            serde_json::Value::String(password) => Credential::Password(Secret::new(password)),
            _ => Credential::Unsupported,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let list = r#"[{"urls": "stun:a.example"}, {"urls": ["turn:b.example", "turns:b.example"], "username": "u", "credential": "c"}]"#;
        let object = format!(r#"{{"iceServers": {list}, "iceTransportPolicy": "all"}}"#);
        let servers = parse(list).expect("valid");
        assert_eq!(servers, parse(&object).expect("valid"));
        assert_eq!(servers[1].urls.len(), 2);
        assert!(servers[1].credential.is_some() && servers[0].credential.is_none());
    }

    fn chain(error: &IceServersError) -> String {
        let source = std::error::Error::source(error).map(ToString::to_string);
        format!("{error}: {}", source.unwrap_or_default())
    }

    #[test]
    fn mistakes_are_located() {
        let error = parse("[\n  {\"urls\": 5}\n]").expect_err("urls is a number");
        assert!(chain(&error).contains("line 2"), "{error}");
        let error = parse(r#"[{"urls": "http://a"}]"#).expect_err("no STUN URI");
        assert!(error.to_string().contains("entry 1"), "{error}");
        assert!(parse("[]").is_err());
        assert!(parse("").is_err());
    }
}
