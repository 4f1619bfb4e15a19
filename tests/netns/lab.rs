//! A lab of network namespaces: a client behind a chain of routers, and a STUN server (coturn) at the far end.
//!
//! ```text
//! client eth0 ── lan R0 wan ── lan R1 wan ── … ── eth0 srv  (203.0.113.10, .11, 2001:db8:113::10, ::11)
//! ```
//!
//! Interface names are local to a namespace, so only the namespace names must be unique on the machine. Nothing leaves
//! the namespaces: they are joined to each other and to nothing else. A lab cleans up in `Drop`, also while panicking.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;

use super::data::{self, Rules};
use super::turn::server::{self as turn_server, Turn};
use super::{coturn, nat64, program};

/// One router of the chain. `lan` is its side towards the client.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    pub rules: Vec<Rules>,
    /// The networks on the lan side: the first three octets of an IPv4 network, the first three groups of an IPv6 network
    /// (/64), or one of each. Nobody outside knows the way to 192.0.2.
    #[serde(default = "private4")]
    lan: Vec<String>,
    /// Whether the networks outside know a way back to the lan side, as behind a router that does not translate.
    #[serde(default)]
    pub routed: bool,
}

fn private4() -> Vec<String> {
    vec!["192.0.2".to_owned()]
}

impl Router {
    fn lan4(&self) -> Option<&str> {
        self.lan(false)
    }

    fn lan6(&self) -> Option<&str> {
        self.lan(true)
    }

    fn lan(&self, is_v6: bool) -> Option<&str> {
        let net = self.lan.iter().find(|net| net.contains(':') == is_v6);
        net.map(String::as_str)
    }
}

/// What answers in the server's namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    #[default]
    Coturn,
    /// TLS at port 443 as well.
    CoturnTls,
    /// Without NAT behaviour discovery: the addresses are as those of two servers that do not know each other.
    CoturnPlain,
    /// See `nat64`.
    BehindNat64,
    /// TURN servers, each as it says; or none at all.
    Turn(Vec<Turn>),
}

/// What is particular to one lab.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// The router nearest to the client first.
    pub routers: Vec<Router>,
    /// coturn, where nothing is said.
    pub server: Option<ServerKind>,
    pub client_rules: Vec<Rules>,
    pub server_rules: Vec<Rules>,
    /// More `ip` commands, each with the role of its namespace before it; `{r0}` in a command stands for the namespace of
    /// that role.
    pub ip: Vec<String>,
}

/// An ordinary router: the client behind it has the address 192.0.2.2, and is seen as 203.0.113.1.
impl Default for Plan {
    fn default() -> Plan {
        let router = Router {
            rules: ["masquerade", "no-strays"].map(Rules::named).to_vec(),
            lan: private4(),
            routed: false,
        };
        Plan {
            routers: vec![router],
            server: None,
            client_rules: Vec::new(),
            server_rules: Vec::new(),
            ip: Vec::new(),
        }
    }
}

impl Plan {
    /// One of those in `cases/labs.toml`.
    pub fn named(name: &str) -> Plan {
        data::table("labs", name)
    }

    /// The client's own addresses, of IPv4 and IPv6.
    pub fn client(&self) -> (Option<String>, Option<String>) {
        let router = self.routers.first();
        (
            router.and_then(Router::lan4).map(|net| format!("{net}.2")),
            router.and_then(Router::lan6).map(|net| format!("{net}::2")),
        )
    }
}

pub struct Lab {
    prefix: String,
    namespaces: Vec<String>,
    children: Vec<Child>,
    scratch: PathBuf,
}

const TOOLS: [&str; 6] = ["ip", "miniupnpd", "nft", "ss", "tayga", "turnserver"];
/// From which range the client's sockets get their ports, with either family. `cases/rules/nats.toml`
/// relies on it.
const CLIENT_PORTS: (u16, u16) = (0x8000, 0x8fff);
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Why this machine cannot hold a lab; `None` if it can.
pub fn unavailable() -> Option<String> {
    for tool in TOOLS {
        // Only whether it can be started matters; these differ in how they say their version.
        let started = Command::new(tool)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        if let Err(error) = started {
            return Some(format!("cannot start {tool}: {error}"));
        }
    }
    let mut lab = Lab::empty();
    lab.add_namespace("try")
        .and_then(|()| lab.rules("try", &["table inet try {\n}\n"]))
        .err()
}

