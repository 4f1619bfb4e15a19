//! The same page in Firefox.

use serde_json::{Value, json};

use super::super::super::ends::{Ended, rows};
use super::super::super::support::browser::Kind;
use super::super::network::{Network, Place, RENDEZVOUS};
use super::super::{UDP, new_code, side};
use super::{FIREFOX, Guest, assert_connected, host, host_for, is_without, page};

/// It takes the address of the rendezvous for that of a secure page, and gives its devices without asking.
fn preferences() -> Value {
    json!([
        format!(
            "user_pref(\"dom.securecontext.allowlist\", \"{}\");",
            RENDEZVOUS[0].split(':').next().unwrap_or_default()
        ),
        "user_pref(\"media.navigator.permission.disabled\", true);",
    ])
}

fn task(code: &str) -> Value {
    json!({"browser": FIREFOX, "url": page(code), "arguments": preferences()})
}

fn session(place: &Place, args: &str) -> (Ended, Value) {
    let network = Network::build(place);
    let code = new_code();
    let end = host(&network, &code, args);
    let guest = Guest::open(&network, "b", &task(&code));
    (end.finish(), guest.shown())
}

pub fn behind_two_nats() {
    if is_without(Kind::Firefox) {
        return;
    }
    let (end, shown) = session(&Place::Apart(side("home"), side("home")), UDP);
    assert_connected(&end, &shown, "direct");
}

pub fn through_a_relay_of_its_own() {
    if is_without(Kind::Firefox) {
        return;
    }
    let place = Place::Apart(side("home"), side("no_udp"));
    let args = "-s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp --share-turn-password";
    let (end, shown) = session(&place, args);
    assert_connected(&end, &shown, "relayed");
}

pub fn without_a_way() {
    if is_without(Kind::Firefox) {
        return;
    }
    let place = Place::Apart(side("symmetric"), side("symmetric"));
    let (end, shown) = session(&place, "-s stun:203.0.113.10");
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.code, Some(1), "{about}");
    let causes = rows(&end.result()["causes"]);
    assert_eq!(causes[0]["code"], "endpoint-dependent-mapping", "{about}");
    assert_eq!(shown["kind"], "bad", "{about}");
}

/// It may use relays alone, and has none: it tells no candidate, and that it has failed.
pub fn without_an_address() {
    if is_without(Kind::Firefox) {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let end = host(&network, &code, "-s stun:203.0.113.10");
    let mut task = task(&code);
    let lines = task["arguments"].as_array_mut().expect("it is a list");
    lines.push(json!(
        "user_pref(\"media.peerconnection.ice.relay_only\", true);"
    ));
    let guest = Guest::open(&network, "b", &task);
    let (end, shown) = (end.finish(), guest.shown());
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.code, Some(1), "{about}");
    let causes = rows(&end.result()["causes"]);
    assert_eq!(causes[0]["code"], "no-candidates", "{about}");
    assert_eq!(causes[0]["side"], "remote", "{about}");
    let summary = shown["summary"].as_str().unwrap_or_default();
    assert!(summary.contains("found no address of its own"), "{about}");
}

pub fn sound_and_picture() {
    if is_without(Kind::Firefox) {
        return;
    }
    let network = Network::build(&Place::Apart(side("home"), side("home")));
    let code = new_code();
    let end = host_for(&network, &code, "2", &format!("{UDP} --media audio,video"));
    let mut task = task(&code);
    task["click"] = json!(["#allow"]);
    let guest = Guest::open(&network, "b", &task);
    let (end, shown) = (end.finish(), guest.shown());
    let about = format!("{shown:#}\n{}", end.describe());
    assert_connected(&end, &shown, "direct");
    let media = rows(&end.result()["media"]);
    assert_eq!(media.len(), 2, "{about}");
    for section in media {
        assert_eq!(section["accepted"], true, "{about}");
        assert!(section["received"].as_u64() > Some(20), "{about}");
        for direction in ["incoming", "outgoing"] {
            let came = section[direction]["packets_received"].as_u64();
            assert!(came > Some(20), "{about}");
        }
    }
}
