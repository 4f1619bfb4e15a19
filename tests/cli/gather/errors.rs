//! Every way in which a server fails has a code and a hint of its own.

use std::time::Duration;

use rtcdiag::net::clock::Clock;

use crate::server_faults::{
    CERTIFICATES, LOCALHOST, asked, each_stream_fault, encrypted, go_in_a_circle, nobody, refusing,
    turn_errors, two_that_name_each_other,
};
use crate::support::certificates::{Authority, Certificate};
use crate::support::program::{
    BAD, ERROR, GOOD, Run, anonymous, json, private_file, program, server, side_by_side, tcp, tls,
    udp, with_env,
};
use crate::support::tcp_servers::{TcpRole, TcpServer};
use crate::support::turn_server::{Method, TurnConfig};

/// The one server failed at this stage with this code, the finding says what to do, and the exit
/// code says that a relay is missing.
#[track_caller]
fn assert_failed(run: &Run, stage: &str, code: &str) {
    let record = &run.servers()[0];
    assert_eq!(record["error"]["code"], code, "{record:#}");
    assert_eq!(record["stage"], stage, "{record:#}");
    assert_eq!(record["status"], "failed");
    run.assert_error_with_hint();
    run.assert_code(BAD);
    assert_eq!(run.document["outcome"], "bad");
    let summary = run.document["summary"].as_str().expect("text");
    assert!(summary.contains("relay"), "{summary}");
}

#[test]
fn each_turn_error_comes_out_with_its_own_code_and_hint() {
    side_by_side(&turn_errors(), |(config, code)| {
        let server = server(config.clone());
        for uri in [udp(&server), tcp(&server)] {
            let run = json(program(&["gather", "-s", &uri]));
            assert_failed(&run, "allocate", code);
            let finding = run.assert_finding(code, "error");
            let message = finding["message"].as_str().expect("text");
            let address = server.address.to_string();
            assert!(message.contains(&address), "{message}");
        }
    });
}

#[test]
fn a_family_that_is_not_relayed_is_no_failure_of_the_other() {
    use crate::support::turn_server::Family;
    for (family, code) in [(Family::V4, GOOD), (Family::V6, GOOD)] {
        let config = TurnConfig {
            families: vec![family],
            ..TurnConfig::default()
        };
        let server = server(config);
        let run = json(program(&["gather", "-s", &udp(&server)]));
        run.assert_code(code);
        assert_eq!(run.candidates("relay").len(), 1);
        let relayed = run.servers()[0]["relayed"].as_array().expect("a list");
        let refused = relayed.iter().find(|r| r["address"].is_null());
        let error = &refused.expect("two were asked for")["error"];
        assert_eq!(error["code"], "address-family-not-supported");
    }
}

#[test]
fn credentials_that_are_wrong_or_missing() {
    let server = server(TurnConfig::default());
    let uri = udp(&server);
    let run = json(anonymous(&["gather", "-s", &uri]));
    assert_failed(&run, "allocate", "credentials-needed");
    let finding = run.assert_finding("credentials-needed", "error");
    assert!(finding["hint"].to_string().contains("--turn-username"));

    let wrong = with_env(
        program(&["gather", "-s", &uri]),
        "RTCDIAG_TURN_PASSWORD",
        "wrong",
    );
    assert_failed(&json(wrong), "allocate", "unauthorized");

    // A variable that is empty counts as unset; a flag says what is meant.
    let empty = with_env(
        program(&["gather", "-s", &uri]),
        "RTCDIAG_TURN_USERNAME",
        "",
    );
    let run = json(empty);
    run.assert_code(ERROR);
    let whose = run
        .stderr
        .contains("--turn-username is missing, which says whose password it is");
    assert!(whose, "{}", run.stderr);
    let run = json(program(&["gather", "-s", &uri, "--turn-username", ""]));
    run.assert_code(ERROR);
    assert!(run.stderr.contains("user name is empty"), "{}", run.stderr);
    assert_eq!(server.allocations(), 0);
}

#[test]
fn time_limited_credentials_that_have_ended_are_told() {
    let server = server(TurnConfig::default());
    for (user, code) in [
        ("1500000000:ann", "credentials-expired"),
        ("9999999999:ann", "credentials-time-limited"),
    ] {
        let command = with_env(
            program(&["gather", "-s", &udp(&server)]),
            "RTCDIAG_TURN_USERNAME",
            user,
        );
        let run = json(command);
        assert_failed(&run, "allocate", "unauthorized");
        assert!(run.finding(code).is_some(), "{:#?}", run.findings());
    }
}

/// What ends while the run goes on has ended when the verdict is made.
#[test]
fn credentials_that_end_during_the_run_have_ended() {
    let server = server(TurnConfig {
        // Two round trips until the credentials are refused.
        delay: Duration::from_millis(700),
        ..TurnConfig::default()
    });
    for command in ["gather -s", "turn"] {
        let now = Clock::start().unix_now();
        let user = format!("{}:ann", now + 2);
        let args = format!("{command} {}", udp(&server));
        let run = json(with_env(program(args), "RTCDIAG_TURN_USERNAME", &user));
        run.assert_code(BAD);
        let expired = run.finding("credentials-expired");
        assert!(expired.is_some(), "{command}: {:#?}", run.findings());
    }
}

