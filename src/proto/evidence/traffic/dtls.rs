//! DTLS in a capture, where all behind the hellos is encrypted (RFC 9147).

use crate::proto::capture::paths::Sent;
use crate::proto::evidence::account::DtlsRecord;

/// Sealed packets of both ends before the first data, with some that are sent again.
const HANDSHAKE_SEALED: u32 = 6;
/// Sealed packets that a handshake and an alert come to at most, with what is sent again.
const FEW_SEALED: u32 = 12;

/// What both ends sent of a handshake, and what followed.
pub(super) fn record(mine: &Sent, others: &Sent) -> DtlsRecord {
    let both = |of: fn(&Sent) -> u64| of(mine) > 0 && of(others) > 0;
    let alert = others.alert.or(mine.alert);
    let hellos = mine.hellos + others.hellos;
    let was_answered = mine.server_hellos + others.server_hellos > 0;
    // Sealed before there was any data: whoever sent it did not like the handshake.
    let alerts = [mine.sealed_alert, others.sealed_alert];
    let was_refused = alerts
        .into_iter()
        .flatten()
        .any(|before| before <= HANDSHAKE_SEALED);
    let has_data = both(|sent| sent.rtp) || both(|sent| u64::from(sent.data));
    let state = if has_data {
        Some("connected")
    } else if alert.is_some() || was_answered && was_refused {
        Some("failed")
    } else if hellos == 0 {
        None
    } else if was_answered {
        // Encrypted: whether it is data or the rest of the handshake cannot be seen.
        Some("connected").filter(|_| mine.sealed > FEW_SEALED && others.sealed > FEW_SEALED)
    } else {
        Some("connecting")
    };
    DtlsRecord {
        state: state.map(str::to_owned),
        role: (hellos > 0).then(|| if mine.hellos > 0 { "client" } else { "server" }.to_owned()),
        alert: alert.map(|alert| <&str>::from(alert).to_owned()),
        bytes_sent: mine.bytes,
        bytes_received: others.bytes,
        ..DtlsRecord::default()
    }
}
