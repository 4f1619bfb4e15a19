//! What must not be shown: passwords that people typed where they do not belong ([`message`],
//! [`value`]), always; and with `--redact` all IP addresses ([`Redaction`]).
//!
//! # What `--redact` replaces
//!
//! | label | addresses |
//! |---|---|
//! | `pub1`, `pub6-1` | all that are not below, documentation addresses too |
//! | `lan1`, `ula1` | private (RFC 1918), unique local (RFC 4193) |
//! | `cgn1` | of carriers' NATs, 100.64.0.0/10 (RFC 6598) |
//! | `xlat1` | 192.0.0.0/29, which 464XLAT and DS-Lite use (RFC 7335) |
//! | `ll1`, `ll6-1` | link-local; a zone stays |
//! | `lo1`, `lo6-1` | loopback |
//! | `mc1`, `mc6-1` | multicast |
//! | `res1`, `res6-1` | others with a special purpose (RFC 6890), and reserved ones |
//! | `map-pub1` | `pub1` in an IPv4-mapped address (RFC 4291 2.5.5.2) |
//! | `n64-pub1` | `pub1` behind the well-known prefix of NAT64, `64:ff9b::/96` (RFC 6052 2.1) |
//!
//! The same address has the same label throughout a run. Beyond 65 536 addresses, which only a server
//! can meet, all others of a kind have one label, such as `pub+`. Foundations of candidates become
//! `f1`, `f2`: ours are a hash of addresses, short enough to be reversed. The line of
//! `pair --manual` is cut short, since it has addresses in it.
//!
//! # What stays
//!
//! Ports, lengths of prefixes, interface names, zones, host names (but for an IPv4 address in them,
//! with dots or with dashes, and an IPv6 address with dashes before a dot), user names, realms and
//! session codes. `0.0.0.0`, `::` and `255.255.255.255` belong to nobody. Well-known networks such as
//! 100.64.0.0/10 and the examples in our own messages are no addresses of anybody either.
//!
//! Four numbers with dots are taken for an address, or for one with a typing mistake (`?.?.?.?`),
//! unless a `v` stands before them, or `RFC` with a number: a version like 4.5.2.1 cannot be told from
//! one.

mod json;
mod kind;
mod known;
mod labels;
mod laid_out;
mod scan;
mod typed;

pub use labels::Redaction;
pub use typed::{HIDDEN, message, value};
