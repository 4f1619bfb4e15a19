//! Every way in which a server fails has a code and a hint of its own.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::program::{
    BAD, ERROR, INCONCLUSIVE, Run, anonymous, json, program, server, side_by_side, tcp, tls, udp,
    with_env,
};
use crate::support::certificates::{Authority, Certificate};
use crate::support::tcp_servers::{TcpRole, TcpServer};
use crate::support::turn_server::{Method, StreamFault, TurnConfig, TurnServer};

const LOCALHOST: std::net::IpAddr = std::net::IpAddr::V4(Ipv4Addr::LOCALHOST);

#[track_caller]
fn assert_failed(run: &Run, stage: &str, code: &str) {
    let transport = &run.transports()[0];
    assert_eq!(transport["error"]["code"], code, "{transport:#}");
    assert_eq!(transport["stage"], stage, "{transport:#}");
    assert_eq!(transport["status"], "failed");
    run.assert_finding(code, "error");
    run.assert_code(BAD);
    assert_eq!(run.document["outcome"], "bad");
}

fn refusing(code: u16) -> TurnConfig {
    TurnConfig {
        error_on_allocate: Some((code, "as scripted")),
        ..TurnConfig::default()
    }
}

fn failing(method: Method, code: u16) -> TurnConfig {
    TurnConfig {
        error_on: vec![(method, code)],
        ..TurnConfig::default()
    }
}

#[test]
fn each_turn_error_comes_out_with_its_own_code_and_hint() {
    let stale = TurnConfig {
        always_stale: true,
        ..TurnConfig::default()
    };
    let cases = [
        (refusing(400), "bad-request"),
        (refusing(401), "unauthorized"),
        (refusing(403), "forbidden"),
        (refusing(420), "unknown-attribute"),
        (refusing(437), "allocation-mismatch"),
        (stale, "stale-nonce"),
        (refusing(441), "wrong-credentials"),
        (refusing(442), "unsupported-transport-protocol"),
        (refusing(486), "allocation-quota-reached"),
        (refusing(500), "server-error"),
        (refusing(508), "insufficient-capacity"),
        (refusing(300), "try-alternate"),
        (refusing(599), "stun-error"),
    ];
    side_by_side(&cases, |(config, code)| {
        let server = server(config.clone());
        for uri in [udp(&server), tcp(&server)] {
            let run = json(program(&["turn", &uri, "--expect", "turn=ok"]));
            assert_failed(&run, "allocate", code);
            assert!(run.finding("expectation-not-met").is_some());
        }
    });
}

/// Allocated, but what comes after that does not work.
#[test]
fn errors_of_later_steps_have_their_stage() {
    let cases = [
        (
            failing(Method::CreatePermission, 508),
            "permission",
            "insufficient-capacity",
        ),
        (
            failing(Method::CreatePermission, 441),
            "permission",
            "wrong-credentials",
        ),
        (
            failing(Method::ChannelBind, 508),
            "channel",
            "insufficient-capacity",
        ),
        (
            failing(Method::Refresh, 437),
            "refresh",
            "allocation-mismatch",
        ),
        (
            TurnConfig::silent_to(&[Method::Refresh]),
            "refresh",
            "timeout",
        ),
        (
            TurnConfig::silent_to(&[Method::CreatePermission]),
            "permission",
            "timeout",
        ),
        (
            TurnConfig::silent_to(&[Method::ChannelBind]),
            "channel",
            "timeout",
        ),
    ];
    side_by_side(&cases, |(config, stage, code)| {
        let server = server(config.clone());
        for uri in [udp(&server), tcp(&server)] {
            let run = json(program(&["turn", &uri, "--no-policy"]));
            assert_failed(&run, stage, code);
            // What was not tried for want of a permission is not called forbidden.
            let untried = &run.transports()[0]["relay_to_relay"]["works"];
            assert_ne!(untried["reason"], "policy-forbids", "{stage} {code}");
        }
    });
}

#[test]
fn credentials_that_are_wrong_or_missing() {
    let server = server(TurnConfig::default());
    let uri = udp(&server);
    let run = json(anonymous(&["turn", &uri]));
    run.assert_code(INCONCLUSIVE);
    assert_eq!(run.transports()[0]["error"]["code"], "credentials-needed");
    let finding = run.assert_finding("credentials-needed", "error");
    assert!(finding["hint"].to_string().contains("--turn-username"));
    let authentication = &run.result()["authentication"];
    assert_eq!(authentication["unauthenticated_refused"]["value"], true);
    assert_eq!(
        authentication["wrong_password_refused"]["status"],
        "not-tested"
    );

    let wrong = with_env(program(&["turn", &uri]), "RTCDIAG_TURN_PASSWORD", "wrong");
    assert_failed(&json(wrong), "allocate", "unauthorized");
    let run = json(program(&["turn", &uri, "--turn-username", ""]));
    run.assert_code(ERROR);
    assert!(run.stderr.contains("user name is empty"), "{}", run.stderr);
}

