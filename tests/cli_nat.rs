//! `rtcdiag nat`, the program itself, against real servers on loopback with an emulated NAT.
//! What is asserted is the contract: facts, exit codes, what is on which stream.

#[path = "common/schema.rs"]
mod schema;
mod support;
#[path = "cli_nat/tcp.rs"]
mod tcp;

use std::process::Output;

use assert_cmd::Command;
use rtcdiag::nat::behavior::{Filtering, Mapping};
use serde_json::Value;

use support::nat_model::{NatConfig, Ports};
use support::scripted_server::{
    Authority, Certificate, Loopback, Role, Script, TcpRole, TcpServer,
};
use support::sim_server::Change;

const GOOD: i32 = 0;
const BAD: i32 = 1;
const INCONCLUSIVE: i32 = 3;

fn rtcdiag(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("rtcdiag").expect("the program is built");
    command.env_clear().args(["nat", "--json"]).args(args);
    command
}

/// The document on stdout, and the exit code.
fn report(output: &Output) -> (Value, i32) {
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "stdout is not one JSON document: {error}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    schema::assert_valid(&document);
    (document, output.status.code().expect("it was not killed"))
}

fn run(script: &Script, extra: &[&str]) -> (Value, i32) {
    let servers = Loopback::start(script).expect("loopback has ports");
    let uris: Vec<String> = (0..script.servers.len()).map(|i| servers.uri(i)).collect();
    let mut args: Vec<&str> = uris.iter().flat_map(|uri| ["-s", uri]).collect();
    args.extend(extra);
    report(&rtcdiag(&args).output().expect("it runs"))
}

fn path(document: &Value) -> &Value {
    &document["result"]["paths"][0]
}

#[track_caller]
fn assert_value(document: &Value, fact: &str, value: impl Into<Value>) {
    let found = &path(document)[fact];
    assert_eq!(found["value"], value.into(), "{fact}: {found}");
    assert_eq!(found["status"], "determined", "{fact}: {found}");
}

#[test]
fn a_strict_nat_is_diagnosed_and_is_no_failure() {
    let mut nat = NatConfig::nat(
        Mapping::AddressAndPortDependent,
        Filtering::AddressAndPortDependent,
    );
    nat.ports = Ports::Sequential(1);
    let (document, code) = run(&Script::new(nat, vec![Role::Discovery]), &[]);
    assert_eq!(code, GOOD, "{document:#}");
    assert_value(&document, "udp", "open");
    assert_value(&document, "nat", true);
    assert_value(&document, "mapping", "address-and-port-dependent");
    assert_value(&document, "filtering", "address-and-port-dependent");
    assert_value(&document, "port_assignment", "sequential");
    assert_eq!(path(&document)["legacy_name"], "symmetric");
    assert_eq!(document["command"], "nat");
    assert_eq!(
        document["result"]["servers"][0]["behavior_discovery"],
        "supported"
    );
}

#[test]
fn the_open_internet() {
    let script = Script::new(NatConfig::open(), vec![Role::Discovery, Role::Plain]);
    let (document, code) = run(&script, &[]);
    assert_eq!(code, GOOD, "{document:#}");
    assert_value(&document, "nat", false);
    assert_value(&document, "filtering", "endpoint-independent");
    assert_eq!(path(&document)["legacy_name"], "open-internet");
}

/// Loopback has no router: nothing is sent to any, whatever is asked for.
#[test]
fn a_path_without_a_router() {
    for extra in [&[][..], &["--port-mapping-test"]] {
        let script = Script::new(NatConfig::open(), vec![Role::Discovery, Role::Plain]);
        let (document, _) = run(&script, extra);
        let mapping = &path(&document)["port_mapping"];
        for fact in ["pcp", "nat_pmp", "upnp_igd", "router_external_address"] {
            assert_eq!(mapping[fact]["reason"], "no-router", "{mapping:#}");
        }
        assert_eq!(mapping["router"], Value::Null);
        assert_eq!(mapping["requests"], 0);
    }
}

/// Whoever may send to us at any time does so without a binding.
#[test]
fn without_nat_and_filter_there_is_no_lifetime_to_measure() {
    let script = Script::new(NatConfig::open(), vec![Role::Discovery]);
    let (document, code) = run(&script, &["--lifetime"]);
    assert_eq!(code, GOOD, "{document:#}");
    let lifetime = &path(&document)["binding_lifetime"];
    for fact in ["one_packet", "two_way", "keepalive_s"] {
        let expected = serde_json::json!({"status": "not-tested", "reason": "no-nat"});
        assert_eq!(lifetime[fact], expected);
    }
    assert_eq!(lifetime["packets"], 0);
}

