//! Which address has which label.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ui::redact::kind::{Kind, kind};
use crate::ui::redact::scan::{self, MatchKind};
use crate::ui::redact::{json, laid_out};

/// So many addresses have labels of their own, and so many foundations. A server that runs for long
/// must not fill the memory.
const MOST: usize = 65_536;

/// What stands for the description in a line of `pair --manual`.
const CUT: &str = "***";

/// What stands for an address with a typing mistake.
const MISTYPED: &str = "?.?.?.?";

/// Replaces addresses in texts by labels, or leaves the texts alone. Clones share their labels.
#[derive(Clone, Default)]
pub struct Redaction(Option<Arc<Mutex<Labels>>>);

impl fmt::Debug for Redaction {
    /// The addresses are not to be seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redaction").field(&self.is_on()).finish()
    }
}

impl Redaction {
    /// One that replaces if it is wanted.
    pub fn new(is_wanted: bool) -> Self {
        Self(is_wanted.then(Arc::default))
    }

    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.labels() {
            Some(mut labels) => labels.text(text),
            None => Cow::Borrowed(text),
        }
    }

    /// JSON with labels in its strings. Names of members stay; the value of `foundation` is one.
    pub fn json<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.labels() {
            Some(mut labels) => Cow::Owned(json::redacted(text, &mut labels)),
            None => Cow::Borrowed(text),
        }
    }

    /// A text with columns, which stay columns.
    pub fn laid_out<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.labels() {
            Some(mut labels) => Cow::Owned(laid_out::redacted(text, &mut labels)),
            None => Cow::Borrowed(text),
        }
    }

    fn labels(&self) -> Option<MutexGuard<'_, Labels>> {
        let labels = self.0.as_ref()?;
        // Whoever panicked left the labels as they were.
        Some(labels.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Default)]
pub(super) struct Labels {
    addresses: BTreeMap<IpAddr, u32>,
    counts: BTreeMap<&'static str, u32>,
    foundations: BTreeMap<String, u32>,
}

impl Labels {
    pub(super) fn text<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let mut out = String::new();
        let mut done = 0;
        self.each(text, |at, label| {
            out.push_str(&text[done..at.start]);
            out.push_str(&label);
            done = at.end;
        });
        if done == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }

    /// Every place of a text that is to be replaced, from the first to the last, and by what.
    pub(super) fn each(
        &mut self,
        text: &str,
        mut replace: impl FnMut(std::ops::Range<usize>, String),
    ) {
        let mut from = 0;
        while let Some(found) = scan::next(text, from) {
            from = found.at.end;
            let label = match found.what {
                MatchKind::Address(ip) => self.of(ip),
                MatchKind::Bracketed(ip, zone) => {
                    self.of(ip).map(|label| format!("{label}{}", &text[zone]))
                }
                MatchKind::Foundation => Some(self.foundation(&text[found.at.clone()])),
                MatchKind::Line => Some(CUT.to_owned()),
                MatchKind::Mistyped => Some(MISTYPED.to_owned()),
            };
            if let Some(label) = label {
                replace(found.at, label);
            }
        }
    }

    /// The label of an address; `None` if it is nobody's.
    fn of(&mut self, ip: IpAddr) -> Option<String> {
        match kind(ip) {
            Kind::Nobodys => None,
            Kind::Embedded(prefix, inner) => {
                let inner = self.of(inner.into())?;
                Some(format!("{prefix}{inner}"))
            }
            Kind::Plain(prefix) => {
                let number = self.number(ip, prefix);
                Some(format!("{prefix}{}", shown(number)))
            }
        }
    }

    fn number(&mut self, ip: IpAddr, prefix: &'static str) -> Option<u32> {
        if let Some(number) = self.addresses.get(&ip) {
            return Some(*number);
        }
        if self.addresses.len() >= MOST {
            return None;
        }
        let count = self.counts.entry(prefix).or_default();
        *count += 1;
        self.addresses.insert(ip, *count);
        Some(*count)
    }

    pub(super) fn foundation(&mut self, foundation: &str) -> String {
        let is_label = foundation.strip_prefix('f').is_some_and(|number| {
            matches!(number.len(), 1..=5) && number.bytes().all(|b| b.is_ascii_digit())
        });
        if is_label || foundation == "f+" {
            return foundation.to_owned();
        }
        let count = self.foundations.len();
        let number = match self.foundations.get(foundation) {
            Some(number) => Some(*number),
            None if count >= MOST => None,
            None => {
                let number = u32::try_from(count + 1).ok();
                number.inspect(|number| {
                    self.foundations.insert(foundation.to_owned(), *number);
                })
            }
        };
        format!("f{}", shown(number))
    }
}

/// Those that are too many have no number.
fn shown(number: Option<u32>) -> String {
    number.map_or_else(|| "+".to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_memory_is_bounded_and_nothing_shows() {
        let mut labels = Labels::default();
        let most = u32::try_from(MOST).expect("small");
        for number in 0..most + 10 {
            let ip = Ipv4Addr::from(0xcb00_7100 + number);
            let text = format!("{ip}:5");
            let wanted = match number {
                n if n < most => format!("pub{}:5", n + 1),
                _ => "pub+:5".to_owned(),
            };
            assert_eq!(labels.text(&text), wanted);
            let wanted = match number {
                n if n < most => format!("f{}", n + 1),
                _ => "f+".to_owned(),
            };
            assert_eq!(labels.foundation(&number.to_string()), wanted);
        }
        assert_eq!(labels.addresses.len(), MOST);
        assert_eq!(labels.foundations.len(), MOST);
        assert_eq!(labels.text("203.0.113.1 10.0.0.1"), "pub2 lan+");
    }

    #[test]
    fn without_the_flag_nothing_changes() {
        let off = Redaction::new(false);
        let text = "203.0.113.5";
        assert!(matches!(off.text(text), Cow::Borrowed(same) if same == text));
        assert_eq!(off.json("\"203.0.113.5\""), "\"203.0.113.5\"");
        assert_eq!(off.laid_out(text), text);
        assert!(!off.is_on());
        assert_eq!(format!("{off:?}"), "Redaction(false)");
    }

    #[test]
    fn clones_share_labels() {
        let one = Redaction::new(true);
        let other = one.clone();
        assert_eq!(one.text("203.0.113.5"), "pub1");
        assert_eq!(other.text("203.0.113.6 203.0.113.5"), "pub2 pub1");
        assert_eq!(Redaction::new(true).text("203.0.113.6"), "pub1");
    }
}
