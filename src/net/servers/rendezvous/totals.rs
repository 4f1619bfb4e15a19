//! What a server has done.

use std::collections::BTreeMap;
use std::time::Duration;

use strum::VariantArray as _;

use crate::net::servers::metrics::Metrics;
use crate::proto::signal::siblings::{Counts, Standing};
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
    /// What went to other processes through the broker, and came from them.
    pub siblings: Counts,
    /// How often the connection to the broker came about, and for how long there was none.
    pub broker_connections: u64,
    pub broker_away: Duration,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    pub(super) connections: usize,
    pub(super) rooms: usize,
    pub(super) uptime: Duration,
    pub(super) broker: Option<Standing>,
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
    if let Some(standing) = current.broker {
        broker(&mut page, totals, standing);
    }
    page.into_text()
}

fn broker(page: &mut Metrics, totals: &Totals, standing: Standing) {
    let is_ready = u8::from(standing.is_ready);
    let away = format!("{:.3}", totals.broker_away.as_secs_f64());
    for (name, help, value) in [
        (
            "broker_connected",
            "Whether rooms are shared with other processes at present.",
            is_ready.to_string(),
        ),
        (
            "broker_processes",
            "Other processes that share their rooms with this one.",
            standing.siblings.to_string(),
        ),
        (
            "broker_rooms",
            "Open rooms whose members are at different processes.",
            standing.rooms.to_string(),
        ),
        (
            "broker_away_seconds",
            "Seconds without the broker in all.",
            away,
        ),
    ] {
        page.gauge(name, help, value);
    }
    let counts = totals.siblings;
    for (name, help, value) in [
        (
            "broker_connections_total",
            "Connections to the broker.",
            totals.broker_connections,
        ),
        (
            "broker_sent_total",
            "Messages to members at other processes.",
            counts.sent,
        ),
        (
            "broker_received_total",
            "Messages of members at other processes.",
            counts.received,
        ),
        (
            "broker_lost_total",
            "Messages that the broker did not take.",
            counts.lost,
        ),
        (
            "broker_gaps_total",
            "How often something that other processes said did not come.",
            counts.gaps,
        ),
        (
            "broker_strays_total",
            "Messages of other processes for nobody here.",
            counts.strays,
        ),
        (
            "broker_foreign_total",
            "Messages at the broker that are not of this program, or of too many processes.",
            counts.foreign,
        ),
    ] {
        page.counter(name, help, value);
    }
}
