//! What a page may be made of, and what may not break it.

use serde_json::json;

use super::*;

/// Only these tags are written; whatever else looks like one has broken out.
fn tags(page: &str) -> Vec<&str> {
    page.split('<')
        .skip(1)
        .map(|rest| {
            let end = rest.find([' ', '>', '\n']).unwrap_or(rest.len());
            rest[..end].trim_start_matches('/')
        })
        .collect()
}

#[test]
fn nothing_from_outside_is_markup() {
    let evil = "</main><script>alert(1)</script><img src=x onerror=y>\"'&\u{202e}";
    let pair = json!({
        "local": {"type": evil, "address": evil, "port": 1},
        "remote": {"type": "host", "address": evil, "port": 2},
        "state": evil, "selected": false, "requests_sent": 1,
        "failure": {"code": evil, "message": evil},
    });
    let nat = json!({"udp": evil, "nat": {"status": "determined", "value": evil},
        "mapping": evil, "filtering": evil, "reflexive_addresses": [evil]});
    let document = json!({
        "command": "pair", "outcome": evil, "summary": evil, "started_at": evil, "rtcdiag_version": evil,
        "findings": [{"code": evil, "severity": evil, "message": evil, "hint": evil}],
        "result": {
            "local": {"nat": nat, "candidates": [{"type": "host", "address": evil, "server": evil}]},
            "remote": {"nat": nat, "candidates": []},
            "pairs": [pair],
            "causes": [{"code": evil, "message": evil, "evidence": [evil],
                "remedies": [{"message": evil, "effect": evil}]}],
            "timeline": [{"at_ms": 1.0, "event": evil, "detail": evil, "side": evil}],
            "media": [{"mid": evil, "kind": evil, "codec": evil, "reason": evil}],
            "servers": [{"uri": evil, "error": {"code": evil, "message": evil}}],
            "hosts": [{"name": evil}, {"name": "b"}],
            "ways": [{"a": evil, "b": "b", "outcome": evil, "causes": [{"message": evil}]}],
            "quality": {"sent": evil, "rtt_ms": {"min": evil}, "course": [
                {"at_ms": evil, "sent": 1, "received": 1, "rtt_ms": 1.0},
                {"at_ms": 0.0, "sent": 1, "received": 1, "rtt_ms": evil},
                {"at_ms": 100.0, "sent": 1e300, "received": -1, "rtt_ms": 1e300},
            ]},
        }
    });
    for command in [
        "pair", "mesh", "inspect", "nat", "gather", "turn", "sdp", evil,
    ] {
        let mut document = document.clone();
        document["command"] = json!(command);
        if command == "inspect" {
            document["result"] =
                json!({"calls": [document["result"]], "sources": [{"file": evil}]});
        }
        let page = page(&document, None, evil);
        for tag in tags(&page) {
            assert!(
                ![
                    "script",
                    "img",
                    "iframe",
                    "object",
                    "link",
                    "form",
                    "base",
                    "style>alert"
                ]
                .contains(&tag),
                "{tag} in {page}"
            );
        }
        assert_eq!(page.matches("</main>").count(), 1, "{command}");
        assert!(!page.contains('\u{202e}'), "{command}");
    }
}

#[test]
fn nothing_is_loaded_and_everything_is_in_words() {
    let document = json!({
        "command": "pair", "outcome": "bad", "summary": "No connection: because.",
        "result": {"timeline": [
            {"at_ms": 1.0, "event": "candidate-found", "detail": "host 192.0.2.1:1"},
            {"at_ms": 1.5, "event": "candidate-found", "detail": "host 192.0.2.2:1"},
            {"at_ms": 9.0, "event": "description-sent", "detail": null},
        ]}
    });
    let page = page(&document, None, "bad: no connection\n");
    assert!(page.contains("default-src 'none'"));
    for loaded in ["http://", "https://", "src=", "url(", "@import"] {
        assert!(!page.contains(loaded), "{loaded}");
    }
    assert!(page.contains("<h1>No connection: because.</h1>"));
    assert!(
        page.contains("1 ms to 1.5 ms: candidate found (2 times)"),
        "{page}"
    );
    assert!(page.contains("9 ms: description sent"));
    assert!(page.contains("bad: no connection</pre>"));
}

