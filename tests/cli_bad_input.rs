//! `rtcdiag nat`, the program itself, with everything that can be wrong: its own flags and files,
//! servers that misbehave, signals, closed pipes. Loopback only, no root.

#![allow(clippy::disallowed_methods)] // a hang is noticed by the clock

#[path = "common/schema.rs"]
mod schema;
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rtcdiag::nat::behavior::{Filtering, Mapping};
use serde_json::Value;
use support::nat_model::NatConfig;
use support::scripted_server::{Loopback, Role, Script, TcpRole, TcpServer};

const GOOD: i32 = 0;
const ERROR: i32 = 2;
const INCONCLUSIVE: i32 = 3;
const INTERRUPTED: i32 = 130;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtcdiag"));
    command.env_clear().arg("nat").args(args);
    command
}

fn run(args: &[&str]) -> Output {
    program(args).output().expect("it runs")
}

/// The exit code, and the document, which has to follow the schema.
fn json(args: &[&str]) -> (i32, Value) {
    let output = program(args).arg("--json").output().expect("it runs");
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)));
    schema::assert_valid(&document);
    (output.status.code().expect("it was not killed"), document)
}

#[track_caller]
fn refused(args: &[&str], says: &str) {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(ERROR), "{args:?}: {stderr}");
    assert!(stderr.contains(says), "{args:?}: {stderr}");
    assert!(
        output.stdout.is_empty(),
        "{args:?}: stdout is for the result"
    );
    let (code, document) = json(args);
    assert_eq!((code, &document["outcome"]), (ERROR, &"error".into()));
}

#[test]
fn a_nat64_prefix_that_is_none() {
    for (prefix, says) in [
        ("203.0.113.0/24", "no IPv6 address"),
        ("64:ff9b::", "no length"),
        ("64:ff9b::/97", "no length that a prefix may have"),
        ("64:ff9b::1/96", "did you mean 64:ff9b::/96"),
        ("::ffff:0:0/96", "no address that a network could route"),
    ] {
        refused(&["--nat64-prefix", prefix], says);
    }
}

fn file(name: &str, text: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("the target directory can be written to");
    path.to_str().expect("UTF-8").to_owned()
}

fn port_restricted() -> Script {
    Script::new(
        NatConfig::nat(
            Mapping::EndpointIndependent,
            Filtering::AddressAndPortDependent,
        ),
        vec![Role::Discovery],
    )
}

fn silent() -> Loopback {
    Loopback::start(&Script::new(NatConfig::open(), vec![Role::Silent])).expect("loopback")
}

#[test]
fn flags_that_cannot_be_meant() {
    for (args, says) in [
        (&["--ipv4", "-6"][..], "cannot be used together"),
        (&["-q", "-v"], "cannot be used together"),
        (&["-s", "http://a.example"], "not a scheme"),
        (&["-s", "a.example:0"], "port"),
        (&["-s", "turn:a.example?transport=sctp"], "sctp"),
        (&["--timeout", "0"], "more than 0"),
        (&["--timeout", "soon"], "not a number"),
        (&["--expect", "mapping=full-cone"], "address-dependent"),
        (&["--expect", "pair=direct"], "cannot be expected of nat"),
        (&["--local", "192.0.2.77"], "not an address of this host"),
        (&["--local", "127.0.0.1", "-6"], "not an IPv6 address"),
        (&["--interface", "none0"], "no interface 'none0'"),
        (&["--color", "blue"], "blue"),
        (&["--unknown"], "--unknown"),
    ] {
        refused(args, says);
    }
    let output = run(&["--json", "--jsonl"]);
    assert_eq!(output.status.code(), Some(ERROR));
}

#[test]
fn files_that_cannot_be_read_or_understood() {
    let broken = file("broken.toml", "timeout = 3\nserver = = 4\n");
    let unknown = file("unknown.toml", "\ntimeoutt = 3\n");
    let wrong = file("wrong.toml", "timeout = \"soon\"\n");
    let kind = file("kind.toml", "ipv4 = 3\n");
    let ice = file(
        "ice.json",
        "[{\"urls\": \"stun:127.0.0.1\"},\n {\"urls\": 5}]",
    );
    let uri = file("uri.json", "[{\"urls\": \"http://127.0.0.1\"}]");
    let none = file("none.json", "[]");
    for (args, says) in [
        (&["--config", "/nonexistent"][..], "/nonexistent"),
        (&["--config", &broken], ":2:10"),
        (&["--config", &unknown], ":2:1"),
        (&["--config", &wrong], "not a number"),
        (&["--config", &kind], "must be true or false"),
        (&["--ice-servers", "/nonexistent"], "/nonexistent"),
        (&["--ice-servers", &ice], "line 2"),
        (&["--ice-servers", &uri], "entry 1"),
        (&["--ice-servers", &none], "names no server"),
    ] {
        refused(args, says);
    }
}

