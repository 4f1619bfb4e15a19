//! How data came through a relay: as it was put in or changed, from where, and how fast.

use std::net::SocketAddr;
use std::time::Duration;

use super::{FROM_HERE, FROM_HERE_AGAIN, OPENING, THROUGH_ITSELF, TO_HERE, TO_HERE_AGAIN};
use crate::proto::nat::address::is_sent_elsewhere;

const ALL: [&[u8]; 6] = [
    THROUGH_ITSELF,
    FROM_HERE,
    TO_HERE,
    OPENING,
    FROM_HERE_AGAIN,
    TO_HERE_AGAIN,
];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrived {
    /// How many datagrams came that are not what was sent.
    changed: usize,
    /// From where data came to this host that the relay sent, if not from the relayed address.
    pub from: Option<SocketAddr>,
    sent: Option<Duration>,
    /// How long data took from the relayed address to itself, from the first that was sent to the first that came.
    pub took: Option<Duration>,
}

impl Arrived {
    /// Whether data is changed, and not one datagram by chance.
    pub const fn is_changed(self) -> bool {
        self.changed >= 2
    }

    pub(super) fn note_sent(&mut self, now: Duration) {
        self.sent.get_or_insert(now);
    }

    pub(super) fn note_data(&mut self, payload: &[u8], now: Duration) {
        if payload == THROUGH_ITSELF
            && let Some(sent) = self.sent
        {
            self.took.get_or_insert(now.saturating_sub(sent));
        }
        self.changed += usize::from(is_changed(payload));
    }

    pub(super) fn note_here(&mut self, came: &[u8], from: SocketAddr, relayed: SocketAddr) {
        self.changed += usize::from(is_changed(came));
        if is_sent_elsewhere(from, relayed) && [TO_HERE, OPENING, TO_HERE_AGAIN].contains(&came) {
            self.from.get_or_insert(from);
        }
    }
}

/// Whether it is none of what this program sends, and much like it.
fn is_changed(came: &[u8]) -> bool {
    let is_like = |sent: &&[u8]| {
        let same = sent.iter().zip(came).filter(|(one, of)| one == of).count();
        same * 4 > sent.len() * 3 || came.len() >= 9 && sent.starts_with(came)
    };
    !ALL.contains(&came) && ALL.iter().any(is_like)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_on_the_way_shows() {
        for sent in ALL {
            assert!(!is_changed(sent));
            let mut came = sent.to_vec();
            came[25] ^= 1;
            assert!(is_changed(&came));
            assert!(is_changed(&[sent, &[0; 4]].concat()));
            assert!(is_changed(&sent[..12]));
        }
        assert!(!is_changed(b"something else"));
        assert!(!is_changed(b""));
    }

    #[test]
    fn one_datagram_is_chance_and_two_are_not() {
        let mut arrived = Arrived::default();
        arrived.note_data(&THROUGH_ITSELF[..12], Duration::ZERO);
        assert!(!arrived.is_changed());
        arrived.note_data(&FROM_HERE[..12], Duration::ZERO);
        assert!(arrived.is_changed());
    }
}
