//! Servers that answer over UDP, and over TCP do all sorts of things.

use std::time::Duration;

use serde_json::json;

use super::rtcdiag;
use crate::support::nat_model::NatConfig;
use crate::support::program::{self, Run};
use crate::support::scripted_server::{Loopback, Role, Script, TcpRole, TcpServer};
use crate::support::sim_server::{Reflexive, Reply, ServerConfig};

/// Longer than anybody waits for an answer.
const NEVER: Duration = Duration::from_secs(20);

/// Runs against servers that are all there over UDP, and over TCP are as said; `None`: nobody
/// listens.
fn tested(roles: &[Option<TcpRole>], extra: &[&str]) -> (Run, Vec<TcpServer>) {
    let script = Script::new(NatConfig::open(), vec![Role::Plain; roles.len()]);
    // A connection of another test may have the port over TCP.
    let both = (0..10).find_map(|_| {
        let udp = Loopback::start(&script).expect("loopback has ports");
        let wanted = roles.iter().cloned().enumerate();
        let tcp: Option<Vec<TcpServer>> = wanted
            .filter_map(|(index, role)| Some((udp.address(index), role?)))
            .map(|(address, role)| TcpServer::start_at(address, role, None).ok())
            .collect();
        Some((udp, tcp?))
    });
    let (udp, tcp) = both.expect("loopback has ports over both");
    let uris: Vec<String> = (0..script.servers.len()).map(|i| udp.uri(i)).collect();
    let mut args: Vec<&str> = uris.iter().flat_map(|uri| ["-s", uri]).collect();
    args.extend(extra);
    (program::json(rtcdiag(&args)), tcp)
}

fn lying(change: fn(&mut ServerConfig)) -> TcpRole {
    let TcpRole::Stun(mut config) = TcpRole::stun() else {
        panic!("an honest server speaks STUN");
    };
    change(&mut config);
    TcpRole::Stun(config)
}

#[test]
fn what_servers_do_over_tcp() {
    let error: fn(&mut ServerConfig) = |c| c.reply = Reply::Error(401);
    for (name, role, open, count) in [
        ("answers", Some(TcpRole::stun()), true, "answered"),
        (
            "answers late",
            Some(TcpRole::Late(Duration::from_millis(60))),
            true,
            "answered",
        ),
        (
            "answers with an error",
            Some(lying(error)),
            true,
            "answered",
        ),
        ("refuses", None, false, "refused"),
        (
            "accepts everything",
            Some(TcpRole::Silent),
            false,
            "not_stun",
        ),
        (
            "answers too late",
            Some(TcpRole::Late(NEVER)),
            false,
            "not_stun",
        ),
        ("is a web server", Some(TcpRole::Http), false, "not_stun"),
        ("sends garbage", Some(TcpRole::Garbage), false, "not_stun"),
        ("closes", Some(TcpRole::Close), false, "not_stun"),
        (
            "answers somebody else",
            Some(lying(|c| c.reply = Reply::WrongTransaction)),
            false,
            "not_stun",
        ),
        (
            "answers by half",
            Some(lying(|c| c.reply = Reply::Truncated)),
            false,
            "not_stun",
        ),
    ] {
        let (run, _servers) = tested(&[role], &[]);
        let tcp = &run.path()["tcp"];
        assert_eq!(tcp["servers"][count], 1, "{name}: {tcp:#}");
        if open {
            assert_eq!(tcp["open"], json!({"status": "determined", "value": true}));
        } else {
            assert_eq!(tcp["open"]["status"], "inconclusive", "{name}: {tcp:#}");
            assert_eq!(tcp["open"]["reason"], "no-response", "{name}: {tcp:#}");
        }
        // There is one server address only.
        assert_eq!(tcp["mapping"]["status"], "inconclusive", "{name}: {tcp:#}");
    }
}

#[test]
fn one_that_answers_is_enough_and_the_others_are_counted() {
    let roles = vec![
        None,
        Some(TcpRole::Silent),
        Some(TcpRole::stun()),
        Some(TcpRole::Http),
        Some(TcpRole::stun()),
    ];
    let (run, servers) = tested(&roles, &[]);
    let tcp = &run.path()["tcp"];
    assert_eq!(tcp["open"]["value"], true, "{tcp:#}");
    let expected = json!({"answered": 2, "not_stun": 2, "refused": 1, "silent": 0, "failed": 0});
    assert_eq!(tcp["servers"], expected);
    // Two ports of one address.
    assert_eq!(tcp["mapping"]["reason"], "single-server", "{tcp:#}");
    let seen = tcp["reflexive_addresses"].as_array().expect("a list");
    assert_eq!(seen.len(), 1, "both see the one port: {tcp:#}");
    assert!(servers.iter().all(|s| s.connections() == 1));
    let observations = run.list("observations").iter();
    let over_tcp = observations.filter(|o| o["test"] == "tcp");
    assert_eq!(over_tcp.count(), 5);
}

#[test]
fn a_server_that_reports_nonsense_is_not_believed() {
    let (run, _servers) = tested(&[Some(lying(|c| c.reflexive = Reflexive::Zero))], &[]);
    let tcp = &run.path()["tcp"];
    assert_eq!(tcp["open"]["value"], true, "{tcp:#}");
    assert_eq!(tcp["reflexive_addresses"], json!([]));
    assert_eq!(tcp["mapping"]["reason"], "no-response", "{tcp:#}");
}

/// An accepted connection is not an open way, and that is said.
#[test]
fn a_proxy_that_accepts_everything_is_named() {
    let (run, _servers) = tested(&[Some(TcpRole::Silent), Some(TcpRole::Silent)], &[]);
    let codes = run.codes().into_iter();
    let named = codes.filter(|code| *code == "tcp-accepted-without-stun");
    assert_eq!(named.count(), 1, "{run:#?}");
}

#[test]
fn tcp_can_be_left_out() {
    let (run, servers) = tested(&[Some(TcpRole::stun())], &["--no-tcp"]);
    let tcp = &run.path()["tcp"];
    let left_out = json!({"status": "not-tested", "reason": "left-out"});
    assert_eq!(tcp["open"], left_out);
    assert_eq!(tcp["mapping"], left_out);
    assert_eq!(servers[0].connections(), 0);
}
