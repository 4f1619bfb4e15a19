//! Servers that are as they should be, in all their kinds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::Value;

use crate::support::certificates::{Authority, Certificate};
use crate::support::program::{
    GOOD, Run, json, program, server, side_by_side, tcp, tls, udp, with_env,
};
use crate::support::turn_server::{StreamFault, TurnConfig, TurnServer};

/// Peers that a server has no business with, so that a healthy one is also safe.
pub fn safe() -> TurnConfig {
    TurnConfig::default()
}

#[track_caller]
pub fn assert_healthy(run: &Run) {
    run.assert_code(GOOD);
    assert_eq!(run.document["outcome"], "good");
    let working = run.transports().iter().filter(|t| t["status"] == "ok");
    let working: Vec<&Value> = working.collect();
    assert!(!working.is_empty(), "{:#}", run.document);
    for transport in working {
        assert!(transport["error"].is_null(), "{transport:#}");
        assert_eq!(transport["stage"], "refresh", "{transport:#}");
        for fact in ["permission", "channel", "refresh"] {
            assert_eq!(transport[fact]["value"], true, "{fact}: {transport:#}");
        }
        assert_eq!(transport["relay_to_relay"]["works"]["value"], true);
    }
}

#[test]
fn everything_is_tried_and_measured_over_each_transport() {
    let authority = Authority::new().expect("a temporary file");
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let certificate = authority.server(Certificate::Good).expect("a certificate");
        let server = TurnServer::start_all(safe(), ip, Some(certificate)).expect("ports");
        for (uri, name) in [
            (udp(&server), "udp"),
            (tcp(&server), "tcp"),
            (tls(&server), "tls"),
        ] {
            let command = program(&["turn", &uri]);
            let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
            assert_healthy(&run);
            assert_eq!(run.document["command"], "turn");
            let [transport] = run.transports() else {
                panic!("one is named: {:#?}", run.transports());
            };
            assert_eq!(transport["transport"], name);
            assert_eq!(transport["named"], true);
            assert_eq!(transport["lifetime_s"], 600);
            assert_eq!(transport["software"], "scripted");
            assert_eq!(transport["realm"], "example.org");
            assert_eq!(transport["nonce"], "rfc5389");
            assert_eq!(transport["password_algorithm"], "md5");
            let data = &transport["relay_to_relay"];
            assert_eq!(data["sent"], 10);
            assert_eq!(data["received"], 10);
            assert_eq!(data["loss_percent"], 0.0);
            assert!(
                data["rtt_ms"]["median"]
                    .as_f64()
                    .is_some_and(|rtt| rtt > 0.0)
            );
            assert!(
                transport["throughput"]["kbit_per_s"]
                    .as_f64()
                    .is_some_and(|r| r > 100.0)
            );
            let stages: Vec<&str> = transport["stages"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|s| s["stage"].as_str().expect("text"))
                .collect();
            for stage in ["allocate", "permission", "relay", "channel", "refresh"] {
                assert!(stages.contains(&stage), "{stages:?}");
            }
            if name == "tls" {
                let certificate = &transport["tls"]["chain"][0];
                assert!(
                    certificate["not_after"]
                        .as_str()
                        .is_some_and(|t| t.ends_with('Z'))
                );
                assert!(certificate["names"].to_string().contains("localhost"));
                assert!(transport["tls"]["version"].is_string());
            } else {
                assert!(transport["tls"].is_null());
            }
            // Data to a socket of this host, if it is of the relayed address's family.
            if ip.is_ipv4() {
                assert_eq!(transport["to_reflexive"]["works"]["value"], true);
            }
            assert_eq!(run.result()["relays_ipv4"]["value"], true);
            assert_eq!(run.result()["relays_ipv6"]["value"], true);
        }
        assert!(server.violations().is_empty(), "{:?}", server.violations());
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(server.live_allocations(), 0, "all are released");
    }
}

/// What the URI leaves open need not be there: this server has UDP and TCP, and no TLS.
#[test]
fn a_transport_that_nobody_promised_may_be_absent() {
    let server = server(safe());
    for uri in [
        format!("turn:{}", server.address),
        server.address.to_string(),
    ] {
        let run = json(program(&["turn", &uri]));
        assert_healthy(&run);
        let status: Vec<(&str, &str)> = run
            .transports()
            .iter()
            .map(|t| {
                (
                    t["transport"].as_str().expect("text"),
                    t["status"].as_str().expect("text"),
                )
            })
            .collect();
        assert_eq!(status, [("udp", "ok"), ("tcp", "ok"), ("tls", "absent")]);
        run.assert_finding("transport-absent", "info");
    }
}

