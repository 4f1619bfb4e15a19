//! Labs with userspace NATs: two hosts and a server, each in a network namespace, and `router.py` as everything between
//! them. Unlike the kernel's, its NATs can be of all nine kinds, and its lines have delay and loss.
//!
//! ```text
//! a  192.0.2.2     NAT 203.0.113.21 ┐
//! b  198.51.100.2  NAT 203.0.113.22 ┴ srv 203.0.113.10, .11: coturn (STUN, TURN), rtcdiag serve
//! ```

use super::program;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rtcdiag::proto::nat::behavior::reachability::Peer;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use serde_json::{Value, json};

const ROUTER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/support/natlab/router.py"
);
const TOOLS: [(&str, &str); 4] = [
    ("ip", "-V"),
    ("ss", "-V"),
    ("turnserver", "--version"),
    ("python3", "--version"),
];
pub const USER: &str = "ann";
pub const PASSWORD: &str = "sesame-4711";
/// What the servers of a lab open.
const SOCKETS: [&str; 3] = [
    "203.0.113.10:3478",
    "203.0.113.11:3479",
    "203.0.113.10:7880",
];
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// The hosts.
pub const ROLES: [&str; 3] = ["a", "b", "srv"];

/// What is particular to one lab.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The NATs of both sides; none: a public address.
    pub nats: [Option<Peer>; 2],
    /// Between any two hosts.
    pub round_trip: Duration,
    /// Of all UDP datagrams that leave a host.
    pub loss_percent: u32,
    /// Whether external ports are random even where the inner ones are free.
    pub has_random_ports: bool,
    pub seed: u32,
}

/// Ends everything that it has started, in `Drop`, also while panicking.
pub struct Lab {
    prefix: String,
    namespaces: Vec<String>,
    children: Vec<Child>,
    scratch: PathBuf,
}

/// Why this machine cannot hold a lab; `None` if it can.
pub fn unavailable() -> Option<String> {
    for (tool, flag) in TOOLS {
        let started = Command::new(tool).arg(flag).stdin(Stdio::null()).output();
        if let Err(error) = started {
            return Some(format!("cannot start {tool}: {error}"));
        }
    }
    let mut lab = Lab::empty();
    let plan = Plan {
        nats: [None; 2],
        round_trip: Duration::ZERO,
        loss_percent: 0,
        has_random_ports: false,
        seed: 0,
    };
    lab.lay_out(&plan).err()
}

impl Lab {
    pub fn build(plan: &Plan) -> Lab {
        let mut lab = Lab::empty();
        if let Err(error) = lab.lay_out(plan).and_then(|()| lab.serve()) {
            panic!("cannot build the lab: {error}");
        }
        lab
    }

    fn empty() -> Lab {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("rtcn{}-{number}", std::process::id());
        let scratch = std::env::temp_dir().join(&prefix);
        Lab {
            prefix,
            namespaces: Vec::new(),
            children: Vec::new(),
            scratch,
        }
    }

