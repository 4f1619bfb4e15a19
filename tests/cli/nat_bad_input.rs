//! `rtcdiag nat`, the program itself, with everything that can be wrong: its own flags and files,
//! servers that misbehave, signals, closed pipes. Loopback only, no root.

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::nat_model::NatConfig;
use crate::support::program::{
    self, BAD, ERROR, GOOD, INCONCLUSIVE, Run, anonymous, file, interrupted, lines, private_file,
    run_with_input, wait_for_end,
};
use crate::support::scripted_server::{Loopback, Role, Script, TcpRole, TcpServer};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};

fn program(args: &[&str]) -> Command {
    anonymous(&[&["nat"], args].concat())
}

fn run(args: &[&str]) -> Run {
    program::run(program(args))
}

fn json(args: &[&str]) -> Run {
    program::json(program(args))
}

#[track_caller]
fn refused(args: &[&str], says: &str) {
    let plain = run(args);
    plain.assert_code(ERROR);
    assert!(plain.stderr.contains(says), "{args:?}: {plain:#?}");
    assert_eq!(plain.stdout, "", "{args:?}: stdout is for the result");
    let run = json(args);
    run.assert_code(ERROR);
    assert_eq!(run.document["outcome"], "error");
}

/// What was typed may have been copied from anywhere: what turns or hides text is shown by its number.
#[test]
fn what_is_not_seen_in_arguments_is_shown() {
    for (typed, shown) in [
        ("stun:a\u{202e}b", "\\u{202e}"),
        ("stun:a\u{3164}b", "\\u{3164}"),
        ("stun:a\u{fe0f}b", "\\u{fe0f}"),
        ("stun:a\u{e0041}b", "\\u{e0041}"),
    ] {
        let run = json(&["-s", typed]);
        run.assert_code(ERROR);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(shown), "{said}");
        let hidden = typed.chars().find(|c| !c.is_ascii()).expect("one");
        assert!(!said.contains(hidden), "{said:?}");
    }
}

#[test]
fn a_nat64_prefix_that_is_none() {
    for (prefix, says) in [
        ("203.0.113.0/24", "not an IPv6 address"),
        ("64:ff9b::", "the length is missing"),
        ("64:ff9b::/97", "not a length that a prefix may have"),
        ("64:ff9b::1/96", "did you mean 64:ff9b::/96"),
        ("::ffff:0:0/96", "not an address that a network could route"),
    ] {
        refused(&["--nat64-prefix", prefix], says);
    }
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
    assert_eq!(run(&["--json", "--jsonl"]).code, ERROR);
}

#[test]
fn files_that_cannot_be_read_or_understood() {
    let broken = file("broken.toml", "timeout = 3\nserver = = 4\n");
    let unknown = file("unknown.toml", "\ntimeoutt = 3\n");
    let wrong = file("wrong.toml", "timeout = \"soon\"\n");
    let kind = file("kind.toml", "ipv4 = 3\n");
    let ice = file("ice.json", "[\n {\"urls\": 5}]");
    let uri = file("uri.json", "[{\"urls\": \"http://127.0.0.1\"}]");
    let none = file("none.json", "[]");
    for (args, says) in [
        (&["--config", "/nonexistent"][..], "/nonexistent"),
        (&["--config", &broken], ":2:10"),
        (&["--config", &unknown], ":2:1"),
        (
            &["--config", &unknown],
            "is not a setting; did you mean 'timeout'?",
        ),
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
        format!("server = [\"{uri}\"]\ntimeout = 0.05\n[nat]\nexpect = \"udp=blocked\"\n"),
    );
    let with = |args: &[&str], variable: Option<&str>| {
        let mut command = program(&[&["--config", &config], args].concat());
        command.envs(variable.map(|value| ("RTCDIAG_TIMEOUT", value)));
        program::run(command).code
    };
    // Cut short at 50 ms, but UDP is seen to be open by then: the file's expectation is not met.
    assert_eq!(with(&[], None), BAD);
    assert_eq!(with(&["--expect", "udp=open"], None), GOOD);
    let filtering = ["--expect", "filtering=address-and-port-dependent"];
    assert_eq!(with(&filtering, None), INCONCLUSIVE);
    assert_eq!(with(&filtering, Some("9")), GOOD);
    let mut flag = filtering.to_vec();
    flag.extend(["--timeout", "0.05"]);
    assert_eq!(with(&flag, Some("9")), INCONCLUSIVE);
}

