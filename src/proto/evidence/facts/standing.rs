//! How far a call came, by what one end tells.

use crate::proto::evidence::account::{Account, StateKind};

/// How far it came. A later one is further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Not even one description.
    Nothing,
    /// An offer was made, and no answer came.
    Unanswered,
    /// Both descriptions are known, and no pair was ever tried.
    Untried,
    Checking,
    /// ICE gave up.
    Failed,
    /// ICE was connected, and DTLS was not.
    Insecure,
    /// DTLS failed.
    DtlsFailed,
    /// It was connected, and is not any more.
    Lost,
    Connected,
}

/// DTLS takes some round trips; a second flight is sent after a second (RFC 9147 5.8.2).
const HANDSHAKE_MS: f64 = 4000.0;

impl Standing {
    pub fn of(account: &Account) -> Self {
        let ice = account.state(StateKind::Ice);
        let connection = account.state(StateKind::Connection);
        let was_connected = account
            .reached(StateKind::Connection, &["connected"])
            .is_some();
        let dtls = account.dtls.state.as_deref();
        let ice_worked = Self::ice_worked(account);
        if dtls == Some("failed") || (ice_worked && connection == Some("failed") && is_up(ice)) {
            return Self::DtlsFailed;
        }
        if was_connected || (account.changes.is_empty() && dtls == Some("connected")) {
            return Self::after_connection(account);
        }
        if ice_worked {
            return Self::after_ice(account);
        }
        // DTLS goes over ICE: it had worked, though statistics have forgotten over which pair, or have no pairs.
        match (dtls, ice) {
            (Some("connected"), Some("failed" | "disconnected")) => return Self::Lost,
            // Its goodbye has come, and then the path was gone.
            (Some("closed"), Some("failed" | "disconnected")) | (Some("connected"), None) => {
                return Self::Connected;
            }
            _ => {}
        }
        if matches!(ice, Some("failed")) || matches!(connection, Some("failed")) {
            return Self::Failed;
        }
        let checked = account.pairs.iter().any(|pair| pair.checks() > 0);
        if checked || matches!(ice, Some("checking" | "disconnected")) {
            return Self::Checking;
        }
        match (
            account.own.descriptions.is_empty(),
            account.other.is_empty(),
        ) {
            (true, true) if account.own.is_empty() => Self::Nothing,
            (false, true) => Self::Unanswered,
            _ => Self::Untried,
        }
    }

    /// Whether ICE found a way, whatever came after.
    pub fn ice_worked(account: &Account) -> bool {
        account
            .reached(StateKind::Ice, &["connected", "completed"])
            .is_some()
            || account
                .pairs
                .iter()
                .any(|pair| pair.is_selected && pair.is_answered())
    }

    fn after_connection(account: &Account) -> Self {
        let state = account
            .state(StateKind::Connection)
            .or(account.state(StateKind::Ice));
        match state {
            // Closed by the application is not lost.
            _ if account.dtls.state.as_deref() == Some("closed") => Self::Connected,
            Some("failed" | "disconnected") => Self::Lost,
            _ => Self::Connected,
        }
    }

    /// Without states of the connection, which Firefox and statistics do not have.
    fn after_ice(account: &Account) -> Self {
        let ice = account.state(StateKind::Ice);
        let dtls = account.dtls.state.as_deref();
        let selected = account.pairs.iter().find(|pair| pair.is_selected);
        // Without BUNDLE each section has a transport of its own, and all of them are needed.
        let connection = account.state(StateKind::Connection);
        if connection == Some("connecting") && ice == Some("checking") {
            return Self::Checking;
        }
        let is_half_seen = account.is_bare_ice || account.gap.is_some();
        if is_half_seen && dtls.is_none() && (is_up(ice) || ice.is_none()) {
            return Self::Checking;
        }
        match dtls {
            // By the application of one end: that is not lost.
            Some("closed") => Self::Connected,
            Some("connected") => match selected {
                _ if matches!(ice, Some("disconnected" | "failed")) => Self::Lost,
                // In an outage the pair in use is checked anew.
                Some(pair) if pair.is_silent_again() => Self::Lost,
                _ => Self::Connected,
            },
            Some("new" | "connecting") => {
                let up = account.reached(StateKind::Ice, &["connected", "completed"]);
                let since = up.and_then(|change| change.at);
                let lasted = account.ended.zip(since).map(|(ended, since)| ended - since);
                let has_waited = lasted.is_some_and(|ms| ms > HANDSHAKE_MS)
                    // One sample has no time: many keep-alives have.
                    || selected.is_some_and(|pair| pair.consent_sent > 4);
                if has_waited {
                    Self::Insecure
                } else {
                    Self::Checking
                }
            }
            _ if matches!(ice, Some("failed" | "disconnected")) => Self::Lost,
            _ => Self::Connected,
        }
    }
}

fn is_up(ice: Option<&str>) -> bool {
    matches!(ice, Some("connected" | "completed"))
}
