//! What the tests of a path showed beside its facts.

mod operators;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::listed;
use crate::commands::nat::report::Closed;
use crate::commands::nat::run::other_ports::{Form, Heard, Knock, PORT_HINT};
use crate::proto::nat::SendError;
use crate::proto::nat::behavior::{Discovery, ServerError, ServerRecord};
use crate::proto::rejection::{Rejection, Who};
use crate::proto::stun::uri::{Host, Transport};

/// How many silent hosts, at least [`HOSTS_UP`] of them known to be up, show that UDP is blocked
/// rather than that each of them has no STUN server.
const SILENT_HOSTS: usize = 3;
const HOSTS_UP: usize = 2;

/// How many operators, told apart by their domains, are as good as so many hosts.
const OPERATORS: usize = 2;

/// A path over which servers did not answer over UDP.
pub struct Silence<'a> {
    /// As people call it.
    pub path: &'static str,
    pub servers: Vec<ServerRecord>,
    /// What the servers are called.
    pub names: &'a BTreeMap<SocketAddr, Host>,
    /// Errors that a connected socket was told of.
    pub refusals: &'a [(SocketAddr, SendError)],
    /// TCP and TLS, tried in place of UDP.
    pub fallback: Vec<StreamSeen>,
    /// TCP and TLS, asked for by URI.
    pub streams: Vec<StreamSeen>,
    /// UDP in other ways.
    pub knocks: &'a [Knock],
    /// Whether the router answers, if it was asked.
    pub is_router_up: Option<bool>,
    pub is_cut_short: bool,
}

/// A connection that was tried.
pub struct StreamSeen {
    pub address: SocketAddr,
    pub transport: Transport,
    /// Whether STUN was answered there.
    pub answered: bool,
    /// Whether the host was heard of, be it by a refusal.
    pub host_is_up: bool,
}

