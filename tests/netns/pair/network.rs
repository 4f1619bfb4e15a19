//! Two hosts, each behind routers of its own or both behind one, and a server in the middle.
//!
//! ```text
//! a eth0 ── lan a0 wan ── … ── srv ── … ── wan b0 lan ── eth0 b
//! ```
//!
//! Behind no router, a host has the public address itself. The server's namespace routes between both sides. Its default
//! route leads into a namespace that answers nothing: without one, sending to a private address is an error to coturn, which
//! then closes the relay.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::super::data::{self, Rules};
use super::super::lab::Lab;
use super::super::turn::server::{self as turn_server, Turn};
use super::super::{coturn, ends::End, program};

/// One router. `lan` is its side towards the host; 203.0.113.1 in its nftables rules stands for its outer address.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hop {
    Nat(Vec<Rules>),
    /// The outside knows the way to its inner network: it does not translate.
    Router(Vec<Rules>),
}

impl Hop {
    fn rules(&self) -> &[Rules] {
        match self {
            Hop::Nat(rules) | Hop::Router(rules) => rules,
        }
    }
}

/// One side: a table of `cases/sides.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// The router nearest to the host first.
    pub hops: Vec<Hop>,
    #[serde(rename = "ipv4", default = "yes")]
    pub has_ipv4: bool,
    /// IPv6 is never translated.
    #[serde(rename = "ipv6", default)]
    pub has_ipv6: bool,
    /// More `ip` commands for the host.
    #[serde(default)]
    pub ip: Vec<String>,
}

fn yes() -> bool {
    true
}

