//! What a server has done.

use std::collections::BTreeMap;
use std::time::Duration;

use strum::VariantArray as _;

use crate::net::servers::metrics::Metrics;
use crate::proto::signal::wire::Refusal;

/// Counts since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    pub connections: u64,
    pub rooms: u64,
    /// Joins, repeated ones too.
    pub joins: u64,
    pub messages: u64,
    pub bytes: u64,
    /// Messages that came when the other member was not there.
    pub dropped: u64,
    pub refused: BTreeMap<Refusal, u64>,
    /// Connections that carried something else than HTTP, or did so too slowly.
    pub foreign: u64,
    /// Connections that were closed without a word, since even refusals were too many.
    pub turned_away: u64,
    pub accept_errors: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    pub(super) connections: usize,
    pub(super) rooms: usize,
    pub(super) uptime: Duration,
}

pub(super) fn metrics(totals: &Totals, current: Current) -> String {
    let mut page = Metrics::default();
    let uptime = format!("{:.3}", current.uptime.as_secs_f64());
    page.gauge("connections_open", "Open connections.", current.connections);
    page.gauge("rooms_open", "Open rooms.", current.rooms);
    page.gauge("uptime_seconds", "Seconds since the start.", uptime);
    for (name, help, value) in [
        (
            "connections_total",
            "Connections accepted.",
            totals.connections,
        ),
        ("rooms_total", "Rooms opened.", totals.rooms),
        (
            "joins_total",
            "Joins, including repeated ones.",
            totals.joins,
        ),
        ("messages_total", "Messages forwarded.", totals.messages),
        (
            "message_bytes_total",
            "Bytes of messages forwarded.",
            totals.bytes,
        ),
        (
            "messages_dropped_total",
            "Messages that came while the other member was not there.",
            totals.dropped,
        ),
        (
            "foreign_connections_total",
            "Connections without a whole HTTP request.",
            totals.foreign,
        ),
        (
            "turned_away_total",
            "Connections closed without a word.",
            totals.turned_away,
        ),
        (
            "accept_errors_total",
            "Connections that the system could not accept.",
            totals.accept_errors,
        ),
    ] {
        page.counter(name, help, value);
    }
    let refused = Refusal::VARIANTS.iter().map(|refusal| {
        let count = totals.refused.get(refusal).copied().unwrap_or(0);
        (refusal.code().name(), count)
    });
    page.counter_by(
        "refused_total",
        "Connections ended by the server, by reason.",
        "code",
        refused,
    );
    page.into_text()
}
