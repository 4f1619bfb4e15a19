//! Audio and video with a browser, which come back to it.

use serde_json::{Value, json};

use super::super::ends::{Ended, rows};
use super::browser::{Guest, assert_connected, events, host_for, is_skipped, page, secure};
use super::network::{Network, Place};
use super::{UDP, new_code, side};

/// A browser with a microphone that beeps and a camera that shows a clock, and nobody to ask for them.
const DEVICES: [&str; 2] = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
];

/// A session for so many seconds with a browser that is called like this.
fn session(place: &Place, args: &str, more: &[&str], task: &Value) -> (Ended, Value) {
    let network = Network::build(place);
    let code = new_code();
    let end = host_for(&network, &code, "2", &format!("{UDP} {args}"));
    let mut task = task.clone();
    let arguments = secure();
    let arguments = rows(&arguments).iter().cloned();
    let more = more.iter().map(|it| json!(it));
    task["url"] = json!(page(&code));
    task["arguments"] = arguments.chain(more).collect();
    let guest = Guest::open(&network, "b", &task);
    (end.finish(), guest.shown())
}

fn media(end: &Ended) -> &[Value] {
    rows(&end.result()["media"])
}

/// What must hold of a section that works.
#[track_caller]
fn assert_flows(row: &Value, (kind, codec, source): (&str, &str, &str), about: &str) {
    assert_eq!(row["kind"], kind, "{about}");
    assert_eq!(row["codec"], codec, "{about}");
    assert_eq!(row["source"], source, "{about}");
    assert_eq!(row["accepted"], true, "{about}");
    let count = |direction: &str, key: &str| row[direction][key].as_u64().unwrap_or(0);
    for direction in ["incoming", "outgoing"] {
        assert!(count(direction, "packets_received") > 20, "{about}");
        let sent = count(direction, "packets_sent");
        assert!(sent > 20, "{about}");
        assert_eq!(row[direction]["lost"], 0, "{about}");
        let rate = row[direction]["bitrate_kbps"].as_f64();
        assert!(rate > Some(1.0), "{about}");
        assert!(row[direction]["jitter_ms"].is_number(), "{about}");
    }
    assert_eq!(row["sent"], row["received"], "{about}");
}

pub fn microphone_and_camera_come_back() {
    if is_skipped() {
        return;
    }
    let place = Place::Apart(side("home"), side("home"));
    let task = json!({"click": ["#allow"]});
    let (end, shown) = session(&place, "--media audio,video", &DEVICES, &task);
    let about = format!("{shown:#}\n{}", end.describe());
    assert_connected(&end, &shown, "direct");
    let [audio, video] = media(&end) else {
        panic!("{about}");
    };
    assert_flows(audio, ("audio", "opus/48000/2", "device"), &about);
    assert_flows(video, ("video", "VP8/90000", "device"), &about);
    assert!(video["frames_decoded"].as_u64() > Some(10), "{about}");
    assert!(events(&end).contains(&"media-received"), "{about}");
    assert!(events(&end).contains(&"media-measured"), "{about}");
}

/// The browser may not use its devices; it has a camera, and is told that it must not ask for it.
pub fn what_is_refused_is_made_by_the_page() {
    if is_skipped() {
        return;
    }
    let place = Place::Apart(side("home"), side("symmetric"));
    let task = json!({"click": ["#allow"]});
    let flags = [DEVICES[0], "--deny-permission-prompts"];
    let (end, shown) = session(&place, "--media video,audio", &flags, &task);
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.flaws(), Vec::<String>::new(), "{about}");
    assert_eq!(end.code, Some(0), "{about}");
    let [audio, video] = media(&end) else {
        panic!("{about}");
    };
    assert_flows(audio, ("audio", "opus/48000/2", "synthetic"), &about);
    assert_flows(video, ("video", "VP8/90000", "synthetic"), &about);
    let reason = audio["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("refused"), "{about}");
    assert!(end.finding("media-synthetic"), "{about}");
}

/// Through a relay, with sound alone.
pub fn a_person_does_without() {
    if is_skipped() {
        return;
    }
    let place = Place::Apart(side("symmetric"), side("symmetric"));
    let task = json!({"click": ["#without"]});
    let (end, shown) = session(&place, "--media audio", &[], &task);
    let about = format!("{shown:#}\n{}", end.describe());
    assert_connected(&end, &shown, "relayed");
    let [audio] = media(&end) else {
        panic!("{about}");
    };
    assert_flows(audio, ("audio", "opus/48000/2", "synthetic"), &about);
    let summary = end.document["summary"].as_str().unwrap_or_default();
    assert!(summary.contains("Audio comes back."), "{about}");
}

/// As one that was built without them sees the offer: names that it does not know.
pub fn a_browser_without_the_codecs() {
    if is_skipped() {
        return;
    }
    let place = Place::Apart(side("public"), side("public"));
    let before = "
        const set = RTCPeerConnection.prototype.setRemoteDescription;
        RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
            return set.call(this, { type, sdp: sdp.replace(/ (VP8|VP9|H264|AV1)\\/90000/g, ' other/90000') });
        };";
    let task = json!({"click": ["#without"], "before": before});
    let (end, shown) = session(&place, "--media audio,video", &[], &task);
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.flaws(), Vec::<String>::new(), "{about}");
    assert_eq!(end.code, Some(1), "{about}");
    let result = end.result();
    assert_eq!(result["state"], "connected", "{about}");
    let causes: Vec<&Value> = rows(&result["causes"])
        .iter()
        .map(|it| &it["code"])
        .collect();
    assert_eq!(causes, ["no-common-codec"], "{about}");
    let [audio, video] = media(&end) else {
        panic!("{about}");
    };
    assert_flows(audio, ("audio", "opus/48000/2", "synthetic"), &about);
    assert_eq!(video["accepted"], false, "{about}");
    let reason = video["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("VP8/90000"), "{about}");
    assert_eq!(shown["kind"], "bad", "{about}");
}

/// Data passes, and packets that begin as RTP and RTCP do not.
pub fn a_firewall_that_drops_srtp() {
    if is_skipped() {
        return;
    }
    let place = Place::Apart(side("home"), side("no_srtp"));
    let task = json!({"click": ["#without"]});
    let (end, shown) = session(&place, "--media audio", &[], &task);
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.flaws(), Vec::<String>::new(), "{about}");
    assert_eq!(end.code, Some(1), "{about}");
    assert_eq!(end.result()["state"], "connected", "{about}");
    assert!(end.finding("no-media"), "{about}");
    assert_eq!(media(&end)[0]["received"], 0, "{about}");
    let sent = media(&end)[0]["incoming"]["packets_sent"].as_u64();
    assert!(sent > Some(10), "{about}");
}

pub fn nothing_is_asked_where_nothing_is_wanted() {
    if is_skipped() {
        return;
    }
    let place = Place::Apart(side("public"), side("public"));
    let (end, shown) = session(&place, "", &DEVICES, &json!({}));
    assert_connected(&end, &shown, "direct");
    assert_eq!(end.result()["media"], Value::Null, "{}", end.describe());
    assert_eq!(shown["media"], Value::Null, "{shown:#}");
}