#[test]
fn credentials_that_others_can_read_are_warned_of_and_never_shown() {
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    let text = format!(
        "[{{\"urls\": \"{}\", \"username\": \"u\", \"credential\": \"s3cr3t\"}}]",
        servers.uri(0)
    );
    let path = file("credentials.json", &text);
    let run = json(&["--ice-servers", &path, "-v"]);
    run.assert_code(GOOD);
    let warned = |run: &Run| run.stdout.contains("secret-file-readable");
    assert!(warned(&run), "{run:#?}");
    assert!(!run.stdout.contains("s3cr3t"));
    #[cfg(unix)]
    {
        let path = private_file("credentials.json", &text);
        assert!(!warned(&json(&["--ice-servers", &path])));
    }
    let piped = program(&["--ice-servers", "-", "--json"]);
    run_with_input(piped, text.as_bytes()).assert_code(GOOD);
}

#[test]
fn names_and_addresses_that_lead_nowhere() {
    let run = json(&["-s", "stun:no-such-host.invalid"]);
    run.assert_code(ERROR);
    let server = &run.servers()[0];
    assert_eq!(server["error"]["code"], "dns", "{server}");
    let run = json(&["-6", "-s", "127.0.0.1"]);
    run.assert_code(ERROR);
    let message = run.servers()[0]["error"]["message"].to_string();
    assert!(message.contains("no IPv6 address"), "{message}");
}

#[test]
fn a_port_that_refuses() {
    let servers =
        Loopback::start(&Script::new(NatConfig::open(), vec![Role::Refused])).expect("loopback");
    let run = json(&["-s", &servers.uri(0)]);
    run.assert_code(INCONCLUSIVE);
    let server = &run.servers()[0];
    assert_eq!(server["error"]["code"], "refused", "{server}");
    assert_eq!(run.path()["udp"]["status"], "inconclusive");
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
            "not-stun",
        ),
        ("empty", |_| vec![Vec::new()], "not-stun"),
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
            "not-stun",
        ),
    ];
    for (name, answer, code) in cases {
        let uri = garbage_server(answer);
        let run = json(&["-s", &uri]);
        run.assert_code(INCONCLUSIVE);
        let server = &run.servers()[0];
        assert_eq!(server["error"]["code"], code, "{name}: {server}");
        assert_eq!(run.path()["nat"]["status"], "inconclusive");
    }
}

#[test]
fn a_flood_of_strays_changes_nothing() {
    let flooding = garbage_server(|request| {
        let mut answers: Vec<Vec<u8>> = (0..500_u16)
            .map(|i| {
                let mut stray = success(request, &[0, 32, 0, 8, 0, 1, 1, 1, 1, 1, 1, 1]);
                stray[8..10].copy_from_slice(&i.to_be_bytes());
                // Whatever the number, it is the answer to no request.
                stray[19] = !request[19];
                stray
            })
            .collect();
        answers.push(b"noise".to_vec());
        answers
    });
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    let run = json(&["-s", &servers.uri(0), "-s", &flooding]);
    run.assert_code(GOOD);
    let path = run.path();
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
        let run = json(&["-s", &uri]);
        assert_ne!(run.code, GOOD, "{run:#?}");
        let record = &run.servers()[0];
        assert_eq!(record["error"]["code"], code, "{record}");
        let tls = format!("stuns:{}", server.address);
        assert_ne!(json(&["-s", &tls]).code, GOOD);
    }
}

#[cfg(unix)]
#[test]
fn a_signal_at_any_moment_gives_the_partial_result() {
    let mut script = port_restricted();
    script.delay = Duration::from_millis(30);
    let servers = Loopback::start(&script).expect("loopback");
    for (signal, events) in [("INT", 1), ("TERM", 2), ("INT", 8), ("TERM", 15)] {
        let mut seen = 0;
        let document = interrupted(program(&["-s", &servers.uri(0)]), signal, |_| {
            seen += 1;
            seen == events
        });
        assert!(!document["result"].is_null());
    }
}

#[test]
fn the_timeout_ends_the_whole_command() {
    let silent = silent();
    let started = Instant::now();
    let run = json(&["--timeout", "0.3", "-s", &silent.uri(0)]);
    run.assert_code(INCONCLUSIVE);
    // Far more than it may take, far less than it would take without.
    assert!(started.elapsed() < Duration::from_millis(1500));
    assert_eq!(run.path()["udp"]["reason"], "timeout");
    assert!(run.codes().contains(&"timeout"));
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
    let run = lines(program(&["-s", &servers.uri(0)]));
    let is_observation = |e: &serde_json::Value| e["event"] == "observation";
    assert!(run.events.iter().any(is_observation));
    assert_eq!(run.stderr, "", "no progress where there is no terminal");
}

#[test]
fn text_fits_80_columns_and_has_colour_only_on_demand() {
    let servers = Loopback::start(&port_restricted()).expect("loopback");
    let uri = servers.uri(0);
    let text = |args: &[&str]| {
        let mut all = vec!["-s", &uri];
        all.extend(args);
        run(&all).stdout
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
