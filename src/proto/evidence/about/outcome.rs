//! What came of a path, which the page does not say: by the media and the channels that it shows.

use serde_json::Value;

use crate::proto::evidence::account::{Account, StateKind};
use crate::proto::evidence::events::changed;
use crate::proto::evidence::facts::standing::Standing;

/// Handshakes that fail, with all that is sent again, are far smaller.
const MORE_THAN_DTLS: u64 = 100_000;

const NOTHING_CAME: &str = "ICE has found a way, and the page does not tell what came of it: there is no packet of media and no open data channel in it; getStats() of the connection has the state of DTLS, and the page of the other side may tell";

/// Keys of SRTP and data channels come of DTLS alone (RFC 5764, RFC 8261).
pub(super) fn conclude(account: &mut Account) {
    let mut streams = account.streams.iter();
    let is_received = account.streams.iter().any(|s| s.received > Some(0));
    let is_sent = streams.any(|s| s.sent > Some(0));
    let has_channel = account.reached(StateKind::DataChannel, &["open"]).is_some();
    // What is closed has no media any more.
    let is_large = account
        .pairs
        .iter()
        .any(|pair| pair.bytes_received > MORE_THAN_DTLS);
    if is_received || is_sent || has_channel || is_large {
        account
            .dtls
            .state
            .get_or_insert_with(|| "connected".to_owned());
        changed(account, None, StateKind::Dtls, &Value::from("connected"));
        if is_received || is_large {
            changed(account, None, StateKind::Track, &Value::from("media"));
        }
    } else if account.dtls.state.is_none() && Standing::ice_worked(account) {
        account.gap = Some(NOTHING_CAME.to_owned());
    }
}