/// The named network namespaces of this machine.
pub fn namespaces() -> Vec<String> {
    let output = Command::new("ip").args(["netns", "list"]).output();
    let listing = output.map_or_else(|_| Vec::new(), |o| o.stdout);
    let lines = String::from_utf8_lossy(&listing);
    let names = lines.lines().filter_map(|l| l.split_whitespace().next());
    names.map(str::to_string).collect()
}

impl Lab {
    pub fn build(plan: &Plan) -> Lab {
        let mut lab = Lab::empty();
        if let Err(error) = lab
            .lay_out(plan)
            .and_then(|()| lab.start_server(plan.server.as_ref().unwrap_or(&ServerKind::Coturn)))
        {
            panic!("cannot build the lab: {error}");
        }
        lab
    }

    pub fn empty() -> Lab {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("rtcd{}-{number}", std::process::id());
        let scratch = std::env::temp_dir().join(&prefix);
        Lab {
            prefix,
            namespaces: Vec::new(),
            children: Vec::new(),
            scratch,
        }
    }

    /// The real name of the namespace of a role (`client`, `r0`, `r1`, `srv`).
    pub fn namespace(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }

    /// A directory of this lab alone, removed with it.
    pub fn scratch(&self) -> &PathBuf {
        &self.scratch
    }

    /// Gives the next of so many runs local ports that no other run has had. A router remembers a flow for minutes, and a
    /// port that comes twice finds the holes of the earlier run: rare, and no fault of the program.
    pub fn fresh_ports(&self, run: u16, runs: u16) {
        let (first, last) = CLIENT_PORTS;
        let share = (last - first + 1) / runs;
        let start = first + (run - 1) * share;
        let range = format!("'{start} {}'", start + share - 1);
        self.sysctl("client", "net.ipv4.ip_local_port_range", &range)
            .expect("the client's ports can be set");
    }

    /// Ends this process with the lab.
    pub fn adopt(&mut self, child: Child) -> &mut Child {
        self.children.push(child);
        self.children.last_mut().expect("one was just pushed")
    }

    /// The ids of the processes that it has started.
    pub fn processes(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }

    /// All addresses of its namespaces, as `ip` lists them.
    pub fn addresses(&self) -> String {
        let listings = self.namespaces.iter().map(|name| {
            let output = Command::new("ip")
                .args(["-n", name, "-brief", "address"])
                .output();
            output.map_or_else(
                |e| e.to_string(),
                |o| String::from_utf8_lossy(&o.stdout).into_owned(),
            )
        });
        listings.collect()
    }

