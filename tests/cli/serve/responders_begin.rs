//! What stops the STUN and TURN servers of `serve` before they begin, and where they listen.

use std::net::{TcpListener, UdpSocket};

use serde_json::{Value, json};

use super::lab::Server;
use crate::support::program::{ERROR, anonymous, lines, private_file};

/// The only line is a document that says why: nothing was listened on that would be told.
fn failing(args: &[&str]) -> String {
    let run = lines(anonymous(&[&["serve"], args].concat()));
    run.assert_code(ERROR);
    assert!(run.events.is_empty(), "{run:#?}");
    assert_eq!(run.document["outcome"], "error");
    let said = run.findings()[0]["message"].as_str().expect("a text");
    assert!(run.stderr.contains(said), "{run:#?}");
    said.to_owned()
}

#[test]
fn flags_that_do_not_fit_are_told() {
    let users = private_file("fit", "ann:x\n");
    let broken = private_file("broken", "ann\n");
    let (users, broken) = (users.as_str(), broken.as_str());
    for (args, part) in [
        (&["--stun", "localhost"][..], "not an address of this host"),
        (&["--stun-alternate", "127.0.0.2"], "needs --stun"),
        (
            &["--stun", "0.0.0.0:0", "--stun-alternate", "127.0.0.2"],
            "behaviour discovery needs two real ones",
        ),
        (&["--turn", "127.0.0.1:0"], "relay for everybody"),
        (&["--turn-users-file", users], "needs --turn"),
        (
            &["--turn", "127.0.0.1:0", "--turn-users-file", broken],
            "line 1 is not user:password",
        ),
        (
            &["--turn", "127.0.0.1:0", "--turn-users-file", "/nowhere/u"],
            "/nowhere/u",
        ),
        (
            &["--turn", "0.0.0.0:0", "--turn-users-file", users],
            "external one",
        ),
        (&["--turn-relay-ports", "80-90"], "not a range of ports"),
        (&["--turn-allow-peer", "everybody"], "turn-allow-peer"),
        (&["-6", "--listen=[::1]:0", "--stun", "127.0.0.1:0"], "IPv4"),
        (
            &["-4", "--turn", "[::1]:0", "--turn-users-file", users],
            "IPv6",
        ),
    ] {
        let mut all = vec!["--listen=127.0.0.1:0"];
        if args[0] == "-6" {
            all.clear();
        }
        all.extend(args);
        let text = failing(&all);
        assert!(text.contains(part), "{args:?}: {text}");
    }
}

#[test]
fn an_address_in_use_or_of_others_stops_all_of_it() {
    let users = private_file("in-use", "ann:x\n");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let udp = udp.local_addr().map(|a| (a.to_string(), udp));
    let (udp, _held) = udp.expect("bound");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let tcp_address = tcp.local_addr().expect("bound").to_string();
    let turn = ["--turn-users-file", &users, "--turn"];
    for (first, address, says) in [
        (&["--stun"][..], udp.as_str(), "in use"),
        (&["--stun"], &tcp_address, "in use"),
        (&turn, &udp, "in use"),
        (&turn, &tcp_address, "in use"),
        (&["--stun"], "192.0.2.77", "not an address of this host"),
        (&turn, "192.0.2.77", "not an address of this host"),
    ] {
        let mut args = vec!["--listen=127.0.0.1:0"];
        args.extend(first);
        args.push(address);
        let text = failing(&args);
        assert!(
            text.contains(address) && text.contains(says),
            "{args:?}: {text}"
        );
    }
}

#[test]
fn both_families_and_an_external_address() {
    let users = private_file("families", "ann:x\n");
    let server = Server::start(&[
        "--stun=127.0.0.1:0,[::1]:0",
        "--turn=127.0.0.1:0",
        "--turn-external-ip=192.0.2.10",
        "--turn-users-file",
        &users,
    ]);
    let stun = server.listening["stun"].as_array().expect("a list");
    assert_eq!(stun.len(), 2);
    for listening in stun {
        assert_eq!(listening["behavior_discovery"], false);
        assert_eq!(listening["alternate_address"], Value::Null);
        let uri = format!("stun:{}", listening["address"].as_str().expect("a text"));
        assert_eq!(listening["uris"], json!([uri]));
    }
    let turn = &server.listening["turn"];
    let address = turn["addresses"][0].as_str().expect("a text");
    let (_, port) = address.rsplit_once(':').expect("a port");
    assert_eq!(turn["uris"], json!([format!("turn:192.0.2.10:{port}")]));
    assert_eq!(turn["users"], 1);
    assert_eq!(turn["shared_secret"], false);
    assert_eq!(turn["realm"], "rtcdiag");
}

#[test]
fn all_addresses_are_told_as_those_of_this_host() {
    let server = Server::start(&["--stun=0.0.0.0:0"]);
    let uris = server.listening["stun"][0]["uris"].as_array();
    let uris = uris.expect("a list");
    assert!(!uris.is_empty());
    for uri in uris {
        let uri = uri.as_str().expect("a text");
        assert!(!uri.contains("0.0.0.0"), "{uri}");
    }
}

#[test]
fn variables_and_the_file_set_what_flags_do() {
    let users = private_file("variables", "ann:x\n");
    let text = format!(
        "[serve]\nlisten = \"127.0.0.1:0\"\nturn = [\"127.0.0.1:0\"]\nturn-users-file = \"{}\"\n",
        &users
    );
    let file = private_file("config.toml", &text);
    let mut command = anonymous(&["serve", "--jsonl", "--config", &file]);
    command.env("RTCDIAG_STUN", "127.0.0.1:0");
    command.env("RTCDIAG_TURN_REALM", "here");
    let server = Server::run(&mut command);
    assert_eq!(server.listening["stun"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.listening["turn"]["realm"], "here");
}
