//! Every way in which a server fails has a code and a hint of its own.

use crate::server_faults::{
    CERTIFICATES, LOCALHOST, asked, each_stream_fault, encrypted, go_in_a_circle, nobody,
    turn_errors, two_that_name_each_other,
};
use crate::support::certificates::{Authority, Certificate};
use crate::support::program::{
    BAD, ERROR, INCONCLUSIVE, Run, anonymous, json, program, server, side_by_side, tcp, tls, udp,
    with_env,
};
use crate::support::tcp_servers::{TcpRole, TcpServer};
use crate::support::turn_server::{Method, TurnConfig};

#[track_caller]
fn assert_failed(run: &Run, stage: &str, code: &str) {
    assert_failure(run, stage, code);
    run.assert_code(BAD);
    assert_eq!(run.document["outcome"], "bad");
}

#[track_caller]
fn assert_failure(run: &Run, stage: &str, code: &str) {
    let transport = &run.transports()[0];
    assert_eq!(transport["error"]["code"], code, "{transport:#}");
    assert_eq!(transport["stage"], stage, "{transport:#}");
    assert_eq!(transport["status"], "failed");
    run.assert_finding(code, "error");
}

fn failing(method: Method, code: u16) -> TurnConfig {
    TurnConfig {
        error_on: vec![(method, code)],
        ..TurnConfig::default()
    }
}

#[test]
fn each_turn_error_comes_out_with_its_own_code_and_hint() {
    side_by_side(&turn_errors(), |(config, code)| {
        let server = server(config.clone());
        for uri in [udp(&server), tcp(&server)] {
            let run = json(program(&["turn", &uri, "--expect", "turn=ok"]));
            if *code == "allocation-quota-reached" {
                // The user's own allocations of before may have reached it.
                assert_failure(&run, "allocate", code);
                run.assert_code(INCONCLUSIVE);
                assert!(run.finding("expectation-unknown").is_some());
                let summary = run.summary();
                assert!(summary.contains("says nothing of its health"), "{summary}");
                assert!(!summary.contains("does not work"), "{summary}");
            } else {
                assert_failed(&run, "allocate", code);
                assert!(run.finding("expectation-not-met").is_some());
            }
        }
    });
}

/// Allocated, but what comes after that does not work.
#[test]
fn errors_of_later_steps_have_their_stage() {
    use Method::{ChannelBind, CreatePermission, Refresh};
    let silent_to = |method| TurnConfig::silent_to(&[method]);
    let no_room = "insufficient-capacity";
    let cases = [
        (failing(CreatePermission, 508), "permission", no_room),
        (
            failing(CreatePermission, 441),
            "permission",
            "wrong-credentials",
        ),
        (failing(ChannelBind, 508), "channel", no_room),
        (failing(Refresh, 437), "refresh", "allocation-mismatch"),
        (silent_to(Refresh), "refresh", "timeout"),
        (silent_to(CreatePermission), "permission", "timeout"),
        (silent_to(ChannelBind), "channel", "timeout"),
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
    let (no_udp, no_tcp) = nobody();
    let cases = [
        (udp(&silent), "allocate", "turn-silent"),
        (tcp(&silent), "allocate", "turn-silent"),
        (
            format!("turn:{}?transport=tcp", mute.address),
            "allocate",
            "nothing-behind",
        ),
        (format!("turns:{}", mute.address), "tls", "nothing-behind"),
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
        assert!(run.elapsed_ms() < 6500.0, "{uri}: {}", run.elapsed_ms());
    });
    let open = json(program(&["turn", &format!("turn:{no_udp}")]));
    open.assert_code(BAD);
    open.assert_error_with_hint();
}

#[test]
fn certificates_are_verified_and_each_fault_has_its_name() {
    let authority = Authority::new().expect("a temporary file");
    side_by_side(&CERTIFICATES, |(kind, code)| {
        let server = encrypted(TurnConfig::default(), &authority, *kind);
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
    each_stream_fault(&["turn"], assert_failed);
}

#[test]
fn try_alternate_is_followed_and_circles_are_not() {
    let (first, second) = two_that_name_each_other();
    for uri in [udp(&first), tcp(&first)] {
        let run = json(program(&["turn", &uri]));
        run.assert_code(0);
        let transport = &run.transports()[0];
        assert_eq!(transport["status"], "ok");
        assert_eq!(transport["address"], second.address.to_string());
    }
    assert_eq!(first.allocations(), 0);
    go_in_a_circle(&first, &second);
    for uri in [udp(&first), tcp(&first)] {
        let run = json(program(&["turn", &uri]));
        assert_failed(&run, "allocate", "try-alternate");
    }
    let asked = asked(&first, &second);
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