#[test]
fn flag_beats_variable_beats_file() {
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    let uri = servers.uri(0);
    let config = file(
        "order.toml",
        &format!("server = [\"{uri}\"]\ntimeout = 0.05\n[nat]\nexpect = \"udp=blocked\"\n"),
    );
    let with = |args: &[&str], variable: Option<&str>| {
        let mut command = program(&["--config", &config]);
        command.args(args);
        if let Some(value) = variable {
            command.env("RTCDIAG_TIMEOUT", value);
        }
        command.output().expect("it runs").status.code()
    };
    // Cut short at 50 ms, but UDP is seen to be open by then: the file's expectation is not met.
    assert_eq!(with(&[], None), Some(1));
    assert_eq!(with(&["--expect", "udp=open"], None), Some(GOOD));
    let filtering = ["--expect", "filtering=address-and-port-dependent"];
    assert_eq!(with(&filtering, None), Some(INCONCLUSIVE));
    assert_eq!(with(&filtering, Some("9")), Some(GOOD));
    let mut flag = filtering.to_vec();
    flag.extend(["--timeout", "0.05"]);
    assert_eq!(with(&flag, Some("9")), Some(INCONCLUSIVE));
}

#[test]
fn credentials_that_others_can_read_are_warned_of_and_never_shown() {
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    let text = format!(
        "[{{\"urls\": \"{}\", \"username\": \"u\", \"credential\": \"s3cr3t\"}}]",
        servers.uri(0)
    );
    let path = file("credentials.json", &text);
    let (code, document) = json(&["--ice-servers", &path, "-v"]);
    assert_eq!(code, GOOD, "{document:#}");
    let warned = |document: &Value| document.to_string().contains("secret-file-readable");
    assert!(warned(&document), "{document:#}");
    assert!(!document.to_string().contains("s3cr3t"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, private).expect("it is ours");
        assert!(!warned(&json(&["--ice-servers", &path]).1));
    }
    let mut child = program(&["--ice-servers", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    assert_eq!(
        child.wait_with_output().expect("it ends").status.code(),
        Some(GOOD)
    );
}

#[test]
fn names_and_addresses_that_lead_nowhere() {
    let (code, document) = json(&["-s", "stun:no-such-host.invalid"]);
    assert_eq!(code, ERROR);
    let server = &document["result"]["servers"][0];
    assert_eq!(server["error"]["code"], "dns", "{server}");
    let (code, document) = json(&["-6", "-s", "127.0.0.1"]);
    assert_eq!(code, ERROR);
    let message = document["result"]["servers"][0]["error"]["message"].to_string();
    assert!(message.contains("no IPv6 address"), "{message}");
}

#[test]
fn a_port_that_refuses() {
    let servers =
        Loopback::start(&Script::new(NatConfig::open(), vec![Role::Refused])).expect("loopback");
    let (code, document) = json(&["-s", &servers.uri(0)]);
    assert_eq!(code, INCONCLUSIVE, "{document:#}");
    let server = &document["result"]["servers"][0];
    assert_eq!(server["error"]["code"], "refused", "{server}");
    assert_eq!(
        document["result"]["paths"][0]["udp"]["status"],
        "inconclusive"
    );
}

/// The datagrams that a server sends back for a request.
type Answer = fn(&[u8]) -> Vec<Vec<u8>>;

fn garbage_server(answer: Answer) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let uri = format!("stun:{}", socket.local_addr().expect("bound"));
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            for bytes in answer(&buffer[..length]) {
                let _ = socket.send_to(&bytes, from);
            }
        }
    });
    uri
}

fn success(request: &[u8], attributes: &[u8]) -> Vec<u8> {
    let mut answer = request[..20].to_vec();
    answer[..2].copy_from_slice(&[1, 1]);
    let length = u16::try_from(attributes.len()).expect("short");
    answer[2..4].copy_from_slice(&length.to_be_bytes());
    answer.extend_from_slice(attributes);
    answer
}

#[test]
fn answers_that_are_none() {
    let cases: [(&str, Answer, &str); 6] = [
        (
            "garbage",
            |_| vec![b"hello, world, this is no STUN".to_vec()],
            "timeout",
        ),
        ("empty", |_| vec![Vec::new()], "timeout"),
        ("no address", |r| vec![success(r, &[])], "malformed"),
        (
            "truncated",
            |r| vec![success(r, &[0, 32, 0, 8, 0, 1, 1, 1])],
            "malformed",
        ),
        (
            "oversized length",
            |r| {
                let mut answer = success(r, &[]);
                answer[2..4].copy_from_slice(&[0xff, 0xfc]);
                vec![answer]
            },
            "malformed",
        ),
        (
            "wrong transaction ID",
            |r| {
                let mut answer = success(r, &[0, 32, 0, 8, 0, 1, 1, 1, 1, 1, 1, 1]);
                answer[19] ^= 1;
                vec![answer]
            },
            "timeout",
        ),
    ];
    for (name, answer, code) in cases {
        let uri = garbage_server(answer);
        let (exit, document) = json(&["-s", &uri]);
        assert_eq!(exit, INCONCLUSIVE, "{name}: {document:#}");
        let server = &document["result"]["servers"][0];
        assert_eq!(server["error"]["code"], code, "{name}: {server}");
        assert_eq!(
            document["result"]["paths"][0]["nat"]["status"],
            "inconclusive"
        );
    }
}

