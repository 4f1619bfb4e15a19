//! Programs in a namespace of a lab, with nothing of this machine's configuration.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::lab::Lab;

/// What a part of this program writes when it listens.
pub const READY: &str = "it listens";

/// This very program, which by a variable of its environment becomes a server of the lab.
pub fn part(namespace: &str) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(command)
}

/// Returns when it listens.
pub fn wait_until_ready(part: &mut Child) -> Result<(), String> {
    let output = part.stdout.take().ok_or("it has no output")?;
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let listens = lines.any(|line| line.contains(READY));
    listens.then_some(()).ok_or("it ended at once".to_owned())
}

/// rtcdiag, in the namespace of the client.
pub fn rtcdiag(lab: &Lab) -> Command {
    within(lab, "client", env!("CARGO_BIN_EXE_rtcdiag"))
}

/// `rtcdiag nat` with these arguments.
pub fn nat(lab: &Lab, args: &[&str]) -> Command {
    let mut command = rtcdiag(lab);
    command.arg("nat").args(args);
    command
}

/// Any program, in the namespace of a role. `ip netns exec` becomes the program, so a child's id is that of the program.
pub fn within(lab: &Lab, role: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &lab.namespace(role), program]);
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("RTCDIAG_") {
            command.env_remove(key);
        }
    }
    command
        .env("HOME", lab.scratch())
        .env("XDG_CONFIG_HOME", lab.scratch());
    command
}
