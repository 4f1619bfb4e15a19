//! How data comes: as it was put in or changed, from where, in whose name, and by what.

use std::net::SocketAddr;

use super::datagram::{self, Found, Sort};
use super::{Ends, Happened, Side};
use crate::proto::nat::address::is_sent_elsewhere;
use crate::proto::turn::client::Event;

impl Ends {
    /// Takes down what is odd about something that came; `buffer` has what came to the UDP socket.
    pub(super) fn note(&mut self, happened: &Happened, buffer: &[u8]) {
        match happened {
            Happened::At(
                side,
                Event::Data {
                    peer,
                    payload,
                    channel,
                },
            ) => match datagram::read(self.token, payload) {
                Found::Whole(sort) => self.note_data(*side, *peer, channel.is_some(), sort),
                Found::Changed { sent } => self.arrivals.add_changed(sent, payload.len()),
                Found::Foreign => {}
            },
            Happened::Probe(length, from) => match datagram::read(self.token, &buffer[..*length]) {
                Found::Whole(_) => self.note_outward(*from),
                Found::Changed { sent } => self.arrivals.add_changed(sent, *length),
                Found::Foreign => {}
            },
            Happened::At(..) | Happened::Due => {}
        }
    }

    fn note_data(&mut self, side: Side, peer: SocketAddr, by_channel: bool, sort: Sort) {
        let arrivals = &mut self.arrivals;
        if let Sort::OfChannel { .. } = sort {
            if by_channel {
                arrivals.by_channel += 1;
            } else {
                arrivals.by_indication += 1;
            }
        }
        let is_ping = matches!(sort, Sort::Ping | Sort::OfChannel { is_ping: true });
        // A router that leads back in may give another port; the address is what permissions are for.
        if is_ping && side == Side::B && peer.ip() != self.relayed.ip() {
            arrivals.named.get_or_insert(peer.ip());
        }
    }

    fn note_outward(&mut self, from: SocketAddr) {
        let arrivals = &mut self.arrivals;
        if from == self.relayed {
            arrivals.is_outward = true;
        } else if is_sent_elsewhere(from, self.relayed) {
            arrivals.from.get_or_insert(from);
        }
    }
}
