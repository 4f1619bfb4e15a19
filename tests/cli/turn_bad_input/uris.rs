//! URIs that cannot be meant, and those with a password in them.

use crate::support::program::{ERROR, anonymous, file, json, with_env};

/// Two halves that a comma may part.
const PASSWORD: &str = "Zw1ebel,Kuch3n";
const HALVES: [&str; 2] = ["Zw1ebel", "Kuch3n"];

#[test]
fn what_cannot_be_meant_is_refused_with_its_reason() {
    for (uri, says) in [
        ("turn:a.example?transport=sctp", "sctp"),
        ("turns:a.example?transport=udp", "DTLS"),
        ("turn:a.example?transport=", "transport"),
        ("turn:a.example?foo=bar", "foo"),
        ("turn://a.example", "without //"),
        ("https://a.example", "not a scheme"),
        ("turn:a.example:0", "port"),
        ("turn:a.example:65536", "port"),
        ("turn:a.example:port", "port"),
        ("turn:", "host is missing"),
        ("turn:b\u{fc}cher.example", "xn--"),
        ("turn:2001:db8::1:3478:zz", "brackets"),
        ("turn:[2001:db8::1", "not a host name"),
        ("turn:a b", "not a host name"),
    ] {
        for args in [&["gather", "-s", uri][..], &["turn", uri]] {
            let run = json(anonymous(args));
            run.assert_code(ERROR);
            assert!(run.stderr.contains(says), "{args:?}: {}", run.stderr);
            let message = run.findings()[0]["message"].as_str().expect("text");
            assert!(message.contains(says), "{args:?}: {message}");
            assert_eq!(run.document["outcome"], "error");
            assert!(run.result().is_null());
        }
    }
    let run = json(anonymous(&["turn", "stun:a.example"]));
    run.assert_code(ERROR);
    assert!(run.stderr.contains("STUN server"), "{}", run.stderr);
}

/// What people type who know other tools. It is refused, with the right way to do it, and neither
/// the password nor a half of it comes back.
#[test]
fn a_password_in_a_uri_never_comes_back() {
    let forms = [
        format!("turn:ann:{PASSWORD}@turn.example.org"),
        format!("turn://ann:{PASSWORD}@turn.example.org:3478"),
        format!("turn:{PASSWORD}@turn.example.org?transport=tcp"),
        format!("ann:{PASSWORD}@turn.example.org"),
        format!("stun:127.0.0.1,turn:ann:{PASSWORD}@turn.example.org"),
        format!("turn:ann:it's-{PASSWORD}@turn.example.org"),
    ];
    let mut leaks = Vec::new();
    for (number, uri) in forms.iter().enumerate() {
        let quoted = serde_json::to_string(uri).expect("text");
        let list = file(
            &format!("list-{number}.toml"),
            format!("server = [{quoted}]\n"),
        );
        let one = file(
            &format!("one-{number}.toml"),
            format!("[gather]\nserver = {quoted}\n"),
        );
        let ice = file(
            &format!("uri-{number}.json"),
            format!("[{{\"urls\": [{quoted}]}}]"),
        );
        let equals = format!("--server={uri}");
        let short = format!("-s{uri}");
        let runs = [
            ("flag", anonymous(&["gather", "-s", uri])),
            ("flag with =", anonymous(&["gather", &equals])),
            ("flag without space", anonymous(&["gather", &short])),
            ("positional", anonymous(&["turn", uri])),
            ("a second one", anonymous(&["turn", "turn:127.0.0.1", uri])),
            (
                "variable",
                with_env(anonymous(&["gather"]), "RTCDIAG_SERVER", uri),
            ),
            (
                "list in the file",
                anonymous(&["gather", "--config", &list]),
            ),
            ("text in the file", anonymous(&["gather", "--config", &one])),
            ("ice-servers", anonymous(&["gather", "--ice-servers", &ice])),
            (
                "ice-servers of turn",
                anonymous(&["turn", "turn:127.0.0.1", "--ice-servers", &ice]),
            ),
            ("nat, flag", anonymous(&["nat", "-s", uri])),
            (
                "nat, variable",
                with_env(anonymous(&["nat"]), "RTCDIAG_SERVER", uri),
            ),
            ("verbose", anonymous(&["gather", "-v", "-s", uri])),
        ];
        for (name, mut command) in runs {
            for mode in ["--json", "--jsonl", "--color=always"] {
                let output = command.arg(mode).output().expect("it runs");
                let text = [output.stdout, output.stderr].concat();
                let text = String::from_utf8_lossy(&text);
                assert_eq!(output.status.code(), Some(ERROR), "{name} {uri}: {text}");
                assert!(!text.contains("panicked"), "{text}");
                if HALVES.iter().any(|half| text.contains(half)) {
                    leaks.push(format!("{name}, {uri}: {text}"));
                }
                if mode != "--color=always" {
                    break;
                }
            }
        }
    }
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.join("\n")
    );
}

#[test]
fn the_right_way_to_give_a_password_is_named() {
    for args in [
        &["gather", "-s", "turn:ann:hunter2@turn.example.org"][..],
        &["turn", "turn:ann:hunter2@turn.example.org"],
    ] {
        let run = json(anonymous(args));
        run.assert_code(ERROR);
        assert!(run.stderr.contains("--turn-username"), "{}", run.stderr);
        assert!(
            run.stderr.contains("RTCDIAG_TURN_PASSWORD"),
            "{}",
            run.stderr
        );
    }
}
