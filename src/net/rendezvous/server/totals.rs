//! What a server has done.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::net::metrics::Metrics;
use crate::signal::wire::Refusal;

/// Counts since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections that were accepted.
    pub connections: u64,
    /// Rooms that were opened.
    pub rooms: u64,
    /// Joins, repeated ones too.
    pub joins: u64,
    /// Messages that were forwarded.
    pub messages: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Messages that came when the other member was not there.
    pub dropped: u64,
    /// Connections that were ended, and why.
    pub refused: BTreeMap<Refusal, u64>,
    /// Connections that carried something else than HTTP, or did so too slowly.
    pub foreign: u64,
    /// Connections that were closed without a word, since even refusals were too many.
    pub turned_away: u64,
    /// How often the system could not accept a connection.
    pub accept_errors: u64,
}

/// What is now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    pub(super) connections: usize,
    pub(super) rooms: usize,
    pub(super) uptime: Duration,
}

/// The page of metrics.
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
        ("joins_total", "Joins, repeated ones too.", totals.joins),
        ("messages_total", "Messages forwarded.", totals.messages),
        (
            "message_bytes_total",
            "Bytes of messages forwarded.",
            totals.bytes,
        ),
        (
            "messages_dropped_total",
            "Messages without the other member there.",
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
    let refused = Refusal::ALL.map(|refusal| {
        let count = totals.refused.get(&refusal).copied().unwrap_or(0);
        (refusal.code(), count)
    });
    page.counter_by(
        "refused_total",
        "Connections ended by the server, by reason.",
        "code",
        refused,
    );
    page.into_text()
}
