//! Who may use a server, for what, and whether data comes through it.

use std::net::IpAddr;

use rtcdiag::proto::turn::policy;
use serde_json::Value;

use crate::support::program::{
    BAD, ERROR, GOOD, INCONCLUSIVE, Run, anonymous, json, private_file, program, server, tcp, udp,
};
use crate::support::turn_server::{TurnConfig, prefix};

fn policy_of<'a>(run: &'a Run, class: &str) -> Vec<&'a Value> {
    let all = run.list("policy").iter();
    all.filter(|p| p["class"] == class).collect()
}

#[test]
fn a_server_that_relays_for_everybody_is_not_healthy() {
    let server = server(TurnConfig {
        no_auth: true,
        ..TurnConfig::default()
    });
    for command in [
        program(&["turn", &udp(&server)]),
        anonymous(&["turn", &udp(&server)]),
    ] {
        let run = json(command);
        run.assert_code(BAD);
        run.assert_finding("relay-without-credentials", "error");
        let authentication = &run.result()["authentication"];
        assert_eq!(authentication["unauthenticated_refused"]["value"], false);
        assert_eq!(run.transports()[0]["status"], "ok");
    }
}

/// The password is wrong, the server allocates all the same, and signs with a key that belongs to
/// another password.
#[test]
fn a_server_that_accepts_any_password_is_not_healthy() {
    let server = server(TurnConfig {
        ignores_password: true,
        ..TurnConfig::default()
    });
    for uri in [udp(&server), tcp(&server)] {
        let run = json(program(&["turn", &uri]));
        run.assert_finding("any-password-accepted", "error");
        run.assert_code(BAD);
        let authentication = &run.result()["authentication"];
        assert_eq!(authentication["wrong_password_refused"]["value"], false);
        assert_eq!(authentication["unauthenticated_refused"]["value"], true);
    }
}

#[test]
fn allocated_is_not_relays() {
    for config in [
        TurnConfig {
            drop_relay: true,
            ..TurnConfig::default()
        },
        TurnConfig {
            half_duplex: true,
            ..TurnConfig::default()
        },
        TurnConfig {
            relayed_address_override: Some("10.1.2.3".parse().expect("an address")),
            ..TurnConfig::default()
        },
    ] {
        let server = server(config);
        for uri in [udp(&server), tcp(&server)] {
            let run = json(program(&["turn", &uri]));
            run.assert_code(BAD);
            run.assert_finding("no-data", "error");
            let transport = &run.transports()[0];
            assert_eq!(transport["error"]["code"], "no-data");
            assert_eq!(transport["stage"], "relay");
            assert_eq!(transport["relay_to_relay"]["works"]["value"], false);
            assert_eq!(transport["relay_to_relay"]["received"], 0);
            assert_eq!(transport["relay_to_relay"]["loss_percent"], 100.0);
        }
    }
}

#[test]
fn an_unspecified_relayed_address_is_not_healthy() {
    let server = server(TurnConfig {
        relayed_address_override: Some("0.0.0.0".parse().expect("an address")),
        ..TurnConfig::default()
    });
    let run = json(program(&["turn", &udp(&server)]));
    run.assert_code(BAD);
    let finding = run.assert_finding("bad-relayed-address", "error");
    assert!(
        finding["message"].to_string().contains("0.0.0.0"),
        "{finding:#}"
    );
}

#[test]
fn the_policy_is_asked_peer_by_peer_and_no_data_goes_there() {
    let refused = [
        "169.254.0.0/16",
        "224.0.0.0/4",
        "255.255.255.255",
        "ff00::/8",
        "10.0.0.0/8",
    ];
    let server = server(TurnConfig {
        refuse_permissions: refused.map(prefix).to_vec(),
        ..TurnConfig::default()
    });
    let run = json(program(&["turn", &udp(&server)]));
    run.assert_code(GOOD);
    let asked = policy::peers(server.address.ip());
    assert_eq!(run.list("policy").len(), asked.len());
    for entry in run.list("policy") {
        let peer: IpAddr = entry["peer"]
            .as_str()
            .expect("text")
            .parse()
            .expect("an address");
        let is_refused = refused
            .map(prefix)
            .iter()
            .any(|(net, bits)| covers(*net, *bits, peer));
        assert_eq!(entry["allowed"]["value"], !is_refused, "{entry:#}");
    }
    assert_eq!(policy_of(&run, "private").len(), 3);
    run.assert_finding("useless-peers-allowed", "warning");
    run.assert_finding("private-peers-allowed", "info");
    // On loopback its own machine is where its peers are.
    run.assert_finding("unsafe-peers-allowed", "info");

    let quiet = json(program(&["turn", "--no-policy", &udp(&server)]));
    quiet.assert_code(GOOD);
    for entry in quiet.list("policy") {
        assert_eq!(entry["allowed"]["status"], "not-tested", "{entry:#}");
    }
}

