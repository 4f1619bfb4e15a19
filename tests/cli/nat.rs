//! `rtcdiag nat`, the program itself, against real servers on loopback with an emulated NAT.
//! What is asserted is the contract: facts, exit codes, what is on which stream.

mod tcp;
mod verdicts;

use std::process::Command;

use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use serde_json::Value;

use crate::support::nat_model::{NatConfig, Ports};
use crate::support::program::{BAD, ERROR, GOOD, INCONCLUSIVE, Run, anonymous, json, with_env};
use crate::support::scripted_server::{
    Authority, Certificate, Loopback, Role, Script, TcpRole, TcpServer,
};
use crate::support::sim_server::Change;

fn rtcdiag(args: &[&str]) -> Command {
    anonymous(&[&["nat"], args].concat())
}

fn run(script: &Script, extra: &[&str]) -> Run {
    let servers = Loopback::start(script).expect("loopback has ports");
    let uris: Vec<String> = (0..script.servers.len()).map(|i| servers.uri(i)).collect();
    let mut args: Vec<&str> = uris.iter().flat_map(|uri| ["-s", uri]).collect();
    args.extend(extra);
    json(rtcdiag(&args))
}

#[track_caller]
fn assert_value(run: &Run, fact: &str, value: impl Into<Value>) {
    let found = &run.path()[fact];
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
    let run = run(&Script::new(nat, vec![Role::Discovery]), &[]);
    run.assert_code(GOOD);
    assert_value(&run, "udp", "open");
    assert_value(&run, "nat", true);
    assert_value(&run, "mapping", "address-and-port-dependent");
    assert_value(&run, "filtering", "address-and-port-dependent");
    assert_value(&run, "port_assignment", "sequential");
    assert_eq!(run.path()["legacy_name"], "symmetric");
    assert_eq!(run.document["command"], "nat");
    assert_eq!(run.servers()[0]["behavior_discovery"], "supported");
}

#[test]
fn the_open_internet() {
    let script = Script::new(NatConfig::open(), vec![Role::Discovery, Role::Plain]);
    let run = run(&script, &[]);
    run.assert_code(GOOD);
    assert_value(&run, "nat", false);
    assert_value(&run, "filtering", "endpoint-independent");
    assert_eq!(run.path()["legacy_name"], "open-internet");
}

