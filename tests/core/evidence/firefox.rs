//! Pages of Firefox 153 (`about:webrtc`, "Save Page"), of calls behind NATs that are known: both
//! port-restricted (direct), both symmetric without a TURN server, UDP blocked at A with a TURN server
//! over TCP, and both symmetric with a password that the TURN server refuses. The graphs are taken out.

use std::fs;
use std::path::Path;

use rtcdiag::proto::evidence::facts::standing::Standing;
use rtcdiag::proto::evidence::{self, FileKind, Record, StateKind, gzip};
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::causes::Way;

use super::truth::judged_call;
use super::{judged, named};

fn page(name: &str) -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence")
        .join(format!("firefox-{name}.html.gz"));
    let (bytes, error) = gzip::unpack(&fs::read(path).expect("it is there"));
    assert_eq!(error, None);
    let record = evidence::read(&bytes);
    assert_eq!(record.kind, Some(FileKind::AboutWebrtc));
    assert_eq!(record.faults, [], "{name}");
    assert_eq!(record.accounts.len(), 1, "{name}");
    record
}

#[test]
fn everything_that_a_page_has_is_read() {
    let record = page("direct-a");
    assert!(record.captured_at.is_some());
    let account = &record.accounts[0];
    assert_eq!(account.label.as_deref(), Some("15032385537"));
    let servers = account.servers.as_ref().expect("the configuration");
    let urls: Vec<&str> = servers.iter().map(|server| server.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "stun:203.0.113.10:3478",
            "turn:203.0.113.10:3480?transport=udp"
        ]
    );
    assert!(servers.iter().all(|server| server.error.is_none()));
    assert!(account.has_configuration && !account.relay_only);
    // Tabs and history have each description twice, the answer first.
    let roles = |told: &evidence::Told| -> Vec<Option<bool>> {
        told.descriptions
            .iter()
            .map(|(_, read)| read.is_offer)
            .collect()
    };
    assert_eq!(roles(&account.own), [Some(true)]);
    assert_eq!(roles(&account.other), [Some(false)]);
    assert!(account.own.descriptions[0].0.is_some(), "its time");
    let own: Vec<_> = account.own.udp().map(|c| (c.kind, c.port)).collect();
    for wanted in [
        (CandidateType::Host, 35622),
        (CandidateType::Srflx, 35622),
        (CandidateType::Relay, 63212),
    ] {
        assert!(own.contains(&wanted), "{wanted:?} of {own:?}");
    }
    assert_eq!(account.pairs.len(), 7);
    assert!(account.pairs.iter().all(|pair| !pair.is_counted));
    assert_eq!(account.state(StateKind::Ice), Some("connected"));
    let audio = &account.streams[0];
    assert_eq!(
        (audio.kind.as_str(), audio.received, audio.lost),
        ("audio", Some(836), Some(0))
    );
    let call = judged_call("direct", vec![record]).expect("a call");
    assert!(call.is_good());
    assert_eq!(call.path, Some(Way::Direct));
}

/// Codes with their sides.
type Named = Vec<(String, String)>;

/// Causes of pages, direct ones and of relays.
fn causes(pages: &[&str]) -> (Named, Named) {
    let call = judged_call(pages[0], pages.iter().map(|name| page(name)).collect());
    let call = call.expect("a call");
    (named(&call.causes), named(&call.relay_causes))
}

fn is(found: &[(String, String)], code: &str, side: &str) {
    assert_eq!(found, [(code.to_owned(), side.to_owned())]);
}

#[test]
fn pages_of_calls_that_failed_tell_why() {
    let (direct, relay) = causes(&["symmetric-a", "symmetric-b"]);
    is(&direct, "endpoint-dependent-mapping", "both");
    is(&relay, "no-turn-server", "both");
    // One page does not have the ports that servers see its own side at.
    let (direct, relay) = causes(&["symmetric-a"]);
    is(&direct, "endpoint-dependent-mapping", "remote");
    is(&relay, "no-turn-server", "local");
    let (direct, relay) = causes(&["refused-a"]);
    is(&direct, "unknown", "between");
    is(&relay, "turn-refused", "local");
    let failed = judged(vec![page("refused-a")]);
    assert_eq!(failed[0].standing, Standing::Failed);
}

/// The log says which servers never answered.
#[test]
fn udp_that_is_blocked_is_told_by_the_log() {
    for pages in [&["blocked-a"][..], &["blocked-a", "blocked-b"]] {
        let (direct, relay) = causes(pages);
        is(&direct, "udp-blocked", "local");
        assert_eq!(relay, []);
    }
    let (direct, _) = causes(&["blocked-b", "blocked-a"]);
    is(&direct, "udp-blocked", "remote");
    let (direct, _) = causes(&["blocked-b"]);
    is(&direct, "unknown", "between");
    let there = page("blocked-b");
    let servers = there.accounts[0].servers.as_ref().expect("servers");
    assert!(
        servers.iter().all(|server| server.error.is_none()),
        "{servers:?}"
    );
}