/// How the two hosts are placed, in TOML by the names of sides.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Apart(
        #[serde(deserialize_with = "named")] Side,
        #[serde(deserialize_with = "named")] Side,
    ),
    /// Both on the inner network of one router.
    Together(#[serde(deserialize_with = "named")] Side),
    /// `b` on another inner network of it, at `lan2`.
    NextDoor(#[serde(deserialize_with = "named")] Side),
}

fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Side, D::Error> {
    let name = String::deserialize(deserializer)?;
    let mut sides = data::tables("sides").map_err(D::Error::custom)?;
    let side = sides.remove(&name);
    side.ok_or_else(|| D::Error::custom(format!("no side '{name}'")))
}

/// A network that stands.
pub struct Network {
    pub lab: Lab,
    /// The rendezvous, which some tests end and start again.
    pub rendezvous: Option<u32>,
}

/// The public networks of all sides: IPv4 without the last number, the numbers of server and router, IPv6.
const PUBLIC: [(u8, u8, &str); 4] = [
    (21, 22, "2001:db8:a"),
    (25, 26, "2001:db8:b"),
    (29, 30, "2001:db8:c"),
    (33, 34, "2001:db8:d"),
];
/// The inner networks of all sides, the hosts' own first.
const INNER4: [[&str; 2]; 4] = [
    ["192.0.2", "100.64.1"],
    ["198.51.100", "100.64.2"],
    ["10.3.1", "100.64.3"],
    ["10.4.1", "100.64.4"],
];
const INNER6: [[&str; 2]; 4] = [
    ["2001:db8:1", "2001:db8:11"],
    ["2001:db8:2", "2001:db8:12"],
    ["2001:db8:3", "2001:db8:13"],
    ["2001:db8:4", "2001:db8:14"],
];
/// The hosts; the first two are those of a pair.
pub const ROLES: [&str; 4] = ["a", "b", "c", "d"];
/// Where the hosts' sockets get their ports; apart, since behind one NAT each wants to keep its own.
const PORTS: [&str; 4] = [
    "'32768 36863'",
    "'36864 40959'",
    "'40960 45055'",
    "'45056 49151'",
];
/// Where the rendezvous is: at a port that most networks let out.
pub const RENDEZVOUS: [&str; 2] = ["203.0.113.12:443", "[2001:db8:113::12]:443"];

/// Where the broker is: over TCP at its own port, and over TLS at one that most networks let out.
const BROKER: &str = "203.0.113.13";
pub const BROKERS: [&str; 2] = ["mqtt://203.0.113.13", "mqtts://203.0.113.13:443"];

const SERVER_ADDRESSES: [&str; 7] = [
    "203.0.113.10/32",
    "203.0.113.11/32",
    "203.0.113.12/32",
    "203.0.113.13/32",
    "2001:db8:113::10/128",
    "2001:db8:113::11/128",
    "2001:db8:113::12/128",
];
impl Network {
    pub fn build(place: &Place) -> Network {
        let mut network = Network {
            lab: Lab::empty(),
            rendezvous: None,
        };
        if let Err(error) = network.lay_out(place).and_then(|()| network.serve()) {
            panic!("cannot build the network: {error}");
        }
        network
    }

    /// A program in the namespace of a role, which trusts the server's authority.
    pub fn program(&self, role: &str, program: &str) -> Command {
        let mut command = program::within(&self.lab, role, program);
        command
            .env(
                "SSL_CERT_FILE",
                self.lab.scratch().join(turn_server::AUTHORITY),
            )
            .env_remove("SSL_CERT_DIR");
        command
    }

    /// Starts `rtcdiag pair` with these arguments, separated by spaces.
    pub fn pair(&self, role: &str, args: &str) -> End {
        let mut command = self.program(role, env!("CARGO_BIN_EXE_rtcdiag"));
        command
            .args(["pair", "--jsonl"])
            .args(args.split_whitespace());
        // The command that the program shows for the other host has the name already.
        if args.contains("turn") && !args.contains("--turn-username") {
            command.args(["--turn-username", turn_server::USER]);
        }
        command.env("RTCDIAG_TURN_PASSWORD", turn_server::PASSWORD);
        End::start(&mut command)
    }

    /// Up to four hosts, each behind routers of its own.
    pub fn of_hosts(sides: &[Side]) -> Network {
        let mut network = Network {
            lab: Lab::empty(),
            rendezvous: None,
        };
        let laid_out = network.lay_out_middle(sides.len()).and_then(|()| {
            let mut sides = sides.iter().enumerate();
            sides.try_for_each(|(number, each)| side(&mut network.lab, number, each))
        });
        if let Err(error) = laid_out.and_then(|()| network.serve()) {
            panic!("cannot build the network: {error}");
        }
        network
    }

    /// The server, and so many hosts that are not linked yet.
    fn lay_out_middle(&mut self, hosts: usize) -> Result<(), String> {
        let lab = &mut self.lab;
        std::fs::create_dir_all(lab.scratch()).map_err(|e| e.to_string())?;
        for role in ["srv", "sink"].iter().chain(&ROLES[..hosts]) {
            lab.add_namespace(role)?;
        }
        forward(lab, "srv")?;
        for address in SERVER_ADDRESSES {
            lab.ip("srv", &format!("addr add {address} dev lo"))?;
        }
        lab.link("srv", "sink", "sink", "eth0")?;
        for (role, dev, number) in [("srv", "sink", 1), ("sink", "eth0", 2)] {
            lab.ip(
                role,
                &format!("addr add 203.0.113.{}/30 dev {dev}", 100 + number),
            )?;
            lab.ip(
                role,
                &format!("addr add 2001:db8:f::{number}/64 dev {dev} nodad"),
            )?;
        }
        lab.ip("srv", "route add default via 203.0.113.102")?;
        lab.ip("srv", "-6 route add default via 2001:db8:f::2")?;
        for (role, ports) in ROLES[..hosts].iter().zip(PORTS) {
            lab.sysctl(role, "net.ipv4.ip_local_port_range", ports)?;
        }
        Ok(())
    }

    fn lay_out(&mut self, place: &Place) -> Result<(), String> {
        self.lay_out_middle(2)?;
        let lab = &mut self.lab;
        match place {
            Place::Apart(a, b) => {
                side(lab, 0, a)?;
                side(lab, 1, b)
            }
            Place::Together(both) => {
                side(lab, 0, both)?;
                // The router's `lan` becomes one port of a switch.
                for command in [
                    "link add lan2 type veth peer name eth0 netns {b}",
                    "link add switch type bridge",
                    "link set lan master switch",
                    "link set lan2 master switch",
                    "link set lan2 up",
                    "link set switch up",
                    "addr flush dev lan",
                    "addr add 192.0.2.1/24 dev switch",
                ] {
                    lab.ip("a0", command)?;
                }
                neighbour(lab, "192.0.2.3/24", "192.0.2.1")
            }
            Place::NextDoor(both) => {
                side(lab, 0, both)?;
                for command in [
                    "link add lan2 type veth peer name eth0 netns {b}",
                    "link set lan2 up",
                    "addr add 198.51.100.1/24 dev lan2",
                ] {
                    lab.ip("a0", command)?;
                }
                neighbour(lab, "198.51.100.2/24", "198.51.100.1")
            }
        }
    }

    fn serve(&mut self) -> Result<(), String> {
        let namespace = self.lab.namespace("srv");
        // STUN with behaviour discovery, and TURN over everything.
        let mut turn = Turn {
            addresses: coturn::ADDRESSES.map(str::to_owned).to_vec(),
            tls_port: 443,
            certified: vec![BROKER.to_owned()],
            ..Turn::default()
        };
        // Up to 4.6 versions offer behaviour discovery unless told not to; newer ones only if told to.
        if coturn::help_mentions("--rfc5780") {
            turn.args.push("--rfc5780".to_owned());
        }
        let child = turn_server::start(&namespace, self.lab.scratch(), 0, &turn)?;
        turn_server::wait_until_open(self.lab.adopt(child), &namespace, &turn)?;
        self.start_rendezvous()
    }

    /// Starts it, for the first time or again.
    pub fn start_rendezvous(&mut self) -> Result<(), String> {
        let mut command = self.program("srv", env!("CARGO_BIN_EXE_rtcdiag"));
        command.args([
            "serve",
            "--listen",
            RENDEZVOUS[0],
            "--listen",
            RENDEZVOUS[1],
        ]);
        command.stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|e| e.to_string())?;
        self.rendezvous = Some(child.id());
        self.lab.adopt(child);
        for _ in 0..500 {
            let output = self.program("srv", "ss").arg("-lntH").output();
            let output = output.map_err(|e| format!("ss: {e}"))?;
            let listing = String::from_utf8_lossy(&output.stdout);
            if RENDEZVOUS.iter().all(|at| listing.contains(at)) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err("the rendezvous does not listen".to_owned())
    }

    /// Starts mosquitto beside the rendezvous, where it is installed.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn start_broker(&mut self) -> bool {
        let scratch = self.lab.scratch().to_owned();
        let path = scratch.join("mosquitto.conf");
        let [certificate, key] = ["certificate0.pem", "key0.pem"].map(|file| scratch.join(file));
        let text = format!(
            "allow_anonymous true\nuser root\nlistener 1883 {BROKER}\nlistener 443 {BROKER}\ncertfile {}\nkeyfile {}\n",
            certificate.display(),
            key.display()
        );
        std::fs::write(&path, text).expect("it can be written");
        let mut command = self.program("srv", "mosquitto");
        command.arg("-c").arg(&path).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let installed = Command::new("sh")
            .args(["-c", "command -v mosquitto"])
            .output();
        if !installed.is_ok_and(|output| output.status.success()) {
            let required = std::env::var_os("RTCDIAG_REQUIRE_TOOLS").is_some_and(|v| v == "1");
            assert!(!required, "no mosquitto on this machine");
            eprintln!("SKIPPED no mosquitto on this machine");
            return false;
        }
        let child = command.spawn().expect("it starts");
        self.lab.adopt(child);
        for _ in 0..500 {
            let output = self.program("srv", "ss").arg("-lntH").output();
            let output = output.expect("ss runs");
            let listing = String::from_utf8_lossy(&output.stdout);
            if [1883, 443]
                .iter()
                .all(|port| listing.contains(&format!("{BROKER}:{port}")))
            {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("mosquitto does not listen");
    }

    /// Ends the rendezvous as a crash does.
    pub fn kill_rendezvous(&mut self) {
        let id = self.rendezvous.take().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-KILL", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -KILL {id}");
    }
}

/// Builds one side, from the host outwards.
fn side(lab: &mut Lab, number: usize, side: &Side) -> Result<(), String> {
    let mut inner = (ROLES[number].to_owned(), "eth0");
    for index in 0..side.hops.len() {
        let role = format!("{}{index}", ROLES[number]);
        lab.add_namespace(&role)?;
        lab.link(&inner.0, inner.1, &role, "lan")?;
        forward(lab, &role)?;
        let (net4, net6) = (INNER4[number][index], INNER6[number][index]);
        if side.has_ipv4 {
            lab.ip(&role, &format!("addr add {net4}.1/24 dev lan"))?;
            lab.ip(&inner.0, &format!("addr add {net4}.2/24 dev {}", inner.1))?;
            lab.ip(&inner.0, &format!("route add default via {net4}.1"))?;
        }
        if side.has_ipv6 {
            lab.ip(&role, &format!("addr add {net6}::1/64 dev lan nodad"))?;
            lab.ip(
                &inner.0,
                &format!("addr add {net6}::2/64 dev {} nodad", inner.1),
            )?;
            lab.ip(&inner.0, &format!("-6 route add default via {net6}::1"))?;
            for further_in in &INNER6[number][..index] {
                lab.ip(
                    &role,
                    &format!("-6 route add {further_in}::/64 via {net6}::2"),
                )?;
            }
        }
        inner = (role, "wan");
    }
    uplink(lab, number, side, &inner.0, inner.1)?;
    for (index, hop) in side.hops.iter().enumerate() {
        let outer = if index + 1 < side.hops.len() {
            format!("{}.2", INNER4[number][index + 1])
        } else {
            format!("203.0.113.{}", PUBLIC[number].1)
        };
        let rules = hop.rules().iter().map(|rule| at(rule.as_ref(), &outer));
        let rules: Vec<String> = rules.collect();
        lab.rules(&format!("{}{index}", ROLES[number]), &rules)?;
    }
    side.ip
        .iter()
        .try_for_each(|command| lab.ip(ROLES[number], command))
}

/// Links the outermost router, or the host itself, with the server, which learns the way back to what is not translated.
fn uplink(lab: &Lab, number: usize, side: &Side, role: &str, dev: &str) -> Result<(), String> {
    let (server, router, net6) = PUBLIC[number];
    let port = format!("to_{}", ROLES[number]);
    lab.link(role, dev, "srv", &port)?;
    if side.has_ipv4 {
        lab.ip("srv", &format!("addr add 203.0.113.{server}/30 dev {port}"))?;
        lab.ip(role, &format!("addr add 203.0.113.{router}/30 dev {dev}"))?;
        lab.ip(role, &format!("route add default via 203.0.113.{server}"))?;
        if side.hops.iter().all(|hop| matches!(hop, Hop::Router(_))) {
            for net4 in &INNER4[number][..side.hops.len()] {
                lab.ip(
                    "srv",
                    &format!("route add {net4}.0/24 via 203.0.113.{router}"),
                )?;
            }
        }
    }
    if side.has_ipv6 {
        lab.ip("srv", &format!("addr add {net6}::1/64 dev {port} nodad"))?;
        lab.ip(role, &format!("addr add {net6}::2/64 dev {dev} nodad"))?;
        lab.ip(role, &format!("-6 route add default via {net6}::1"))?;
        for inner in &INNER6[number][..side.hops.len()] {
            lab.ip("srv", &format!("-6 route add {inner}::/64 via {net6}::2"))?;
        }
    }
    Ok(())
}

/// `b`, whose `eth0` is there already.
fn neighbour(lab: &Lab, address: &str, router: &str) -> Result<(), String> {
    lab.ip("b", "link set eth0 up")?;
    lab.ip("b", &format!("addr add {address} dev eth0"))?;
    lab.ip("b", &format!("route add default via {router}"))
}

fn forward(lab: &Lab, role: &str) -> Result<(), String> {
    lab.sysctl(role, "net.ipv4.ip_forward", "1")?;
    lab.sysctl(role, "net.ipv6.conf.all.forwarding", "1")?;
    // A hairpinned packet leaves by the interface that it came from: no redirects for that.
    lab.sysctl(role, "net.ipv4.conf.all.send_redirects", "0")?;
    lab.sysctl(role, "net.ipv4.conf.default.send_redirects", "0")
}

/// Rules for a router with this outer address, where they say 203.0.113.1 (and not 203.0.113.10).
fn at(rules: &str, address: &str) -> String {
    const STANDS: &str = "203.0.113.1";
    let mut parts = rules.split(STANDS);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_longer = part.starts_with(|c: char| c.is_ascii_digit());
        text.push_str(if is_longer { STANDS } else { address });
        text.push_str(part);
    }
    text
}
