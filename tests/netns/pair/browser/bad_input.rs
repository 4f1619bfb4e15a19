//! What may be wrong with a page, its browser, its link and its path: both ends say so.

use serde_json::{Value, json};

use super::super::super::ends::rows;
use super::super::network::{Network, Place};
use super::super::{Ended, UDP, new_code, side};
use super::{
    Guest, assert_connected, assert_says, assert_stopped, events, host, host_for, is_skipped, page,
    secure,
};

pub fn what_keeps_a_page_from_it_is_said() {
    if is_skipped() {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let shown = |task: Value| Guest::open(&network, "b", &task).shown();
    // Plain HTTP from another machine.
    let plain = shown(json!({"url": page(&code)}));
    assert_eq!(plain["kind"], "bad");
    assert_says(&plain, "state", "no cryptography");
    assert_says(&plain, "advice", "https://");
    assert_says(&plain, "advice", "What is not: this page");
    assert_eq!(plain["steps"], json!([]), "nothing was sent");
    // No WebCrypto, though the page is secure.
    let task = json!({
        "url": page(&code), "arguments": secure(),
        "before": "Object.defineProperty(Crypto.prototype, 'subtle', {value: undefined})",
    });
    let without = shown(task);
    assert_says(&without, "state", "no WebCrypto");
    assert_eq!(without["steps"], json!([]), "nothing was sent");
    // A code with a mistake.
    let mut wrong = code.clone();
    wrong.replace_range(0..1, if code.starts_with('7') { "8" } else { "7" });
    let wrong = shown(json!({"url": page(&wrong), "arguments": secure()}));
    assert_says(&wrong, "state", "typing mistake");
    assert!(wrong["ask"].is_string(), "{wrong:#}");
    // WebRTC that a policy has switched off: both sides say so.
    let end = host(&network, &code, UDP);
    let task = json!({
        "url": page(&code), "arguments": secure(), "before": "delete window.RTCPeerConnection",
    });
    let off = shown(task);
    assert_says(&off, "state", "no WebRTC");
    let end = end.finish();
    assert!(
        end.document["summary"]
            .as_str()
            .is_some_and(|s| s.contains("no WebRTC")),
        "{}",
        end.describe()
    );
}

/// A call without NATs, to a page in which this script has run before its own: this side's end, and what the page shows.
fn call_after(before: &str) -> (Ended, Value) {
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let end = host(&network, &code, UDP);
    let task = json!({"url": page(&code), "arguments": secure(), "before": before});
    let guest = Guest::open(&network, "b", &task);
    (end.finish(), guest.shown())
}

/// The certificate is not the one that the description announced: DTLS is not believed, and both say why.
pub fn another_certificate_than_announced() {
    if is_skipped() {
        return;
    }
    // What is sent has another fingerprint than what is set.
    let before = "
        const make = RTCPeerConnection.prototype.createAnswer;
        RTCPeerConnection.prototype.createAnswer = async function () {
            const { type, sdp } = await make.call(this);
            let reads = 0;
            return {
                type,
                get sdp() {
                    reads += 1;
                    return reads > 1 ? sdp : sdp.replace(/^(a=fingerprint:sha-256 ).*$/m, `$1${Array(32).fill('AB').join(':')}`);
                },
            };
        };";
    let (end, shown) = call_after(before);
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.code, Some(1), "{about}");
    assert_eq!(end.result()["causes"][0]["code"], "dtls-failed", "{about}");
    for text in [&end.document["summary"], &shown["summary"]] {
        let text = text.as_str().unwrap_or_default();
        assert!(text.contains("certificate is not the one"), "{about}");
        assert!(text.contains("step 14"), "{about}");
    }
    assert_stopped(&end, 14, "between");
}

