//! What this machine does not allow is no fault of servers or the network.

use std::process::Command;

use crate::support::program::{ERROR, GOOD, json, program, server, side_by_side, udp};
use crate::support::turn_server::TurnConfig;

/// With so few file descriptors that not everything can be opened: the limit is named, and nothing is
/// said of servers that are well.
#[cfg(target_os = "linux")]
#[test]
fn too_few_descriptors_are_named() {
    let server = server(TurnConfig::default());
    let stun = format!("stun:{}", server.address);
    let commands = [
        vec!["nat".to_owned(), "-s".to_owned(), stun],
        vec!["gather".to_owned(), "-s".to_owned(), udp(&server)],
        vec!["turn".to_owned(), format!("turn:{}", server.address)],
    ];
    side_by_side(&commands, |args| {
        let enough = json(program(args)).code;
        let mut named = 0;
        // How many it starts with depends on what this process hands down: the lowest are too few anywhere.
        for limit in [7, 9, 10, 11, 12, 13, 14, 16, 18, 20, 24] {
            let run = json(limited(limit, args));
            // An absent transport is one that the server does not have.
            let absent = run
                .finding("transport-absent")
                .map(|f| f["message"].to_string());
            assert!(
                absent.is_none_or(|message| !message.contains("no more sockets")),
                "{limit} {args:?}: {:#}",
                run.document
            );
            let is_short = run.document.to_string().contains("local-limit")
                || run.summary().contains("ulimit -n");
            if !is_short {
                assert_eq!(run.code, enough, "{limit} {args:?}: {:#}", run.document);
            } else if run.code != GOOD {
                let summary = run.summary();
                let says = ["file descriptors", "ulimit -n"].map(|what| summary.contains(what));
                assert!(says.contains(&true), "{limit} {args:?}: {summary}");
                assert_eq!(run.code, ERROR, "{limit} {args:?}: {:#}", run.document);
                named += 1;
            }
        }
        assert!(named > 0, "{args:?}: never short");
    });
}

/// The program with at most so many open files.
#[cfg(target_os = "linux")]
fn limited(limit: u32, args: &[String]) -> Command {
    let program = program(args);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"])
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear();
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
}

/// The last address of a network is nobody's. The system refuses to send there with the same words as a
/// firewall.
#[cfg(target_os = "linux")]
#[test]
fn broadcast_addresses_are_no_firewall() {
    for address in ["255.255.255.255", "127.255.255.255"] {
        for command in [
            "nat -s stun:",
            "gather -s stun:",
            "gather -s turn:",
            "turn turn:",
        ] {
            let run = json(program(format!("{command}{address}")));
            run.assert_code(ERROR);
            let found = run.assert_finding("broadcast-address", "error");
            let message = found["message"].to_string();
            assert!(message.contains("no server has it"), "{message}");
            let all = run.document.to_string();
            assert!(!all.contains("firewall"), "{command}{address}: {all}");
            assert!(run.summary().contains("broadcast"), "{}", run.summary());
        }
    }
}
