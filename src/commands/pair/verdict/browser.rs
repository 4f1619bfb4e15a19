//! What is so of a browser at the other side: its servers are those that this side hands to it, and it has no flags.

use crate::base::codes::Code;
use crate::commands::pair::report::{StepSide, TimelineEntry, TimelineEvent};
use crate::proto::ice::causes::{Cause, Remedy, RemedyCode, ServerFacts, Whose};
use crate::proto::stun::uri::{Host, ServerUri};

/// What browsers that are built of libwebrtc say of a name that they do not find ("TURN host lookup received error.").
const NOT_FOUND: &str = "host lookup received error";

/// Its servers, if it found none of their names, by the errors that it told (W3C WebRTC 4.8.3).
pub fn servers(timeline: &[TimelineEntry]) -> Option<Vec<ServerFacts>> {
    let told = |event| {
        let of_browser = timeline
            .iter()
            .filter(|entry| entry.side == StepSide::Remote);
        of_browser.filter(move |entry| entry.event == event)
    };
    if told(TimelineEvent::ServerAnswered).next().is_some() {
        return None;
    }
    let failed = told(TimelineEvent::ServerFailed);
    let found: Option<Vec<ServerFacts>> = failed
        .map(|entry| unresolved(entry.detail.as_deref()?))
        .collect();
    found.filter(|all| !all.is_empty())
}

fn unresolved(told: &str) -> Option<ServerFacts> {
    let (name, why) = told.split_once(": ")?;
    let uri: ServerUri = name.parse().ok()?;
    let is_name = matches!(uri.host, Host::Name(_));
    (is_name && why.contains(NOT_FOUND)).then(|| ServerFacts {
        is_turn: uri.is_turn(),
        transport: uri.transport,
        uri: uri.to_string(),
        address: None,
        error: Some(Code::Dns),
        detail: None,
    })
}

/// Says of its remedies where they are to be had: on this side.
pub(super) fn adapt(causes: &mut [Cause], servers: Option<&[ServerFacts]>) {
    let remedies = causes.iter_mut().flat_map(|cause| &mut cause.remedies);
    for remedy in remedies.filter(|remedy| remedy.side == Whose::Remote) {
        let is_unresolved = servers
            .is_some_and(|all| !all.is_empty() && all.iter().all(|s| s.error == Some(Code::Dns)));
        if is_unresolved && remedy.code == RemedyCode::Stun {
            "DNS that works on the browser's host, or the server by its IP address (-s ADDRESS)"
                .clone_into(&mut remedy.message);
            remedy.brief = None;
        }
        adapt_flags(remedy);
    }
}

fn adapt_flags(remedy: &mut Remedy) {
    let with = |text: &str| {
        let (before, rest) = text.split_once("(-s ")?;
        let (server, after) = rest.split_once(')')?;
        let password = if server.starts_with("turn") {
            " --share-turn-password"
        } else {
            ""
        };
        Some(format!(
            "{before}(-s {server}{password} on this side){after}"
        ))
    };
    if let Some(text) = with(&remedy.message) {
        remedy.message = text;
    }
    remedy.brief = remedy.brief.take().map(|text| with(&text).unwrap_or(text));
}
