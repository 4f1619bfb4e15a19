//! Looks for addresses as somebody would who wants to know them, and not as the program does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtcdiag::proto::ice::candidate::{CandidateType, foundation};
use rtcdiag::proto::stun::uri::Transport;

/// Every way in which an address may be written.
pub fn spellings(ip: IpAddr) -> Vec<String> {
    let mut all = vec![ip.to_string(), ip.to_string().to_uppercase()];
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            all.push(format!("{a:03}.{b:03}.{c:03}.{d:03}"));
            all.push(format!("{a}-{b}-{c}-{d}"));
            all.push(format!("{d}.{c}.{b}.{a}"));
            all.push(format!("{a}, {b}, {c}, {d}"));
            all.push(format!("{a:02x}{b:02x}{c:02x}{d:02x}"));
            all.push(format!(
                "{:x}:{:x}",
                u16::from_be_bytes([a, b]),
                u16::from_be_bytes([c, d])
            ));
            all.push(format!("{a:02x}{b:02x}:{c:02x}{d:02x}"));
            all.push(u32::from(v4).to_string());
        }
        IpAddr::V6(v6) => {
            let groups = v6.segments();
            let with = |one: &dyn Fn(&u16) -> String, between: &str| {
                groups.iter().map(one).collect::<Vec<_>>().join(between)
            };
            for between in [":", "-", ""] {
                all.push(with(&|g| format!("{g:x}"), between));
                all.push(with(&|g| format!("{g:04x}"), between));
                all.push(with(&|g| format!("{g:04X}"), between));
            }
            all.push(ip.to_string().replace(':', "-"));
        }
    }
    all
}

/// Foundations that can be reversed: those of our own candidates with these addresses.
pub fn foundations(addresses: &[IpAddr]) -> Vec<String> {
    let transports = [
        None,
        Some(Transport::Udp),
        Some(Transport::Tcp),
        Some(Transport::Tls),
    ];
    let kinds = [
        CandidateType::Host,
        CandidateType::Srflx,
        CandidateType::Relay,
    ];
    let servers: Vec<Option<IpAddr>> = addresses.iter().copied().map(Some).chain([None]).collect();
    let mut all = Vec::new();
    for kind in kinds {
        for base in addresses {
            for server in &servers {
                for transport in transports {
                    all.push(foundation(kind, *base, *server, transport));
                }
            }
        }
    }
    all
}

/// What of these addresses is in a text.
pub fn known(text: &str, addresses: &[IpAddr]) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut found: Vec<String> = addresses
        .iter()
        .flat_map(|ip| spellings(*ip))
        .map(|spelling| spelling.to_lowercase())
        .filter(|spelling| has_word(&lower, spelling))
        .collect();
    let hashes = foundations(addresses).into_iter();
    found.extend(hashes.filter(|hash| has_word(&lower, hash)));
    found
}

/// Whether a text has a word, not within a longer word or number.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + word.len()..].chars().next();
        let goes_on = |c: char| c.is_ascii_alphanumeric();
        !before.is_some_and(goes_on) && !behind.is_some_and(goes_on)
    })
}

/// What in a text can be parsed as an address, and belongs to somebody.
pub fn parsable(text: &str) -> Vec<String> {
    let ends_word = |c: char| c.is_whitespace() || "\"'(),;=<>@/?|".contains(c);
    let words = text.split(ends_word);
    words
        .filter(|word| !word.is_empty())
        .flat_map(|word| {
            // With and without what may be around it: a scheme, a zone, a full stop.
            let bare = word.trim_end_matches(['.', ':', '\u{1b}']);
            let schemes = bare.match_indices(':').map(|(at, _)| &bare[at + 1..]);
            std::iter::once(bare)
                .chain(schemes)
                .filter_map(|part| {
                    let part = part.split('%').next().unwrap_or(part);
                    let inner = part.trim_matches(['[', ']']);
                    let ip = part.parse::<SocketAddr>().map(|a| a.ip());
                    ip.or_else(|_| inner.parse::<IpAddr>()).ok()
                })
                .filter(|ip| !is_nobodys(*ip))
                .map(|_| word.to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_nobodys(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_unspecified() || ip == Ipv4Addr::BROADCAST,
        IpAddr::V6(ip) => ip == Ipv6Addr::UNSPECIFIED,
    }
}

/// Fails the test if a text shows an address.
#[track_caller]
pub fn assert_none(what: &str, text: &str, addresses: &[IpAddr]) {
    // Well-known networks and the constants in hints for coturn are nobody's.
    let without_constants: String = text
        .split_inclusive(char::is_whitespace)
        .map(|word| {
            let is_constant = word.contains("denied-peer-ip=") || word.contains("100.64.0.0/10");
            if is_constant { "- " } else { word }
        })
        .collect();
    let found = known(&without_constants, addresses);
    assert!(found.is_empty(), "{what} shows {found:?}:\n{text}");
    let found = parsable(&without_constants);
    assert!(found.is_empty(), "{what} shows {found:?}:\n{text}");
    assert!(!text.contains("panicked"), "{what}:\n{text}");
}

/// A document or its text without how long things took, whose digits may be any.
pub fn without_times(text: &str) -> String {
    let is_timed = |line: &&str| !line.trim_start().starts_with("\"elapsed_ms\"");
    let pretty = text.lines().filter(is_timed).collect::<Vec<_>>().join("\n");
    // In a line of `--jsonl` it stands among others.
    let mut parts = pretty.split("\"elapsed_ms\":");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'));
    }
    kept
}