#[test]
fn a_flood_of_strays_changes_nothing() {
    let flooding = garbage_server(|request| {
        let mut answers: Vec<Vec<u8>> = (0..500_u16)
            .map(|i| {
                let mut stray = success(request, &[0, 32, 0, 8, 0, 1, 1, 1, 1, 1, 1, 1]);
                stray[8..10].copy_from_slice(&i.to_be_bytes());
                stray
            })
            .collect();
        answers.push(b"noise".to_vec());
        answers
    });
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    let (code, document) = json(&["-s", &servers.uri(0), "-s", &flooding]);
    assert_eq!(code, GOOD, "{document:#}");
    let path = &document["result"]["paths"][0];
    assert_eq!(path["filtering"]["value"], "address-and-port-dependent");
    assert_eq!(path["mapping"]["value"], "endpoint-independent");
}

#[test]
fn what_is_no_stun_server_behind_a_tcp_port() {
    let ip = std::net::Ipv4Addr::LOCALHOST.into();
    for (role, code) in [
        (TcpRole::Http, "not-stun"),
        (TcpRole::Silent, "timeout"),
        (TcpRole::Close, "closed"),
    ] {
        let server = TcpServer::start(ip, role, None).expect("a port");
        let uri = format!("turn:{}?transport=tcp", server.address);
        let (exit, document) = json(&["-s", &uri]);
        assert_ne!(exit, GOOD, "{document:#}");
        let record = &document["result"]["servers"][0];
        assert_eq!(record["error"]["code"], code, "{record}");
        let tls = format!("stuns:{}", server.address);
        assert_ne!(json(&["-s", &tls]).0, GOOD);
    }
}

fn wait_for_end(mut child: Child, within: Duration) -> Output {
    let end = Instant::now() + within;
    while child.try_wait().expect("it is ours").is_none() {
        assert!(Instant::now() < end, "it hangs");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("it has ended")
}

#[cfg(unix)]
#[test]
fn a_signal_at_any_moment_gives_the_partial_result() {
    let mut script = port_restricted();
    script.delay = Duration::from_millis(30);
    let servers = Loopback::start(&script).expect("loopback");
    for (signal, events) in [("INT", 1), ("TERM", 2), ("INT", 8), ("TERM", 15)] {
        let mut child = program(&["--jsonl", "-s", &servers.uri(0)])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        for _ in 0..events {
            lines.next().expect("an event").expect("UTF-8");
        }
        let killed = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(killed.expect("kill is there").success());
        let last = lines.last().expect("a document").expect("UTF-8");
        let status = child.wait().expect("it ends");
        assert_eq!(
            status.code(),
            Some(INTERRUPTED),
            "{signal} after {events} events"
        );
        let document: Value = serde_json::from_str(&last).expect("a document");
        schema::assert_valid(&document);
        assert_eq!(document["outcome"], "interrupted");
        assert!(!document["result"].is_null());
    }
}

#[test]
fn the_timeout_ends_the_whole_command() {
    let silent = silent();
    let started = Instant::now();
    let (code, document) = json(&["--timeout", "0.3", "-s", &silent.uri(0)]);
    assert_eq!(code, INCONCLUSIVE, "{document:#}");
    // Far more than it may take, far less than it would take without.
    assert!(started.elapsed() < Duration::from_millis(1500));
    assert_eq!(document["result"]["paths"][0]["udp"]["reason"], "timeout");
    assert!(document["findings"].to_string().contains("\"timeout\""));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    for mode in ["--json", "--jsonl", "--verbose"] {
        let mut child = program(&[mode, "-s", &servers.uri(0)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        drop(child.stdout.take());
        let output = wait_for_end(child, Duration::from_secs(5));
        assert_eq!(output.status.code(), Some(GOOD), "{mode}");
        assert!(output.stderr.is_empty(), "{mode}");
    }
}

#[test]
fn json_lines_end_with_the_document() {
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    let output = run(&["--jsonl", "-s", &servers.uri(0)]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let (document, events) = lines.split_last().expect("there are lines");
    schema::assert_valid(document);
    assert!(events.iter().all(|e| e["event"].is_string()));
    assert!(events.iter().any(|e| e["event"] == "observation"));
    assert!(
        output.stderr.is_empty(),
        "no progress where there is no terminal"
    );
}

#[test]
fn text_fits_80_columns_and_has_colour_only_on_demand() {
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    let uri = servers.uri(0);
    let text = |args: &[&str]| {
        let mut all = vec!["-s", &uri];
        all.extend(args);
        let mut output = String::new();
        run(&all)
            .stdout
            .as_slice()
            .read_to_string(&mut output)
            .expect("UTF-8");
        output
    };
    let plain = text(&["-v"]);
    assert!(!plain.contains('\u{1b}'));
    for line in plain.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let last = plain.lines().last().expect("a summary");
    assert!(
        plain.starts_with("good: IPv4 NAT (port-restricted cone)\n"),
        "{plain}"
    );
    assert!(last.ends_with('.'), "{last}");
    assert!(text(&["--color", "always"]).contains("\u{1b}["));
    assert!(!text(&["--color", "never"]).contains('\u{1b}'));
}
