//! Finds addresses, and what gives addresses away, in any text. What an address is, the parsers of
//! the standard library say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::ui::redact::known;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) at: Range<usize>,
    pub(super) what: MatchKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MatchKind {
    Address(IpAddr),
    /// An address in brackets, and its zone with the percent sign.
    Bracketed(IpAddr, Range<usize>),
    Foundation,
    Line,
    /// Four numbers of which one is too large: an address with a typing mistake.
    Mistyped,
}

/// The longest text of an IPv6 address.
const LONGEST: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();

/// The next thing to replace from a place on.
pub(super) fn next(text: &str, from: usize) -> Option<Match> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        let step = match byte {
            b'[' => bracketed(text, at),
            b'0'..=b'9' => v6(text, at)
                .or_else(|| v4(text, at))
                .or_else(|| v4_with_dashes(text, at))
                .or_else(|| v6_with_dashes(text, at)),
            b'a'..=b'f' | b'A'..=b'F' => v6(text, at)
                .or_else(|| foundation(text, at))
                .or_else(|| v6_with_dashes(text, at)),
            b':' => v6(text, at),
            b'r' => line(text, at),
            _ => None,
        };
        match step {
            Some(Step::Match(found)) => return Some(found),
            Some(Step::Skip(to)) => at = to.max(at + 1),
            None => at += 1,
        }
    }
    None
}

enum Step {
    Match(Match),
    /// There is nothing before this place.
    Skip(usize),
}

/// An address, unless it is a well-known one.
fn address(text: &str, at: Range<usize>, what: MatchKind) -> Step {
    known::end(text, at.start).map_or(Step::Match(Match { at, what }), Step::Skip)
}

/// How many bytes from a place on are so.
fn run(bytes: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[at..].iter().take_while(|b| belongs(**b)).count()
}

/// Whether a word goes on here that began before. The letter that ends a colour does not count.
fn is_in_word(bytes: &[u8], at: usize) -> bool {
    let Some((last, before)) = bytes[..at].split_last() else {
        return false;
    };
    let is_colour = || {
        let codes = before
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit() || **b == b';');
        let begin = before.len() - codes.count();
        before[..begin].ends_with(b"\x1b[")
    };
    last.is_ascii_alphanumeric() && !(*last == b'm' && is_colour())
}

fn bracketed(text: &str, at: usize) -> Option<Step> {
    let bytes = text.as_bytes();
    let inside = at + 1;
    let (ip, end) = longest_v6(text, inside)?;
    let is_zone = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'%' | b'.' | b'_' | b'-');
    let zone = match bytes.get(end) {
        Some(b'%') => end..end + run(bytes, end, is_zone),
        _ => end..end,
    };
    if bytes.get(zone.end) != Some(&b']') {
        return None;
    }
    let whole = at..zone.end + 1;
    Some(address(text, whole, MatchKind::Bracketed(ip.into(), zone)))
}

fn v6(text: &str, at: usize) -> Option<Step> {
    if is_in_word(text.as_bytes(), at) {
        return None;
    }
    if let Some(end) = fingerprint(text.as_bytes(), at) {
        return Some(Step::Skip(end));
    }
    let (ip, end) = longest_v6(text, at)?;
    Some(address(text, at..end, MatchKind::Address(ip.into())))
}

/// The end of a row of bytes in hexadecimal, as of a certificate's fingerprint or a hardware
/// address: each has two digits, which no address has in its first group.
fn fingerprint(bytes: &[u8], at: usize) -> Option<usize> {
    let groups = bytes[at..].chunks(3).take_while(|group| {
        let (digits, behind) = group.split_at(group.len().min(2));
        digits.len() == 2
            && digits.iter().all(u8::is_ascii_hexdigit)
            && behind.first().is_none_or(|b| !b.is_ascii_hexdigit())
    });
    let mut count = 0;
    for group in groups {
        count += 1;
        if group.get(2) != Some(&b':') {
            break;
        }
    }
    // The colon behind the last group is none of it.
    (count >= 6).then(|| at + 3 * count - 1)
}

/// The longest IPv6 address that begins here, and where it ends. Behind it may be a colon and a port.
fn longest_v6(text: &str, at: usize) -> Option<(Ipv6Addr, usize)> {
    let bytes = text.as_bytes();
    let length = run(bytes, at, |b| {
        b.is_ascii_hexdigit() || matches!(b, b':' | b'.')
    });
    let length = length.min(LONGEST);
    if text[at..at + length].matches(':').count() < 2 {
        return None;
    }
    (at + 2..=at + length)
        .rev()
        .filter(|end| match bytes.get(*end) {
            // A third colon may be the first one of an address.
            Some(b':') => *end > at + 2,
            Some(byte) => !byte.is_ascii_alphanumeric(),
            None => true,
        })
        .find_map(|end| {
            let ip: Ipv6Addr = text[at..end].parse().ok()?;
            // What is nobody's must not hide the beginning of another one, as in `0:::1`.
            let hides = ip.is_unspecified() && bytes.get(end) == Some(&b':');
            (!hides).then_some((ip, end))
        })
}

