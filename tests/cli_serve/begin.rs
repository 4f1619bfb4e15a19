//! What stops it before it begins, and where its settings come from.

use std::net::TcpListener;
use std::process::Output;

use serde_json::Value;

use crate::lab::{Server, program};
use crate::schema;

fn failing(args: &[&str]) -> String {
    let output = program(args).output().expect("it runs");
    message(&output)
}

/// What is wrong, in JSON and on stderr alike.
fn message(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    schema::assert_valid(&document);
    assert_eq!(document["command"], "serve");
    assert_eq!(document["outcome"], "error");
    let text = document["summary"].as_str().expect("a text").to_owned();
    let said = document["findings"][0]["message"].as_str().expect("a text");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(said), "{stderr}");
    text
}

#[test]
fn a_port_in_use_or_an_address_of_others_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let text = failing(&["serve", "--json", "--listen", &address]);
    assert!(text.contains(&address) && text.contains("in use"), "{text}");
    let text = failing(&["serve", "--json", "--listen", "192.0.2.77:7880"]);
    assert!(text.contains("not an address of this host"), "{text}");
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
    ] {
        let mut all = vec!["serve", "--json"];
        all.extend(args);
        let output = program(&all).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(part), "{args:?}: {stderr}");
    }
}

#[test]
fn variables_and_the_file_set_what_flags_do() {
    let file = std::env::temp_dir().join(format!("rtcdiag-serve-{}.toml", std::process::id()));
    let text = "[serve]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\nmax-rooms = 1\n";
    std::fs::write(&file, text).expect("it is written");
    let mut command = program(&["serve", "--jsonl", "--config"]);
    command.arg(&file).env("RTCDIAG_ROOM_LIFETIME", "0.3");
    let server = Server::run(&mut command);
    std::fs::remove_file(&file).expect("it was there");
    assert_eq!(server.addresses().len(), 2);
    let mut a = server.join(1, 1);
    a.expect(r#"{"type":"joined","peer":false}"#);
    server.join(2, 1).expect_end("too-many-rooms");
    a.expect_end("room-expired");
    let mut command = program(&["serve", "--jsonl"]);
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
        let parsed = url.parse::<rtcdiag::signal::url::RendezvousUrl>();
        assert!(parsed.is_ok(), "{url}");
    }
}
