//! DTLS in a capture, where all behind the hellos is encrypted (RFC 9147).

use crate::proto::capture::paths::Sent;
use crate::proto::evidence::account::DtlsRecord;

/// Sealed packets of both ends before the first data, with some that are sent again.
const HANDSHAKE_SEALED: u32 = 6;
/// Hellos of one end, in two datagrams and asked for once more (RFC 8446 4.1.4), are fewer.
const AGAIN: u32 = 6;
/// Sealed packets that a handshake and an alert come to at most, with what is sent again.
const FEW_SEALED: u32 = 12;

/// Whether both ends sent what comes after a handshake.
///
/// Of DTLS 1.3 all is encrypted, so that it cannot be seen which packet is data: many are no handshake.
pub(super) fn has_data(mine: &Sent, others: &Sent) -> bool {
    is_seen(mine, others) || mine.sealed > FEW_SEALED && others.sealed > FEW_SEALED
}

/// Whether media or data of DTLS 1.2 went both ways, which are told from a handshake.
fn is_seen(mine: &Sent, others: &Sent) -> bool {
    let both = |is_so: fn(&Sent) -> bool| is_so(mine) && is_so(others);
    both(|sent| sent.rtp > 0) || both(|sent| sent.data > 0)
}

/// What both ends sent of a handshake, and what followed.
pub(super) fn record(mine: &Sent, others: &Sent) -> DtlsRecord {
    let alert = others.alert.or(mine.alert);
    let hellos = mine.hellos + others.hellos;
    let was_answered = mine.server_hellos + others.server_hellos > 0;
    // Sealed before there was any data: whoever sent it did not like the handshake.
    let alerts = [mine.sealed_alert, others.sealed_alert];
    let was_refused = alerts
        .into_iter()
        .flatten()
        .any(|before| before <= HANDSHAKE_SEALED);
    let state = if is_seen(mine, others) {
        Some("connected")
    } else if alert.is_some() || was_answered && was_refused {
        Some("failed")
    } else if has_data(mine, others) {
        Some("connected")
    } else {
        // Of one that was answered it cannot be seen how far it came, since the rest is encrypted; but hellos that are
        // sent again and again show that it does not come to an end.
        let is_stuck = [mine, others]
            .iter()
            .any(|sent| sent.hellos.max(sent.server_hellos) >= AGAIN);
        let is_half_seen = hellos == 0 && was_answered;
        let is_open = hellos > 0 && (!was_answered || is_stuck) || is_half_seen;
        Some("connecting").filter(|_| is_open)
    };
    let is_server = others.hellos + mine.server_hellos > 0;
    let role = match (mine.hellos > 0, is_server) {
        (true, _) => Some("client"),
        (false, true) => Some("server"),
        (false, false) => (others.server_hellos > 0).then_some("client"),
    };
    DtlsRecord {
        state: state.map(str::to_owned),
        role: role.map(str::to_owned),
        alert: alert.map(|alert| <&str>::from(alert).to_owned()),
        is_own_alert: others.alert.is_none(),
        flights: Some([mine.flights, others.flights]),
        bytes_sent: mine.bytes,
        bytes_received: others.bytes,
        ..DtlsRecord::default()
    }
}