    /// What the kernel knows of translations and rules, for the message of a test that failed.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for name in &self.namespaces {
            for command in [
                &["nft", "list", "ruleset"][..],
                &["ip", "-brief", "address"][..],
            ] {
                let output = Command::new("ip")
                    .args(["netns", "exec", name])
                    .args(command)
                    .output();
                let shown = output.map_or_else(
                    |e| e.to_string(),
                    |o| String::from_utf8_lossy(&o.stdout).into_owned(),
                );
                text.extend(["-- ", name, ": ", &command.join(" "), "\n", &shown]);
            }
        }
        text
    }

    fn lay_out(&mut self, plan: &Plan) -> Result<(), String> {
        fs::create_dir_all(&self.scratch)
            .map_err(|e| format!("{}: {e}", self.scratch.display()))?;
        self.add_namespace("client")?;
        let mut inner = ("client".to_string(), "eth0");
        for (index, router) in plan.routers.iter().enumerate() {
            let role = format!("r{index}");
            self.add_namespace(&role)?;
            self.link(&inner.0, inner.1, &role, "lan")?;
            self.forwarding(&role)?;
            if let Some(net) = router.lan4() {
                self.ip(&role, &format!("addr add {net}.1/24 dev lan"))?;
                self.ip(&inner.0, &format!("addr add {net}.2/24 dev {}", inner.1))?;
                self.ip(&inner.0, &format!("route add default via {net}.1"))?;
            }
            if let Some(net) = router.lan6() {
                self.ip(&role, &format!("addr add {net}::1/64 dev lan nodad"))?;
                self.ip(
                    &inner.0,
                    &format!("addr add {net}::2/64 dev {} nodad", inner.1),
                )?;
                self.ip(&inner.0, &format!("-6 route add default via {net}::1"))?;
            }
            inner = (role, "wan");
        }
        self.add_namespace("srv")?;
        self.link(&inner.0, inner.1, "srv", "eth0")?;
        self.ip(
            &inner.0,
            &format!("addr add 203.0.113.1/24 dev {}", inner.1),
        )?;
        self.ip(
            &inner.0,
            &format!("addr add 2001:db8:113::1/64 dev {} nodad", inner.1),
        )?;
        for address in &coturn::ADDRESSES[..2] {
            self.ip("srv", &format!("addr add {address}/24 dev eth0"))?;
        }
        for address in &coturn::ADDRESSES[2..] {
            self.ip("srv", &format!("addr add {address}/64 dev eth0 nodad"))?;
        }
        self.routes_back(plan)?;
        self.rules("client", &plan.client_rules)?;
        self.rules("srv", &plan.server_rules)?;
        for (index, router) in plan.routers.iter().enumerate() {
            self.rules(&format!("r{index}"), &router.rules)?;
        }
        plan.ip.iter().try_for_each(|line| {
            let (role, command) = line.split_once(' ').unwrap_or((line, ""));
            self.ip(role, command)
        })
    }

    /// Everything outside a router that does not translate learns the way to the networks behind it.
    fn routes_back(&self, plan: &Plan) -> Result<(), String> {
        for (index, router) in plan
            .routers
            .iter()
            .enumerate()
            .filter(|(_, router)| router.routed)
        {
            let (outer, via4, via6) = match plan.routers.get(index + 1) {
                Some(next) => (
                    format!("r{}", index + 1),
                    next.lan4().map(|n| format!("{n}.2")),
                    next.lan6().map(|n| format!("{n}::2")),
                ),
                None => (
                    "srv".into(),
                    Some("203.0.113.1".into()),
                    Some("2001:db8:113::1".into()),
                ),
            };
            if let (Some(net), Some(via)) = (router.lan4(), via4) {
                self.ip(&outer, &format!("route add {net}.0/24 via {via}"))?;
            }
            if let (Some(net), Some(via)) = (router.lan6(), via6) {
                self.ip(&outer, &format!("-6 route add {net}::/64 via {via}"))?;
            }
        }
        Ok(())
    }

    pub fn add_namespace(&mut self, role: &str) -> Result<(), String> {
        let name = self.namespace(role);
        run(Command::new("ip").args(["netns", "add", &name]))?;
        self.namespaces.push(name);
        let settings = [
            // Duplicate address detection would keep link-local addresses unusable for the first second.
            ("net.ipv6.conf.default.accept_dad", "0"),
            ("net.ipv6.conf.all.accept_dad", "0"),
            // The kernel sends one ICMP error a second to a host once it has sent some: whether a refusal is told would be
            // a matter of what was sent before.
            ("net.ipv4.icmp_ratelimit", "0"),
            ("net.ipv6.icmp.ratelimit", "0"),
        ];
        self.sysctls(role, &settings)?;
        self.ip(role, "link set lo up")
    }

    pub fn link(
        &self,
        inner: &str,
        inner_if: &str,
        outer: &str,
        outer_if: &str,
    ) -> Result<(), String> {
        let peer = self.namespace(outer);
        self.ip(
            inner,
            &format!("link add {inner_if} type veth peer name {outer_if} netns {peer}"),
        )?;
        self.ip(inner, &format!("link set {inner_if} up"))?;
        self.ip(outer, &format!("link set {outer_if} up"))
    }

    fn forwarding(&self, role: &str) -> Result<(), String> {
        let settings = [
            ("net.ipv4.ip_forward", "1"),
            ("net.ipv6.conf.all.forwarding", "1"),
            // A hairpinned packet leaves by the interface that it came from: no redirects for that.
            ("net.ipv4.conf.all.send_redirects", "0"),
            ("net.ipv4.conf.default.send_redirects", "0"),
            ("net.ipv4.conf.lan.send_redirects", "0"),
        ];
        self.sysctls(role, &settings)
    }

    pub fn sysctl(&self, role: &str, key: &str, value: &str) -> Result<(), String> {
        self.sysctls(role, &[(key, value)])
    }

    /// The keys live under /proc/sys of the namespace, which only a process inside it sees.
    fn sysctls(&self, role: &str, settings: &[(&str, &str)]) -> Result<(), String> {
        let set = |(key, value): &(&str, &str)| {
            let path = key.replace('.', "/");
            format!("echo {value} > /proc/sys/{path}")
        };
        let script: Vec<String> = settings.iter().map(set).collect();
        let script = script.join(" && ");
        run(Command::new("ip").args(["netns", "exec", &self.namespace(role), "sh", "-c", &script]))
    }

    fn start_server(&mut self, kind: &ServerKind) -> Result<(), String> {
        let namespace = self.namespace("srv");
        if let ServerKind::Turn(servers) = kind {
            return self.start_turn_servers(servers);
        }
        // It belongs to the lab before it is waited for, so that it ends with the lab in any case.
        self.children.push(match kind {
            ServerKind::BehindNat64 => nat64::start(&namespace)?,
            coturn => coturn::start(&namespace, &self.scratch, coturn)?,
        });
        let server = self.children.last_mut().ok_or("no server")?;
        match kind {
            ServerKind::BehindNat64 => program::wait_until_ready(server),
            coturn => coturn::wait_until_open(server, &namespace, coturn),
        }
    }

    fn start_turn_servers(&mut self, servers: &[Turn]) -> Result<(), String> {
        let namespace = self.namespace("srv");
        for (number, turn) in servers.iter().enumerate() {
            let child = turn_server::start(&namespace, &self.scratch, number, turn)?;
            self.children.push(child);
        }
        for (child, turn) in self.children.iter_mut().zip(servers) {
            turn_server::wait_until_open(child, &namespace, turn)?;
        }
        Ok(())
    }

    pub fn ip(&self, role: &str, command: &str) -> Result<(), String> {
        let mut words: Vec<String> = command.split_whitespace().map(str::to_string).collect();
        for word in &mut words {
            if let Some(other) = word.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
                *word = self.namespace(other);
            }
        }
        run(Command::new("ip")
            .args(["-n", &self.namespace(role)])
            .args(words))
    }

    pub fn rules(&self, role: &str, rules: &[impl AsRef<str>]) -> Result<(), String> {
        if rules.is_empty() {
            return Ok(());
        }
        let sequence: Vec<String> = (0..2000).map(|n| format!("{n} : {}", 40000 + n)).collect();
        let rules: String = rules.iter().map(AsRef::as_ref).collect();
        let rules = rules.replace("@@SEQUENCE@@", &sequence.join(", "));
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.namespace(role), "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("nft: {e}"))?;
        let written = child
            .stdin
            .take()
            .map_or(Ok(()), |mut pipe| pipe.write_all(rules.as_bytes()));
        let output = child.wait_with_output().map_err(|e| format!("nft: {e}"))?;
        written.map_err(|e| format!("nft: {e}"))?;
        succeeded("nft", &output)
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

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{}: {e}", shown(command.get_program())))?;
    let words: Vec<String> = command.get_args().map(shown).collect();
    succeeded(&words.join(" "), &output)
}

fn succeeded(what: &str, output: &Output) -> Result<(), String> {
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

fn shown(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}