/// Four numbers with dots. Zeros before them do not matter; a fifth number is a port.
fn v4(text: &str, at: usize) -> Option<Step> {
    let bytes = text.as_bytes();
    if at > 0 && bytes[at - 1].is_ascii_digit() {
        return None;
    }
    let length = run(bytes, at, |b| b.is_ascii_digit() || b == b'.');
    let row = &text[at..at + length];
    let row = row.split("..").next().unwrap_or(row).trim_end_matches('.');
    let numbers: Vec<&str> = row.split('.').collect();
    if numbers.len() < 4 {
        return None;
    }
    if numbers.len() > 5 || is_version(bytes, at) || is_section(text, at, &numbers) {
        return Some(Step::Skip(at + row.len()));
    }
    let found = (0..=numbers.len() - 4).find_map(|first| {
        let four = &numbers[first..first + 4];
        let ip = octets(four)?;
        let start = at + numbers[..first].iter().map(|n| n.len() + 1).sum::<usize>();
        let end = start + four.iter().map(|n| n.len() + 1).sum::<usize>() - 1;
        Some(address(text, start..end, MatchKind::Address(ip.into())))
    });
    let mistyped = || {
        let what = MatchKind::Mistyped;
        let is_one = numbers.iter().all(|n| matches!(n.len(), 1..=3));
        is_one.then(|| address(text, at..at + row.len(), what))
    };
    found.or_else(mistyped)
}

fn octets(numbers: &[&str]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    for (octet, number) in octets.iter_mut().zip(numbers) {
        if number.len() > 3 {
            return None;
        }
        *octet = number.parse().ok()?;
    }
    Some(octets.into())
}

/// `v1.2.3.4`.
fn is_version(bytes: &[u8], at: usize) -> bool {
    at > 0 && matches!(bytes[at - 1], b'v' | b'V') && !is_in_word(bytes, at - 1)
}

/// `RFC 8445 7.2.5.2`: a section has no zero and no large number, and 10 begins a private address.
fn is_section(text: &str, at: usize, numbers: &[&str]) -> bool {
    let Some(before) = text[..at].strip_suffix(' ') else {
        return false;
    };
    let digits = before.trim_end_matches(|c: char| c.is_ascii_digit());
    before.len() > digits.len()
        && digits.ends_with("RFC ")
        && numbers[0] != "10"
        && numbers
            .iter()
            .all(|n| matches!(n.parse(), Ok(1..=30)) && !n.starts_with('0'))
}

/// An IPv4 address in a host name, as in `ip-203-0-113-5.example`.
fn v4_with_dashes(text: &str, at: usize) -> Option<Step> {
    let bytes = text.as_bytes();
    // A longer row of numbers is something else.
    let goes_on = match bytes[..at].split_last() {
        Some((b'-', before)) => {
            let word = before
                .iter()
                .rev()
                .take_while(|b| b.is_ascii_alphanumeric());
            before.last().is_some_and(u8::is_ascii_alphanumeric)
                && word.clone().all(u8::is_ascii_digit)
        }
        Some((last, _)) => last.is_ascii_digit(),
        None => false,
    };
    if goes_on {
        return None;
    }
    let length = run(bytes, at, |b| b.is_ascii_digit() || b == b'-');
    let row = text[at..at + length].trim_end_matches('-');
    let numbers: Vec<&str> = row.split('-').collect();
    let is_whole = numbers.len() == 4
        && bytes
            .get(at + row.len())
            .is_none_or(|b| !b.is_ascii_alphanumeric());
    let ip = octets(&numbers).filter(|_| is_whole)?;
    let at = at..at + row.len();
    Some(address(text, at, MatchKind::Address(ip.into())))
}

/// An IPv6 address that begins a host name, as in `2001-db8--5.example`.
fn v6_with_dashes(text: &str, at: usize) -> Option<Step> {
    let bytes = text.as_bytes();
    if at > 0 && (is_in_word(bytes, at) || bytes[at - 1] == b'-') {
        return None;
    }
    let length = run(bytes, at, |b| b.is_ascii_hexdigit() || b == b'-');
    if length > LONGEST || bytes.get(at + length) != Some(&b'.') {
        return None;
    }
    let name = &text[at..at + length];
    if !name.contains('-') {
        return None;
    }
    let ip: Ipv6Addr = name.replace('-', ":").parse().ok()?;
    let at = at..at + length;
    Some(address(text, at, MatchKind::Address(ip.into())))
}

/// RFC 8839 5.1: behind "candidate:" up to a space, if a component follows.
fn foundation(text: &str, at: usize) -> Option<Step> {
    let is_ice_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let at = behind(text, at, "candidate:", is_ice_char)?;
    let goes_on = matches!(text.as_bytes()[at.end..], [b' ', b'0'..=b'9', ..]);
    let what = MatchKind::Foundation;
    goes_on.then_some(Step::Match(Match { at, what }))
}

/// Base64url (RFC 4648 5) behind what marks a line.
fn line(text: &str, at: usize) -> Option<Step> {
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let at = behind(text, at, "rtcdiag2:", is_base64)
        .or_else(|| behind(text, at, "rtcdiag1:", is_base64))?;
    let what = MatchKind::Line;
    Some(Step::Match(Match { at, what }))
}

fn behind(text: &str, at: usize, mark: &str, belongs: impl Fn(u8) -> bool) -> Option<Range<usize>> {
    text[at..].strip_prefix(mark)?;
    let start = at + mark.len();
    let length = run(text.as_bytes(), start, belongs);
    (length > 0).then_some(start..start + length)
}
