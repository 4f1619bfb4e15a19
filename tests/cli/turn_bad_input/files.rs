//! Files with passwords, secrets and servers that are not what they should be.

use crate::support::program::{
    ERROR, GOOD, Run, anonymous, file, json, path, private_file, program, read, server, tcp, udp,
    with_env, with_input,
};
use crate::support::turn_server::TurnConfig;

const NOWHERE: &str = "turn:127.0.0.1:9";

#[track_caller]
fn assert_refused(run: &Run, says: &str) {
    run.assert_code(ERROR);
    assert!(
        run.stderr.contains(says),
        "'{says}' is missing: {}",
        run.stderr
    );
    assert_eq!(run.document["outcome"], "error");
    assert!(run.result().is_null());
    let message = run.findings()[0]["message"].as_str().expect("text");
    assert!(message.contains(says), "{message}");
}

#[test]
fn password_and_secret_files_that_cannot_be_used() {
    let empty = private_file("empty", "");
    let blank = private_file("blank", "\nsecret\n");
    let binary = private_file("binary", [0xff, 0x00, 0x80]);
    let huge = private_file("huge", vec![b'x'; 3 << 20]);
    let bell = private_file("bell", "b\u{7}ell\n");
    let directory = env!("CARGO_TARGET_TMPDIR").to_owned();
    for flag in ["--turn-password-file", "--turn-secret-file"] {
        let cases = [
            (&empty, "no secret in its first line"),
            (&blank, "no secret in its first line"),
            (&binary, "UTF-8"),
            (&huge, "larger than 1 MiB"),
            (&directory, "cannot read"),
            (
                &"/nonexistent/password".to_owned(),
                "cannot read /nonexistent/password",
            ),
        ];
        for (file, says) in cases {
            for base in [&["gather", "-s", NOWHERE][..], &["turn", NOWHERE]] {
                let mut args = base.to_vec();
                args.extend(["--turn-username", "user", flag, file]);
                assert_refused(&json(anonymous(&args)), says);
            }
        }
    }
    let args = [
        "turn",
        NOWHERE,
        "--turn-username",
        "user",
        "--turn-password-file",
        &bell,
    ];
    assert_refused(&json(anonymous(&args)), "OpaqueString");
}

/// Nobody writes into it, as when somebody forgot the redirection.
#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_writes_to_ends_with_the_timeout() {
    let pipe = path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is there").success());
    let run = json(anonymous(format!(
        "turn {NOWHERE} --timeout 0.4 --turn-username user --turn-password-file {pipe}"
    )));
    assert_refused(&run, "nothing arrived in time");
    assert!(run.elapsed_ms() < 2500.0);
    std::fs::remove_file(pipe).expect("it is ours");
}

#[cfg(unix)]
#[test]
fn a_password_file_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let locked = private_file("locked", "secret\n");
    let nobody = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&locked, nobody).expect("it is ours");
    let run = json(anonymous(format!(
        "turn {NOWHERE} --turn-username user --turn-password-file {locked} --timeout 0.4"
    )));
    // Root may read everything.
    if std::fs::read(&locked).is_err() {
        assert_refused(&run, "cannot read");
    }
}

#[test]
fn ice_servers_files_that_are_wrong() {
    let turn = |rest: &str| format!("[{{\"urls\": \"{NOWHERE}\"{rest}}}]");
    let cases = [
        (String::new(), "the file is empty"),
        ("hello".to_owned(), "JSON"),
        ("{}".to_owned(), "iceServers"),
        ("[".to_owned(), "line 1"),
        ("[]".to_owned(), "names no server"),
        ("[{}]".to_owned(), "urls"),
        ("[\n{\"urls\": 5}]".to_owned(), "line 2"),
        ("[{\"urls\": []}]".to_owned(), "names no server"),
        ("[{\"urls\": \"turn:a?transport=sctp\"}]".to_owned(), "sctp"),
        (
            "[{\"urls\": \"ftp://a\"}, {\"urls\": \"http://a\"}]".to_owned(),
            "entry 1",
        ),
        (turn(", \"credential\": \"x\""), "without a username"),
        (
            turn(", \"username\": \"u\", \"credential\": {\"accessToken\": \"x\"}"),
            "only passwords",
        ),
        (
            turn(", \"username\": \"\", \"credential\": \"x\""),
            "user name is empty",
        ),
        (
            turn(", \"username\": \"u\", \"credential\": \"\""),
            "password is empty",
        ),
        (
            turn(", \"username\": \"a\\u0007\", \"credential\": \"x\""),
            "OpaqueString",
        ),
        (
            turn(&format!(
                ", \"username\": \"{}\", \"credential\": \"x\"",
                "u".repeat(600)
            )),
            "508",
        ),
    ];
    for (number, (text, says)) in cases.iter().enumerate() {
        let path = private_file(&format!("wrong-{number}.json"), text);
        assert_refused(&json(anonymous(&["gather", "--ice-servers", &path])), says);
        let output = with_input(
            anonymous(&["gather", "--json", "--ice-servers", "-"]),
            text.as_bytes(),
        );
        assert_refused(&read(&output), says);
    }
    let huge = private_file("huge.json", vec![b' '; 3 << 20]);
    assert_refused(
        &json(anonymous(&["gather", "--ice-servers", &huge])),
        "larger than 1 MiB",
    );
    let missing = json(anonymous(&["gather", "--ice-servers", "/nonexistent.json"]));
    assert_refused(&missing, "/nonexistent.json");
}

