//! `rtcdiag gather` and `rtcdiag turn` against a real coturn behind real routers. A case is a network, a server's
//! configuration, and runs of the program; each run's report, reduced to what is certain in that network, is compared as a
//! whole, so that a statement too many fails the test as one too few does.

pub mod interop;
mod report;
pub mod server;
mod sound;
pub mod staged;

use std::process::{Command, Output};

use serde::Deserialize;

use super::lab::{Lab, Plan, ServerKind};
use super::{HANGS_AFTER, program, suite};
use server::{PASSWORD, Turn, USER};

/// A network with a server, and what the program says of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    #[serde(default)]
    lab: Plan,
    runs: Vec<Run>,
    /// Run several times in the same lab: a main case, where a flake would show.
    #[serde(default)]
    repeated: bool,
}

impl Case {
    /// Where the lab says nothing of a server, there is one TURN server.
    pub fn plan(&self) -> Plan {
        let mut plan = self.lab.clone();
        let servers = || ServerKind::Turn(vec![Turn::default()]);
        plan.server.get_or_insert_with(servers);
        plan
    }
}

/// One run of the program, and what it must say: exactly these lines, see `report`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Command and flags.
    args: String,
    #[serde(default)]
    login: Login,
    says: Vec<String>,
    /// What it may say as well: each of these instead.
    #[serde(default)]
    or: Vec<Vec<String>>,
    /// The first text counts as the second: it is chance which of the two it is.
    alike: Option<[String; 2]>,
}

/// How the program gets user and password.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Login {
    None,
    /// The user that the server knows.
    #[default]
    Ann,
    User {
        name: String,
        password: String,
    },
    /// By minting from a secret, for a user or for nobody in particular.
    Minted {
        secret: String,
        user: Option<String>,
    },
    /// By `--ice-servers` with this server, and time-limited credentials that ended an hour ago.
    Expired(String),
}

/// In how many parts the client's ports are divided, of which each run in turn gets one.
const PORT_SHARES: u16 = 4;

/// Runs a case.
pub fn check(name: &str, case: &Case) {
    check_in(&Lab::build(&case.plan()), name, case);
}

fn check_in(lab: &Lab, name: &str, case: &Case) {
    let rounds = if case.repeated { suite::runs(3) } else { 1 };
    // A server may know an allocation from a port for a while after it has ended.
    let mut shares = (1..=PORT_SHARES).cycle();
    for round in 1..=rounds {
        let mut failures = String::new();
        for run in &case.runs {
            lab.fresh_ports(shares.next().unwrap_or(1), PORT_SHARES);
            let output = start(lab, run);
            let wrong = wrong_with(&output, run);
            if !wrong.is_empty() {
                let (stdout, stderr) = (&output.stdout, &output.stderr);
                failures.extend([
                    &run.args,
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
    if let Some([one, other]) = &run.alike {
        for line in &mut lines {
            *line = line.replace(one, other);
        }
    }
    if lines != run.says && !run.or.contains(&lines) {
        wrong.push("it does not say what is so:".to_owned());
        wrong.extend(difference(&run.says, &lines));
    }
    wrong
}

/// Both texts beside each other: what is only wanted, what is only there, and what is both.
fn difference(wanted: &[String], got: &[String]) -> Vec<String> {
    let missing = wanted
        .iter()
        .filter(|line| !got.contains(line))
        .map(|line| format!("- {line}"));
    let all = got.iter().map(|line| {
        let mark = if wanted.contains(line) { ' ' } else { '+' };
        format!("{mark} {line}")
    });
    missing.chain(all).collect()
}

fn start(lab: &Lab, run: &Run) -> Output {
    let mut command = program::rtcdiag(lab);
    command
        .args(run.args.split_whitespace())
        .arg("--json")
        .env("SSL_CERT_FILE", lab.scratch().join(server::AUTHORITY))
        .env_remove("SSL_CERT_DIR");
    log_in(&mut command, lab, &run.login);
    assert_cmd::Command::from_std(command)
        .timeout(HANGS_AFTER)
        .output()
        .expect("ip netns exec starts")
}

fn log_in(command: &mut Command, lab: &Lab, login: &Login) {
    match login {
        Login::None => {}
        Login::Ann => {
            command.args(["--turn-username", USER]);
            command.env("RTCDIAG_TURN_PASSWORD", PASSWORD);
        }
        Login::User { name, password } => {
            command.args(["--turn-username", name]);
            command.env("RTCDIAG_TURN_PASSWORD", password);
        }
        Login::Minted { secret, user } => {
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
}
