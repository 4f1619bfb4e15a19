//! Media of a capture: what is encrypted has its numbers and times in the clear (RFC 3711 3.1).

use std::collections::BTreeMap;

use super::Paths;
use crate::proto::capture::observer::Observer;
use crate::proto::capture::rtp::RtpStream;
use crate::proto::evidence::account::StreamRecord;

/// Streams of one kind, one way.
#[derive(Debug, Default)]
struct Sum {
    packets: u64,
    lost: i64,
    /// Of the stream with the most packets.
    jitter_ms: Option<f64>,
    most: u64,
}

impl Sum {
    fn add(&mut self, stream: &RtpStream) {
        self.packets += stream.packets;
        self.lost = self.lost.saturating_add(stream.lost());
        if stream.packets > self.most {
            self.most = stream.packets;
            self.jitter_ms = stream.jitter_ms();
        }
    }
}

/// A row for audio and one for video. Streams whose clock cannot be told are of neither.
pub(super) fn streams(observer: &Observer, paths: &Paths) -> Vec<StreamRecord> {
    let mut sums: BTreeMap<(&str, bool), Sum> = BTreeMap::new();
    for (key, _, end) in paths {
        for sender in [0, 1] {
            let from = (**key, sender, 0);
            let to = (**key, sender, u32::MAX);
            for (_, stream) in observer.streams.range(from..=to) {
                if let Some(kind) = stream.kind() {
                    sums.entry((kind, sender == *end)).or_default().add(stream);
                }
            }
        }
    }
    let rows = ["audio", "video"].into_iter().filter_map(|kind| {
        let (sent, received) = (sums.get(&(kind, true)), sums.get(&(kind, false)));
        (sent.is_some() || received.is_some()).then(|| StreamRecord {
            kind: kind.to_owned(),
            sent: Some(sent.map_or(0, |sum| sum.packets)),
            received: Some(received.map_or(0, |sum| sum.packets)),
            lost: received.map(|sum| sum.lost),
            jitter_ms: received.and_then(|sum| sum.jitter_ms),
            ..StreamRecord::default()
        })
    });
    rows.collect()
}
