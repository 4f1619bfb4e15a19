//! The way in from outside, before and after the relay has sent something out: a stateful firewall
//! lets in whom it has seen being sent to.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::fact::Fact;
use crate::commands::turn::report::DataReport;
use crate::commands::turn::run::exchange::datagram::{self, Kind, Size};
use crate::commands::turn::run::exchange::{BUFFER, Ends, Happened, PINGS, SPACING, Side, TAIL};
use crate::proto::stun::address::is_address;
use crate::proto::stun::message::{self, Change, TransactionId};
use crate::proto::turn::client::Event;

/// How long the server may take to say where the UDP socket is seen.
const BINDING: Duration = Duration::from_millis(300);
/// How long both ends are given to open the way.
const OPENING: Duration = Duration::from_millis(60);

impl Ends {
    /// Sends small and large datagrams to the relayed address, and nothing back. Counts what comes of
    /// the small ones, and whether a large one came.
    pub async fn knock(&mut self, relayed: SocketAddr) -> (DataReport, bool) {
        let clock = self.clock;
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut sent = 0;
        let mut due = clock.now();
        let all = 2 * PINGS;
        while seen.len() < all {
            let now = clock.now();
            if now >= due {
                if sent == all {
                    break;
                }
                // An odd number is a large one.
                for size in [Size::Small, Size::Large] {
                    let payload = datagram::encode_as(self.token, Kind::First, sent, size);
                    if let Some(probe) = &self.probe {
                        // What is not sent is lost, and counted so.
                        let _ = probe.send_to(&payload, relayed).await;
                    }
                    sent += 1;
                }
                due = now
                    + if sent == all {
                        TAIL + self.way()
                    } else {
                        SPACING
                    };
            }
            match self.next(Some(due), &mut []).await {
                Ok(Happened::At(Side::A, Event::Data { payload, .. })) => {
                    let number = datagram::number_of(self.token, Kind::First, &payload);
                    seen.extend(number.filter(|number| *number < sent));
                }
                Ok(_) => {}
                Err(_) => break,
            }
            let small = seen.iter().filter(|number| *number % 2 == 0).count();
            if sent == all && small == PINGS && seen.len() == small {
                // Large ones are as fast as small ones, or lost.
                due = due.min(clock.now() + TAIL / 2);
            }
        }
        let small = seen.iter().filter(|number| *number % 2 == 0).count();
        let mut report = DataReport::measured(
            PINGS,
            vec![Duration::ZERO; small],
            Fact::Determined(!seen.is_empty()),
        );
        report.rtt_ms = None;
        (report, small < seen.len())
    }

    /// Sends through the relay to the UDP socket, as an ICE agent does that knows its address, and
    /// from there to the relay: `mapped` is where the server sees this host.
    pub async fn open_from_inside(&mut self, relayed: SocketAddr, mapped: SocketAddr) {
        let Some(outside) = self.seen_from_outside(mapped).await else {
            return;
        };
        // Ours opens the NAT here, theirs the firewall there.
        let payload = datagram::encode(self.token, Kind::Load, 0, datagram::HEADER);
        if let Some(probe) = &self.probe {
            let _ = probe.send_to(&payload, relayed).await;
        }
        self.a.send(outside, &payload);
        let due = self.clock.now() + OPENING;
        while self.clock.now() < due {
            if self.next(Some(due), &mut []).await.is_err() {
                return;
            }
        }
    }

    /// Where the UDP socket stands outside: without a NAT where it is, else the server says so, if it
    /// answers Binding requests over UDP.
    async fn seen_from_outside(&mut self, mapped: SocketAddr) -> Option<SocketAddr> {
        let probe = self.probe.as_ref()?;
        let own = probe.local_addr().ok()?;
        if own.ip() == mapped.ip() {
            return Some(own);
        }
        let mut id: TransactionId = [0; 12];
        id[..4].copy_from_slice(&self.token.to_be_bytes());
        let request = message::binding_request(id, Change::None);
        let mut buffer = [0; BUFFER];
        let deadline = self.clock.now() + BINDING + self.way();
        while self.clock.now() < deadline {
            // What is lost is sent again.
            let _ = probe.send_to(&request, self.stun).await;
            let again = BINDING / 3 + self.way() / 2;
            let wait = tokio::time::timeout(again, probe.recv_from(&mut buffer)).await;
            if let Ok(Ok((length, from))) = wait
                && from == self.stun
                && message::transaction_id(&buffer[..length]) == Some(id)
            {
                return message::decode_binding_response(&buffer[..length])
                    .ok()
                    .and_then(|response| response.outcome.ok()?.reflexive())
                    .filter(|mapped| is_address(*mapped));
            }
        }
        None
    }

    /// Asks a peer by a Binding request through the relay: where it sees the relay, and how long that
    /// took. It may be no STUN server.
    pub async fn ask_peer(&mut self, peer: SocketAddr) -> Option<(SocketAddr, Duration)> {
        let mut id: TransactionId = [0; 12];
        id[..4].copy_from_slice(&self.token.to_be_bytes());
        id[11] = 1;
        let request = message::binding_request(id, Change::None);
        for _ in 0..4 {
            let sent = self.clock.now();
            self.a.send(peer, &request);
            let due = sent + TAIL / 3 + self.way();
            while self.clock.now() < due {
                let Ok(happened) = self.next(Some(due), &mut []).await else {
                    return None;
                };
                if let Happened::At(
                    Side::A,
                    Event::Data {
                        peer: from,
                        payload,
                        ..
                    },
                ) = happened
                    && from == peer
                    && message::transaction_id(&payload) == Some(id)
                {
                    let response = message::decode_binding_response(&payload).ok()?;
                    let sees = response.outcome.ok()?.reflexive()?;
                    return Some((sees, self.clock.now().saturating_sub(sent)));
                }
            }
        }
        None
    }
}