impl Silence<'_> {
    /// Why UDP counts as blocked; `None` where it cannot be told from dead servers.
    pub fn blocked(&self) -> Option<Finding> {
        self.blocked_because().map(|message| Finding {
            code: Code::UdpBlockedEvidence,
            severity: Severity::Info,
            message,
            hint: None,
        })
    }

    fn blocked_because(&self) -> Option<String> {
        let path = self.path;
        if self.is_forbidden() {
            return Some(format!(
                "a firewall on this machine forbids sending UDP over {path} to the servers"
            ));
        }
        if let Some(why) = self.is_rejected_here() {
            return Some(why);
        }
        let asked: BTreeSet<IpAddr> = self.servers.iter().map(|r| r.address.ip()).collect();
        // What the system did not send is no silence of the servers.
        let unanswered = self.unanswered();
        // "Port unreachable" may come from a server that has no UDP as well as from a firewall.
        let mut refusals = self.refusals.iter();
        let refused = refusals.any(|(_, error)| match error {
            SendError::Rejected(rejection) => rejection.who == Who::Server,
            other => *other == SendError::Refused,
        });
        if let Some(message) = self.nothing_comes_in() {
            return Some(message);
        }
        // Whether answers come in is another question, which silence on one port does not tell.
        if self.gets_out(&unanswered) {
            return None;
        }
        let alive = self.answers_over_stream(&unanswered);
        let agree = self.independent(&unanswered) >= OPERATORS;
        if let Some(seen) = alive.filter(|_| agree && (!refused || asked.len() > 1)) {
            return Some(self.but_not_over_udp(seen));
        }
        let silent: BTreeSet<IpAddr> = unanswered
            .iter()
            .copied()
            .filter(|ip| self.refusals.iter().all(|(server, _)| server.ip() != *ip))
            .collect();
        if self.is_cut_short || silent.len() != asked.len() {
            return None;
        }
        let up = self.hosts_up(&silent);
        let many = silent.len() >= SILENT_HOSTS || self.operators(&silent) >= OPERATORS;
        if many && up >= HOSTS_UP {
            return Some(format!(
                "all {} servers are silent over {path} UDP{}, though {up} of the hosts can be reached over TCP",
                silent.len(),
                self.ports_tried()
            ));
        }
        (many && up == 0 && self.is_router_up == Some(true) && !self.fallback.is_empty()).then(|| {
            format!(
                "the router answers, and none of {} servers does, over {path} UDP, TCP or TLS: a firewall or a login page lets nothing out, or the router's own uplink is down",
                silent.len()
            )
        })
    }

    /// Who rejects what goes to all servers, if that is one: this network's router, or what stands before several
    /// hosts. Before a single one it may be the server's own.
    fn is_rejected_here(&self) -> Option<String> {
        let rejection = self.is_rejected()?;
        let hosts: BTreeSet<IpAddr> = self.servers.iter().map(|r| r.address.ip()).collect();
        let is_near = rejection.who == Who::Gateway || hosts.len() > 1;
        let gets_out = self.knocks.iter().any(|k| k.heard != Heard::Nothing);
        (is_near && !gets_out).then(|| format!("{} rejects it by ICMP", rejection.name()))
    }

    /// The same wherever it stands.
    fn is_rejected(&self) -> Option<Rejection> {
        let of = |server: &ServerRecord| {
            let mut refusals = self.refusals.iter();
            refusals.find_map(|(address, error)| match error {
                SendError::Rejected(rejection) if *address == server.address => Some(*rejection),
                _ => None,
            })
        };
        let first = of(self.servers.first()?)?;
        let all = self
            .servers
            .iter()
            .all(|server| of(server).is_some_and(|one| one.by == first.by && one.is_of_the_way()));
        all.then_some(first)
    }

    /// A router beyond this network rejects UDP to the server, and nothing tells whether to others too.
    fn rejects(&self) -> Option<(Closed, Finding)> {
        let is_elsewhere = self.blocked_because().is_none();
        let rejection = self.is_rejected().filter(|_| is_elsewhere)?;
        let server = self.servers.first()?.address;
        let report = rejection.report(server);
        let message = format!("{server}: {} (over {})", report.message, self.path);
        let hint = "ask servers elsewhere with -s: where that router lies before them too, it blocks UDP; TURN over TLS on port 443 often gets through";
        let finding = Finding::new(Code::Rejected, message, hint);
        Some((Closed::Silent, finding))
    }

    /// Whether this machine's own firewall forbids UDP to all servers.
    fn is_forbidden(&self) -> bool {
        let forbidden = Some(ServerError::Send(SendError::Forbidden));
        !self.servers.is_empty() && self.servers.iter().all(|r| r.error == forbidden)
    }

    /// It forbids their ports, and lets others out.
    fn is_port_forbidden(&self) -> Option<(Closed, Finding)> {
        let others = || self.knocks.iter().filter(|k| k.form == Form::Today);
        let is_out = others().next().is_some() && others().all(|k| k.heard != Heard::Unsent);
        if !self.is_forbidden() || !is_out {
            return None;
        }
        let ports: BTreeSet<u16> = self.servers.iter().map(|r| r.address.port()).collect();
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let message = format!(
            "UDP to port {} is blocked over {}: a firewall on this machine forbids sending it, and lets UDP to other ports out",
            listed(&ports),
            self.path
        );
        let finding = Finding::new(Code::UdpPortBlocked, message, PORT_HINT);
        Some((Closed::Port, finding.severity(Severity::Error)))
    }

    /// Hosts that were asked over UDP and did not answer.
    fn unanswered(&self) -> BTreeSet<IpAddr> {
        let silent = self
            .servers
            .iter()
            .filter(|r| r.error == Some(ServerError::Timeout));
        silent.map(|r| r.address.ip()).collect()
    }

    /// How many of these hosts accept or refuse a connection.
    fn hosts_up(&self, hosts: &BTreeSet<IpAddr>) -> usize {
        let up: BTreeSet<IpAddr> = self
            .fallback
            .iter()
            .filter(|s| s.host_is_up && hosts.contains(&s.address.ip()))
            .map(|s| s.address.ip())
            .collect();
        up.len()
    }

    /// Other ports of the servers that were tried in vain, for a sentence.
    fn ports_tried(&self) -> String {
        let silent = self.knocks.iter().filter(|k| k.heard == Heard::Nothing);
        let ports: BTreeSet<u16> = silent
            .filter(|k| k.form == Form::Today)
            .map(|k| k.port)
            .collect();
        let ports: Vec<String> = ports.into_iter().map(|port| port.to_string()).collect();
        if ports.is_empty() {
            String::new()
        } else {
            format!(", neither on its own port nor on {}", listed(&ports))
        }
    }

    /// What shows that not UDP is closed but only STUN or a port, or that there is no internet at all.
    pub fn closed(&self) -> Option<(Closed, Finding)> {
        self.is_stun_filtered()
            .or_else(|| self.is_port_forbidden())
            .or_else(|| self.are_only_ports_closed())
            .or_else(|| self.rejects())
            .or_else(|| self.is_one_operator_silent())
            .or_else(|| self.has_no_internet())
    }

    fn has_no_internet(&self) -> Option<(Closed, Finding)> {
        let silent = self.unanswered();
        let many = silent.len() >= SILENT_HOSTS || self.operators(&silent) >= OPERATORS;
        let heard = self.knocks.iter().any(|k| k.heard != Heard::Nothing)
            || self
                .fallback
                .iter()
                .chain(&self.streams)
                .any(|s| s.host_is_up)
            || !self.refusals.is_empty()
            || self
                .servers
                .iter()
                .any(|r| r.error != Some(ServerError::Timeout))
            || self.is_router_up == Some(true);
        if self.is_cut_short || !many || heard || self.fallback.is_empty() {
            return None;
        }
        let router = match self.is_router_up {
            Some(_) => ", and neither does the router",
            None => "",
        };
        let finding = Finding::new(
            Code::NoInternet,
            format!(
                "no internet over {}: none of {} servers answers over UDP, TCP or TLS{router}",
                self.path,
                silent.len()
            ),
            "look at the cable, the Wi-Fi, the VPN and the router; see whether any web page opens",
        );
        Some((Closed::Internet, finding))
    }

    /// Ports on which hosts are silent that answer on others.
    pub fn closed_ports(&self) -> Option<Finding> {
        let mut by_port: BTreeMap<u16, BTreeMap<IpAddr, u16>> = BTreeMap::new();
        let unheard = |r: &&ServerRecord| {
            let forbidden = ServerError::Send(SendError::Forbidden);
            r.error == Some(ServerError::Timeout) || r.error == Some(forbidden)
        };
        for silent in self.servers.iter().filter(unheard) {
            let (ip, own) = (silent.address.ip(), silent.address.port());
            let refused = self
                .refusals
                .iter()
                .any(|(server, e)| *server == silent.address && *e == SendError::Refused);
            let listed = self
                .servers
                .iter()
                .filter(|r| r.error.is_none() && r.facts.responses > 0);
            let knocked = self
                .knocks
                .iter()
                .filter(|k| k.heard == Heard::Answer && k.form == Form::Today);
            let mut answering = listed.map(|r| r.address).chain(knocked.map(Knock::address));
            if let Some(other) = answering.find(|a| a.ip() == ip && a.port() != own && !refused) {
                by_port.entry(own).or_default().insert(ip, other.port());
            }
        }
        let (port, hosts) = by_port.into_iter().max_by_key(|(_, hosts)| hosts.len())?;
        let others: BTreeSet<u16> = hosts.values().copied().collect();
        let others: Vec<String> = others.iter().map(u16::to_string).collect();
        let names: Vec<String> = hosts.keys().map(IpAddr::to_string).collect();
        let (names, others) = (listed(&names), listed(&others));
        let message = if hosts.len() > 1 {
            format!(
                "UDP to port {port} is blocked, UDP {others} gets through: over {} {names} are silent on the one and answer on the other",
                self.path
            )
        } else {
            format!(
                "UDP to port {port} of {names} gets no answer over {}, and UDP {others} does: the port is blocked on the way or at the server, or nothing listens on it",
                self.path
            )
        };
        Some(Finding::new(Code::UdpPortBlocked, message, PORT_HINT))
    }

    /// What came of trying TCP and TLS in place of UDP.
    pub fn fallback(&self) -> Option<Finding> {
        if self.fallback.is_empty() || self.is_cut_short {
            return None;
        }
        let mut groups: BTreeMap<(Transport, u16), (usize, usize)> = BTreeMap::new();
        for seen in &self.fallback {
            let group = groups
                .entry((seen.transport, seen.address.port()))
                .or_default();
            group.0 += usize::from(seen.answered);
            group.1 += 1;
        }
        let counts: Vec<String> = groups
            .into_iter()
            .map(|((transport, port), (answered, all))| {
                let name = transport_name(transport);
                match answered {
                    0 => format!("none of {all} at {name} port {port}"),
                    _ => format!("{answered} of {all} at {name} port {port}"),
                }
            })
            .collect();
        let counts = counts.join(", ");
        Some(Finding {
            code: Code::TcpFallback,
            severity: Severity::Info,
            message: format!(
                "tried instead over {}; servers that answered: {counts}",
                self.path
            ),
            hint: None,
        })
    }
}