#[test]
fn more_servers_than_anybody_needs() {
    let uris: Vec<String> = (1..=40)
        .map(|port| format!("stun:127.0.0.1:{port}"))
        .collect();
    let args: Vec<&str> = std::iter::once("gather")
        .chain(uris.iter().flat_map(|uri| ["-s", uri]))
        .collect();
    assert_refused(&json(anonymous(&args)), "40 servers");
}

#[test]
fn credentials_that_are_not_possible() {
    for (user, password, says) in [
        ("", "secret", "user name is empty"),
        ("a\u{7}", "secret", "user name has a character"),
        ("user", "soft\u{ad}hyphen", "password has a character"),
        ("user", "tab\t", "password has a character"),
    ] {
        let command = anonymous(&["turn", NOWHERE, "--turn-username", user]);
        let run = json(with_env(command, "RTCDIAG_TURN_PASSWORD", password));
        assert_refused(&run, says);
    }
    let long = "u".repeat(509);
    assert_refused(
        &json(program(&["turn", NOWHERE, "--turn-username", &long])),
        "508",
    );
    // RFC 8489 14.3 counts bytes.
    let long = "\u{f6}".repeat(255);
    assert_refused(
        &json(program(&["turn", NOWHERE, "--turn-username", &long])),
        "508",
    );
}

/// A password that is there but cannot be read is not the same as none.
#[cfg(unix)]
#[test]
fn a_password_that_is_no_text_is_told() {
    use std::os::unix::ffi::OsStrExt;
    let bytes = std::ffi::OsStr::from_bytes(&[b'p', 0xff, 0xfe]);
    let command = with_env(program(&["turn", NOWHERE]), "RTCDIAG_TURN_PASSWORD", bytes);
    assert_refused(&json(command), "UTF-8");
}

#[test]
fn passwords_beyond_ascii_work() {
    for (typed, stored) in [
        ("p\u{e4}55w\u{f6}rd \u{20ac}", "p\u{e4}55w\u{f6}rd \u{20ac}"),
        ("cafe\u{301}", "caf\u{e9}"),
        ("\u{5bc6}\u{7801}\u{1f511}", "\u{5bc6}\u{7801}\u{1f511}"),
        ("two\u{3000}words", "two words"),
        (" \"quoted\" 'twice' \\ ", " \"quoted\" 'twice' \\ "),
    ] {
        let server = server(TurnConfig {
            username: "j\u{f6}rg".to_owned(),
            password: stored.to_owned(),
            ..TurnConfig::default()
        });
        for uri in [udp(&server), tcp(&server)] {
            let command =
                anonymous(&["gather", "-4", "-s", &uri, "--turn-username", "jo\u{308}rg"]);
            let run = json(with_env(command, "RTCDIAG_TURN_PASSWORD", typed));
            assert_eq!(run.code, GOOD, "{typed}: {:#}", run.document);
        }
        let text = serde_json::json!([{"urls": udp(&server), "username": "j\u{f6}rg", "credential": typed}]);
        let ice = private_file("unicode.json", text.to_string());
        json(anonymous(&["gather", "-4", "--ice-servers", &ice])).assert_code(GOOD);
        let password = private_file("unicode", format!("\u{feff}{typed}\r\n"));
        let run = json(anonymous(format!(
            "gather -4 -s {} --turn-username j\u{f6}rg --turn-password-file {password}",
            udp(&server)
        )));
        run.assert_code(GOOD);
    }
}

#[test]
fn settings_that_cannot_be_in_the_configuration_file() {
    for (text, says) in [
        ("turn-password = \"x\"\n", "not a setting"),
        ("[turn]\npolicy = \"relay\"\n", "not a setting"),
        ("[gather]\npolicy = \"some\"\n", "policy"),
        ("[turn]\nno-policy = \"yes\"\n", "true or false"),
        ("[gather]\nexpect = \"candidates=prflx\"\n", "prflx"),
    ] {
        let config = file("wrong.toml", text);
        let command = if text.contains("[turn]") {
            vec!["turn", NOWHERE]
        } else {
            vec!["gather"]
        };
        let mut args = command;
        args.extend(["--config", &config]);
        assert_refused(&json(anonymous(&args)), says);
    }
}
