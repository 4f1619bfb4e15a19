//! A steady stream through the relay for longer than a second: within a second a server that limits
//! the rate takes anything.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::long_way::long;
use crate::base::report::Millis;
use crate::commands::turn::report::{PAYLOAD, ThroughputReport};
use crate::commands::turn::run::exchange::datagram::{self, Direction, Kind, Size};
use crate::commands::turn::run::exchange::{Ends, Happened};
use crate::proto::turn::client::Event;

/// How long the stream lasts.
const LASTS: Duration = Duration::from_millis(1150);
/// How long after the last one that came out the rest counts as lost, and how long in all.
const TAIL: Duration = Duration::from_millis(200);
const IN_ALL: Duration = Duration::from_millis(1500);
/// Between two groups of datagrams.
const PAUSE: Duration = Duration::from_millis(4);
/// A stream that takes no more is not given more.
const MOST_UNSENT: usize = 64 << 10;
/// Of each size, to find the largest that comes through.
const TRIES: usize = 3;

/// How much is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// 10 Mbit/s: more than a call needs.
    Full,
    /// 2 Mbit/s, beside another that has the full pace.
    Beside,
}

impl Pace {
    /// Datagrams in a group.
    const fn group(self) -> usize {
        match self {
            Self::Full => 5,
            Self::Beside => 1,
        }
    }
}

impl Ends {
    /// Sends a steady stream from A to the relayed address `to`, and counts what comes out.
    pub async fn stream(&mut self, to: SocketAddr, pace: Pace) -> ThroughputReport {
        let clock = self.clock;
        let began = clock.now();
        let (mut sent, mut last) = (0, began);
        let (way, mut first) = (self.way(), None);
        let mut seen = BTreeSet::new();
        let mut due = began;
        loop {
            let now = clock.now();
            let over = now >= began + LASTS;
            if now >= due {
                if over {
                    break;
                }
                if self.a.link().unsent() < MOST_UNSENT {
                    for _ in 0..pace.group() {
                        let payload = datagram::encode(self.token, Kind::Load, sent, PAYLOAD);
                        self.a.send(to, &payload);
                        sent += 1;
                    }
                    last = now;
                }
                due += PAUSE;
                if due >= began + LASTS {
                    due = began + LASTS + TAIL + way;
                }
            }
            match self.next(Some(due), &mut []).await {
                Ok(Happened::At(_, Event::Data { payload, .. })) => {
                    let number = datagram::number_of(self.token, Kind::Load, &payload);
                    if number.is_some_and(|number| number < sent && seen.insert(number)) {
                        last = clock.now();
                        first.get_or_insert(last);
                        if last >= began + LASTS {
                            due = (last + TAIL + way / 3).min(began + IN_ALL + way);
                        }
                    }
                }
                Ok(_) => {}
                Err(_) => break,
            }
            if clock.now() >= began + LASTS && seen.len() == sent {
                break;
            }
        }
        // The way itself takes no part of the rate.
        let on_the_way = long(first.unwrap_or(began).saturating_sub(began));
        let took = last.saturating_sub(began + on_the_way);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rate = (seen.len() * PAYLOAD) as f64 * 8.0 / 1000.0 / took.as_secs_f64().max(0.001);
        let until = seen.last().map_or(0, |last| last + 1);
        ThroughputReport {
            stops: until > 0 && until * 2 < sent && seen.len() * 10 >= until * 9,
            bytes_sent: sent * PAYLOAD,
            bytes_received: seen.len() * PAYLOAD,
            duration_ms: Millis(took),
            kbit_per_s: rate.round(),
        }
    }

    /// Whether small datagrams do not come through any more either.
    pub async fn is_stuck(&mut self, way: Direction) -> bool {
        self.ping_times(way, Size::Small, TRIES).await.received == 0
    }

    /// The payload of the largest datagrams that come through and back.
    pub async fn largest(&mut self, way: Direction) -> Option<usize> {
        let mut fits = None;
        for bytes in [400, 600, 800, 900, 1000, 1100] {
            let report = self.ping_times(way, Size::Between(bytes), TRIES).await;
            if report.received == 0 {
                break;
            }
            fits = Some(bytes);
        }
        fits
    }
}
