//! What stops it before it begins, and where its settings come from.

use std::net::TcpListener;

use super::lab::Server;
use crate::support::program::{ERROR, anonymous, file, json};

/// What is wrong, in JSON and on stderr alike.
fn failing(args: &[&str]) -> String {
    let run = json(anonymous(args));
    run.assert_code(ERROR);
    assert_eq!(run.document["command"], "serve");
    assert_eq!(run.document["outcome"], "error");
    let said = run.findings()[0]["message"].as_str().expect("a text");
    assert!(run.stderr.contains(said), "{run:#?}");
    run.summary().to_owned()
}

#[test]
fn a_port_in_use_or_an_address_of_others_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let text = failing(&["serve", "--listen", &address]);
    assert!(text.contains(&address) && text.contains("in use"), "{text}");
    let text = failing(&["serve", "--listen", "192.0.2.77:7880"]);
    assert!(text.contains("not an address of this host"), "{text}");
    let gone = ["--tls-cert=gone.pem", "--tls-key=gone.key"];
    let text = failing(&[&["serve", "--listen=127.0.0.1:0"], &gone[..]].concat());
    let reason = "No such file";
    assert_eq!(text.matches(reason).count(), 1, "{text}");
}

#[test]
fn settings_that_cannot_be_meant_are_told() {
    let listen = "--listen=127.0.0.1:0";
    for (args, part) in [
        (&["--listen", "example.org"][..], "not an address"),
        (&["--listen", "127.0.0.1:99999"], "not an address"),
        (&["-6", listen], "IPv4"),
        (&["--local", "127.0.0.2", listen], "different addresses"),
        (&["--interface", "lo", listen], "--listen"),
        (&["--tls-key", "key.pem", listen], "--tls-cert"),
        (&["--max-connections", "0", listen], "max-connections"),
        (&["--max-rooms", "1.5", listen], "max-rooms"),
        (&["--room-lifetime", "0", listen], "room-lifetime"),
        (&["--max-message", "many", listen], "max-message"),
        (
            &["--silence-timeout", "20", listen],
            "--ping-interval (20 s)",
        ),
    ] {
        let run = json(anonymous(&[&["serve"], args].concat()));
        run.assert_code(ERROR);
        assert!(run.stderr.contains(part), "{args:?}: {run:#?}");
    }
}

/// They can be meant, and it begins.
#[test]
fn settings_that_open_or_break_it_are_warned_of() {
    let users = file("doubts.users", "ann:wonderland\n");
    let wanted = |code: &str, part: &str| (code.to_owned(), part.to_owned());
    for (args, expected) in [
        (&[][..], vec![]),
        (&["--trusted-proxy", "10.0.0.0/8"], vec![]),
        (
            &["--trusted-proxy", "127.0.0.1,::/0"],
            vec![wanted("unsafe-setting", "--trusted-proxy")],
        ),
        (
            &["--max-message", "100", "--max-messages-per-room", "1"],
            vec![
                wanted("limit-too-low", "--max-message 100"),
                wanted("limit-too-low", "--max-messages-per-room 1"),
            ],
        ),
        (
            &[
                "--turn",
                "127.0.0.1:0",
                "--turn-users-file",
                &users,
                "--turn-allow-peer",
                "0.0.0.0/0",
            ],
            vec![wanted("unsafe-setting", "--turn-allow-peer")],
        ),
    ] {
        let begin = ["serve", "--listen=127.0.0.1:0", "--timeout=0.2"];
        let run = json(anonymous(&[&begin, args].concat()));
        let doubts = run.findings().iter().filter_map(|finding| {
            let code = finding["code"].as_str()?;
            let is_doubt = ["unsafe-setting", "limit-too-low"].contains(&code);
            is_doubt.then(|| (code.to_owned(), finding["message"].to_string()))
        });
        let doubts: Vec<(String, String)> = doubts.collect();
        assert_eq!(doubts.len(), expected.len(), "{args:?}: {run:#?}");
        for ((code, message), (expected, part)) in doubts.iter().zip(&expected) {
            assert!(code == expected && message.contains(part), "{message}");
        }
    }
}

#[test]
fn variables_and_the_file_set_what_flags_do() {
    let text = "[serve]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\nmax-rooms = 1\n";
    let file = file("serve.toml", text);
    let mut command = anonymous(&["serve", "--jsonl", "--config", &file]);
    command.env("RTCDIAG_ROOM_LIFETIME", "0.3");
    let server = Server::run(&mut command);
    assert_eq!(server.addresses().len(), 2);
    let mut a = server.join(1, 1);
    a.expect(r#"{"type":"joined","peer":false}"#);
    server.join(2, 1).expect_end("too-many-rooms");
    a.expect_end("room-expired");
    let mut command = anonymous("serve --jsonl");
    command.env("RTCDIAG_LISTEN", "127.0.0.1:0,[::1]:0");
    assert_eq!(Server::run(&mut command).addresses().len(), 2);
}

#[test]
fn everywhere_is_both_families_with_one_port() {
    let server = Server::at(&["--listen", "[::]:0", "--listen", "0.0.0.0:0"], &[]);
    let addresses = server.addresses();
    assert_eq!(addresses.len(), 2);
    assert_eq!(addresses[0].port(), addresses[1].port());
    let urls = server.listening["urls"].as_array().expect("a list");
    assert!(!urls.is_empty());
    for url in urls {
        let url = url.as_str().expect("a text");
        assert!(!url.contains("0.0.0.0") && !url.contains("[::]"), "{url}");
        let parsed = url.parse::<rtcdiag::proto::signal::url::RendezvousUrl>();
        assert!(parsed.is_ok(), "{url}");
    }
}
