//! What is gathered, and how it is written down.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use rtcdiag::proto::ice::candidate::{Candidate, CandidateType};
use serde_json::Value;

use crate::support::certificates::{Authority, Certificate};
use crate::support::program::{GOOD, Run, json, program, server, tcp, tls, udp, with_env};
use crate::support::turn_server::{TurnConfig, TurnServer};

/// Lines say what the fields say, and can be read back.
#[track_caller]
fn assert_lines(run: &Run) {
    for candidate in run.list("candidates") {
        let line = candidate["sdp"].as_str().expect("a line");
        let read: Candidate = line.parse().expect(line);
        assert_eq!(read.to_string(), line);
        assert_eq!(candidate["address"], read.address.ip().to_string());
        assert_eq!(candidate["port"], read.address.port());
        assert_eq!(candidate["priority"], read.priority);
        assert_eq!(candidate["foundation"], read.foundation);
        assert_eq!(candidate["component"], read.component);
        assert_eq!(candidate["type"], read.kind.name());
        let related = read.related.map(|a| (a.ip().to_string(), a.port()));
        if let Some((ip, port)) = related {
            assert_eq!(candidate["related_address"], ip);
            assert_eq!(candidate["related_port"], port);
        } else {
            assert!(candidate["related_address"].is_null());
            assert_eq!(read.kind, CandidateType::Host);
        }
    }
}

fn loopback<'a>(run: &'a Run, kind: &str) -> Vec<&'a Value> {
    let is_loopback = |c: &&Value| {
        let base = c["base"].as_str().expect("a base");
        base.starts_with("127.0.0.1:") || base.starts_with("[::1]:")
    };
    run.candidates(kind)
        .into_iter()
        .filter(is_loopback)
        .collect()
}

#[test]
fn host_srflx_and_relay_from_one_server() {
    let config = TurnConfig {
        mapped_address_override: Some("203.0.113.5:40000".parse().expect("an address")),
        ..TurnConfig::default()
    };
    let server = server(config);
    let run = json(program(&["gather", "-s", &udp(&server)]));
    run.assert_code(GOOD);
    assert_eq!(run.document["command"], "gather");
    assert_lines(&run);

    let host = loopback(&run, "host");
    assert_eq!(host.len(), 1);
    assert_eq!(host[0]["interface"], "lo");
    assert!(host[0]["server"].is_null() && host[0]["relay_transport"].is_null());

    let srflx = loopback(&run, "srflx");
    assert_eq!(srflx.len(), 1);
    assert_eq!(srflx[0]["address"], "203.0.113.5");
    assert_eq!(srflx[0]["port"], 40000);
    assert_eq!(srflx[0]["related_address"], "127.0.0.1");
    assert_eq!(srflx[0]["related_port"], host[0]["port"]);

    let relay = loopback(&run, "relay");
    assert_eq!(relay.len(), 2, "one of each family: {relay:#?}");
    let families: BTreeSet<bool> = relay
        .iter()
        .map(|c| c["address"].as_str().expect("text").contains(':'))
        .collect();
    assert_eq!(families.len(), 2);
    for candidate in relay {
        assert_eq!(candidate["relay_transport"], "udp");
        assert_eq!(candidate["related_address"], "203.0.113.5");
    }
    let record = &run.servers()[0];
    assert_eq!(record["status"], "ok");
    assert_eq!(record["stage"], "relay");
    assert_eq!(record["software"], "scripted");
    assert_eq!(record["realm"], "example.org");
    assert!(record["error"].is_null());
    assert!(record["rtt_ms"].is_number());
    for relayed in record["relayed"].as_array().expect("a list") {
        assert_eq!(relayed["relays"]["value"], true, "{relayed:#}");
        assert_eq!(relayed["authenticated"], true);
        assert_eq!(relayed["lifetime_s"], 600);
    }
    assert!(server.violations().is_empty(), "{:?}", server.violations());
}

#[test]
fn allocations_are_released() {
    let server = server(TurnConfig::default());
    let run = json(program(format!(
        "gather -s {} -s {}",
        udp(&server),
        tcp(&server)
    )));
    run.assert_code(GOOD);
    assert_eq!(server.allocations(), 4);
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(server.live_allocations(), 0);
}

#[test]
fn relays_over_udp_tcp_and_tls_and_ipv6() {
    let authority = Authority::new().expect("a temporary file");
    for ip in [
        std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        let certificate = authority.server(Certificate::Good).expect("a certificate");
        let server = TurnServer::start_all(TurnConfig::default(), ip, Some(certificate))
            .expect("loopback has ports");
        let (udp, tcp, tls) = (udp(&server), tcp(&server), tls(&server));
        let command = program(&["gather", "-s", &udp, "-s", &tcp, "-s", &tls]);
        let run = json(with_env(command, "SSL_CERT_FILE", authority.file()));
        run.assert_code(GOOD);
        assert_lines(&run);
        let transports: Vec<&str> = loopback(&run, "relay")
            .iter()
            .map(|c| c["relay_transport"].as_str().expect("text"))
            .collect();
        assert_eq!(
            transports,
            ["udp", "udp", "tcp", "tcp", "tls", "tls"],
            "by priority"
        );
        for record in run.servers() {
            assert_eq!(record["status"], "ok", "{record:#}");
        }
        let encrypted = run.servers().iter().find(|s| s["transport"] == "tls");
        let encrypted = encrypted.expect("three servers");
        let chain = &encrypted["tls"]["chain"];
        let names = chain[0]["names"].to_string();
        assert!(
            names.contains("localhost") && names.contains("127.0.0.1"),
            "{names}"
        );
        assert!(
            encrypted["tls"]["version"]
                .as_str()
                .is_some_and(|v| v.starts_with("tls-1."))
        );
    }
}

