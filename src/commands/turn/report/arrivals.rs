//! How data came, beside how much of it.

use std::net::{IpAddr, SocketAddr};

/// What single datagrams of a trial showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrivals {
    /// How many came with other bytes or another length than they were sent with.
    pub changed: usize,
    /// The lengths that such a one was sent and came with, if they differ.
    pub lengths: Option<(usize, usize)>,
    /// In whose name data came from the first relay to the second, if not in that of its relayed address.
    pub named: Option<IpAddr>,
    /// From where data came to this host that the relay sent, if not from its relayed address.
    pub from: Option<SocketAddr>,
    /// Whether something came from the relayed address to this host.
    pub is_outward: bool,
    /// What came for a channel: by it, and in Data indications.
    pub by_channel: usize,
    pub by_indication: usize,
}

impl Arrivals {
    pub const NONE: Self = Self {
        changed: 0,
        lengths: None,
        named: None,
        from: None,
        is_outward: false,
        by_channel: 0,
        by_indication: 0,
    };

    pub fn add_changed(&mut self, sent: Option<usize>, came: usize) {
        self.changed += 1;
        let differ = sent.filter(|sent| *sent != came);
        self.lengths = self.lengths.or(differ.map(|sent| (sent, came)));
    }

    /// Whether data is changed, and not one datagram by chance.
    pub const fn are_changed(&self) -> bool {
        self.changed >= 2
    }

    /// What is wrong with such data, in words.
    pub fn change(&self) -> String {
        let how = match self.lengths {
            Some((sent, came)) => format!("another length ({sent} bytes became {came})"),
            None => "other bytes".to_owned(),
        };
        format!(
            "what comes out of the relay is not what was put in: {} datagrams came with {how}; DTLS and SRTP drop such data",
            self.changed
        )
    }

    /// Whether what is sent by a channel comes, and all of it in Data indications.
    pub const fn lack_channel_data(&self) -> bool {
        self.by_indication > 0 && self.by_channel == 0
    }
}