#[test]
fn servers_that_do_not_answer() {
    let silent = server(TurnConfig::silent_to(&[Method::Allocate, Method::Binding]));
    let half_silent = server(TurnConfig {
        silent_once_authenticated: true,
        ..TurnConfig::silent_to(&[Method::Allocate])
    });
    let mute = TcpServer::start(LOCALHOST, TcpRole::Silent, None).expect("a port");
    let cases = [
        // The other ports of this machine refuse.
        (udp(&silent), "allocate", "port-silent"),
        (tcp(&silent), "allocate", "nothing-behind"),
        (udp(&half_silent), "allocate", "silent-after-challenge"),
        (
            format!("turn:{}?transport=tcp", mute.address),
            "allocate",
            "nothing-behind",
        ),
        (format!("turns:{}", mute.address), "tls", "nothing-behind"),
    ];
    side_by_side(&cases, |(uri, stage, code)| {
        let run = json(program(&["gather", "-s", uri]));
        assert_failed(&run, stage, code);
        run.assert_finding(code, "error");
        let cost = run.assert_finding("stragglers", "warning")["message"].to_string();
        assert!(cost.contains("Chrome"), "what it costs: {cost}");
        let elapsed = run.servers()[0]["elapsed_ms"].as_f64().expect("a number");
        // What takes connections is looked at once more.
        assert!((2400.0..6000.0).contains(&elapsed), "{elapsed}");
    });
}

#[test]
fn ports_where_nobody_listens() {
    let (udp, tcp) = nobody();
    let cases = [
        (format!("turn:{udp}"), "allocate"),
        (format!("turn:{tcp}?transport=tcp"), "connect"),
        (format!("turns:{tcp}"), "connect"),
    ];
    side_by_side(&cases, |(uri, stage)| {
        let run = json(program(&["gather", "-s", uri]));
        assert_failed(&run, stage, "refused");
        run.assert_finding("server-refused", "error");
    });
}

#[test]
fn certificates_are_verified_and_each_fault_has_its_name() {
    let authority = Authority::new().expect("a temporary file");
    side_by_side(&CERTIFICATES, |(kind, code)| {
        let server = encrypted(TurnConfig::default(), &authority, *kind);
        let port = server.tls_address.expect("it has TLS").port();
        for uri in [tls(&server), format!("turns:localhost:{port}")] {
            let command = program(&["gather", "-4", "-s", &uri]);
            let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
            assert_failed(&run, "tls", code);
            run.assert_finding(code, "error");
            let chain = run.servers()[0]["tls"]["chain"].as_array().expect("a list");
            assert_eq!(chain.len(), 1, "what was shown is kept");
            let names = chain[0]["names"].to_string();
            let is_elsewhere = names.contains("elsewhere.example");
            assert_eq!(is_elsewhere, *kind == Certificate::WrongName);
        }
        assert_eq!(server.allocations(), 0, "no credentials to such a server");
    });
}

#[test]
fn what_is_no_turn_server() {
    each_stream_fault(&["gather", "-s"], assert_failed);
    let web = TcpServer::start(LOCALHOST, TcpRole::Http, None).expect("a port");
    let run = json(program(format!("gather -s turns:{}", web.address)));
    assert_failed(&run, "tls", "not-stun");
    let plain = server(TurnConfig::default());
    let run = json(program(format!("gather -s turns:{}", plain.address)));
    run.assert_code(BAD);
    assert_eq!(run.servers()[0]["stage"], "tls");
}

#[test]
fn try_alternate_is_followed_and_circles_are_not() {
    let (first, second) = two_that_name_each_other();
    for uri in [udp(&first), tcp(&first)] {
        let run = json(program(&["gather", "-s", &uri]));
        run.assert_code(GOOD);
        assert_eq!(run.candidates("relay").len(), 2);
        assert_eq!(run.servers()[0]["status"], "ok");
    }
    assert_eq!(first.allocations(), 0);
    go_in_a_circle(&first, &second);
    for uri in [udp(&first), tcp(&first)] {
        let run = json(program(&["gather", "-s", &uri]));
        assert_failed(&run, "allocate", "try-alternate");
    }
    let asked = asked(&first, &second);
    assert!(asked < 50, "{asked} requests");
    // To itself.
    first.configure(|config| config.alternate_server = Some(first.address));
    let run = json(program(&["gather", "-s", &udp(&first)]));
    assert_failed(&run, "allocate", "try-alternate");
}

/// ALTERNATE-DOMAIN is the name that the other server's certificate has (RFC 8489 14.16).
#[test]
fn try_alternate_over_tls_checks_the_other_name() {
    let authority = Authority::new().expect("a temporary file");
    for (domain, code) in [("localhost", GOOD), ("elsewhere.example", BAD)] {
        let start = |config| encrypted(config, &authority, Certificate::Good);
        let second = start(TurnConfig::default());
        let first = start(TurnConfig {
            alternate_server: second.tls_address,
            alternate_domain: Some(domain.to_owned()),
            ..refusing(300)
        });
        let command = program(&["gather", "-s", &tls(&first)]);
        let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
        run.assert_code(code);
        if code == BAD {
            // Of the server that was asked, it is the fault that it sends there.
            assert_failed(&run, "allocate", "try-alternate");
        }
    }
}

#[test]
fn names_that_lead_nowhere() {
    let run = json(program(&["gather", "-s", "turn:no-such-host.invalid"]));
    run.assert_code(ERROR);
    assert_eq!(run.servers()[0]["error"]["code"], "dns");
    assert_eq!(run.servers()[0]["stage"], "resolve");
    let run = json(program(&["gather", "-6", "-s", "turn:127.0.0.1"]));
    run.assert_code(ERROR);
}

#[test]
fn a_secret_of_another_server_is_refused_as_any_password() {
    let secret = private_file("wrong-secret", "south\n");
    let server = server(TurnConfig {
        auth_secret: Some("north".to_owned()),
        ..TurnConfig::default()
    });
    let run = json(anonymous(format!(
        "gather -s {} --turn-secret-file {secret}",
        udp(&server)
    )));
    assert_failed(&run, "allocate", "unauthorized");
    assert!(run.finding("credentials-time-limited").is_some());
}
