//! The servers that a connection was given.

use serde_json::Value;

use crate::base::codes::Code;
use crate::base::words::printable;
use crate::proto::evidence::account::{Account, ServerRecord};

/// Servers of one connection that are kept.
const MAX_SERVERS: usize = 64;

/// Reads what a dump has of the configuration: JSON, JSON in a string, or the text of older versions.
pub fn read(account: &mut Account, value: &Value) {
    match value {
        // Left out, which is not to say that there is none.
        Value::String(text) if text.trim().is_empty() => {}
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner) if inner.is_object() => of_object(account, &inner),
            _ => of_text(account, text),
        },
        object @ Value::Object(_) => of_object(account, object),
        _ => {}
    }
}

fn of_object(account: &mut Account, object: &Value) {
    let policy = object["iceTransportPolicy"].as_str();
    account.relay_only = policy == Some("relay");
    let mut urls = Vec::new();
    let servers = object["iceServers"].as_array();
    for server in servers.into_iter().flatten() {
        for key in ["urls", "url"] {
            match &server[key] {
                Value::String(url) => urls.push(url.as_str()),
                Value::Array(all) => urls.extend(all.iter().filter_map(Value::as_str)),
                _ => {}
            }
        }
    }
    set(account, urls.into_iter());
}

/// As in `{ iceServers: [stun:a.example], iceTransportPolicy: all }`.
fn of_text(account: &mut Account, text: &str) {
    account.relay_only = text.contains("iceTransportPolicy: relay");
    let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | '"' | '\'' | '[');
    let words = text.split(is_end);
    let is_server = |word: &&str| {
        ["stun:", "stuns:", "turn:", "turns:"]
            .iter()
            .any(|scheme| word.starts_with(scheme))
    };
    set(account, words.filter(is_server));
}

fn set<'a>(account: &mut Account, urls: impl Iterator<Item = &'a str>) {
    let errors = account.servers.take().unwrap_or_default();
    let mut servers: Vec<ServerRecord> = Vec::new();
    for url in urls.take(MAX_SERVERS) {
        if !servers.iter().any(|server| server.url == url) {
            servers.push(ServerRecord {
                url: printable(url),
                uri: url.parse().ok(),
                error: None,
                error_at: None,
            });
        }
    }
    account.servers = Some(servers);
    account.has_configuration = true;
    for server in errors {
        if let Some((code, text)) = server.error {
            failed(account, &server.url, code, text, server.error_at);
        }
    }
}

/// Writes down that a server failed, as the program says.
pub fn failed(account: &mut Account, url: &str, code: Code, text: String, at: Option<f64>) {
    let servers = account.servers.get_or_insert_default();
    let uri: Option<crate::proto::stun::uri::ServerUri> = url.parse().ok();
    let is_same =
        |server: &&mut ServerRecord| server.url == url || (uri.is_some() && server.uri == uri);
    if let Some(known) = servers.iter_mut().find(is_same) {
        // What a server says weighs more than silence from another interface.
        let is_silence =
            |code: Code| matches!(code, Code::Timeout | Code::Unreachable | Code::Rejected);
        if known.error.as_ref().is_none_or(|(had, _)| is_silence(*had)) {
            known.error = Some((code, text));
            known.error_at = at;
        }
    } else if servers.len() < MAX_SERVERS {
        servers.push(ServerRecord {
            url: printable(url),
            uri,
            error: Some((code, text)),
            error_at: at,
        });
    }
}

/// What `onicecandidateerror` says (RFC 8489 14.8, W3C webrtc-pc 4.8.1.4), as a code of ours.
pub fn code_of(number: u64, text: &str) -> Code {
    let text = text.to_ascii_lowercase();
    match number {
        300 => Code::TryAlternate,
        400 => Code::BadRequest,
        401 => Code::Unauthorized,
        403 => Code::Forbidden,
        405 => Code::MethodNotAllowed,
        420 => Code::UnknownAttribute,
        437 => Code::AllocationMismatch,
        438 => Code::StaleNonce,
        440 => Code::AddressFamilyNotSupported,
        441 => Code::WrongCredentials,
        442 => Code::UnsupportedTransportProtocol,
        443 => Code::PeerAddressFamilyMismatch,
        486 => Code::AllocationQuotaReached,
        500 => Code::ServerError,
        508 => Code::InsufficientCapacity,
        _ if text.contains("lookup") || text.contains("resolve") || text.contains("hostname") => {
            Code::Dns
        }
        _ if text.contains("timed out") || text.contains("timeout") => Code::Timeout,
        _ if text.contains("failed to establish") || text.contains("connect") => Code::Unreachable,
        701 => Code::Timeout,
        _ => Code::StunError,
    }
}
