//! Runs of the program on loopback, with the scripted servers of the other tests.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};

use super::steady::Steady;
use super::support::ends::End;
use super::support::golden::{Files, hold};
use super::support::nat_model::{NatConfig, Ports};
use super::support::scripted_server::{Loopback, Role, Script};
use super::support::turn_server::{Transport, TurnConfig, TurnServer};

const FORMS: [(&str, &[&str]); 3] = [
    (".json", &["--json"]),
    (".jsonl", &["--jsonl"]),
    (".txt", &[]),
];

/// The program with nothing in its environment but the scripted server's user.
fn program<'a>(args: impl Iterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtcdiag"));
    command
        .env_clear()
        .env("RTCDIAG_TURN_USERNAME", "user")
        .env("RTCDIAG_TURN_PASSWORD", "secret")
        .stdin(Stdio::null())
        .args(args);
    command
}

/// Adds what it prints in each form; text has stderr and the exit code below it. Each run has a lab
/// of its own, and the arguments for it.
fn add<L>(files: &mut Files, name: &str, lab: impl Fn() -> (L, Vec<String>) + Sync) {
    let texts = std::thread::scope(|scope| {
        let run = |form: &[&str]| {
            let (_running, args) = lab();
            let all = args.iter().map(String::as_str).chain(form.iter().copied());
            let output = program(all).output().expect("it runs");
            let steady = match args[0].as_str() {
                "nat" | "demo" => Steady::of_nat(&args),
                _ => Steady::default(),
            };
            shown(form, &output, steady)
        };
        let threads = FORMS.map(|(_, form)| scope.spawn(move || run(form)));
        threads.map(|thread| thread.join().expect("it ends"))
    });
    for ((form, _), text) in FORMS.into_iter().zip(texts) {
        files.insert(format!("{name}{form}"), text);
    }
}

fn strings(args: &[&str]) -> Vec<String> {
    args.iter().map(ToString::to_string).collect()
}

fn shown(form: &[&str], output: &Output, mut steady: Steady) -> String {
    let stdout = std::str::from_utf8(&output.stdout).expect("UTF-8");
    let stderr = std::str::from_utf8(&output.stderr).expect("UTF-8");
    match form {
        ["--json"] => steady.json(stdout),
        ["--jsonl"] => steady.json_lines(stdout),
        _ => {
            let code = output.status.code().expect("it was not killed");
            steady.text(&format!(
                "{stdout}\n-- stderr\n{stderr}\n-- exit code {code}\n"
            ))
        }
    }
}

fn nat(mapping: Mapping, filtering: Filtering, ports: Ports) -> NatConfig {
    let mut nat = NatConfig::nat(mapping, filtering);
    nat.ports = ports;
    nat
}

#[test]
fn nat_on_loopback() {
    let cone = nat(
        Mapping::EndpointIndependent,
        Filtering::AddressDependent,
        Ports::Preserve,
    );
    let strict = nat(
        Mapping::AddressAndPortDependent,
        Filtering::AddressAndPortDependent,
        Ports::Sequential(1),
    );
    let mut files = Files::new();
    for (name, nat, roles, args) in [
        ("open", NatConfig::open(), vec![Role::Discovery], vec![]),
        (
            "cone",
            cone.clone(),
            vec![Role::Discovery],
            vec!["--expect", "mapping=address-dependent"],
        ),
        ("strict", strict, vec![Role::Discovery], vec![]),
        ("silent", cone, vec![Role::Silent], vec![]),
        (
            "refused",
            NatConfig::open(),
            vec![],
            vec!["-s", "stun:127.0.0.1:9"],
        ),
    ] {
        let mut script = Script::new(nat, roles);
        // With answers within microseconds, a busy machine would make packets look lost.
        script.delay = Duration::from_millis(15);
        add(&mut files, name, || {
            let servers = Loopback::start(&script).expect("loopback has ports");
            let mut all = strings(&["nat"]);
            for index in 0..script.servers.len() {
                all.extend(["-s".to_owned(), servers.uri(index)]);
            }
            all.extend(strings(&args));
            (servers, all)
        });
    }
    hold("nat_on_loopback", &files);
}

fn turn_server(config: TurnConfig) -> TurnServer {
    let ip = std::net::Ipv4Addr::LOCALHOST.into();
    TurnServer::start_all(config, ip, None).expect("loopback has ports")
}