#[test]
fn a_large_result_stays_a_small_page() {
    let candidate = |n: usize| json!({"type": "host", "address": format!("2001:db8::{n:x}"), "port": n, "noise": n * n * 7919});
    let candidates: Vec<_> = (0..500).map(candidate).collect();
    let pairs: Vec<_> = (0..4000)
        .map(|n| {
            json!({"local": candidate(n % 60), "remote": candidate(n / 60), "state": "failed",
            "failure": {"code": "no-response", "message": "none of 29 checks arrived"}})
        })
        .collect();
    let timeline: Vec<_> = (0..5000)
        .map(|n| json!({"at_ms": n, "event": if n % 2 == 0 {"check-sent"} else {"check-failed"}, "detail": "x".repeat(60)}))
        .collect();
    let document = json!({"command": "pair", "outcome": "bad", "summary": "s",
        "result": {"local": {"candidates": candidates}, "remote": {"candidates": candidates},
            "pairs": pairs, "timeline": timeline}});
    let page = page(&document, None, &"line\n".repeat(100_000));
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
    assert!(page.contains("too large for this page") || page.contains("download="));
    assert!(page.contains("The text is too long for this page"));
}

#[test]
fn a_result_that_is_not_there_leaves_the_verdict() {
    for result in [json!(null), json!([]), json!({"pairs": {}, "paths": 3})] {
        for command in ["pair", "mesh", "inspect", "nat", "gather", "turn", "sdp"] {
            let document = json!({"command": command, "outcome": "error", "summary": "It could not start.",
                "result": result});
            assert!(page(&document, None, "").contains("<h1>It could not start.</h1>"));
        }
    }
}

/// Each part in words; where nothing came back, the line is broken.
#[test]
fn how_the_path_went_is_drawn_and_told() {
    let part = |at: u32, received: u32, rtt: Option<f64>| json!({"at_ms": at, "sent": 5, "received": received, "rtt_ms": rtt});
    let course = [
        part(0, 5, Some(20.0)),
        part(100, 0, None),
        part(200, 4, Some(40.0)),
    ];
    let document = json!({"command": "pair", "outcome": "good", "summary": "s",
        "result": {"quality": {"sent": 15, "received": 9, "course": course}}});
    let page = page(&document, None, "");
    assert!(page.contains("Round trip and loss over time"));
    assert!(page.contains("the line at the top is 40 ms"));
    let lines = page
        .split_once("<path class=trips d=\"")
        .map(|(_, rest)| rest);
    let line = lines
        .and_then(|rest| rest.split_once('"'))
        .map(|(line, _)| line);
    assert_eq!(
        line.map(|line| line.matches('M').count()),
        Some(2),
        "{page}"
    );
    assert_eq!(page.matches("<rect class=lost").count(), 2);
    for words in [
        "from 0 ms: round trip 20 ms<",
        "from 100 ms: nothing came back, 5 of 5 lost<",
        "from 200 ms: round trip 40 ms, 1 of 5 lost<",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

/// Good by the exit code, and no good news.
#[test]
fn the_word_of_the_headline_is_that_of_the_terminal() {
    let document = json!({"command": "pair", "outcome": "good", "summary": "It works."});
    let of = |caveat| page(&document, caveat, "");
    assert!(of(None).contains("<span class=\"badge good\">good</span>"));
    let relayed = of(Some(Caveat::Relayed));
    assert!(relayed.contains("<span class=\"badge open\">relayed</span>"));
    assert!(relayed.contains("<title>rtcdiag pair: relayed</title>"));
}

/// Names stay as they are, wherever they stand.
#[test]
fn a_host_of_a_mesh_keeps_its_name() {
    let document = json!({"command": "mesh", "outcome": "bad", "summary": "s",
        "findings": [
            {"code": "x", "severity": "info", "message": "ula <-> ulb: no way"},
            {"code": "x", "severity": "info", "message": "the rendezvous is gone"},
        ],
        "result": {"hosts": [{"name": "ula"}, {"name": "ulb"}], "ways": []}});
    let page = page(&document, None, "");
    assert!(page.contains("> ula &lt;-&gt; ulb: no way"), "{page}");
    assert!(page.contains("> The rendezvous is gone"), "{page}");
}

/// A box is as wide as a phone: what a NAT does takes two lines in it, and none of it is cut.
#[test]
fn what_a_nat_does_fits_into_its_box() {
    let is = |value: &str| json!({"status": "determined", "value": value});
    let longest = "address-and-port-dependent";
    let nat = json!({"udp": is("open"), "nat": {"status": "determined", "value": true},
        "mapping": is(longest), "filtering": is(longest)});
    let document = json!({"command": "pair", "outcome": "bad", "summary": "s",
        "result": {"local": {"nat": nat}, "remote": {"nat": nat}}});
    let page = page(&document, None, "");
    for line in [
        format!(">mapping {longest},<"),
        format!(">filtering {longest}<"),
    ] {
        assert_eq!(page.matches(&line).count(), 2, "{page}");
        assert!(line.len() < 50, "{line}");
    }
    assert!(
        page.contains(&format!("mapping {longest}, filtering {longest}</li>")),
        "{page}"
    );
}