/// What the UDP tests of a path saw that is no fact of its own.
pub fn of_discovery(path: &str, discovery: &Discovery) -> Vec<Finding> {
    let mut findings = Vec::new();
    if discovery.filtering_rests_on_silence() {
        findings.push(Finding::new(
            Code::FilteringRestsOnSilence,
            format!("{path} filtering: behind this mapping a server that drops CHANGE-REQUEST would look the same, and no server could be shown to obey it"),
            "confirm it with another server that supports RFC 5780, ideally with RESPONSE-PORT (coturn has it)",
        ));
    }
    if let Some(differ) = discovery.disputed() {
        findings.push(Finding::new(
            Code::Contradiction,
            format!("{path}: {differ}"),
            "ask a third server, of another operator, with -s: the one that it agrees with sees the right port",
        ));
    }
    if discovery.filters_hairpins() {
        findings.push(Finding::new(
            Code::HairpinFiltered,
            format!("{path}: hairpinned packets are filtered too: they arrive only from addresses that the receiver has sent to"),
            "harmless for ICE, where both sides send",
        ));
    }
    if discovery.strays() > 0 {
        let strays = discovery.strays();
        findings.push(Finding::new(
            Code::StrayDatagrams,
            format!("{strays} datagrams over {path} answered no request and were ignored"),
            "harmless, unless there are many: then somebody is scanning or spoofing",
        ));
    }
    findings
}

const fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    }
}