fn mapped() -> TurnConfig {
    TurnConfig {
        mapped_address_override: Some("203.0.113.5:40000".parse().expect("an address")),
        ..TurnConfig::default()
    }
}

fn quota() -> TurnConfig {
    TurnConfig {
        error_on_allocate: Some((486, "Allocation Quota Reached")),
        ..TurnConfig::default()
    }
}

#[test]
fn gather_on_loopback() {
    let mut files = Files::new();
    for (name, config) in [("healthy", mapped()), ("quota", quota())] {
        add(&mut files, name, || {
            let server = turn_server(config.clone());
            let [udp, tcp] = [Transport::Udp, Transport::Tcp].map(|t| server.uri(t));
            let args = strings(&["gather", "--local", "127.0.0.1", "-s", &udp, "-s", &tcp]);
            (server, args)
        });
    }
    hold("gather_on_loopback", &files);
}

#[test]
fn turn_on_loopback() {
    let mut files = Files::new();
    for (name, config) in [("healthy", mapped()), ("quota", quota())] {
        add(&mut files, name, || {
            let server = turn_server(config.clone());
            let args = strings(&["turn", &server.uri(Transport::Udp)]);
            (server, args)
        });
    }
    hold("turn_on_loopback", &files);
}

/// Commands that cannot begin, and those that need no lab.
#[test]
fn without_a_lab() {
    let mut files = Files::new();
    for (name, args) in [
        ("unknown-flag", "nat --bogus"),
        ("unknown-command", "nut"),
        ("no-number", "nat --timeout soon"),
        ("bad-expectation", "nat --expect mapping=good"),
        ("bad-server", "gather -s http://192.0.2.1"),
        ("no-server", "turn"),
        ("no-interface", "gather --interface nowhere0"),
        ("bad-rendezvous", "pair --rendezvous ftp://192.0.2.1"),
        ("bad-code", "pair 123 --rendezvous ws://127.0.0.1:9"),
        ("bad-address", "serve --listen 1.2.3.4.5:0"),
        ("serve", "serve --listen 127.0.0.1:0 --timeout 0.3"),
        (
            "serve-stun",
            "serve --listen 127.0.0.1:0 --stun 127.0.0.1:0 --stun-alternate 127.0.0.2 --timeout 0.3",
        ),
        ("serve-quiet", "serve --listen 127.0.0.1:0 --timeout 0.3 -q"),
        ("demo", "demo --duration 0.2"),
    ] {
        let args: Vec<&str> = args.split(' ').collect();
        add(&mut files, name, || ((), strings(&args)));
    }
    hold("without_a_lab", &files);
}

const CODE: &str = "0000-0000-0000-0000-0";

/// A rendezvous, and the arguments of a side.
fn session(side: u8, rendezvous: &str, more: &[&str]) -> Vec<String> {
    let local = format!("127.0.0.{side}");
    let args = [
        "pair",
        CODE,
        "--rendezvous",
        rendezvous,
        "--local",
        &local,
        "--no-nat",
    ];
    let mut args = strings(&args);
    args.extend(strings(&["--duration", "0.2", "-s", "stun:127.0.0.1:9"]));
    args.extend(strings(more));
    args
}

fn rendezvous() -> (End, String) {
    let args = ["serve", "--jsonl", "--listen", "127.0.0.1:0"];
    let mut server = End::start(&mut program(args.into_iter()));
    let event = server.wait_for(|event| event["event"] == "listening");
    let url = event["urls"][0].as_str().expect("a URL").to_owned();
    (server, url)
}

#[test]
fn pair_on_loopback() {
    let mut files = Files::new();
    add(&mut files, "no-peer", || {
        let (server, url) = rendezvous();
        (server, session(1, &url, &["--timeout", "0.5"]))
    });
    // The other side comes when the first has joined, so that it is known which is which.
    add(&mut files, "second", || {
        let (server, url) = rendezvous();
        let first = session(1, &url, &["--jsonl"]);
        let mut first = End::start(&mut program(first.iter().map(String::as_str)));
        first.wait_for_step("rendezvous-joined");
        ((server, first), session(2, &url, &[]))
    });
    hold("pair_on_loopback", &files);
}