/// RFC 8445 5.1.1.3: foundations are the same for the same type, base, server and protocol, and
/// different otherwise; priorities are all different.
#[test]
fn foundations_and_priorities_are_those_of_rfc_8445() {
    let servers = [server(TurnConfig::default()), server(TurnConfig::default())];
    let uris: Vec<String> = servers.iter().flat_map(|s| [udp(s), tcp(s)]).collect();
    let mut args = vec!["gather"];
    args.extend(uris.iter().flat_map(|uri| ["-s", uri]));
    let run = json(program(&args));
    run.assert_code(GOOD);
    let all = run.list("candidates");
    let priorities: Vec<u64> = all
        .iter()
        .map(|c| c["priority"].as_u64().expect("a number"))
        .collect();
    assert!(priorities.is_sorted_by(|a, b| a > b), "{priorities:?}");
    for (index, one) in all.iter().enumerate() {
        for other in &all[index + 1..] {
            // RFC 8445 5.1.1.3 speaks of the server's IP address, which is the same here.
            let alike = ["type", "relay_transport"]
                .iter()
                .all(|key| one[key] == other[key]);
            // The base of a relayed candidate is the candidate itself (RFC 8445 2).
            let ip = |c: &Value| {
                if c["type"] == "relay" {
                    return c["address"].clone();
                }
                let base = c["base"].as_str().expect("text");
                let base: std::net::SocketAddr = base.parse().expect("an address");
                Value::from(base.ip().to_string())
            };
            let same_base = ip(one) == ip(other);
            let same = one["foundation"] == other["foundation"];
            assert_eq!(same, alike && same_base, "{one:#}\n{other:#}");
        }
    }
    for candidate in all {
        let priority = candidate["priority"].as_u64().expect("a number");
        let preference = match candidate["type"].as_str() {
            Some("host") => 126,
            Some("srflx") => 100,
            _ => 0,
        };
        assert_eq!(priority >> 24, preference);
        assert_eq!(priority & 0xff, 255, "256 minus the component");
    }
}

#[test]
fn a_reflexive_address_that_is_the_local_one_is_redundant() {
    let server = server(TurnConfig::default());
    let uri = format!("stun:{}", server.address);
    let run = json(program(&["gather", "-s", &uri]));
    run.assert_code(GOOD);
    assert_eq!(loopback(&run, "srflx").len(), 0);
    let redundant = run.list("redundant");
    assert_eq!(redundant.len(), 1, "{redundant:#?}");
    assert_eq!(redundant[0]["type"], "srflx");
    assert_eq!(redundant[0]["same_as"], "host");
    assert_eq!(redundant[0]["server"], uri);
    let host = loopback(&run, "host")[0];
    assert_eq!(redundant[0]["port"], host["port"]);
    let record = &run.servers()[0];
    assert_eq!(record["stage"], "binding");
    assert_eq!(record["reflexive_address"], redundant[0]["base"]);
}

#[test]
fn two_servers_that_see_the_same_address_give_one_candidate() {
    let mapped = TurnConfig {
        mapped_address_override: Some("203.0.113.5:40000".parse().expect("an address")),
        ..TurnConfig::default()
    };
    let servers = [server(mapped.clone()), server(mapped)];
    let uris = servers.each_ref().map(|s| format!("stun:{}", s.address));
    let run = json(program(&["gather", "-s", &uris[0], "-s", &uris[1]]));
    run.assert_code(GOOD);
    assert_eq!(loopback(&run, "srflx").len(), 1);
    let redundant = run.list("redundant");
    assert_eq!(redundant.len(), 1);
    assert_eq!(redundant[0]["same_as"], "srflx");
}

#[test]
fn families_can_be_left_out() {
    let server = server(TurnConfig::default());
    let run = json(program(&["gather", "-4", "-s", &udp(&server)]));
    run.assert_code(GOOD);
    assert!(run.list("candidates").iter().all(|c| {
        let address: IpAddr = c["address"]
            .as_str()
            .expect("text")
            .parse()
            .expect("an address");
        address.is_ipv4()
    }));
    let run = json(program(format!(
        "gather --local 127.0.0.1 -s {}",
        udp(&server)
    )));
    run.assert_code(GOOD);
    assert_eq!(run.candidates("host").len(), 1);
    assert_eq!(run.candidates("relay").len(), 1);
}
