//! The files in `cases/nat`: how the network is built, and what a run of `rtcdiag nat --json` must say of it. Most truths
//! were measured with a prober that shares no code with rtcdiag; where a prober cannot see the truth (a faulty or lone server,
//! a pool) it follows from how the lab is built. An expectation is never loosened to make a test pass.

use serde::Deserialize;

use super::expect::{self, Path, Server};
use super::lab::{Lab, Plan};
use super::{HANGS_AFTER, coturn, program, suite};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default)]
    pub lab: Plan,
    /// The arguments of the run, with spaces between them.
    #[serde(default = "first_server")]
    pub args: String,
    /// Whether the client trusts the server's own certificate.
    #[serde(default)]
    pub trusting: bool,
    /// Run several times in the same lab: a main scenario, where a flake, or what an earlier run left behind, would show.
    #[serde(default)]
    pub repeated: bool,
    /// The exit code and the `outcome` that goes with it: one of these.
    #[serde(default = "good")]
    pub outcomes: Vec<String>,
    ipv4: Option<Path>,
    ipv6: Option<Path>,
    #[serde(default)]
    pub servers: Vec<Server>,
}

fn first_server() -> String {
    "-s stun:203.0.113.10".to_owned()
}

fn good() -> Vec<String> {
    vec!["0 good".to_owned()]
}

impl Scenario {
    /// The paths that there must be, with their families and local addresses.
    pub fn paths(&self) -> Vec<(&'static str, String, &Path)> {
        let own = self.lab.client();
        [("ipv4", &self.ipv4, own.0), ("ipv6", &self.ipv6, own.1)]
            .into_iter()
            .filter_map(|(family, path, own)| {
                let path = path.as_ref()?;
                let local = path.local.clone().or(own);
                Some((family, local.unwrap_or_default(), path))
            })
            .collect()
    }
}

/// Runs a scenario.
pub fn check(name: &str, scenario: &Scenario) {
    let lab = Lab::build(&scenario.lab);
    let runs = if scenario.repeated { suite::runs(3) } else { 1 };
    for run in 1..=runs {
        lab.fresh_ports(run, runs);
        let output = diagnose(&lab, scenario);
        let wrong = expect::differences(
            scenario,
            output.status.code(),
            &output.stdout,
            &output.stderr,
        );
        assert!(
            wrong.is_empty(),
            "{name}, run {run} of {runs}:\n  {}\n-- stdout:\n{}-- stderr:\n{}{}",
            wrong.join("\n  "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            lab.describe(),
        );
    }
}

fn diagnose(lab: &Lab, scenario: &Scenario) -> std::process::Output {
    let mut args = vec!["--json"];
    args.extend(scenario.args.split_whitespace());
    let mut command = program::nat(lab, &args);
    if scenario.trusting {
        command.env("SSL_CERT_FILE", lab.scratch().join(coturn::CERTIFICATE));
        command.env_remove("SSL_CERT_DIR");
    }
    assert_cmd::Command::from_std(command)
        .timeout(HANGS_AFTER)
        .output()
        .expect("ip netns exec starts")
}
