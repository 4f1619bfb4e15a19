//! Flags, files and variables.

use crate::support::program::{
    BAD, ERROR, GOOD, anonymous, file, json, private_file, program, read, server, tcp, udp,
    with_env, with_input,
};
use crate::support::turn_server::{Method, TurnConfig};

fn ice_servers(urls: &[&str]) -> String {
    let urls = serde_json::to_string(urls).expect("text");
    format!(
        r#"{{"iceServers": [{{"urls": {urls}, "username": "user", "credential": "secret"}}],
            "iceTransportPolicy": "all"}}"#
    )
}

#[test]
fn policy_relay_asks_no_stun_server_and_shows_nothing_else() {
    let (turn, stun) = (server(TurnConfig::default()), server(TurnConfig::default()));
    let stun_uri = format!("stun:{}", stun.address);
    let run = json(program(format!(
        "gather --policy relay -s {} -s {stun_uri}",
        udp(&turn)
    )));
    run.assert_code(GOOD);
    assert_eq!(run.list("candidates").len(), run.candidates("relay").len());
    assert_eq!(run.candidates("relay").len(), 2);
    assert_eq!(run.servers().len(), 1);
    assert_eq!(stun.requests(Method::Binding), 0);
    assert_eq!(turn.requests(Method::Binding), 0);

    let run = json(program(&["gather", "--policy", "relay", "-s", &stun_uri]));
    run.assert_code(ERROR);
    assert!(run.stderr.contains("needs a TURN server"), "{}", run.stderr);
}

#[test]
fn expectations_decide_the_exit_code() {
    let good = server(TurnConfig {
        mapped_address_override: Some("203.0.113.5:40000".parse().expect("an address")),
        ..TurnConfig::default()
    });
    let bad = server(TurnConfig {
        error_on_allocate: Some((508, "Insufficient Capacity")),
        ..TurnConfig::default()
    });
    for (server, expect, code) in [
        (&good, "candidates=relay", GOOD),
        (
            &good,
            "candidates=host,candidates=srflx,candidates=relay",
            GOOD,
        ),
        (&good, "candidates=srflx,relay", GOOD),
        (&bad, "candidates=relay", BAD),
        (&bad, "candidates=host,relay", BAD),
        // What is not wanted may be missing.
        (&bad, "candidates=host", GOOD),
        (&bad, "candidates=srflx", GOOD),
    ] {
        let run = json(program(&["gather", "-s", &udp(server), "--expect", expect]));
        assert_eq!(run.code, code, "{expect}: {:#}", run.document);
        assert_eq!(run.finding("expectation-not-met").is_some(), code == BAD);
    }
    let run = json(program(format!(
        "gather -s stun:{} --expect candidates=relay",
        good.address
    )));
    run.assert_code(BAD);
}

#[test]
fn ice_servers_from_a_file_and_from_standard_input() {
    let server = server(TurnConfig::default());
    let text = ice_servers(&[&udp(&server), &tcp(&server)]);
    let path = private_file("ice.json", &text);
    let run = json(anonymous(&["gather", "--ice-servers", &path]));
    run.assert_code(GOOD);
    assert_eq!(run.candidates("relay").len(), 4);
    assert!(run.finding("secret-file-readable").is_none());

    let output = with_input(
        anonymous(&["gather", "--json", "--ice-servers", "-"]),
        text.as_bytes(),
    );
    let run = read(&output);
    run.assert_code(GOOD);
    assert_eq!(run.candidates("relay").len(), 4);

    let variable = with_env(anonymous(&["gather"]), "RTCDIAG_ICE_SERVERS", &path);
    json(variable).assert_code(GOOD);

    #[cfg(unix)]
    {
        let open = file("open.json", &text);
        let run = json(anonymous(&["gather", "--ice-servers", &open]));
        run.assert_code(GOOD);
        run.assert_finding("secret-file-readable", "warning");
    }
}

/// Credentials of an entry are for its servers, those of the flags for the servers of the flags.
#[test]
fn each_server_gets_its_own_credentials() {
    let other = server(TurnConfig {
        username: "other".to_owned(),
        password: "wise".to_owned(),
        ..TurnConfig::default()
    });
    let mine = server(TurnConfig::default());
    let text = format!(
        r#"[{{"urls": "{}", "username": "other", "credential": "wise"}}]"#,
        udp(&other)
    );
    let path = private_file("other.json", text);
    let run = json(program(format!(
        "gather --ice-servers {path} -s {}",
        udp(&mine)
    )));
    run.assert_code(GOOD);
    assert_eq!(run.candidates("relay").len(), 4);
    assert!(
        run.servers().iter().all(|s| s["status"] == "ok"),
        "{:#?}",
        run.servers()
    );
}