/// Loopback has no router: nothing is sent to any, whatever is asked for.
#[test]
fn a_path_without_a_router() {
    for extra in [&[][..], &["--port-mapping-test"]] {
        let script = Script::new(NatConfig::open(), vec![Role::Discovery, Role::Plain]);
        let run = run(&script, extra);
        let mapping = &run.path()["port_mapping"];
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
    let run = run(&script, &["--lifetime"]);
    run.assert_code(GOOD);
    let lifetime = &run.path()["binding_lifetime"];
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
    let run = run(&script, &["--lifetime", "5"]);
    let lifetime = &run.path()["binding_lifetime"];
    for fact in ["one_packet", "two_way"] {
        assert_eq!(lifetime[fact]["status"], "inconclusive", "{lifetime:#}");
        assert_eq!(lifetime[fact]["reason"], "no-response-port", "{lifetime:#}");
    }
    assert_eq!(lifetime["keepalive_s"]["status"], "inconclusive");
    assert!(lifetime["method"].is_null());
    let codes = run.codes();
    assert!(codes.contains(&"binding-lifetime-unknown"), "{codes:?}");
}

#[test]
fn expectations_decide_the_exit_code() {
    let nat = NatConfig::nat(
        Mapping::EndpointIndependent,
        Filtering::AddressAndPortDependent,
    );
    let script = Script::new(nat, vec![Role::Discovery]);
    let wish = "mapping=endpoint-independent,udp=open";
    run(&script, &["--expect", wish]).assert_code(GOOD);
    let wish = "filtering=endpoint-independent";
    run(&script, &["--expect", wish]).assert_code(BAD);
}

#[test]
fn a_server_that_ignores_change_request_leaves_filtering_open() {
    let nat = NatConfig::nat(Mapping::EndpointIndependent, Filtering::EndpointIndependent);
    let mut script = Script::new(nat, vec![Role::Discovery]);
    script.tamper = |_, config| config.change = Change::Ignore;
    let run = run(&script, &[]);
    assert_value(&run, "mapping", "endpoint-independent");
    let filtering = &run.path()["filtering"];
    assert_eq!(filtering["status"], "inconclusive", "{filtering}");
    assert_eq!(filtering["reason"], "server-ignores-change-request");
    assert_eq!(run.servers()[0]["behavior_discovery"], "broken");
    run.assert_code(INCONCLUSIVE);
}

/// Of other ports the host says that nothing listens there (ICMP): that shows that UDP gets out, and not
/// that anything comes back.
#[test]
fn refusals_of_other_ports_do_not_show_that_udp_comes_in() {
    let asked = |count: usize| {
        let mut nat = NatConfig::open();
        nat.blocked = true;
        let script = Script::new(nat, vec![Role::Silent; count]);
        let servers = Loopback::start(&script).expect("loopback");
        let tcp = TcpServer::start(servers.address(0).ip(), TcpRole::stun(), None).expect("a port");
        let uris: Vec<String> = (0..count).map(|i| servers.uri(i)).collect();
        let mut args: Vec<&str> = uris.iter().flat_map(|uri| ["-s", uri]).collect();
        let tcp = format!("turn:{}?transport=tcp", tcp.address);
        args.extend(["-s", &tcp]);
        json(rtcdiag(&args))
    };
    let one = asked(1);
    one.assert_code(BAD);
    let message = one.assert_finding("port-silent", "error")["message"].to_string();
    assert!(
        message.contains("or no UDP answers come in here"),
        "{message}"
    );
    assert_eq!(one.path()["udp"]["status"], "inconclusive");
    assert!(!one.summary().contains("alone"), "{}", one.summary());

    let two = asked(2);
    two.assert_code(BAD);
    assert_value(&two, "udp", "blocked");
    let evidence = two.finding("udp-blocked-evidence").expect("it is said");
    let message = evidence["message"].to_string();
    assert!(message.contains("outgoing UDP gets there"), "{message}");
    assert!(
        two.summary()
            .starts_with("UDP is blocked, TCP gets through"),
        "{}",
        two.summary()
    );
}

#[test]
fn what_is_not_stun_has_come_in_all_the_same() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let uri = format!("stun:{}", socket.local_addr().expect("bound"));
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((_, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&[0xa7; 200], from);
        }
    });
    let run = json(rtcdiag(&["-s", &uri, "--no-tcp"]));
    assert_value(&run, "udp", "open");
    run.assert_code(INCONCLUSIVE);
    assert!(run.summary().contains("UDP works"), "{}", run.summary());
    assert!(
        !run.summary().contains("No server answered"),
        "{}",
        run.summary()
    );
}

#[test]
fn the_last_sentence_tells_of_heavy_loss() {
    let nat = NatConfig::nat(Mapping::EndpointIndependent, Filtering::EndpointIndependent);
    let mut script = Script::new(nat, vec![Role::Discovery]);
    let clean = run(&script, &[]);
    assert!(!clean.summary().contains("lost"), "{}", clean.summary());
    (script.loss, script.seed) = (0.3, 7);
    let lossy = run(&script, &[]);
    assert!(
        lossy.summary().contains("one server alone does not tell"),
        "{}",
        lossy.summary()
    );
    let codes = lossy.document["findings"].to_string();
    assert!(codes.contains("packet-loss"), "{codes}");
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
        let command = rtcdiag(&["-4", "-s", &uri]);
        let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
        let record = &run.servers()[0];
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
        let run = json(rtcdiag(&[args, &["--no-tcp"]].concat()));
        let errors = run.findings().iter().filter(|f| f["severity"] == "error");
        let errors: Vec<&Value> = errors.map(|f| &f["code"]).collect();
        assert_eq!(errors, [code], "{run:#?}");
    }
}

#[test]
fn a_variable_of_a_flag_is_yes_or_no() {
    for (value, is_valid) in [("off", true), ("", true), ("Yes", true), ("maybe", false)] {
        let command = rtcdiag(&["-s", "stun:127.0.0.1:9"]);
        let run = json(with_env(command, "RTCDIAG_NO_TCP", value));
        let told = run.stderr.contains("not yes or no");
        assert_eq!(told, !is_valid, "{value}: {run:#?}");
        assert_eq!(run.code == ERROR, !is_valid, "{value}");
    }
}