#[test]
fn servers_that_do_not_answer() {
    let silent = server(TurnConfig::silent_to(&[Method::Allocate]));
    let mute = TcpServer::start(LOCALHOST, TcpRole::Silent, None).expect("a port");
    let gone = UdpSocket::bind((LOCALHOST, 0)).expect("a port");
    let no_udp = gone.local_addr().expect("bound");
    drop(gone);
    let gone = TcpListener::bind((LOCALHOST, 0)).expect("a port");
    let no_tcp = gone.local_addr().expect("bound");
    drop(gone);
    let cases = [
        (udp(&silent), "allocate", "timeout"),
        (tcp(&silent), "allocate", "timeout"),
        (
            format!("turn:{}?transport=tcp", mute.address),
            "allocate",
            "timeout",
        ),
        (format!("turns:{}", mute.address), "tls", "timeout"),
        (
            format!("turn:{no_udp}?transport=udp"),
            "allocate",
            "refused",
        ),
        (format!("turn:{no_tcp}?transport=tcp"), "connect", "refused"),
        (format!("turns:{no_tcp}"), "connect", "refused"),
    ];
    side_by_side(&cases, |(uri, stage, code)| {
        let run = json(program(&["turn", uri]));
        assert_failed(&run, stage, code);
        assert!(run.elapsed_ms() < 4500.0, "{uri}: {}", run.elapsed_ms());
    });
    let open = json(program(&["turn", &format!("turn:{no_udp}")]));
    open.assert_code(BAD);
    open.assert_error_with_hint();
}

#[test]
fn certificates_are_verified_and_each_fault_has_its_name() {
    let authority = Authority::new().expect("a temporary file");
    let cases = [
        (Certificate::Expired, "certificate-expired"),
        (Certificate::NotYetValid, "certificate-not-yet-valid"),
        (Certificate::WrongName, "certificate-wrong-name"),
        (Certificate::UnknownIssuer, "certificate-unknown-issuer"),
    ];
    side_by_side(&cases, |(kind, code)| {
        let config = authority.server(*kind).expect("a certificate");
        let server = TurnServer::start_all(TurnConfig::default(), LOCALHOST, Some(config))
            .expect("loopback has ports");
        let command = program(&["turn", &tls(&server)]);
        let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
        assert_failed(&run, "tls", code);
        let chain = run.transports()[0]["tls"]["chain"]
            .as_array()
            .expect("a list");
        assert_eq!(chain.len(), 1);
        if *kind == Certificate::Expired {
            let end = chain[0]["not_after"].as_str().expect("text");
            assert!(end.starts_with("2020-01-01"), "{end}");
        }
        assert_eq!(server.allocations(), 0);
    });
}

#[test]
fn what_is_no_turn_server() {
    let authority = Authority::new().expect("a temporary file");
    let cases = [
        (StreamFault::Http, false, "allocate", "not-stun"),
        (StreamFault::Http, true, "allocate", "not-stun"),
        (StreamFault::CloseAfterAccept, false, "allocate", "closed"),
        (StreamFault::CloseInHandshake, false, "allocate", "closed"),
        (StreamFault::CloseAfterAccept, true, "tls", "tls"),
        (StreamFault::CloseInHandshake, true, "tls", "tls"),
        (StreamFault::SilentInHandshake, true, "tls", "timeout"),
    ];
    side_by_side(&cases, |(fault, encrypted, stage, code)| {
        let config = authority.server(Certificate::Good).expect("a certificate");
        let server = TurnServer::start_all(TurnConfig::faulty(*fault), LOCALHOST, Some(config))
            .expect("loopback has ports");
        let uri = if *encrypted {
            tls(&server)
        } else {
            tcp(&server)
        };
        let command = program(&["turn", &uri]);
        let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
        assert_failed(&run, stage, code);
    });
}

#[test]
fn try_alternate_is_followed_and_circles_are_not() {
    let second = server(TurnConfig::default());
    let first = server(TurnConfig {
        alternate_server: Some(second.address),
        ..refusing(300)
    });
    for uri in [udp(&first), tcp(&first)] {
        let run = json(program(&["turn", &uri]));
        run.assert_code(0);
        let transport = &run.transports()[0];
        assert_eq!(transport["status"], "ok");
        assert_eq!(transport["address"], second.address.to_string());
    }
    assert_eq!(first.allocations(), 0);
    second.configure(|config| {
        config.error_on_allocate = Some((300, "Try Alternate"));
        config.alternate_server = Some(first.address);
    });
    for uri in [udp(&first), tcp(&first)] {
        let run = json(program(&["turn", &uri]));
        assert_failed(&run, "allocate", "try-alternate");
    }
    let asked = first.requests(Method::Allocate) + second.requests(Method::Allocate);
    assert!(asked < 100, "{asked} requests");
}

#[test]
fn what_cannot_be_tested_at_all() {
    for args in [
        &["turn", "turn:no-such-host.invalid"][..],
        &["turn", "turn:127.0.0.1", "-6"],
        &["turn", "stun:127.0.0.1"],
        &["turn"],
    ] {
        let run = json(program(args));
        run.assert_code(ERROR);
        assert_eq!(run.document["outcome"], "error", "{args:?}");
    }
}
