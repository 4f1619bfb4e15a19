//! Media of a capture: what is encrypted has its numbers and times in the clear (RFC 3711 3.1).

use std::collections::BTreeMap;

use super::Paths;
use crate::proto::capture::observer::Observer;
use crate::proto::capture::paths::PathKey;
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
    /// Whether it came by a stream of which parts were not kept.
    is_torn: bool,
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

/// A row for audio and one for video. Streams whose clock cannot be told are of neither: beside one of them it is not known
/// that there is no packet of a kind.
pub(super) fn streams(observer: &Observer, paths: &Paths) -> Vec<StreamRecord> {
    let mut sums: BTreeMap<(&str, bool), Sum> = BTreeMap::new();
    // Whether there may be more than was counted, received and sent.
    let mut is_open = [false; 2];
    for (key, _, end) in paths {
        for sender in [0, 1] {
            let is_sent = sender == *end;
            let is_torn = is_torn(observer, key, sender);
            is_open[usize::from(is_sent)] |= is_torn;
            let from = (**key, sender, 0);
            let to = (**key, sender, u32::MAX);
            for (_, stream) in observer.streams.range(from..=to) {
                let Some(kind) = stream.kind() else {
                    is_open[usize::from(is_sent)] = true;
                    continue;
                };
                let sum = sums.entry((kind, is_sent)).or_default();
                sum.add(stream);
                sum.is_torn |= is_torn;
            }
        }
    }
    let count = |sum: Option<&Sum>, is_sent: bool| match sum {
        Some(sum) => Some(sum.packets).filter(|_| !sum.is_torn),
        None => (!is_open[usize::from(is_sent)]).then_some(0),
    };
    let rows = ["audio", "video"].into_iter().filter_map(|kind| {
        let (sent, received) = (sums.get(&(kind, true)), sums.get(&(kind, false)));
        let whole = received.filter(|sum| !sum.is_torn);
        (sent.is_some() || received.is_some()).then(|| StreamRecord {
            kind: kind.to_owned(),
            sent: count(sent, true),
            received: count(received, false),
            lost: whole.map(|sum| sum.lost),
            jitter_ms: whole.and_then(|sum| sum.jitter_ms),
            ..StreamRecord::default()
        })
    });
    rows.collect()
}

/// Whether one end of a path sends by a stream of TCP whose segments were kept in part: which packets stand in the rest of
/// them is not known, and those are not lost.
fn is_torn(observer: &Observer, key: &PathKey, sender: usize) -> bool {
    let Some((server, true)) = key.relay else {
        return false;
    };
    let client = key.ends[0];
    let stream = match sender {
        0 => (client, server),
        _ => (server, client),
    };
    observer.torn.contains(&stream)
}