fn covers(net: IpAddr, bits: u8, ip: IpAddr) -> bool {
    let same = |differing: u32| differing >= u32::from(bits);
    match (net, ip) {
        (IpAddr::V4(net), IpAddr::V4(ip)) => {
            net == ip || same((net.to_bits() ^ ip.to_bits()).leading_zeros())
        }
        (IpAddr::V6(net), IpAddr::V6(ip)) => {
            net == ip || same((net.to_bits() ^ ip.to_bits()).leading_zeros())
        }
        _ => false,
    }
}

/// It allocates, and forbids every peer: no data could be sent, so nobody knows that it relays.
#[test]
fn a_server_that_forbids_every_peer_is_not_called_healthy() {
    let server = server(TurnConfig {
        refuse_permissions: ["0.0.0.0/0", "::/0"].map(prefix).to_vec(),
        ..TurnConfig::default()
    });
    for uri in [udp(&server), tcp(&server)] {
        let run = json(program(&["turn", &uri]));
        let transport = &run.transports()[0];
        assert_ne!(transport["relay_to_relay"]["works"]["value"], true);
        assert_ne!(transport["to_reflexive"]["works"]["value"], true);
        run.assert_finding("peers-not-allowed", "warning");
        assert!(
            run.list("policy")
                .iter()
                .all(|p| p["allowed"]["value"] == false)
        );
        assert_ne!(run.code, GOOD, "{:#}", run.document["summary"]);
        assert_ne!(run.document["outcome"], "good");
    }
}

#[test]
fn time_limited_credentials_are_minted_and_their_end_is_shown() {
    let server = server(TurnConfig {
        auth_secret: Some("north".to_owned()),
        ..TurnConfig::default()
    });
    let secret = private_file("secret", "north\n");
    let uri = udp(&server);
    for extra in [&[][..], &["--turn-username", "ann"]] {
        let mut args = vec!["turn", &uri, "--turn-secret-file", &secret];
        args.extend(extra);
        let run = json(anonymous(&args));
        run.assert_code(GOOD);
        let authentication = &run.result()["authentication"];
        let end = authentication["credentials_expire"].as_str().expect("text");
        assert!(end.ends_with('Z') && end.len() >= 20, "{end}");
        assert_eq!(authentication["wrong_password_refused"]["value"], true);
    }
}

#[test]
fn credentials_from_an_ice_servers_file() {
    let server = server(TurnConfig::default());
    let text = format!(
        r#"[{{"urls": "stun:203.0.113.1"}},
            {{"urls": ["{}", "{}"], "username": "user", "credential": "secret"}}]"#,
        udp(&server),
        tcp(&server)
    );
    let path = private_file("ice.json", text);
    let uri = udp(&server);
    let run = json(anonymous(format!("turn {uri} --ice-servers {path}")));
    run.assert_code(GOOD);
    let other = json(anonymous(format!(
        "turn turn:203.0.113.9 --ice-servers {path}"
    )));
    other.assert_code(ERROR);
    assert!(
        other.stderr.contains("names no TURN server"),
        "{}",
        other.stderr
    );
    let both = json(program(&["turn", &uri, "--ice-servers", &path]));
    both.assert_code(ERROR);
}

#[test]
fn expectations_decide_the_exit_code() {
    let server = server(TurnConfig::default());
    let uri = udp(&server);
    json(program(&["turn", &uri, "--expect", "turn=ok"])).assert_code(GOOD);
    let run = json(anonymous(&["turn", &uri, "--expect", "turn=ok"]));
    run.assert_code(INCONCLUSIVE);
    assert!(run.finding("expectation-unknown").is_some());
    for wrong in ["turn=bad", "candidates=relay", "turn", ""] {
        let run = json(program(&["turn", &uri, "--expect", wrong]));
        run.assert_code(ERROR);
    }
}