/// No server leads an answer to another port: then nothing is said, above all not from ports.
#[test]
fn lifetimes_are_not_guessed_without_response_port() {
    let mut nat = NatConfig::nat(
        Mapping::EndpointIndependent,
        Filtering::AddressAndPortDependent,
    );
    nat.ports = Ports::Preserve;
    let script = Script::new(nat, vec![Role::Plain, Role::Plain]);
    let (document, _) = run(&script, &["--lifetime", "5"]);
    let lifetime = &path(&document)["binding_lifetime"];
    for fact in ["one_packet", "two_way"] {
        assert_eq!(lifetime[fact]["status"], "inconclusive", "{lifetime:#}");
        assert_eq!(lifetime[fact]["reason"], "no-response-port", "{lifetime:#}");
    }
    assert_eq!(lifetime["keepalive_s"]["status"], "inconclusive");
    assert!(lifetime["method"].is_null());
    let findings = document["findings"].to_string();
    assert!(findings.contains("binding-lifetime-unknown"), "{findings}");
}

#[test]
fn expectations_decide_the_exit_code() {
    let nat = NatConfig::nat(
        Mapping::EndpointIndependent,
        Filtering::AddressAndPortDependent,
    );
    let script = Script::new(nat, vec![Role::Discovery]);
    let (_, code) = run(
        &script,
        &["--expect", "mapping=endpoint-independent,udp=open"],
    );
    assert_eq!(code, GOOD);
    let (_, code) = run(&script, &["--expect", "filtering=endpoint-independent"]);
    assert_eq!(code, BAD);
}

#[test]
fn a_server_that_ignores_change_request_leaves_filtering_open() {
    let nat = NatConfig::nat(Mapping::EndpointIndependent, Filtering::EndpointIndependent);
    let mut script = Script::new(nat, vec![Role::Discovery]);
    script.tamper = |_, config| config.change = Change::Ignore;
    let (document, code) = run(&script, &[]);
    assert_value(&document, "mapping", "endpoint-independent");
    let filtering = &path(&document)["filtering"];
    assert_eq!(filtering["status"], "inconclusive", "{filtering}");
    assert_eq!(filtering["reason"], "server-ignores-change-request");
    assert_eq!(
        document["result"]["servers"][0]["behavior_discovery"],
        "broken"
    );
    assert_eq!(code, INCONCLUSIVE, "{document:#}");
}

#[test]
fn blocked_udp_with_tcp_open_is_blocked() {
    let mut nat = NatConfig::open();
    nat.blocked = true;
    let servers = Loopback::start(&Script::new(nat, vec![Role::Silent])).expect("loopback");
    let tcp = TcpServer::start(servers.address(0).ip(), TcpRole::stun(), None).expect("a port");
    let (udp, tcp) = (
        servers.uri(0),
        format!("turn:{}?transport=tcp", tcp.address),
    );
    let output = rtcdiag(&["-s", &udp, "-s", &tcp])
        .output()
        .expect("it runs");
    let (document, code) = report(&output);
    assert_ne!(path(&document)["udp"]["value"], "open", "{document:#}");
    assert_ne!(code, GOOD, "{document:#}");
}

#[test]
fn certificates_of_stuns_servers_are_verified() {
    let authority = Authority::new().expect("a temporary file");
    for (kind, works) in [
        (Certificate::Good, true),
        (Certificate::Expired, false),
        (Certificate::WrongName, false),
        (Certificate::UnknownIssuer, false),
    ] {
        let config = authority.server(kind).expect("a certificate");
        let ip = std::net::Ipv4Addr::LOCALHOST.into();
        let server = TcpServer::start(ip, TcpRole::stun(), Some(config)).expect("a port");
        let uri = format!("stuns:localhost:{}", server.address.port());
        let output = rtcdiag(&["-4", "-s", &uri])
            .env("SSL_CERT_FILE", authority.file())
            .output()
            .expect("it runs");
        let (document, _) = report(&output);
        let record = &document["result"]["servers"][0];
        assert_eq!(record["transport"], "tls", "{kind:?} {record:#}");
        if works {
            assert!(record["error"].is_null(), "{kind:?} {record:#}");
        } else {
            assert_eq!(record["error"]["code"], "tls", "{kind:?} {record:#}");
        }
    }
}

/// Each has a cause of its own, and no finding names another one.
#[test]
fn why_nobody_answers() {
    for (args, code) in [
        (&["-s", "stun:127.0.0.1:9"][..], "refused"),
        (&["-6", "-s", "stun:127.0.0.1:9"], "wrong-family"),
    ] {
        let mut command = rtcdiag(args);
        let (document, _) = report(&command.arg("--no-tcp").output().expect("it runs"));
        let findings = document["findings"].as_array().expect("a list");
        let errors: Vec<&Value> = findings
            .iter()
            .filter(|f| f["severity"] == "error")
            .map(|f| &f["code"])
            .collect();
        assert_eq!(errors, [code], "{document:#}");
    }
}

#[test]
fn a_variable_of_a_flag_is_yes_or_no() {
    for (value, is_valid) in [("off", true), ("", true), ("Yes", true), ("maybe", false)] {
        let mut command = rtcdiag(&["-s", "stun:127.0.0.1:9"]);
        let output = command.env("RTCDIAG_NO_TCP", value).output();
        let output = output.expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            stderr.contains("not yes or no"),
            !is_valid,
            "{value}: {stderr}"
        );
        let is_refused = output.status.code() == Some(2);
        assert_eq!(is_refused, !is_valid, "{value}");
    }
}