    /// The real name of the namespace of a role.
    pub fn namespace(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }

    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// A command in a host's namespace, with nothing of this machine's configuration.
    pub fn command(&self, role: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(role), program]);
        for (key, _) in
            std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("RTCDIAG_"))
        {
            command.env_remove(key);
        }
        command.env("HOME", &self.scratch);
        command.env("XDG_CONFIG_HOME", &self.scratch);
        command
    }

    /// `rtcdiag pair` at the lab's rendezvous and with its servers.
    pub fn pair(&self, role: &str, code: &str, args: &[&str]) -> Command {
        let mut command = self.command(role, program::binary());
        command
            .args(["pair", code, "--jsonl"])
            .args(["--rendezvous", "ws://203.0.113.10:7880"])
            .args(["-s", "stun:203.0.113.10", "-s", "turn:203.0.113.10"])
            .args(["--turn-username", USER])
            .env("RTCDIAG_TURN_PASSWORD", PASSWORD)
            .args(args);
        command
    }

    fn lay_out(&mut self, plan: &Plan) -> Result<(), String> {
        fs::create_dir_all(&self.scratch)
            .map_err(|e| format!("{}: {e}", self.scratch.display()))?;
        for role in ROLES {
            let name = self.namespace(role);
            run(Command::new("ip").args(["netns", "add", &name]))?;
            run(Command::new("ip").args(["-n", &name, "link", "set", "lo", "up"]))?;
            self.namespaces.push(name);
        }
        let mut router = Command::new("python3")
            .args([ROUTER, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("python3: {e}"))?;
        let config = self.config(plan);
        let written = match &mut router.stdin {
            Some(pipe) => writeln!(pipe, "{config}"),
            None => Ok(()),
        };
        let mut line = String::new();
        let read = match router.stdout.take() {
            Some(pipe) => BufReader::new(pipe).read_line(&mut line),
            None => Ok(0),
        };
        self.children.push(router);
        written.and(read).map_err(|e| format!("router.py: {e}"))?;
        if line == "ready\n" {
            Ok(())
        } else {
            Err("router.py ended at once".to_owned())
        }
    }

    fn config(&self, plan: &Plan) -> Value {
        // A round trip crosses four lines, two each way.
        let delay = plan.round_trip.as_secs_f64() * 1e3 / 4.0;
        let site = |role: &str, addresses: &[&str], nat: Value| {
            json!({
                "name": role,
                "hosts": [{"netns": self.namespace(role), "addresses": addresses}],
                "nat": nat,
                "out": {"delay_ms": delay, "loss_percent": plan.loss_percent},
                "in": {"delay_ms": delay},
            })
        };
        let nat = |peer: Option<Peer>, external: &str| match peer {
            None => Value::Null,
            Some(peer) => json!({
                "external": external,
                "mapping": mapping(peer.mapping),
                "filtering": filtering(peer.filtering),
                "ports": if plan.has_random_ports { "random" } else { "preserved" },
            }),
        };
        json!({
            "seed": plan.seed,
            "sites": [
                site("a", &["192.0.2.2/24"], nat(plan.nats[0], "203.0.113.21")),
                site("b", &["198.51.100.2/24"], nat(plan.nats[1], "203.0.113.22")),
                site("srv", &["203.0.113.10/32", "203.0.113.11/32"], Value::Null),
            ],
        })
    }

    /// coturn and the rendezvous.
    fn serve(&mut self) -> Result<(), String> {
        let mut turn = self.command("srv", "turnserver");
        turn.args([
            "-n",
            "--no-cli",
            "--no-dtls",
            "--no-tls",
            "--log-file=stdout",
        ])
        .args(["--relay-threads=1", "--realm=example.org", "--lt-cred-mech"])
        .arg(format!("--user={USER}:{PASSWORD}"))
        .args(["--listening-port=3478", "--alt-listening-port=3479"])
        .args(["--listening-ip=203.0.113.10", "--listening-ip=203.0.113.11"])
        .arg(format!("--pidfile={}", self.scratch.join("pid").display()))
        .arg(format!("--db={}", self.scratch.join("db").display()));
        // Up to 4.6 versions offer behaviour discovery unless told not to; newer ones only if told to.
        if help_mentions("--rfc5780") {
            turn.arg("--rfc5780");
        }
        let mut rendezvous = self.command("srv", program::binary());
        rendezvous.args(["serve", "--listen", "203.0.113.10:7880"]);
        for command in [&mut turn, &mut rendezvous] {
            command.stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            self.children
                .push(command.spawn().map_err(|e| e.to_string())?);
        }
        self.wait_for_sockets()
    }

    fn wait_for_sockets(&mut self) -> Result<(), String> {
        for _ in 0..1000 {
            for child in &mut self.children {
                if let Ok(Some(status)) = child.try_wait() {
                    return Err(format!("a server ended at once: {status}"));
                }
            }
            let output = self.command("srv", "ss").arg("-lntuH").output();
            let output = output.map_err(|e| format!("ss: {e}"))?;
            let listing = String::from_utf8_lossy(&output.stdout);
            let open: Vec<&str> = listing.split_whitespace().collect();
            if SOCKETS.iter().all(|socket| open.contains(socket)) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err("a server did not open its sockets".to_owned())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for name in &self.namespaces {
            let _ = Command::new("ip")
                .args(["netns", "del", name])
                .stderr(Stdio::null())
                .status();
        }
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// A code that no other session has.
pub fn new_code() -> String {
    let output = Command::new(program::binary())
        .args(["pair", "--new-code"])
        .output()
        .expect("it starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn mapping(mapping: Mapping) -> &'static str {
    match mapping {
        Mapping::EndpointIndependent => "EIM",
        Mapping::AddressDependent => "ADM",
        Mapping::AddressAndPortDependent => "APDM",
    }
}

pub fn filtering(filtering: Filtering) -> &'static str {
    match filtering {
        Filtering::EndpointIndependent => "EIF",
        Filtering::AddressDependent => "ADF",
        Filtering::AddressAndPortDependent => "APDF",
    }
}

fn help_mentions(flag: &str) -> bool {
    let output = Command::new("turnserver")
        .arg("--help")
        .stdin(Stdio::null())
        .output();
    output.is_ok_and(|o| {
        [o.stdout, o.stderr]
            .iter()
            .any(|text| String::from_utf8_lossy(text).contains(flag))
    })
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
