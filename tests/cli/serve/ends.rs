//! How the server ends, and what it leaves behind.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::lab::Server;
use crate::support::program::{INTERRUPTED, anonymous, json, run};

#[test]
fn services_are_stopped_with_sigterm_and_that_is_good() {
    let server = Server::start(&[]);
    let (mut a, mut b) = server.pair();
    a.send_bytes(b"12345");
    b.expect_bytes(b"12345");
    let began = Instant::now();
    server.signal("TERM");
    a.expect_end("shutting-down");
    b.expect_end("shutting-down");
    let stopped = server.wait();
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(stopped.code, 0);
    assert_eq!(stopped.document["outcome"], "good");
    let result = stopped.result();
    assert_eq!(result["ended"], "terminated");
    assert_eq!(result["connections"], 2);
    assert_eq!(result["rooms"], 1);
    assert_eq!(result["joins"], 2);
    assert_eq!(result["messages"], 1);
    assert_eq!(result["message_bytes"], 5);
    assert_eq!(stopped.refused("shutting-down"), 2);
    assert!(stopped.stderr.contains("listening on 127.0.0.1:"));
}

#[test]
fn ctrl_c_is_an_interruption() {
    let server = Server::start(&[]);
    let mut a = server.join(1, 1);
    a.expect(r#"{"type":"joined","peer":false}"#);
    server.signal("INT");
    a.expect_end("shutting-down");
    let stopped = server.wait();
    assert_eq!(stopped.code, INTERRUPTED);
    assert_eq!(stopped.document["outcome"], "interrupted");
    assert_eq!(stopped.result()["joins"], 1);
}

#[test]
fn members_that_do_not_listen_hold_it_up_for_two_seconds_at_most() {
    let server = Server::start(&[]);
    let (_a, _b) = server.pair();
    let _nothing_said = server.connect();
    let began = Instant::now();
    let stopped = server.stop();
    assert!(began.elapsed() < Duration::from_millis(2500));
    assert_eq!(stopped.code, 0);
}

#[test]
fn a_time_limit_is_a_good_end() {
    let server = Server::start(&["--timeout", "0.3"]);
    let stopped = server.wait();
    assert_eq!(stopped.code, 0);
    assert_eq!(stopped.result()["ended"], "time-limit");
}

#[test]
fn without_a_time_limit_it_goes_on() {
    // Other commands end after 10 s; the variable that an operator may have set counts here too.
    let mut command = anonymous("serve --listen 127.0.0.1:0 --jsonl");
    command.env("RTCDIAG_TIMEOUT", "0.2");
    let stopped = Server::run(&mut command).wait();
    assert_eq!(stopped.result()["ended"], "time-limit");
}

#[test]
fn json_and_text_have_the_totals() {
    let serve = "serve --listen 127.0.0.1:0 --timeout 0.2";
    let json = json(anonymous(serve));
    let said = json.stderr.contains("--rendezvous ws://127.0.0.1:");
    assert!(said, "{json:#?}");
    let text = run(anonymous(serve)).stdout;
    assert!(text.starts_with("good: "), "{text}");
    assert!(text.contains("Served 0 joins in 0 rooms"), "{text}");
    let quiet = run(anonymous(format!("{serve} -q")));
    assert!(quiet.stderr.is_empty());
}

#[test]
fn what_to_type_is_there_at_once() {
    let began = Instant::now();
    let mut child = anonymous("serve --listen 127.0.0.1:0 --timeout 2")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("UTF-8");
    // 100 ms on an idle machine.
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(line.starts_with("listening on 127.0.0.1:"), "{line}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn the_log_has_addresses_and_no_room_that_one_could_join() {
    let server = Server::start(&["-v"]);
    let (a, b) = server.pair();
    server.join(1, 3).expect_end("room-full");
    drop((a, b));
    std::thread::sleep(Duration::from_millis(200));
    let stopped = server.stop();
    let room = rtcdiag::proto::signal::code::Code::new([1; 10]).room();
    for part in [
        "127.0.0.1:",
        "joined room",
        "left room",
        "room-full",
        &room[..4],
    ] {
        assert!(stopped.stderr.contains(part), "{part}: {}", stopped.stderr);
    }
    assert!(!stopped.stderr.contains(&room[..6]));
    let quiet = Server::start(&[]);
    drop(quiet.pair());
    assert!(!quiet.stop().stderr.contains("joined room"));
}

/// A pipe that nobody reads is full after 64 kB.
#[test]
fn a_log_that_nobody_reads_does_not_stop_it() {
    let server = Server::start(&["-v", "--max-joins-per-address", "100000"]);
    for _ in 0..2000 {
        let mut client = server.join(1, 1);
        client.expect(r#"{"type":"joined","peer":false}"#);
    }
    assert!(server.get("/health").0.contains("200"));
    let began = Instant::now();
    server.signal("TERM");
    let stopped = server.wait();
    assert_eq!(stopped.code, 0);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(stopped.result()["joins"], 2000);
    let logged = stopped.stderr.lines().count();
    assert!(logged < 3000, "{logged} lines fit nowhere");
}