#[test]
fn time_limited_credentials_are_minted_from_a_secret() {
    let server = server(TurnConfig {
        auth_secret: Some("n\u{f6}rd-lich".to_owned()),
        ..TurnConfig::default()
    });
    let path = private_file("secret", "n\u{f6}rd-lich\r\nsecond line\n");
    for user in [None, Some("ann"), Some("j\u{f6}rg")] {
        let uri = udp(&server);
        let mut args = vec!["gather", "-s", &uri, "--turn-secret-file", &path];
        if let Some(user) = user {
            args.extend(["--turn-username", user]);
        }
        let run = json(anonymous(&args));
        run.assert_code(GOOD);
        assert_eq!(run.candidates("relay").len(), 2, "{user:?}");
    }
    let piped = anonymous(format!(
        "gather --json -s {} --turn-secret-file -",
        udp(&server)
    ));
    read(&with_input(piped, "n\u{f6}rd-lich\n".as_bytes())).assert_code(GOOD);
}

#[test]
fn the_password_comes_from_a_file_or_a_variable() {
    let server = server(TurnConfig::default());
    let uri = udp(&server);
    let path = private_file("password", "secret\nnot this\n");
    let run = json(anonymous(format!(
        "gather -s {uri} --turn-username user --turn-password-file {path}"
    )));
    run.assert_code(GOOD);
    // The file was named, so it counts.
    let both = with_env(
        anonymous(format!(
            "gather -s {uri} --turn-username user --turn-password-file {path}"
        )),
        "RTCDIAG_TURN_PASSWORD",
        "wrong",
    );
    json(both).assert_code(GOOD);
    let piped = anonymous(format!(
        "gather --json -s {uri} --turn-username user --turn-password-file -"
    ));
    read(&with_input(piped, b"secret")).assert_code(GOOD);

    let without = json(anonymous(format!("gather -s {uri} --turn-username user")));
    without.assert_code(ERROR);
    assert!(
        without.stderr.contains("RTCDIAG_TURN_PASSWORD"),
        "{}",
        without.stderr
    );
    let without = json(anonymous(format!(
        "gather -s {uri} --turn-password-file {path}"
    )));
    without.assert_code(ERROR);
    assert!(
        without.stderr.contains("--turn-username"),
        "{}",
        without.stderr
    );
}

#[test]
fn servers_of_the_configuration_file() {
    let server = server(TurnConfig::default());
    let config = file(
        "gather.toml",
        format!(
            "server = [\"{}\"]\n[gather]\npolicy = \"relay\"\nexpect = \"candidates=relay\"\n",
            udp(&server)
        ),
    );
    let run = json(program(&["gather", "--config", &config]));
    run.assert_code(GOOD);
    assert!(run.candidates("host").is_empty());
    let run = json(program(&["gather", "--config", &config, "--policy", "all"]));
    assert!(!run.candidates("host").is_empty());
}

#[test]
fn credentials_without_a_turn_server_are_pointed_out() {
    let server = server(TurnConfig::default());
    let run = json(program(format!(
        "gather -s stun:{} --turn-username user",
        server.address
    )));
    run.assert_code(GOOD);
    run.assert_finding("credentials-unused", "warning");
}

#[test]
fn text_names_candidates_and_the_most_important_comes_last() {
    let server = server(TurnConfig::default());
    let output = program(&["gather", "-v", "-s", &udp(&server)])
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("candidate:"), "{text}");
    assert!(
        text.lines()
            .next()
            .is_some_and(|line| line.starts_with("good")),
        "{text}"
    );
    assert!(
        text.lines().last().is_some_and(|line| line.ends_with('.')),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
    assert!(
        output.stderr.is_empty(),
        "no progress where there is no terminal"
    );
}

#[test]
fn a_file_that_wants_relays_alone_and_names_no_turn_server() {
    let stun = server(TurnConfig::default());
    let text = format!(
        r#"{{"iceServers": [{{"urls": "stun:{}"}}], "iceTransportPolicy": "relay"}}"#,
        stun.address
    );
    let path = file("relays-alone.json", &text);
    let run = json(program(&["gather", "--ice-servers", &path]));
    run.assert_code(BAD);
    run.assert_finding("ice-servers-form", "error");
    let summary = run.document["summary"].as_str().expect("text");
    assert!(summary.contains("no call connects"), "{summary}");
}