/// Where the URI says TLS, TLS has to be there.
#[test]
fn a_transport_that_the_uri_names_has_to_work() {
    let server = server(safe());
    let run = json(program(&["turn", &format!("turns:{}", server.address)]));
    run.assert_code(1);
    assert_eq!(run.transports().len(), 1);
    assert_eq!(run.transports()[0]["status"], "failed");
    run.assert_error_with_hint();
}

#[test]
fn sha256_nonces_and_odd_servers_are_healthy_too() {
    let v4 = |text: &str| text.parse().expect("an address");
    let cases = [
        TurnConfig {
            sha256: true,
            ..safe()
        },
        TurnConfig {
            nonce_requests: Some(4),
            ..safe()
        },
        TurnConfig {
            duplicate_responses: true,
            ..safe()
        },
        TurnConfig {
            strays: 3,
            ..safe()
        },
        TurnConfig {
            software: Vec::new(),
            ..safe()
        },
        TurnConfig {
            delay: Duration::from_millis(40),
            ..safe()
        },
        // A NAT before the server, as seen from it.
        TurnConfig {
            mapped_address_override: Some(v4("203.0.113.5:40000")),
            ..safe()
        },
        TurnConfig::faulty(StreamFault::UnknownChannelData),
    ];
    side_by_side(&cases, |config| {
        let server = server(config.clone());
        for uri in [udp(&server), tcp(&server)] {
            let run = json(program(&["turn", &uri]));
            assert_healthy(&run);
            let transport = &run.transports()[0];
            if config.sha256 {
                assert_eq!(transport["nonce"], "rfc8489");
                assert_eq!(transport["password_algorithm"], "sha-256");
            }
            if config.software.is_empty() {
                assert!(transport["software"].is_null());
            }
        }
    });
}

/// Loss is measured, and does not make a server unhealthy by itself.
#[test]
fn loss_on_the_way_is_measured() {
    let server = server(TurnConfig {
        loss: 0.15,
        ..safe()
    });
    let run = json(program(&["turn", &udp(&server), "--no-policy"]));
    let transport = &run.transports()[0];
    assert_eq!(
        transport["relay_to_relay"]["works"]["value"], true,
        "{transport:#}"
    );
    let received = transport["relay_to_relay"]["received"]
        .as_u64()
        .expect("a number");
    assert!((1..=10).contains(&received));
}

/// A user may be allowed a single allocation: then everything takes turns.
#[test]
fn a_small_quota_is_no_fault() {
    let cases: Vec<(usize, bool)> = vec![(1, true), (2, true), (3, true), (1, false), (2, false)];
    side_by_side(&cases, |(quota, named)| {
        let server = server(TurnConfig {
            quota: Some(*quota),
            ..safe()
        });
        let uri = if *named {
            udp(&server)
        } else {
            format!("turn:{}", server.address)
        };
        let run = json(program(&["turn", &uri]));
        assert_healthy(&run);
        let working = run
            .transports()
            .iter()
            .filter(|t| t["status"] == "ok")
            .count();
        assert_eq!(working, if *named { 1 } else { 2 }, "quota {quota}");
        assert_eq!(run.result()["relays_ipv4"]["value"], true, "quota {quota}");
        assert_eq!(run.result()["relays_ipv6"]["value"], true, "quota {quota}");
        let refused = &run.result()["authentication"]["wrong_password_refused"];
        assert_eq!(refused["value"], true);
        for policy in run.list("policy") {
            assert_eq!(policy["allowed"]["status"], "determined", "{policy:#}");
        }
        assert!(run.finding("allocation-quota-reached").is_none());
    });
}

#[test]
fn a_server_of_one_family_is_healthy() {
    use crate::support::turn_server::Family;
    let server = server(TurnConfig {
        families: vec![Family::V4],
        ..safe()
    });
    let run = json(program(&["turn", &udp(&server)]));
    assert_healthy(&run);
    assert_eq!(run.result()["relays_ipv4"]["value"], true);
    assert_eq!(run.result()["relays_ipv6"]["value"], false);
    for policy in run.list("policy") {
        let peer: IpAddr = policy["peer"]
            .as_str()
            .expect("text")
            .parse()
            .expect("an address");
        let expected = if peer.is_ipv4() {
            "determined"
        } else {
            "not-tested"
        };
        assert_eq!(policy["allowed"]["status"], expected, "{policy:#}");
    }
}

#[test]
fn text_says_healthy_last() {
    let server = server(safe());
    let output = program(&["turn", "-v", &udp(&server)])
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let last = text.lines().last().expect("a summary");
    assert!(text.contains("healthy"), "{text}");
    assert!(last.ends_with('.'), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(output.stderr.is_empty());
}