/// A page of an older version tells nothing of its steps: they are not claimed, and all else is as ever.
pub fn an_older_page() {
    if is_skipped() {
        return;
    }
    let before = "
        const write = JSON.stringify;
        JSON.stringify = (value, ...more) => write(value && value.type === 'step' ? { type: 'unknown' } : value, ...more);";
    let (end, shown) = call_after(before);
    let about = format!("{shown:#}\n{}", end.describe());
    assert_eq!(end.path(), Some("direct"), "{about}");
    assert_eq!(shown["kind"], "good", "{about}");
    let steps = rows(&end.result()["steps"]);
    let set_there = steps.iter().find(|step| step["number"] == 5);
    let set_there = set_there.expect("it is in the list");
    assert_eq!(set_there["status"], "done", "{about}");
    assert_eq!(set_there["at_ms"], Value::Null, "{about}");
}

/// A page that is loaded again joins again, and the call begins anew.
pub fn the_page_is_loaded_again() {
    if is_skipped() {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let end = host_for(&network, &code, "5", UDP);
    let task = json!({"url": page(&code), "arguments": secure(), "reload": true});
    let guest = Guest::open(&network, "b", &task);
    let (end, shown) = (end.finish(), guest.shown());
    assert_connected(&end, &shown, "direct");
    let timeline = rows(&end.result()["timeline"]);
    let says = |entry: &Value| {
        entry["detail"]
            .as_str()
            .is_some_and(|it| it.contains("loaded its page again"))
    };
    assert!(timeline.iter().any(says), "{}", end.describe());
}

/// A code that was used: nobody is there with it, and the page says so while it waits.
pub fn a_used_code() {
    if is_skipped() {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let task = json!({
        "url": page(&new_code()), "arguments": secure(),
        "until": "return !document.getElementById('advice').hidden",
    });
    let shown = Guest::open(&network, "b", &task).shown();
    assert_says(&shown, "advice", "used already");
}

/// The second of two with one link is turned away, and the first goes on.
pub fn two_people_with_one_link() {
    if is_skipped() {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let mut end = host_for(&network, &code, "10", UDP);
    let sign = network.lab.scratch().join("connected");
    let task = json!({"url": page(&code), "arguments": secure()});
    let mut late = task.clone();
    late["when"] = json!(sign);
    let second = Guest::open(&network, "srv", &late);
    let first = Guest::open(&network, "b", &task);
    end.wait_for_step("data-exchanged");
    std::fs::write(&sign, "").expect("it can be written");
    let second = second.shown();
    assert_says(&second, "state", "Two others");
    let (end, shown) = (end.finish(), first.shown());
    assert_connected(&end, &shown, "direct");
}

/// A tab that is closed in mid-call.
pub fn the_tab_is_closed() {
    if is_skipped() {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let mut end = host_for(&network, &code, "20", UDP);
    let task = json!({"url": page(&code), "arguments": secure(), "leave": true});
    let guest = Guest::open(&network, "b", &task);
    end.wait_for_step("data-exchanged");
    guest.shown();
    let end = end.finish();
    assert!(
        end.flaws().is_empty(),
        "{:?}\n{}",
        end.flaws(),
        end.describe()
    );
    assert!(events(&end).contains(&"peer-left"), "{}", end.describe());
}

/// The same before there is an answer: the browser has gone, which says nothing of the way.
pub fn the_tab_is_closed_before_the_answer() {
    if is_skipped() {
        return;
    }
    let network = Network::build(&Place::Apart(side("public"), side("public")));
    let code = new_code();
    let end = host(&network, &code, UDP);
    let task = json!({
        "url": page(&code), "arguments": secure(), "leave": true, "then": "offer received",
        "before": "RTCPeerConnection.prototype.createAnswer = () => new Promise(() => {})",
    });
    Guest::open(&network, "b", &task).shown();
    let end = end.finish();
    let about = end.describe();
    assert_eq!(end.code, Some(3), "{about}");
    assert_stopped(&end, 6, "remote");
    let summary = end.document["summary"].as_str().unwrap_or_default();
    assert!(summary.contains("left without a message"), "{about}");
    assert!(summary.contains("step 6"), "{about}");
    assert!(!end.finding("dtls-failed"), "{about}");
}
