//! `rtcdiag gather` and `rtcdiag turn` against a real coturn behind real routers. A case is a network, a server's
//! configuration, and runs of the program; each run's report, reduced to what is certain in that network, is compared as a
//! whole, so that a statement too many fails the test as one too few does.

pub mod addresses;
pub mod blocked;
pub mod credentials;
pub mod faults;
pub mod healthy;
pub mod hosts;
pub mod interop;
pub mod policy;
pub mod quotas;
pub mod report;
pub mod server;
pub mod sound;
pub mod words;

use std::process::Output;

use super::lab::{Lab, Plan, Router, ServerKind};
use super::scenarios::{private4, private6, public4};
use super::{HANGS_AFTER, filters, nats, skipped, uplinks};
use server::{Certificate, PASSWORD, SECRET, Turn, USER, WRONG, Who};
use words::*;

/// A network with a server, and what the program says of it.
pub struct Case {
    pub plan: Plan,
    pub runs: &'static [Run],
    /// Run several times in the same lab: a main case, where a flake would show.
    pub repeated: bool,
}

/// One run of the program, and what it must say.
pub struct Run {
    /// Command and flags.
    pub args: &'static str,
    pub login: Login,
    pub says: Says,
}

/// What a report must say.
pub enum Says {
    /// Exactly this, in parts that many reports share, see `report`.
    Exactly(&'static [&'static [&'static str]]),
    /// Exactly this, if the first text counts as the second: it is chance which of the two it is.
    Alike(
        &'static str,
        &'static str,
        &'static [&'static [&'static str]],
    ),
    /// Exactly one of these.
    OneOf(&'static [&'static [&'static [&'static str]]]),
}

/// How the program gets user and password.
#[derive(Clone, Copy)]
pub enum Login {
    None,
    /// By name and password.
    User(&'static str, &'static str),
    /// By minting from a secret, for a user or for nobody in particular.
    Secret(&'static str, Option<&'static str>),
    /// By `--ice-servers` with this server, and time-limited credentials that ended an hour ago.
    Expired(&'static str),
}

pub const ANN: Login = Login::User(server::USER, server::PASSWORD);

/// An ordinary router: the client behind it has the address 192.0.2.2, and is seen as 203.0.113.1.
pub const HOME: &[Router] = &[private4(&[nats::MASQUERADE, filters::NO_STRAYS])];

/// A client in its home, and servers.
pub const fn home(servers: &'static [Turn]) -> Plan {
    behind(HOME, servers)
}

/// Servers at the end of a chain of routers.
pub const fn behind(routers: &'static [Router], servers: &'static [Turn]) -> Plan {
    Plan {
        routers,
        server: ServerKind::Turn(servers),
        client_rules: &[],
        server_rules: &[],
        ip: &[],
    }
}

/// coturn at the server's first address with the user `ann`, over UDP, TCP and TLS.
pub const TURN4: Turn = Turn {
    addresses: &["203.0.113.10"],
    port: 3478,
    tls: Some((5349, Certificate::Good)),
    args: &[],
    who: Who::Users,
};

pub const TURN6: Turn = Turn {
    addresses: &["2001:db8:113::10"],
    ..TURN4
};

pub const BOTH_ADDRESSES: &[&str] = &["203.0.113.10", "2001:db8:113::10"];

pub const TURN_DUAL: Turn = Turn {
    addresses: BOTH_ADDRESSES,
    ..TURN4
};

/// The same as `TURN4`, with more flags.
pub const fn told(args: &'static [&'static str]) -> Turn {
    Turn { args, ..TURN4 }
}

/// A run of which one report alone is right.
pub const fn run(
    args: &'static str,
    login: Login,
    says: &'static [&'static [&'static str]],
) -> Run {
    Run {
        args,
        login,
        says: Says::Exactly(says),
    }
}

/// In how many parts the client's ports are divided, of which each run in turn gets one.
const PORT_SHARES: u16 = 4;

/// Runs a case.
pub fn check(name: &str, case: &Case) {
    if skipped(name) {
        return;
    }
    check_in(&Lab::build(&case.plan), name, case);
}

fn check_in(lab: &Lab, name: &str, case: &Case) {
    let wished = std::env::var("RTCDIAG_NETNS_RUNS")
        .ok()
        .and_then(|n| n.parse::<u16>().ok());
    let rounds = if case.repeated {
        wished.unwrap_or(3)
    } else {
        1
    };
    // A server may know an allocation from a port for a while after it has ended.
    let mut shares = (1..=PORT_SHARES).cycle();
    for round in 1..=rounds {
        let mut failures = String::new();
        for run in case.runs {
            lab.fresh_ports(shares.next().unwrap_or(1), PORT_SHARES);
            let output = start(lab, run);
            let wrong = wrong_with(&output, run);
            if !wrong.is_empty() {
                let (stdout, stderr) = (&output.stdout, &output.stderr);
                failures.extend([
                    run.args,
                    ":\n  ",
                    &wrong.join("\n  "),
                    "\n-- stdout:\n",
                    &String::from_utf8_lossy(stdout),
                    "-- stderr:\n",
                    &String::from_utf8_lossy(stderr),
                ]);
            }
        }
        assert!(
            failures.is_empty(),
            "{name}, round {round} of {rounds}\n{failures}{}",
            lab.describe(),
        );
    }
}

/// Everything that is wrong with a run.
fn wrong_with(output: &Output, run: &Run) -> Vec<String> {
    let document = match serde_json::from_slice(&output.stdout) {
        Ok(document) => document,
        Err(error) => {
            return vec![format!(
                "standard output is not one JSON document: {error}; exit code {:?}",
                output.status.code()
            )];
        }
    };
    let mut wrong = sound::flaws(&document);
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    for secret in [server::PASSWORD, server::SECRET, server::WRONG] {
        if text.contains(secret) {
            wrong.push(format!("it shows the secret {secret}"));
        }
    }
    if text.contains("panicked") {
        wrong.push("it panicked".to_owned());
    }
    let mut lines = report::lines(&document, output.status.code());
    let right: Vec<Vec<&str>> = match run.says {
        Says::Exactly(parts) => vec![parts.concat()],
        Says::Alike(one, other, parts) => {
            for line in &mut lines {
                *line = line.replace(one, other);
            }
            vec![parts.concat()]
        }
        Says::OneOf(several) => several.iter().map(|parts| parts.concat()).collect(),
    };
    if !right.iter().any(|wanted| lines == *wanted) {
        wrong.push("it does not say what is so:".to_owned());
        wrong.extend(difference(&right[0], &lines));
    }
    wrong
}

/// Both texts beside each other: what is only wanted, what is only there, and what is both.
fn difference(wanted: &[&str], got: &[String]) -> Vec<String> {
    let missing = wanted
        .iter()
        .filter(|line| !got.iter().any(|g| g == *line))
        .map(|line| format!("- {line}"));
    let all = got.iter().map(|line| {
        let mark = if wanted.contains(&line.as_str()) {
            ' '
        } else {
            '+'
        };
        format!("{mark} {line}")
    });
    missing.chain(all).collect()
}

/// Runs the program in the client's namespace, with nothing of this machine's configuration.
pub fn start(lab: &Lab, run: &Run) -> Output {
    let mut command = assert_cmd::Command::new("ip");
    command
        .args(["netns", "exec", &lab.namespace("client")])
        .arg(env!("CARGO_BIN_EXE_rtcdiag"))
        .args(run.args.split_whitespace())
        .arg("--json");
    for (key, _) in
        std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("RTCDIAG_"))
    {
        command.env_remove(key);
    }
    command
        .env("HOME", lab.scratch())
        .env("XDG_CONFIG_HOME", lab.scratch())
        .env("SSL_CERT_FILE", lab.scratch().join(server::AUTHORITY))
        .env_remove("SSL_CERT_DIR");
    match run.login {
        Login::None => {}
        Login::User(user, password) => {
            command.args(["--turn-username", user]);
            command.env("RTCDIAG_TURN_PASSWORD", password);
        }
        Login::Secret(secret, user) => {
            command.arg("--turn-secret-file");
            command.arg(server::write(lab.scratch(), "secret", secret));
            if let Some(user) = user {
                command.args(["--turn-username", user]);
            }
        }
        Login::Expired(uri) => {
            let text = server::expired_credentials(uri);
            command.arg("--ice-servers");
            command.arg(server::write(lab.scratch(), "ice.json", &text));
        }
    }
    command
        .timeout(HANGS_AFTER)
        .output()
        .expect("ip netns exec starts")
}
